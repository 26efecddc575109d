package acceptance_test

import (
	"bytes"
	"encoding/json"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/pocketbase/dbx"

	"github.com/iterateswarm/iterateswarm/internal/records"
	"github.com/iterateswarm/iterateswarm/internal/servertest"
)

// publicKey makes a public key over the API, as an admin does.
func publicKey(t *testing.T, s *servertest.Server, origins ...string) string {
	t.Helper()
	a := s.Do("POST", "/api/collections/keys/records", map[string]any{"project": s.Project(), "name": "Site", "public": true, "origins": origins},
		"Authorization", s.User("admin"))
	if a.Status != 200 {
		t.Fatalf("make key: %d %s", a.Status, a.Body)
	}
	key, _ := a.Map(t)["public_key"].(string)
	if !strings.HasPrefix(key, records.PublicPrefix) || a.Map(t)["key"] != key {
		t.Fatalf("key = %q, %v", key, a.Map(t)["key"])
	}
	return key
}

// multipartBody is a form with fields and at most one file.
func multipartBody(t *testing.T, fields map[string]string, fileName string, file []byte) (string, []byte) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for k, v := range fields {
		if err := w.WriteField(k, v); err != nil {
			t.Fatal(err)
		}
	}
	if fileName != "" {
		f, err := w.CreateFormFile("attachment", fileName)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write(file); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return w.FormDataContentType(), b.Bytes()
}

var png = append([]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00"), make([]byte, 64)...)

func TestAVisitorSendsAMessageWithAFile(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	key := publicKey(t, s, "https://www.example.com")
	send := func(origin string, fields map[string]string, name string, file []byte) servertest.Answer {
		t.Helper()
		kind, body := multipartBody(t, fields, name, file)
		return s.Do("POST", "/api/feedback?key="+key, body, "Content-Type", kind, "Origin", origin)
	}
	a := send("https://www.example.com", map[string]string{"content": "The checkout page crashes", "email": "maya@example.com", "page": "https://www.example.com/cart",
		"source": "forged", "external_id": "forged", "project": "forged"}, "screen.png", png)
	if a.Status != 200 || a.Header.Get("Access-Control-Allow-Origin") != "https://www.example.com" {
		t.Fatalf("send: %d %s, allowed %q", a.Status, a.Body, a.Header.Get("Access-Control-Allow-Origin"))
	}
	said := a.Map(t)
	for _, secret := range []string{"Classification", "Severity", "Confidence", "Reasoning", "Engine"} {
		if _, told := said[secret]; told {
			t.Errorf("the visitor is told %s", secret)
		}
	}
	r := s.Record(records.Feedback, said["Reference"].(string))
	if r.GetString("source") != "widget" || r.GetString("external_id") != "" || r.GetString("project") != s.Project() {
		t.Errorf("stored as %v", r.PublicExport())
	}
	reporter := s.Record(records.Reporters, r.GetString("reporter"))
	if reporter.GetString("external_id") != "maya@example.com" {
		t.Errorf("reporter = %q", reporter.GetString("external_id"))
	}
	up, err := s.App.FindFirstRecordByFilter(records.Uploads, "feedback = {:f}", dbx.Params{"f": r.Id})
	if err != nil || up.GetString("name") != "screen.png" {
		t.Fatalf("upload: %v, %v", up, err)
	}
	path := "/api/files/uploads/" + up.Id + "/" + up.GetString("file")
	if got := s.Do("GET", path, nil); got.Status == 200 {
		t.Error("anybody can read the file")
	}
	token := s.Do("POST", "/api/files/token", nil, "Authorization", s.User("viewer")).Map(t)["token"].(string)
	got := s.Do("GET", path+"?token="+url.QueryEscape(token), nil)
	if got.Status != 200 || !bytes.Equal(got.Body, png) || !strings.Contains(got.Header.Get("Content-Security-Policy"), "sandbox") {
		t.Errorf("file: %d, %d bytes, %v", got.Status, len(got.Body), got.Header)
	}

	for what, c := range map[string]struct {
		origin, name string
		fields       map[string]string
		file         []byte
		status       int
	}{
		"another page":     {origin: "https://evil.example", fields: map[string]string{"content": "x"}, status: 403},
		"a machine":        {origin: "https://www.example.com", fields: map[string]string{"content": "buy now", "website": "http://spam"}, status: 400},
		"nothing said":     {origin: "https://www.example.com", fields: map[string]string{"content": "  "}, status: 400},
		"a page as file":   {origin: "https://www.example.com", fields: map[string]string{"content": "x"}, name: "a.png", file: []byte("<html><script>alert(1)</script>"), status: 415},
		"a picture in XML": {origin: "https://www.example.com", fields: map[string]string{"content": "x"}, name: "a.svg", file: []byte(`<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>`), status: 415},
		"6 MiB":            {origin: "https://www.example.com", fields: map[string]string{"content": "x"}, name: "a.txt", file: bytes.Repeat([]byte("a"), 6<<20), status: 413},
	} {
		before, _ := s.App.CountRecords(records.Feedback)
		if a := send(c.origin, c.fields, c.name, c.file); a.Status != c.status {
			t.Errorf("%s: %d %s, want %d", what, a.Status, a.Body, c.status)
		}
		if after, _ := s.App.CountRecords(records.Feedback); after != before {
			t.Errorf("%s: something was stored", what)
		}
	}
	// The key is good for nothing else.
	if a := s.Do("POST", "/api/collections/feedback/records?key="+key, map[string]any{"content": "x", "project": s.Project()}); a.Status < 400 {
		t.Errorf("records API: %d %s", a.Status, a.Body)
	}
	if a := s.Do("GET", "/api/collections/feedback/records?key="+key, nil); a.Status == 200 && !strings.Contains(string(a.Body), `"items":[]`) {
		t.Errorf("reading: %d %s", a.Status, a.Body)
	}
}

func TestTheFormWorksWithoutJavaScript(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	if a := s.Do("GET", "/feedback", nil); a.Status != 404 || !strings.Contains(string(a.Body), "no public form here yet") {
		t.Errorf("without a key: %d %s", a.Status, a.Body)
	}
	key := publicKey(t, s)
	form := s.Do("GET", "/feedback", nil)
	if form.Status != 200 || !strings.Contains(string(form.Body), key) || !strings.Contains(form.Header.Get("Content-Security-Policy"), "default-src 'none'") {
		t.Fatalf("form: %d %s", form.Status, form.Body)
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	post := func(fields map[string]string) *http.Response {
		t.Helper()
		kind, body := multipartBody(t, fields, "", nil)
		res, err := client.Post(s.URL+"/api/feedback?key="+key+"&from=form", kind, bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { res.Body.Close() })
		return res
	}
	again := post(map[string]string{"content": " ", "user_name": `"><script>alert(1)</script>`})
	if text, _ := io.ReadAll(again.Body); again.StatusCode != 400 || !strings.Contains(string(text), "Say what happened") ||
		!strings.Contains(string(text), "&#34;&gt;&lt;script&gt;") || strings.Contains(string(text), "<script>") {
		t.Errorf("an empty message: %d %s", again.StatusCode, text)
	}
	res := post(map[string]string{"content": "Please add a <b>dark</b> theme", "user_name": "Maya"})
	at := res.Header.Get("Location")
	if res.StatusCode != 303 || !strings.HasPrefix(at, "/status/") {
		t.Fatalf("sent: %d, %q", res.StatusCode, at)
	}
	status := s.Do("GET", at, nil)
	if status.Status != 200 || !strings.Contains(string(status.Body), "&lt;b&gt;dark&lt;/b&gt;") || status.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("status: %d %s", status.Status, status.Body)
	}
	id := strings.TrimPrefix(at, "/status/")[:15]
	s.Until("the issue", func() bool { return s.Record(records.Feedback, id).GetString("issue") != "" })
	issue := s.Record(records.Feedback, id).GetString("issue")
	reads := func(want string) {
		t.Helper()
		if a := s.Do("GET", at, nil); !strings.Contains(string(a.Body), want) {
			t.Errorf("status does not say %q:\n%s", want, a.Body)
		}
	}
	reads("We are looking at it")
	approver := s.User("approver")
	s.Do("POST", "/api/issues/"+issue+"/approve", map[string]any{}, "Authorization", approver)
	s.Until("the issue to be filed", func() bool { return s.Record(records.Issues, issue).GetString("state") == "filed" })
	reads("It is on our list")
	s.Do("POST", "/api/issues/"+issue+"/close", map[string]any{}, "Authorization", approver)
	reads("It is done")
	for _, forged := range []string{id, id + "aaaaaaaaaaaaaaaaaaaa", "x", strings.ToUpper(strings.TrimPrefix(at, "/status/"))} {
		if a := s.Do("GET", "/status/"+forged, nil); a.Status != 404 || strings.Contains(string(a.Body), "theme") {
			t.Errorf("/status/%s: %d", forged, a.Status)
		}
	}
}

func TestPublicKeysStayWhatTheyAre(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	admin := s.User("admin")
	for _, bad := range []string{"example.com", "https://example.com/", "javascript:alert(1)", "https://example.com/path", "*"} {
		a := s.Do("POST", "/api/collections/keys/records", map[string]any{"project": s.Project(), "name": "K", "public": true, "origins": []string{bad}}, "Authorization", admin)
		if a.Status != 400 {
			t.Errorf("origin %q: %d %s", bad, a.Status, a.Body)
		}
	}
	secret := s.Do("POST", "/api/collections/keys/records", map[string]any{"project": s.Project(), "name": "K", "public_key": "ipk_forged"}, "Authorization", admin).Map(t)
	if secret["public_key"] != "" || !strings.HasPrefix(secret["key"].(string), "isk_") {
		t.Errorf("a secret key: %v", secret)
	}
	changed := s.Do("PATCH", "/api/collections/keys/records/"+secret["id"].(string), map[string]any{"public": true, "public_key": "ipk_x"}, "Authorization", admin).Map(t)
	if changed["public"] != false || changed["public_key"] != "" {
		t.Errorf("a secret key was made public: %v", changed)
	}
	if raw, _ := json.Marshal(changed); strings.Contains(string(raw), "isk_") && strings.Contains(string(raw), secret["key"].(string)) {
		t.Errorf("the key is told twice: %s", raw)
	}
}
