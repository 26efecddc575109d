package slack

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	api "github.com/slack-go/slack"

	"github.com/iterateswarm/iterateswarm/sdk"
)

const (
	secretA = "8f742231b10e8888abcd99yyyzzz85a5"
	secretB = "0123456789abcdef0123456789abcdef"
	secretC = "somebody else's, never configured"

	said = `{"type":"event_callback","event_id":"Ev1","team_id":"T1","event":{"type":"message","user":"U2","channel":"C2","text":"It crashes 💥 on “save”","ts":"1700000001.000200"}}`
)

var now = time.Unix(1_767_323_045, 0)

// post is a signed request. The changes of a case are made to it afterwards.
type post struct {
	header http.Header
	body   []byte
}

func signedPost(secret string, at time.Time, body string) *post {
	stamp := strconv.FormatInt(at.Unix(), 10)
	return &post{body: []byte(body), header: http.Header{"Content-Type": {"application/json"}, "X-Slack-Request-Timestamp": {stamp},
		"X-Slack-Signature": {sign(secret, stamp, []byte(body))}}}
}

func (p *post) request() sdk.WebhookRequest {
	return sdk.WebhookRequest{Method: "POST", Header: p.header, Body: p.body}
}

func receiver(t testing.TB, more string) *Source {
	t.Helper()
	s := New()
	s.now = func() time.Time { return now }
	config := fmt.Sprintf(`{"bot_token":"xoxb-1","signing_secrets":[%q,%q]%s}`, secretA, secretB, more)
	if wrong := s.Configure(t.Context(), sdk.Config{JSON: []byte(config)}); wrong != nil {
		t.Fatal(wrong)
	}
	return s
}

// The example of Slack's documentation, "Verifying requests from Slack".
func TestSignatureOfTheDocumentation(t *testing.T) {
	t.Parallel()
	const body = "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
	const want = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"
	if got := sign("8f742231b10e8888abcd99yyyzzz85a5", "1531420618", []byte(body)); got != want {
		t.Errorf("sign = %s, want %s", got, want)
	}
}

func TestSignatures(t *testing.T) {
	t.Parallel()
	type change func(p *post)
	set := func(name, value string) change { return func(p *post) { p.header.Set(name, value) } }
	at := func(off time.Duration) change { return func(p *post) { *p = *signedPost(secretA, now.Add(off), said) } }
	signature := func(f func(right string) string) change {
		return func(p *post) { p.header.Set("X-Slack-Signature", f(p.header.Get("X-Slack-Signature"))) }
	}
	digits := func(f func(right string) string) change {
		return signature(func(r string) string { return "v0=" + f(strings.TrimPrefix(r, "v0=")) })
	}
	body := func(b string) change { return func(p *post) { p.body = []byte(b) } }
	with := func(secret string) change { return func(p *post) { *p = *signedPost(secret, now, said) } }
	signedAs := func(b string) change { return func(p *post) { *p = *signedPost(secretA, now, b) } }
	stamped := func(v string) change {
		return func(p *post) {
			p.header.Set("X-Slack-Request-Timestamp", v)
			p.header.Set("X-Slack-Signature", sign(secretA, v, p.body))
		}
	}
	raw := func(right string) []byte { b, _ := hex.DecodeString(right); return b }
	cases := []struct {
		name   string
		change change
		want   int
	}{
		// What must pass.
		{"as it should be", func(*post) {}, 200},
		{"second secret", with(secretB), 200},
		{"299 seconds old", at(-299 * time.Second), 200},
		{"299 seconds ahead", at(299 * time.Second), 200},
		{"300 seconds old", at(-300 * time.Second), 200},
		{"300 seconds ahead", at(300 * time.Second), 200},
		{"a retry", func(p *post) {
			p.header.Set("X-Slack-Retry-Num", "2")
			p.header.Set("X-Slack-Retry-Reason", "http_timeout")
		}, 200},
		{"Unicode escaped and signed so", signedAs(strings.ReplaceAll(said, "💥", `\ud83d\udca5`)), 200},
		{"line breaks and signed so", signedAs(strings.ReplaceAll(said, ",\"", ",\r\n\"")), 200},
		{"space before and signed so", signedAs(" \n" + said), 200},
		{"as a form and signed so", signedAs("payload=" + url.QueryEscape(said)), 200},
		{"other content type", set("Content-Type", "text/plain"), 200},

		// Headers.
		{"no signature", func(p *post) { p.header.Del("X-Slack-Signature") }, 401},
		{"no timestamp", func(p *post) { p.header.Del("X-Slack-Request-Timestamp") }, 401},
		{"no headers", func(p *post) { p.header = http.Header{} }, 401},
		{"empty signature", set("X-Slack-Signature", ""), 401},
		{"empty timestamp", set("X-Slack-Request-Timestamp", ""), 401},
		{"signature twice", func(p *post) { p.header.Add("X-Slack-Signature", "v0="+strings.Repeat("0", 64)) }, 401},
		{"signature twice the same", func(p *post) { p.header.Add("X-Slack-Signature", p.header.Get("X-Slack-Signature")) }, 401},
		{"timestamp twice", func(p *post) { p.header.Add("X-Slack-Request-Timestamp", "1767323046") }, 401},
		{"two in one header", signature(func(r string) string { return r + "," + r }), 401},
		{"the old token in the body", signedBy("", `{"token":"`+secretA+`",`+said[1:]), 401},
		{"GitHub's header", func(p *post) {
			p.header.Set("X-Hub-Signature-256", "sha256="+p.header.Get("X-Slack-Signature")[3:])
			p.header.Del("X-Slack-Signature")
		}, 401},

		// Time.
		{"301 seconds old", at(-301 * time.Second), 401},
		{"301 seconds ahead", at(301 * time.Second), 401},
		{"a year old", at(-365 * 24 * time.Hour), 401},
		{"a year ahead", at(365 * 24 * time.Hour), 401},
		{"changed by a second", set("X-Slack-Request-Timestamp", "1767323046"), 401},
		{"moved to now, signed earlier", func(p *post) {
			*p = *signedPost(secretA, now.Add(-time.Hour), said)
			p.header.Set("X-Slack-Request-Timestamp", "1767323045")
		}, 401},
		{"in milliseconds, signed so", stamped("1767323045000"), 401},
		{"with a sign, signed so", stamped("+1767323045"), 401},
		{"with a space, signed so", stamped(" 1767323045"), 401},
		{"with a fraction, signed so", stamped("1767323045.5"), 401},
		{"in hexadecimal, signed so", stamped("0x69574625"), 401},
		{"overflowing, signed so", stamped("99999999999999999999"), 401},
		{"negative, signed so", stamped("-1"), 401},
		{"a date, signed so", stamped("2026-01-02T03:04:05Z"), 401},
		{"zero, signed so", stamped("0"), 401},
		{"empty, signed so", stamped(""), 401},

		// Key.
		{"key of somebody else", with(secretC), 401},
		{"empty key", with(""), 401},
		{"key in capitals", with(strings.ToUpper(secretA)), 401},
		{"half of the key", with(secretA[:16]), 401},
		{"key with a line break", with(secretA + "\n"), 401},
		{"the bot token for a key", with("xoxb-1"), 401},

		// Form of the signature.
		{"without its version", signature(func(r string) string { return r[3:] }), 401},
		{"version 1", signature(func(r string) string { return "v1" + r[2:] }), 401},
		{"version in capitals", signature(func(r string) string { return "V" + r[1:] }), 401},
		{"version twice", signature(func(r string) string { return "v0=" + r }), 401},
		{"sha256 for the version", signature(func(r string) string { return "sha256=" + r[3:] }), 401},
		{"nothing after the version", set("X-Slack-Signature", "v0="), 401},
		{"in capitals", digits(strings.ToUpper), 401},
		{"in base64", digits(func(r string) string { return base64.StdEncoding.EncodeToString(raw(r)) }), 401},
		{"as bytes", digits(func(r string) string { return string(raw(r)) }), 401},
		{"half of it", digits(func(r string) string { return r[:32] }), 401},
		{"a digit less", digits(func(r string) string { return r[:63] }), 401},
		{"a digit more", digits(func(r string) string { return r + "0" }), 401},
		{"a byte more", digits(func(r string) string { return r + "00" }), 401},
		{"space before", signature(func(r string) string { return " " + r }), 401},
		{"line break after", signature(func(r string) string { return r + "\n" }), 401},
		{"a letter that is no digit", digits(func(r string) string { return "g" + r[1:] }), 401},
		{"all zero", set("X-Slack-Signature", "v0="+strings.Repeat("0", 64)), 401},
		{"first digit changed", digits(func(r string) string { return flip(r, 0) }), 401},
		{"last digit changed", digits(func(r string) string { return flip(r, 63) }), 401},
		{"SHA-1", set("X-Slack-Signature", "sha1=3e2f8a1b"), 401},

		// Body.
		{"another body", body(`{"type":"url_verification","challenge":"x"}`), 401},
		{"empty body", body(""), 401},
		{"one space more", body(said + " "), 401},
		{"line break at the end", body(said + "\n"), 401},
		{"written anew", body(strings.Replace(said, `{"type"`, `{ "type"`, 1)), 401},
		{"Unicode escaped on the way", body(strings.ReplaceAll(said, "💥", `\ud83d\udca5`)), 401},
		{"byte order mark", body("\ufeff" + said), 401},
		{"one bit flipped", body(strings.Replace(said, "crashes", "crasher", 1)), 401},
		{"cut", body(said[:len(said)-1]), 401},
		{"form fields in another order", func(p *post) {
			*p = *signedPost(secretA, now, "a=1&payload="+url.QueryEscape(said))
			p.body = []byte("payload=" + url.QueryEscape(said) + "&a=1")
		}, 401},
		{"colon moved from the timestamp to the body", func(p *post) {
			p.header.Set("X-Slack-Request-Timestamp", "176732304")
			p.body = append([]byte("5:"), p.body...)
		}, 401},
		{"compressed on the way", func(p *post) {
			var b bytes.Buffer
			w := gzip.NewWriter(&b)
			_, _ = w.Write(p.body) // a buffer takes everything
			_ = w.Close()
			p.body = b.Bytes()
			p.header.Set("Content-Encoding", "gzip")
		}, 401},
	}
	if len(cases) < 60 {
		t.Errorf("%d cases, want at least 60", len(cases))
	}
	s := receiver(t, "")
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := signedPost(secretA, now, said)
			c.change(p)
			reply, err := s.HandleWebhook(t.Context(), p.request())
			if err != nil || reply.Status != c.want {
				t.Fatalf("status %d, %v; want %d", reply.Status, err, c.want)
			}
			if c.want == 401 && (len(reply.Body) > 0 || len(reply.Items) > 0 || len(reply.Header) > 0) {
				t.Errorf("401 came with %q, %v, %d items; want nothing", reply.Body, reply.Header, len(reply.Items))
			}
			if c.want == 200 && (len(reply.Items) != 1 || reply.Items[0].ExternalID != "C2:1700000001.000200") {
				t.Errorf("items %+v", reply.Items)
			}
		})
	}
}

func signedBy(secret, body string) func(*post) {
	return func(p *post) { *p = *signedPost(secret, now, body) }
}

func flip(s string, at int) string {
	digit := byte('0')
	if s[at] == '0' {
		digit = '1'
	}
	return s[:at] + string(digit) + s[at+1:]
}

// Without a signing secret nobody is believed, an empty key least of all.
func TestNoSecretNoRequests(t *testing.T) {
	t.Parallel()
	s := New()
	s.now = func() time.Time { return now }
	if wrong := s.Configure(t.Context(), sdk.Config{JSON: []byte(`{"bot_token":"xoxb-1","app_token":"xapp-1"}`)}); wrong != nil {
		t.Fatal(wrong)
	}
	for _, secret := range []string{"", secretA, "xoxb-1"} {
		if reply, _ := s.HandleWebhook(t.Context(), signedPost(secret, now, said).request()); reply.Status != 401 {
			t.Errorf("status %d, want 401", reply.Status)
		}
	}
}

// FuzzVerifySlack compares with slack-go: what it refuses, we refuse.
func FuzzVerifySlack(f *testing.F) {
	p := signedPost(secretA, time.Now(), said)
	f.Add(p.header.Get("X-Slack-Signature"), p.header.Get("X-Slack-Request-Timestamp"), p.body)
	f.Add("v0=", "0", []byte(nil))
	f.Add("v0="+strings.Repeat("0", 64), "1767323045", []byte("{}"))
	f.Fuzz(func(t *testing.T, signature, stamp string, body []byte) {
		h := http.Header{"X-Slack-Signature": {signature}, "X-Slack-Request-Timestamp": {stamp}}
		if !signed([]string{secretA}, h, body, time.Now()) {
			return
		}
		v, err := api.NewSecretsVerifier(h, secretA)
		if err == nil {
			_, _ = v.Write(body) // a hash takes everything
			err = v.Ensure()
		}
		if err != nil {
			t.Error("accepted what slack-go refuses")
		}
	})
}
