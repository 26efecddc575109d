package githubsource

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"strings"
	"testing"

	gh "github.com/google/go-github/v62/github"

	"github.com/iterateswarm/iterateswarm/sdk"
)

const (
	secretA = "0123456789abcdef0123456789abcdef"
	secretB = "another secret, for the time of a change"
	secretC = "somebody else's secret, never configured"

	opened = `{"action":"opened","issue":{"id":1,"number":7,"title":"Crash","body":"It crashes 💥 on “save”","html_url":"https://github.com/octo/hello/issues/7",` +
		`"user":{"id":42,"login":"ann","type":"User"},"created_at":"2026-01-02T03:04:05Z"},"repository":{"full_name":"octo/hello"},"sender":{"id":42,"login":"ann","type":"User"}}`
)

// delivery is a request as GitHub sends it. The changes of a case are made to
// it afterwards.
type delivery struct {
	header http.Header
	body   []byte
}

func deliver(secret, kind, body string) *delivery {
	d := &delivery{body: []byte(body), header: http.Header{}}
	for name, v := range map[string]string{"Content-Type": "application/json", "X-GitHub-Event": kind, "X-GitHub-Delivery": "72d3162e-cc78-11e3-81ab-4c9367dc0958",
		"User-Agent": "GitHub-Hookshot/044aadd", "X-Hub-Signature": "sha1=7d38cdd689735b008b3c702edd92eea23791c5f6", "X-Hub-Signature-256": "sha256=" + sign(secret, []byte(body))} {
		d.header.Set(name, v)
	}
	return d
}

func (d *delivery) request() sdk.WebhookRequest {
	return sdk.WebhookRequest{Method: "POST", Header: d.header, Body: d.body}
}

// The example of GitHub's documentation, "Validating webhook deliveries".
func TestSignatureOfTheDocumentation(t *testing.T) {
	t.Parallel()
	const want = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
	if got := sign("It's a Secret to Everybody", []byte("Hello, World!")); got != want {
		t.Errorf("sign = %s, want %s", got, want)
	}
}

func TestSignatures(t *testing.T) {
	t.Parallel()
	type change func(d *delivery)
	header := func(name, value string) change { return func(d *delivery) { d.header.Set(name, value) } }
	signature := func(f func(right string) string) change {
		return func(d *delivery) {
			d.header.Set("X-Hub-Signature-256", "sha256="+f(strings.TrimPrefix(d.header.Get("X-Hub-Signature-256"), "sha256=")))
		}
	}
	whole := func(f func(right string) string) change {
		return func(d *delivery) { d.header.Set("X-Hub-Signature-256", f(d.header.Get("X-Hub-Signature-256"))) }
	}
	body := func(b string) change { return func(d *delivery) { d.body = []byte(b) } }
	with := func(secret string) change { return func(d *delivery) { *d = *deliver(secret, "issues", opened) } }
	signedAs := func(b string) change { return func(d *delivery) { *d = *deliver(secretA, "issues", b) } }
	raw := func(right string) []byte { b, _ := hex.DecodeString(right); return b }
	cases := []struct {
		name   string
		change change
		want   int
	}{
		// What must pass.
		{"as it should be", func(*delivery) {}, 200},
		{"second secret", with(secretB), 200},
		{"without the SHA-1 header", func(d *delivery) { d.header.Del("X-Hub-Signature") }, 200},
		{"a wrong SHA-1 header", header("X-Hub-Signature", "sha1=00"), 200},
		{"two SHA-1 headers", func(d *delivery) { d.header.Add("X-Hub-Signature", "sha1=00") }, 200},
		{"without a delivery id", func(d *delivery) { d.header.Del("X-GitHub-Delivery") }, 200},
		{"another delivery id", header("X-GitHub-Delivery", "1"), 200},
		{"without a user agent", func(d *delivery) { d.header.Del("User-Agent") }, 200},
		{"content type with a character set", header("Content-Type", "application/json; charset=utf-8"), 200},
		{"Unicode escaped and signed so", signedAs(strings.ReplaceAll(opened, "💥", `\ud83d\udca5`)), 200},
		{"line breaks and signed so", signedAs(strings.ReplaceAll(opened, ",", ",\r\n\t")), 200},
		{"a line break at the end and signed so", signedAs(opened + "\n"), 200},
		{"more fields and signed so", signedAs(strings.Replace(opened, "{", `{"x":[1,{"y":2}],`, 1)), 200},

		// Headers.
		{"no signature", func(d *delivery) { d.header.Del("X-Hub-Signature-256") }, 401},
		{"no header at all", func(d *delivery) { d.header = http.Header{} }, 401},
		{"empty", header("X-Hub-Signature-256", ""), 401},
		{"SHA-1 only", func(d *delivery) { d.header.Del("X-Hub-Signature-256") }, 401},
		{"SHA-1 in its place", func(d *delivery) { d.header.Set("X-Hub-Signature-256", d.header.Get("X-Hub-Signature")) }, 401},
		{"twice, the right one first", func(d *delivery) { d.header.Add("X-Hub-Signature-256", "sha256="+strings.Repeat("0", 64)) }, 401},
		{"twice, the right one second", func(d *delivery) {
			d.header["X-Hub-Signature-256"] = []string{"sha256=" + strings.Repeat("0", 64), d.header.Get("X-Hub-Signature-256")}
		}, 401},
		{"twice the same", func(d *delivery) { d.header.Add("X-Hub-Signature-256", d.header.Get("X-Hub-Signature-256")) }, 401},
		{"two in one header", whole(func(r string) string { return r + "," + r }), 401},
		{"in the SHA-1 header", func(d *delivery) {
			d.header.Set("X-Hub-Signature", d.header.Get("X-Hub-Signature-256"))
			d.header.Del("X-Hub-Signature-256")
		}, 401},
		{"Gitea's header", func(d *delivery) {
			d.header.Set("X-Gitea-Signature", strings.TrimPrefix(d.header.Get("X-Hub-Signature-256"), "sha256="))
			d.header.Del("X-Hub-Signature-256")
		}, 401},

		// Form of the signature.
		{"without its name", whole(func(r string) string { return strings.TrimPrefix(r, "sha256=") }), 401},
		{"name in capitals", whole(func(r string) string { return "SHA256=" + strings.TrimPrefix(r, "sha256=") }), 401},
		{"name of SHA-1", whole(func(r string) string { return "sha1=" + strings.TrimPrefix(r, "sha256=") }), 401},
		{"name of SHA-512", whole(func(r string) string { return "sha512=" + strings.TrimPrefix(r, "sha256=") }), 401},
		{"name twice", whole(func(r string) string { return "sha256=" + r }), 401},
		{"colon for the equals sign", whole(func(r string) string { return strings.Replace(r, "=", ":", 1) }), 401},
		{"space after the equals sign", whole(func(r string) string { return strings.Replace(r, "=", "= ", 1) }), 401},
		{"space before", whole(func(r string) string { return " " + r }), 401},
		{"space after", whole(func(r string) string { return r + " " }), 401},
		{"line break after", whole(func(r string) string { return r + "\n" }), 401},
		{"nothing after the name", header("X-Hub-Signature-256", "sha256="), 401},
		{"in capitals", signature(strings.ToUpper), 401},
		{"in base64", signature(func(r string) string { return base64.StdEncoding.EncodeToString(raw(r)) }), 401},
		{"as bytes", signature(func(r string) string { return string(raw(r)) }), 401},
		{"half of it", signature(func(r string) string { return r[:32] }), 401},
		{"a digit less", signature(func(r string) string { return r[:63] }), 401},
		{"a digit more", signature(func(r string) string { return r + "0" }), 401},
		{"a byte more", signature(func(r string) string { return r + "00" }), 401},
		{"first digit changed", signature(func(r string) string { return flip(r, 0) }), 401},
		{"last digit changed", signature(func(r string) string { return flip(r, 63) }), 401},
		{"a letter that is no digit", signature(func(r string) string { return "g" + r[1:] }), 401},
		{"wide digits", signature(func(r string) string { return "０" + r[1:] }), 401},
		{"all zero", header("X-Hub-Signature-256", "sha256="+strings.Repeat("0", 64)), 401},
		{"0x before", signature(func(r string) string { return "0x" + r[2:] }), 401},

		// Key.
		{"key of somebody else", with(secretC), 401},
		{"empty key", with(""), 401},
		{"key with a line break", with(secretA + "\n"), 401},
		{"key with a space", with(" " + secretA), 401},
		{"key in capitals", with(strings.ToUpper(secretA)), 401},
		{"key as hexadecimal", with(string(raw(secretA))), 401},
		{"half of the key", with(secretA[:16]), 401},

		// Body.
		{"another body", body(`{"action":"opened"}`), 401},
		{"empty body", body(""), 401},
		{"one space more", body(opened + " "), 401},
		{"line break at the end", body(opened + "\n"), 401},
		{"written anew", body(strings.Replace(opened, `{"action":"opened",`, `{ "action": "opened",`, 1)), 401},
		{"Unicode escaped on the way", body(strings.ReplaceAll(opened, "💥", `\ud83d\udca5`)), 401},
		{"Unicode composed otherwise", body(strings.ReplaceAll(opened, "“", "\"")), 401},
		{"byte order mark", body("\ufeff" + opened), 401},
		{"one bit flipped", body(strings.Replace(opened, "crashes", "crasher", 1)), 401},
		{"as a form", body("payload=" + opened), 401},
		{"cut", body(opened[:len(opened)-1]), 401},
		{"twice", body(opened + opened), 401},
		{"compressed on the way", func(d *delivery) {
			var b bytes.Buffer
			w := gzip.NewWriter(&b)
			_, _ = w.Write(d.body) // a buffer takes everything
			_ = w.Close()
			d.body = b.Bytes()
			d.header.Set("Content-Encoding", "gzip")
		}, 401},
	}
	if len(cases) < 60 {
		t.Errorf("%d cases, want at least 60", len(cases))
	}
	s := source(t, `"secrets":["`+secretA+`","`+secretB+`"]`)
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := deliver(secretA, "issues", opened)
			c.change(d)
			reply, err := s.HandleWebhook(t.Context(), d.request())
			if err != nil || reply.Status != c.want {
				t.Fatalf("status %d, %v; want %d", reply.Status, err, c.want)
			}
			if c.want == 401 && (len(reply.Body) > 0 || len(reply.Items) > 0 || len(reply.Header) > 0) {
				t.Errorf("401 came with %q, %v, %d items; want nothing", reply.Body, reply.Header, len(reply.Items))
			}
			if c.want == 200 && (len(reply.Items) != 1 || reply.Items[0].ExternalID != "issues/7") {
				t.Errorf("items %+v, want issues/7", reply.Items)
			}
		})
	}
}

func flip(s string, at int) string {
	digit := byte('0')
	if s[at] == '0' {
		digit = '1'
	}
	return s[:at] + string(digit) + s[at+1:]
}

func TestRotation(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		secrets  string
		old, new int
	}{
		{`["` + secretA + `"]`, 200, 401},
		{`["` + secretA + `","` + secretB + `"]`, 200, 200},
		{`["` + secretB + `"]`, 401, 200},
	} {
		s := source(t, `"secrets":`+c.secrets)
		for secret, want := range map[string]int{secretA: c.old, secretB: c.new} {
			if reply, _ := s.HandleWebhook(t.Context(), deliver(secret, "issues", opened).request()); reply.Status != want {
				t.Errorf("%s: %d, want %d", c.secrets, reply.Status, want)
			}
		}
	}
	// Without a secret nobody is believed, an empty key least of all.
	s := source(t, `"token":"t"`)
	for _, secret := range []string{"", secretA} {
		if reply, _ := s.HandleWebhook(t.Context(), deliver(secret, "issues", opened).request()); reply.Status != 401 {
			t.Errorf("without a secret: %d, want 401", reply.Status)
		}
	}
}

// FuzzVerifyGitHub compares with go-github: what it refuses, we refuse.
func FuzzVerifyGitHub(f *testing.F) {
	f.Add("sha256="+sign(secretA, []byte(opened)), []byte(opened))
	f.Add("sha256=", []byte(nil))
	f.Add("sha256="+sign("", []byte("x")), []byte("x"))
	f.Add("sha1="+sign(secretA, []byte("x"))[:40], []byte("x"))
	f.Add("SHA256="+strings.ToUpper(sign(secretA, []byte("x"))), []byte("x"))
	f.Fuzz(func(t *testing.T, signature string, body []byte) {
		ok := signed([]string{secretA}, http.Header{"X-Hub-Signature-256": {signature}}, body)
		if err := gh.ValidateSignature(signature, body, []byte(secretA)); ok && err != nil {
			t.Errorf("accepted what go-github refuses: %v", err)
		}
	})
}
