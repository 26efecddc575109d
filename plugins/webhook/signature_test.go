package webhook

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/iterateswarm/iterateswarm/sdk"
)

const (
	secretA = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
	secretB = "whsec_bm90IHRoZSBzYW1lIGtleSBhcyB0aGUgb3RoZXIgb25l"
	secretC = "whsec_c29tZWJvZHkgZWxzZSdzIGtleSwgbmV2ZXIgY29uZmlndXJlZA=="
)

var now = time.Unix(1_767_323_045, 0)

// newSource is the plugin with two secrets, as during a rotation.
func newSource(t testing.TB, secrets ...string) *Source {
	t.Helper()
	s := New()
	s.now = func() time.Time { return now }
	config := fmt.Sprintf(`{"secrets":["%s"]}`, strings.Join(secrets, `","`))
	if wrong := s.Configure(t.Context(), sdk.Config{JSON: []byte(config)}); wrong != nil {
		t.Fatal(wrong)
	}
	return s
}

// post is a request that the reference library has signed. The changes of a
// case are made to it afterwards.
type post struct {
	header http.Header
	body   []byte
}

func signedPost(t testing.TB, secret, id string, at time.Time, body string) *post {
	t.Helper()
	return &post{
		header: http.Header{
			"Webhook-Id":        {id},
			"Webhook-Timestamp": {strconv.FormatInt(at.Unix(), 10)},
			"Webhook-Signature": {reference(t, secret, id, at, body)},
			"Content-Type":      {"application/json"},
		},
		body: []byte(body),
	}
}

// reference signs with the library of the specification's authors.
func reference(t testing.TB, secret, id string, at time.Time, body string) string {
	t.Helper()
	w, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	signature, err := w.Sign(id, at, []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	return signature
}

func (p *post) set(name, value string) { p.header.Set(name, value) }
func (p *post) signature() string      { return p.header.Get("Webhook-Signature") }

const body = `{"content":"It crashes 💥 on “save”","title":"Crash"}`

func TestSignatures(t *testing.T) {
	t.Parallel()
	id := "msg_2f7Kq"
	good := func(t *testing.T) *post { return signedPost(t, secretA, id, now, body) }
	type change func(t *testing.T, p *post)
	set := func(name, value string) change { return func(_ *testing.T, p *post) { p.set(name, value) } }
	at := func(off time.Duration) change {
		return func(t *testing.T, p *post) { *p = *signedPost(t, secretA, id, now.Add(off), body) }
	}
	signature := func(f func(right string) string) change {
		return func(_ *testing.T, p *post) { p.set("Webhook-Signature", f(p.signature())) }
	}
	withBody := func(b string) change { return func(_ *testing.T, p *post) { p.body = []byte(b) } }
	withKey := func(secret string) change {
		return func(t *testing.T, p *post) { *p = *signedPost(t, secret, id, now, body) }
	}
	raw := func(right string) []byte {
		b, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(right, "v1,"))
		return b
	}
	wrong := "v1," + base64.StdEncoding.EncodeToString(make([]byte, 32))

	cases := []struct {
		name   string
		change change
		want   int
	}{
		// What must pass.
		{"as it should be", func(*testing.T, *post) {}, 200},
		{"second secret", withKey(secretB), 200},
		{"299 seconds old", at(-299 * time.Second), 200},
		{"299 seconds ahead", at(299 * time.Second), 200},
		{"300 seconds old", at(-300 * time.Second), 200},
		{"300 seconds ahead", at(300 * time.Second), 200},
		{"right signature second", signature(func(r string) string { return wrong + " " + r }), 200},
		{"right signature first", signature(func(r string) string { return r + " " + wrong }), 200},
		{"beside a signature of version 1a", signature(func(r string) string { return "v1a,abc " + r }), 200},
		{"beside a signature of version 2", signature(func(r string) string { return r + " v2,abc" }), 200},
		{"both keys at once", func(t *testing.T, p *post) {
			p.set("Webhook-Signature", reference(t, secretB, id, now, body)+" "+p.signature())
		}, 200},
		{"id with dots", func(t *testing.T, p *post) { *p = *signedPost(t, secretA, "a.b.c", now, body) }, 200},
		{"id of 256 bytes", func(t *testing.T, p *post) { *p = *signedPost(t, secretA, strings.Repeat("i", 256), now, body) }, 200},
		{"body with line breaks", func(t *testing.T, p *post) {
			*p = *signedPost(t, secretA, id, now, "{\r\n\t\"content\" : \"x\"\n}\n")
		}, 200},
		{"other content type", set("Content-Type", "text/plain"), 200},

		// Headers.
		{"no id", func(_ *testing.T, p *post) { p.header.Del("Webhook-Id") }, 401},
		{"no timestamp", func(_ *testing.T, p *post) { p.header.Del("Webhook-Timestamp") }, 401},
		{"no signature", func(_ *testing.T, p *post) { p.header.Del("Webhook-Signature") }, 401},
		{"no headers", func(_ *testing.T, p *post) { p.header = http.Header{} }, 401},
		{"empty id", set("Webhook-Id", ""), 401},
		{"empty timestamp", set("Webhook-Timestamp", ""), 401},
		{"empty signature", set("Webhook-Signature", ""), 401},
		{"another id", set("Webhook-Id", "msg_other"), 401},
		{"id in other case", set("Webhook-Id", strings.ToUpper(id)), 401},
		{"id with a space", func(t *testing.T, p *post) { *p = *signedPost(t, secretA, "a b", now, body) }, 401},
		{"id with a line break", func(t *testing.T, p *post) { *p = *signedPost(t, secretA, "a\nb", now, body) }, 401},
		{"id of 257 bytes", func(t *testing.T, p *post) { *p = *signedPost(t, secretA, strings.Repeat("i", 257), now, body) }, 401},
		{"id twice", func(_ *testing.T, p *post) { p.header.Add("Webhook-Id", "msg_other") }, 401},
		{"timestamp twice", func(_ *testing.T, p *post) { p.header.Add("Webhook-Timestamp", "1767323046") }, 401},
		{"signature twice", func(_ *testing.T, p *post) { p.header.Add("Webhook-Signature", wrong) }, 401},
		{"names of the vendor", func(_ *testing.T, p *post) {
			p.header = http.Header{"Svix-Id": p.header["Webhook-Id"], "Svix-Timestamp": p.header["Webhook-Timestamp"], "Svix-Signature": p.header["Webhook-Signature"]}
		}, 401},

		// Time.
		{"301 seconds old", at(-301 * time.Second), 401},
		{"301 seconds ahead", at(301 * time.Second), 401},
		{"a year old", at(-365 * 24 * time.Hour), 401},
		{"a year ahead", at(365 * 24 * time.Hour), 401},
		{"timestamp changed by a second", set("Webhook-Timestamp", "1767323046"), 401},
		{"timestamp in milliseconds", set("Webhook-Timestamp", "1767323045000"), 401},
		{"timestamp with a sign", set("Webhook-Timestamp", "+1767323045"), 401},
		{"timestamp with a space", set("Webhook-Timestamp", " 1767323045"), 401},
		{"timestamp with a fraction", set("Webhook-Timestamp", "1767323045.0"), 401},
		{"timestamp with a leading zero", set("Webhook-Timestamp", "01767323045"), 401},
		{"timestamp in hex", set("Webhook-Timestamp", "0x69574625"), 401},
		{"timestamp that overflows", set("Webhook-Timestamp", "99999999999999999999"), 401},
		{"negative timestamp", set("Webhook-Timestamp", "-1"), 401},
		{"date for a timestamp", set("Webhook-Timestamp", "2026-01-02T03:04:05Z"), 401},

		// Signature.
		{"key of somebody else", withKey(secretC), 401},
		{"empty key", func(t *testing.T, p *post) {
			p.set("Webhook-Signature", "v1,"+string(sign(nil, id, "1767323045", p.body)))
		}, 401},
		{"the secret's text as the key", func(t *testing.T, p *post) {
			p.set("Webhook-Signature", "v1,"+string(sign([]byte(secretA), id, "1767323045", p.body)))
		}, 401},
		{"all zero", set("Webhook-Signature", wrong), 401},
		{"without version", signature(func(r string) string { return strings.TrimPrefix(r, "v1,") }), 401},
		{"version 2", signature(func(r string) string { return "v2" + strings.TrimPrefix(r, "v1") }), 401},
		{"version in capitals", signature(strings.ToUpper), 401},
		{"in hex", signature(func(r string) string { return "v1," + hex.EncodeToString(raw(r)) }), 401},
		{"URL alphabet", signature(func(r string) string { return "v1," + base64.RawURLEncoding.EncodeToString(raw(r)) }), 401},
		{"without padding", signature(func(r string) string { return strings.TrimRight(r, "=") }), 401},
		{"only a prefix", signature(func(r string) string { return r[:20] }), 401},
		{"no signature after the version", set("Webhook-Signature", "v1,"), 401},
		{"with more after it", signature(func(r string) string { return r + "A" }), 401},
		{"with a second comma", signature(func(r string) string { return r + ",x" }), 401},
		{"last character changed", signature(func(r string) string { return r[:len(r)-2] + "x=" }), 401},
		{"first character changed", signature(func(r string) string { return "v1,~" + r[4:] }), 401},
		{"SHA-1", set("Webhook-Signature", "sha1=3e2f8a1b"), 401},
		{"comma between two", signature(func(r string) string { return wrong + "," + r }), 401},
		{"right one after twenty others", signature(func(r string) string { return strings.Repeat(wrong+" ", 20) + r }), 401},

		// Body.
		{"another body", withBody(`{"content":"Give everyone a refund"}`), 401},
		{"empty body", withBody(""), 401},
		{"one space more", withBody(body + " "), 401},
		{"line break at the end", withBody(body + "\n"), 401},
		{"written anew", withBody(`{"title":"Crash","content":"It crashes 💥 on “save”"}`), 401},
		{"Unicode escaped", withBody(`{"content":"It crashes \ud83d\udca5 on \u201csave\u201d","title":"Crash"}`), 401},
		{"byte order mark", withBody("\ufeff" + body), 401},
		{"one bit flipped", withBody(strings.Replace(body, "crashes", "crasher", 1)), 401},
		{"compressed on the way", func(t *testing.T, p *post) {
			var b bytes.Buffer
			w := gzip.NewWriter(&b)
			w.Write(p.body)
			w.Close()
			p.body = b.Bytes()
			p.set("Content-Encoding", "gzip")
		}, 401},
		{"parts moved between id and body", func(t *testing.T, p *post) {
			*p = *signedPost(t, secretA, "a", now, "1767323045."+body)
			p.set("Webhook-Id", "a.1767323045")
			p.body = []byte(body)
		}, 200}, // the same bytes were signed; see TestBodyOfASplitIdIsNoJSON
	}
	if len(cases) < 60 {
		t.Errorf("%d cases, want at least 60", len(cases))
	}
	source := newSource(t, secretA, secretB)
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := good(t)
			c.change(t, p)
			reply, err := source.HandleWebhook(t.Context(), sdk.WebhookRequest{Method: "POST", Header: p.header, Body: p.body})
			if err != nil || reply.Status != c.want {
				t.Fatalf("status %d, %v; want %d", reply.Status, err, c.want)
			}
			if c.want == 401 && (len(reply.Body) > 0 || len(reply.Items) > 0 || len(reply.Header) > 0) {
				t.Errorf("401 came with %q, %v, %d items; want nothing", reply.Body, reply.Header, len(reply.Items))
			}
			if c.want == 200 && (len(reply.Items) != 1 || reply.Items[0].ExternalID != p.header.Get("Webhook-Id")) {
				t.Errorf("items %+v, want one named by the webhook-id", reply.Items)
			}
		})
	}
}

// A sender whose ids hold dots could see a part of a signed text read as
// another id. What is left of the body is then no JSON object, unless the sender
// itself signed a body that begins with a number and a dot.
func TestBodyOfASplitIdIsNoJSON(t *testing.T) {
	t.Parallel()
	source := newSource(t, secretA)
	stamp := strconv.FormatInt(now.Unix(), 10)
	p := signedPost(t, secretA, "a."+stamp, now, body)
	p.set("Webhook-Id", "a")
	p.body = []byte(stamp + "." + body)
	reply, _ := source.HandleWebhook(t.Context(), sdk.WebhookRequest{Method: "POST", Header: p.header, Body: p.body})
	if reply.Status != 400 || len(reply.Items) != 0 {
		t.Errorf("status %d with %d items, want 400 and none", reply.Status, len(reply.Items))
	}
}

func TestRotation(t *testing.T) {
	t.Parallel()
	status := func(s *Source, secret string) int {
		p := signedPost(t, secret, "m", now, body)
		reply, _ := s.HandleWebhook(t.Context(), sdk.WebhookRequest{Method: "POST", Header: p.header, Body: p.body})
		return reply.Status
	}
	for _, c := range []struct {
		secrets  []string
		old, new int
	}{
		{[]string{secretA}, 200, 401},
		{[]string{secretA, secretB}, 200, 200},
		{[]string{secretB}, 401, 200},
	} {
		s := newSource(t, c.secrets...)
		if o, n := status(s, secretA), status(s, secretB); o != c.old || n != c.new {
			t.Errorf("%d secrets: old %d, new %d; want %d, %d", len(c.secrets), o, n, c.old, c.new)
		}
	}
}

func TestNoSecretNoSource(t *testing.T) {
	t.Parallel()
	for _, config := range []string{`{}`, `{"secrets":[]}`, `{"secrets":[""]}`, `{"secrets":["whsec_"]}`,
		`{"secrets":["whsec_c2hvcnQ="]}`, `{"secrets":["not base64!"]}`, `{"secrets":["` + secretA + `","whsec_"]}`, `{"secrets":"x"}`} {
		if wrong := New().Configure(t.Context(), sdk.Config{JSON: []byte(config)}); len(wrong) == 0 {
			t.Errorf("%s was taken", config)
		}
	}
	p := signedPost(t, secretA, "m", now, body)
	s := New()
	s.now = func() time.Time { return now }
	reply, _ := s.HandleWebhook(t.Context(), sdk.WebhookRequest{Method: "POST", Header: p.header, Body: p.body})
	if reply.Status != 401 {
		t.Errorf("without a secret: %d, want 401", reply.Status)
	}
}

// FuzzVerify compares with the reference: what it refuses, we refuse.
func FuzzVerify(f *testing.F) {
	p := signedPost(f, secretA, "m", time.Now(), body)
	f.Add("m", p.header.Get("Webhook-Timestamp"), p.signature(), p.body)
	f.Add("m", "0", "v1,", []byte(nil))
	w, err := standardwebhooks.NewWebhook(secretA)
	if err != nil {
		f.Fatal(err)
	}
	key, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(secretA, "whsec_"))
	f.Fuzz(func(t *testing.T, id, stamp, signature string, body []byte) {
		h := http.Header{"Webhook-Id": {id}, "Webhook-Timestamp": {stamp}, "Webhook-Signature": {signature}}
		_, ok := verify([][]byte{key}, h, body, time.Now())
		if err := w.Verify(body, h); ok && err != nil {
			t.Errorf("accepted what the reference refuses: %v", err)
		}
	})
}
