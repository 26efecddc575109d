package acceptance

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pocketbase/dbx"

	"github.com/iterateswarm/iterateswarm/internal/records"
	"github.com/iterateswarm/iterateswarm/internal/servertest"
)

// signature signs as Standard Webhooks says.
func signature(secret, id string, at time.Time, body string) string {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil {
		panic(err)
	}
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "%s.%d.%s", id, at.Unix(), body)
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

func newSecret() string {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails
	return "whsec_" + base64.StdEncoding.EncodeToString(b)
}

// C22: a webhook is what its signature says, lately, and once.
func TestWebhooks(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	old, fresh := newSecret(), newSecret()
	source := s.Save(records.Sources, map[string]any{"project": s.Project(), "name": "Forms", "slug": "forms", "plugin": "webhook",
		"enabled": true, "config": map[string]any{"secrets": []string{old}}})
	running := func() {
		s.Until("the source to run", func() bool { return s.Record(records.Sources, source.Id).GetString("status") == "running" })
	}
	running()
	const body = `{"content":"The form crashes when I send it","user_id":"maya"}`
	send := func(id, body string, at time.Time, sign string) answer {
		header := map[string]string{"Content-Type": "application/json", "webhook-id": id, "webhook-timestamp": fmt.Sprint(at.Unix())}
		if sign != "" {
			header["webhook-signature"] = sign
		}
		return must(t, call{method: "POST", url: s.URL + "/webhooks/forms", body: body, header: header})
	}
	stored := func() int { return s.Count(records.Feedback, dbx.HashExp{"source": "forms"}) }
	now := time.Now()
	for what, a := range map[string]answer{
		"no signature":       send("m1", body, now, ""),
		"a wrong key":        send("m1", body, now, signature(fresh, "m1", now, body)),
		"another body":       send("m1", body+" ", now, signature(old, "m1", now, body)),
		"another id":         send("m2", body, now, signature(old, "m1", now, body)),
		"301 s old":          send("m1", body, now.Add(-301*time.Second), signature(old, "m1", now.Add(-301*time.Second), body)),
		"301 s ahead":        send("m1", body, now.Add(302*time.Second), signature(old, "m1", now.Add(302*time.Second), body)),
		"half a signature":   send("m1", body, now, signature(old, "m1", now, body)[:20]),
		"the wrong version":  send("m1", body, now, "v2"+signature(old, "m1", now, body)[2:]),
		"hex for base64":     send("m1", body, now, "v1,deadbeef"),
		"an empty signature": send("m1", body, now, "v1,"),
	} {
		if a.status != 401 || len(a.body) != 0 {
			t.Errorf("%s: %d %q, want 401 and nothing else", what, a.status, a.body)
		}
	}
	if n := stored(); n != 0 {
		t.Errorf("%d messages are stored before a good signature", n)
	}
	// The same message, seven times at once, is one.
	var all sync.WaitGroup
	for range 7 {
		all.Go(func() {
			if a := send("m1", body, now, signature(old, "m1", now, body)); a.status != 200 {
				t.Errorf("a good signature: %d %s", a.status, a.body)
			}
		})
	}
	all.Wait()
	if n := stored(); n != 1 {
		t.Errorf("%d messages are stored after 7 deliveries of one, want 1", n)
	}
	// A signed body that is no feedback is refused in words.
	for _, wrong := range []string{`{"content":`, `{"content":""}`, `[]`, `{"content":7}`} {
		if a := send("m3", wrong, now, signature(old, "m3", now, wrong)); a.status != 400 || !strings.Contains(string(a.body), `"message"`) {
			t.Errorf("%s: %d %s, want 400 with a sentence", wrong, a.status, a.body)
		}
	}
	// Rotation: both, then the new one only.
	set := func(secrets ...string) {
		t.Helper()
		if a := must(t, call{method: "PATCH", url: s.URL + "/api/collections/sources/records/" + source.Id, token: s.User("admin"),
			body: map[string]any{"config": map[string]any{"secrets": secrets}}}); a.status != 200 || strings.Contains(string(a.body), "whsec_") {
			t.Fatalf("rotate: %d %s", a.status, a.body)
		}
	}
	after := func(id, secret string, want int) {
		t.Helper()
		s.Until(fmt.Sprintf("%s to be answered %d", id, want), func() bool {
			return send(id, body, now, signature(secret, id, now, body)).status == want
		})
	}
	set(old, fresh)
	after("m4", fresh, 200)
	after("m5", old, 200)
	set(fresh)
	after("m5", old, 401) // known already: until the new secret is in, it adds nothing
	after("m7", fresh, 200)
	want := 4
	want += s.Count(records.Feedback, dbx.HashExp{"source": "forms", "external_id": "m6"}) // taken while the old secret still held
	if n := stored(); n != want {
		t.Errorf("%d messages are stored, want %d: m1, m4, m5, m7", n, want)
	}
	// No source, no route.
	for _, path := range []string{"/webhooks/none", "/webhooks/"} {
		if a := must(t, call{method: "POST", url: s.URL + path, body: body}); a.status != 404 {
			t.Errorf("POST %s: %d, want 404", path, a.status)
		}
	}
	large := strings.Repeat("x", 3<<20)
	if err := isProblem(must(t, call{method: "POST", url: s.URL + "/webhooks/forms", body: large}), 41301); err != nil {
		t.Errorf("3 MiB: %v", err)
	}
	s.Save(records.Sources, map[string]any{"project": s.Project(), "name": "Off", "slug": "off", "plugin": "webhook", "config": map[string]any{"secrets": []string{old}}})
	if err := isProblem(must(t, call{method: "POST", url: s.URL + "/webhooks/off", body: body}), 40404); err != nil {
		t.Errorf("a disabled source: %v", err)
	}
	if a := must(t, call{method: "GET", url: s.URL + "/webhooks/forms"}); a.status != 405 {
		t.Errorf("GET: %d, want 405", a.status)
	}
}

// C23: connections that say nothing keep nobody out.
func TestSilentConnectionsKeepNobodyOut(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	addr := strings.TrimPrefix(s.URL, "http://")
	for range 1000 {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := c.Write([]byte("POST /api/feedback HTTP/1.1\r\nHost: x\r\nContent-Le")); err != nil {
			t.Fatal(err)
		}
	}
	best := time.Hour
	for range 5 {
		a := must(t, call{method: "GET", url: s.URL + "/api/health"})
		if a.status != 200 {
			t.Errorf("health = %d", a.status)
		}
		best = min(best, a.took)
	}
	if best > 100*time.Millisecond {
		t.Errorf("health took %s with 1,000 silent connections, want less than 100 ms", best)
	}
}

// What is left of a refused body is not the next request.
func TestARefusedBodyIsNotTheNextRequest(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	smuggled := "POST /api/feedback HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 22\r\n\r\n{\"content\":\"smuggled\"}"
	for _, head := range []string{
		"POST /api/feedback HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n",
		"POST /api/feedback HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\n",
		"POST /webhooks/none HTTP/1.1\r\nHost: x\r\n",
		"POST /api/nothing HTTP/1.1\r\nHost: x\r\n",
		"POST /api/issues/batch HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n",
		"POST /api/collections/feedback/records HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\n",
		"PATCH /api/collections/users/records/aaaaaaaaaaaaaaa HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n",
	} {
		c, err := net.Dial("tcp", strings.TrimPrefix(s.URL, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		_ = c.SetDeadline(time.Now().Add(10 * time.Second))
		body := strings.Repeat(" ", 600<<10) + smuggled
		go func() {
			_, _ = fmt.Fprintf(c, "%sContent-Length: %d\r\n\r\n%s%s", head, len(body), body, smuggled) // the server may hang up meanwhile
		}()
		got := readAll(c)
		c.Close()
		if n := strings.Count(got, "HTTP/1.1 "); n > 1 || strings.Contains(got, "FeedbackID") {
			t.Errorf("%s\n%d answers to a request that is refused:\n%s", head, n, clip(got))
		}
	}
	if n := s.Count(records.Feedback, dbx.HashExp{"content": "smuggled"}); n != 0 {
		t.Errorf("%d smuggled messages are stored", n)
	}
}

func readAll(c net.Conn) string {
	var b strings.Builder
	buf := make([]byte, 4096)
	for {
		n, err := c.Read(buf)
		b.Write(buf[:n])
		if err != nil {
			return b.String()
		}
	}
}
