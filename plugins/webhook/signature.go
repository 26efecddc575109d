package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// The reference library would do, but for its clock, which cannot be set, and
// its leniency: it takes the first of two contradicting headers, an empty
// secret, and "v1,SIGNATURE,anything".

const (
	tolerance     = 5 * time.Minute // both ways, as the specification says
	maxID         = 256             // bytes
	maxSignatures = 20              // in one header; rotation needs two
)

// signed is what a valid signature vouches for besides the body.
type signed struct {
	id string
	at time.Time
}

// verify reports whether one of the keys has signed the request, and lately.
// How long it takes depends on nothing secret.
func verify(keys [][]byte, h http.Header, body []byte, now time.Time) (signed, bool) {
	id, ok1 := only(h, "Webhook-Id")
	stamp, ok2 := only(h, "Webhook-Timestamp")
	signatures, ok3 := only(h, "Webhook-Signature")
	if !ok1 || !ok2 || !ok3 || !validID(id) {
		return signed{}, false
	}
	at, ok := parseStamp(stamp)
	if !ok || now.Sub(at).Abs() > tolerance {
		return signed{}, false
	}
	list := strings.Split(signatures, " ")
	if len(list) > maxSignatures {
		return signed{}, false
	}
	good := false
	for _, key := range keys {
		want := sign(key, id, stamp, body)
		for _, s := range list {
			version, got, _ := strings.Cut(s, ",")
			if version == "v1" && hmac.Equal([]byte(got), want) {
				good = true
			}
		}
	}
	return signed{id, at}, good
}

// sign returns the signature in base64.
func sign(key []byte, id, stamp string, body []byte) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(id + "." + stamp + "."))
	mac.Write(body)
	return base64.StdEncoding.AppendEncode(nil, mac.Sum(nil))
}

// only returns the header's value if there is exactly one.
func only(h http.Header, name string) (string, bool) {
	values := h.Values(name)
	if len(values) != 1 || values[0] == "" {
		return "", false
	}
	return values[0], true
}

// validID takes visible ASCII.
func validID(id string) bool {
	return len(id) <= maxID && !strings.ContainsFunc(id, func(r rune) bool { return r <= ' ' || r > '~' })
}

// parseStamp takes digits only, as they were signed.
func parseStamp(s string) (time.Time, bool) {
	if len(s) > 12 || strings.Trim(s, "0123456789") != "" {
		return time.Time{}, false
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return time.Unix(n, 0), err == nil
}
