package discord

import (
	"bytes"
	"compress/gzip"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bwmarrin/discordgo"

	"github.com/iterateswarm/iterateswarm/sdk"
)

var (
	now  = time.Unix(1_767_323_045, 0)
	keyA = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{1}, 32))
	keyB = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{2}, 32))
)

// slash is /feedback as Discord's documentation shows an interaction.
const slash = `{"type":2,"token":"A_UNIQUE_TOKEN","id":"1156284521323905034","application_id":"900000000000000001","guild_id":"290926798626357999","channel_id":"645027906669510667",` +
	`"member":{"user":{"id":"53908232506183680","username":"Mason","global_name":null,"avatar":"a_d5efa99b3eeaa7dd43acca82f5692432","discriminator":"1337","public_flags":131141},"roles":["539082325061836999"],"permissions":"2147483647"},` +
	`"data":{"type":1,"name":"feedback","id":"771825006014889984","options":[{"type":3,"name":"text","value":"It crashes 💥 on “save”"}]},"locale":"en-US","version":1}`

// post is a signed request. The changes of a case are made to it afterwards.
type post struct {
	header http.Header
	body   []byte
}

func signedPost(key ed25519.PrivateKey, at time.Time, body string) *post {
	stamp := strconv.FormatInt(at.Unix(), 10)
	return &post{body: []byte(body), header: http.Header{"Content-Type": {"application/json"}, "X-Signature-Timestamp": {stamp},
		"X-Signature-Ed25519": {hex.EncodeToString(ed25519.Sign(key, []byte(stamp+body)))}}}
}

func (p *post) request() sdk.WebhookRequest {
	return sdk.WebhookRequest{Method: "POST", Header: p.header, Body: p.body}
}

func endpoint(t testing.TB, key ed25519.PrivateKey) *Source {
	t.Helper()
	s := New()
	s.now = func() time.Time { return now }
	config := fmt.Sprintf(`{"token":%q,"public_key":%q}`, token, hex.EncodeToString(key.Public().(ed25519.PublicKey)))
	if wrong := s.Configure(t.Context(), sdk.Config{JSON: []byte(config)}); wrong != nil {
		t.Fatal(wrong)
	}
	return s
}

func TestSignatures(t *testing.T) {
	t.Parallel()
	type change func(p *post)
	set := func(name, value string) change { return func(p *post) { p.header.Set(name, value) } }
	stamp := func(v string) change { return set("X-Signature-Timestamp", v) }
	at := func(off time.Duration) change { return func(p *post) { *p = *signedPost(keyA, now.Add(off), slash) } }
	signature := func(f func(right string) string) change {
		return func(p *post) { p.header.Set("X-Signature-Ed25519", f(p.header.Get("X-Signature-Ed25519"))) }
	}
	body := func(b string) change { return func(p *post) { p.body = []byte(b) } }
	signedAs := func(b string) change { return func(p *post) { *p = *signedPost(keyA, now, b) } }
	over := func(message func(p *post) string) change {
		return func(p *post) {
			p.header.Set("X-Signature-Ed25519", hex.EncodeToString(ed25519.Sign(keyA, []byte(message(p)))))
		}
	}
	// signedStamp signs a timestamp that is not written as Discord writes it.
	signedStamp := func(v string) change {
		return func(p *post) {
			p.header.Set("X-Signature-Timestamp", v)
			over(func(p *post) string { return v + slash })(p)
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
		{"299 seconds old", at(-299 * time.Second), 200},
		{"299 seconds ahead", at(299 * time.Second), 200},
		{"300 seconds old", at(-300 * time.Second), 200},
		{"300 seconds ahead", at(300 * time.Second), 200},
		{"Unicode escaped and signed so", signedAs(strings.ReplaceAll(slash, "💥", `\ud83d\udca5`)), 200},
		{"line breaks and signed so", signedAs(strings.ReplaceAll(slash, ",\"", ",\r\n\"")), 200},
		{"other content type", set("Content-Type", "text/plain"), 200},
		{"user agent of anybody", set("User-Agent", "curl"), 200},

		// Headers.
		{"no signature", func(p *post) { p.header.Del("X-Signature-Ed25519") }, 401},
		{"no timestamp", func(p *post) { p.header.Del("X-Signature-Timestamp") }, 401},
		{"no headers", func(p *post) { p.header = http.Header{} }, 401},
		{"empty signature", set("X-Signature-Ed25519", ""), 401},
		{"empty timestamp", stamp(""), 401},
		{"signature twice", func(p *post) { p.header.Add("X-Signature-Ed25519", strings.Repeat("0", 128)) }, 401},
		{"signature twice the same", func(p *post) { p.header.Add("X-Signature-Ed25519", p.header.Get("X-Signature-Ed25519")) }, 401},
		{"timestamp twice", func(p *post) { p.header.Add("X-Signature-Timestamp", "1767323046") }, 401},
		{"headers changed over", func(p *post) {
			p.header["X-Signature-Ed25519"], p.header["X-Signature-Timestamp"] = p.header["X-Signature-Timestamp"], p.header["X-Signature-Ed25519"]
		}, 401},
		{"Slack's headers", func(p *post) {
			p.header = http.Header{"X-Slack-Signature": p.header["X-Signature-Ed25519"], "X-Slack-Request-Timestamp": p.header["X-Signature-Timestamp"]}
		}, 401},
		{"two in one header", signature(func(r string) string { return r + "," + r }), 401},

		// Time.
		{"301 seconds old", at(-301 * time.Second), 401},
		{"301 seconds ahead", at(301 * time.Second), 401},
		{"a year old", at(-365 * 24 * time.Hour), 401},
		{"a year ahead", at(365 * 24 * time.Hour), 401},
		{"changed by a second", stamp("1767323046"), 401},
		{"moved to now, signed earlier", func(p *post) {
			*p = *signedPost(keyA, now.Add(-time.Hour), slash)
			p.header.Set("X-Signature-Timestamp", "1767323045")
		}, 401},
		{"in milliseconds, signed so", signedStamp("1767323045000"), 401},
		{"with a sign, signed so", signedStamp("+1767323045"), 401},
		{"with a space, signed so", signedStamp(" 1767323045"), 401},
		{"with a fraction, signed so", signedStamp("1767323045.5"), 401},
		{"in hexadecimal, signed so", signedStamp("0x69574625"), 401},
		{"overflowing, signed so", signedStamp("99999999999999999999"), 401},
		{"negative, signed so", signedStamp("-1"), 401},
		{"a date, signed so", signedStamp("2026-01-02T03:04:05Z"), 401},
		{"zero, signed so", signedStamp("0"), 401},
		{"nothing, signed so", over(func(*post) string { return slash }), 401},

		// Key and form.
		{"key of somebody else", func(p *post) { *p = *signedPost(keyB, now, slash) }, 401},
		{"the public key for a signature", set("X-Signature-Ed25519", strings.Repeat(hex.EncodeToString(keyA.Public().(ed25519.PublicKey)), 2)), 401},
		{"in capitals", signature(strings.ToUpper), 401},
		{"in base64", signature(func(r string) string { return base64.StdEncoding.EncodeToString(raw(r)) }), 401},
		{"as bytes", signature(func(r string) string { return string(raw(r)) }), 401},
		{"half of it", signature(func(r string) string { return r[:64] }), 401},
		{"a digit less", signature(func(r string) string { return r[:127] }), 401},
		{"a digit more", signature(func(r string) string { return r + "0" }), 401},
		{"a byte more", signature(func(r string) string { return r + "00" }), 401},
		{"with a name", signature(func(r string) string { return "ed25519=" + r }), 401},
		{"with 0x", signature(func(r string) string { return "0x" + r }), 401},
		{"space before", signature(func(r string) string { return " " + r }), 401},
		{"line break after", signature(func(r string) string { return r + "\n" }), 401},
		{"a letter that is no digit", signature(func(r string) string { return "g" + r[1:] }), 401},
		{"wide digits", signature(func(r string) string { return "０" + r[1:] }), 401},
		{"all zero", set("X-Signature-Ed25519", strings.Repeat("0", 128)), 401},
		{"all f", set("X-Signature-Ed25519", strings.Repeat("f", 128)), 401},
		{"first digit changed", signature(func(r string) string { return flip(r, 0) }), 401},
		{"last digit changed", signature(func(r string) string { return flip(r, 127) }), 401},
		{"of the body alone", over(func(p *post) string { return string(p.body) }), 401},
		{"of the timestamp alone", over(func(p *post) string { return p.header.Get("X-Signature-Timestamp") }), 401},
		{"of the parts with a dot between", over(func(p *post) string { return p.header.Get("X-Signature-Timestamp") + "." + string(p.body) }), 401},
		{"of the body before the timestamp", over(func(p *post) string { return string(p.body) + p.header.Get("X-Signature-Timestamp") }), 401},

		// Body.
		{"another body", body(`{"type":1}`), 401},
		{"empty body", body(""), 401},
		{"one space more", body(slash + " "), 401},
		{"line break at the end", body(slash + "\n"), 401},
		{"written anew", body(strings.Replace(slash, `{"type":2,`, `{ "type": 2,`, 1)), 401},
		{"Unicode escaped on the way", body(strings.ReplaceAll(slash, "💥", `\ud83d\udca5`)), 401},
		{"byte order mark", body("\ufeff" + slash), 401},
		{"one bit flipped", body(strings.Replace(slash, "crashes", "crasher", 1)), 401},
		{"cut", body(slash[:len(slash)-1]), 401},
		{"digit moved from the timestamp to the body", func(p *post) {
			p.header.Set("X-Signature-Timestamp", "176732304")
			p.body = append([]byte("5"), p.body...)
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
	s := endpoint(t, keyA)
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := signedPost(keyA, now, slash)
			c.change(p)
			reply, err := s.HandleWebhook(t.Context(), p.request())
			if err != nil || reply.Status != c.want {
				t.Fatalf("status %d, %v; want %d", reply.Status, err, c.want)
			}
			if c.want == 401 && (len(reply.Body) > 0 || len(reply.Items) > 0 || len(reply.Header) > 0) {
				t.Errorf("401 came with %q, %v, %d items; want nothing", reply.Body, reply.Header, len(reply.Items))
			}
			if c.want == 200 && (len(reply.Items) != 1 || reply.Items[0].Content != "It crashes 💥 on “save”") {
				t.Errorf("items %+v", reply.Items)
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

// Without a public key nobody is believed.
func TestNoKeyNoEndpoint(t *testing.T) {
	t.Parallel()
	s := New()
	s.now = func() time.Time { return now }
	if wrong := s.Configure(t.Context(), sdk.Config{JSON: []byte(`{"token":"x"}`)}); wrong != nil {
		t.Fatal(wrong)
	}
	for _, key := range []ed25519.PrivateKey{keyA, keyB} {
		if reply, _ := s.HandleWebhook(t.Context(), signedPost(key, now, slash).request()); reply.Status != 401 {
			t.Errorf("status %d, want 401", reply.Status)
		}
	}
}

// FuzzVerifyDiscord compares with discordgo: what it refuses, we refuse.
func FuzzVerifyDiscord(f *testing.F) {
	p := signedPost(keyA, now, slash)
	f.Add(p.header.Get("X-Signature-Ed25519"), p.header.Get("X-Signature-Timestamp"), p.body)
	f.Add("", "0", []byte(nil))
	f.Add(strings.Repeat("0", 128), "1767323045", []byte("{}"))
	public := keyA.Public().(ed25519.PublicKey)
	f.Fuzz(func(t *testing.T, signature, stamp string, body []byte) {
		h := http.Header{"X-Signature-Ed25519": {signature}, "X-Signature-Timestamp": {stamp}}
		ok := signed(public, h, body, now)
		r, err := http.NewRequest("POST", "/", bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header = h
		if ok && !discordgo.VerifyInteraction(r, public) {
			t.Error("accepted what discordgo refuses")
		}
	})
}
