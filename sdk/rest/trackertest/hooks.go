package trackertest

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"hash"
	"net/http"
	"strings"
	"testing"

	"github.com/iterateswarm/iterateswarm/sdk"
)

// Hook is how a service sends webhooks.
type Hook struct {
	New    func(secret string) sdk.Listener // the tracker, configured; "" is no secret
	Body   []byte                           // says that an issue with our marker is closed; has a letter outside ASCII
	Header http.Header                      // of a genuine request, but for the signature
	Name   string                           // of the header that holds the signature
	Prefix string                           // before the signature: "sha256="
	Plain  bool                             // the secret itself is sent, and nothing signs the body
}

const hookSecret = "q7Jx-Ärger-0123456789abcdef"

func digest(new func() hash.Hash, key string, body []byte) []byte {
	mac := hmac.New(new, []byte(key))
	mac.Write(body)
	return mac.Sum(nil)
}

func (h Hook) sign(key string, body []byte) string {
	if h.Plain {
		return key
	}
	return h.Prefix + hex.EncodeToString(digest(sha256.New, key, body))
}

// Signatures sends requests that are genuine, and many that are not: none of
// those may change anything.
func Signatures(t *testing.T, h Hook) {
	t.Helper()
	tr := h.New(hookSecret)
	good := h.sign(hookSecret, h.Body)
	send := func(tr sdk.Listener, body []byte, values ...string) sdk.ChangeReply {
		t.Helper()
		head := h.Header.Clone()
		if head == nil {
			head = http.Header{}
		}
		for _, v := range values {
			head.Add(h.Name, v)
		}
		reply, err := tr.HandleChange(t.Context(), sdk.WebhookRequest{Method: "POST", Header: head, Body: body})
		if err != nil {
			t.Fatal(err)
		}
		return reply
	}
	for range 2 { // a replay says the same again
		reply := send(tr, h.Body, good)
		if reply.Status != 200 || len(reply.Changes) != 1 || reply.Changes[0].State != "closed" || !sdk.ValidKey(reply.Changes[0].Issue.Key) || reply.Changes[0].At.IsZero() {
			t.Fatalf("a genuine request: %+v, want a closed issue", reply)
		}
	}
	refused := func(name string, want int, reply sdk.ChangeReply) {
		t.Helper()
		if reply.Status != want || len(reply.Changes) > 0 {
			t.Errorf("%s: %+v, want %d and no change", name, reply, want)
		}
	}

	keys := map[string]string{
		"another key": "another-key-0123456789", "the key and a line break": hookSecret + "\n", "the key and a space": hookSecret + " ",
		"the key without its end": hookSecret[:len(hookSecret)-1], "the key without its start": hookSecret[1:],
		"the key in capitals": strings.ToUpper(hookSecret), "the key twice": hookSecret + hookSecret, "one byte": "q",
		"the key in hexadecimal": hex.EncodeToString([]byte(hookSecret)), "the key in base64": base64.StdEncoding.EncodeToString([]byte(hookSecret)),
		"the key with a NUL": hookSecret + "\x00", "Ä in two runes": strings.ReplaceAll(hookSecret, "Ä", "A\u0308"),
		"Ä in Latin-1": strings.ReplaceAll(hookSecret, "Ä", "\xc4"), "A for Ä": strings.ReplaceAll(hookSecret, "Ä", "A"),
		"null": "null", "undefined": "undefined", "the name of the header": h.Name,
	}
	if h.Plain { // HMAC pads a key with NULs
		keys["the key with two NULs"] = hookSecret + "\x00\x00"
	} else {
		delete(keys, "the key with a NUL")
	}
	for name, key := range keys {
		refused(name, 401, send(tr, h.Body, h.sign(key, h.Body)))
	}
	signatures := map[string][]string{
		"no header": nil, "an empty one": {""}, "a space": {" "},
		"a space before": {" " + good}, "a space after": {good + " "}, "a line break after": {good + "\n"}, "a NUL after": {good + "\x00"},
		"one letter more": {good + "0"}, "one less": {good[:len(good)-1]}, "the first half": {good[:len(good)/2]}, "the second half": {good[len(good)/2:]},
		"the first letter": {good[:1]}, "zeros": {h.Prefix + strings.Repeat("0", 64)}, "letters": {strings.Repeat("a", len(good))},
		"the prefix alone": {h.Prefix}, "in quotes": {`"` + good + `"`}, "two, both right": {good, good}, "right and wrong": {good, "x"},
		"wrong and right": {"x", good}, "empty and right": {"", good}, "right and empty": {good, ""}, "two in one": {good + "," + good},
		"another scheme": {"sha1=" + strings.TrimPrefix(good, h.Prefix)}, "a longer prefix": {"x" + good}, "Bearer": {"Bearer " + good},
		"very long": {strings.Repeat(good, 2000)}, "not UTF-8": {"\xff\xfe"}, "true": {"true"}, "a star": {"*"}, "a percent sign": {"%s%n"},
		"full-width": {"ｓ" + good},
	}
	if !h.Plain {
		sum := digest(sha256.New, hookSecret, h.Body)
		unkeyed := sha256.Sum256(h.Body)
		joined := sha256.Sum256(append([]byte(hookSecret), h.Body...))
		for name, s := range map[string]string{
			"in base64": h.Prefix + base64.StdEncoding.EncodeToString(sum), "in capitals": h.Prefix + strings.ToUpper(hex.EncodeToString(sum)),
			"raw bytes": h.Prefix + string(sum), "SHA-1": h.Prefix + hex.EncodeToString(digest(sha1.New, hookSecret, h.Body)),
			"SHA-512": h.Prefix + hex.EncodeToString(digest(sha512.New, hookSecret, h.Body)), "no key": h.Prefix + hex.EncodeToString(unkeyed[:]),
			"key and body hashed": h.Prefix + hex.EncodeToString(joined[:]), "the secret": hookSecret,
			"the last bit turned": good[:len(good)-1] + string("123456789abcdef0"[strings.IndexByte("0123456789abcdef", good[len(good)-1])]),
			"of an empty body":    h.sign(hookSecret, nil), "of an empty body and key": h.sign("", nil), "of an empty key": h.sign("", h.Body),
		} {
			signatures[name] = []string{s}
		}
		if h.Prefix != "" {
			signatures["without the prefix"] = []string{strings.TrimPrefix(good, h.Prefix)}
			signatures["the prefix in capitals"] = []string{strings.ToUpper(h.Prefix) + strings.TrimPrefix(good, h.Prefix)}
			signatures["the prefix twice"] = []string{h.Prefix + good}
		} else {
			signatures["with a prefix"] = []string{"sha256=" + good}
		}
	}
	for name, values := range signatures {
		refused(name, 401, send(tr, h.Body, values...))
	}
	if !h.Plain {
		var any any
		if err := json.Unmarshal(h.Body, &any); err != nil {
			t.Fatal(err)
		}
		again, _ := json.Marshal(any)
		indented, _ := json.MarshalIndent(any, "", "    ")
		var compact bytes.Buffer
		json.Compact(&compact, indented)
		flipped := bytes.Clone(h.Body)
		flipped[len(flipped)/2] ^= 1
		ascii := strings.Map(func(r rune) rune {
			if r > '~' {
				return '?'
			}
			return r
		}, string(h.Body))
		for name, body := range map[string][]byte{
			"serialised again": again, "indented": indented, "indented, then compact": compact.Bytes(), "a line break after": append(bytes.Clone(h.Body), '\n'),
			"a space before": append([]byte(" "), h.Body...), "a byte order mark": append([]byte("\ufeff"), h.Body...), "one byte less": h.Body[:len(h.Body)-1],
			"one bit turned": flipped, "empty": {}, "no letter outside ASCII": []byte(ascii), "twice": append(bytes.Clone(h.Body), h.Body...),
			"opened for closed": bytes.Replace(h.Body, []byte("close"), []byte("opene"), 1), "another object": []byte(`{}`),
		} {
			if bytes.Equal(body, h.Body) {
				continue
			}
			refused("body "+name, 401, send(tr, body, good))
		}
	}
	refused("no secret set", 404, send(h.New(""), h.Body, h.sign("", h.Body)))
	refused("too long", 413, send(tr, bytes.Repeat([]byte("x"), 5<<20), good))
	for _, body := range []string{"", "null", "[]", "7", `{"action":`, "\xff", `{}`, `{"action":7,"issue":{"number":"x"}}`} {
		if reply := send(tr, []byte(body), h.sign(hookSecret, []byte(body))); reply.Status != 200 && reply.Status != 400 || len(reply.Changes) > 0 {
			t.Errorf("genuine and without sense, %q: %+v", body, reply)
		}
	}
	for _, method := range []string{"GET", "PUT", "DELETE", "", "post"} {
		head := h.Header.Clone()
		head.Set(h.Name, good)
		reply, err := tr.HandleChange(t.Context(), sdk.WebhookRequest{Method: method, Header: head, Body: h.Body})
		if err != nil {
			t.Fatal(err)
		}
		refused("method "+method, 405, reply)
	}
	head := h.Header.Clone()
	head.Set("X-Signature", good)
	reply, err := tr.HandleChange(t.Context(), sdk.WebhookRequest{Method: "POST", Header: head, Body: h.Body})
	if err != nil {
		t.Fatal(err)
	}
	refused("under another name", 401, reply)
	t.Logf("%d keys, %d signatures and a dozen bodies refused", len(keys), len(signatures))
}

// Sign is the HMAC-SHA256 of body in lower-case hexadecimal.
func Sign(key string, body []byte) string { return Hook{}.sign(key, body) }
