package slack

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// tolerance is how far a request's time may be off, both ways.
const tolerance = 5 * time.Minute

// signed reports whether one of the secrets has signed the request, and lately:
// HMAC-SHA256 of "v0:timestamp:body" in lower-case hexadecimal after "v0=". What
// the signature should have been is told to nobody. How long it takes depends on
// nothing secret.
func signed(secrets []string, h http.Header, body []byte, now time.Time) bool {
	signature, ok1 := only(h, "X-Slack-Signature")
	stamp, ok2 := only(h, "X-Slack-Request-Timestamp")
	if !ok1 || !ok2 || len(stamp) > 12 || strings.Trim(stamp, "0123456789") != "" {
		return false
	}
	at, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil || now.Sub(time.Unix(at, 0)).Abs() > tolerance {
		return false
	}
	good := false
	for _, secret := range secrets {
		if secret != "" && hmac.Equal([]byte(signature), []byte(sign(secret, stamp, body))) {
			good = true
		}
	}
	return good
}

func sign(secret, stamp string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte("v0:" + stamp + ":"))
	mac.Write(body)
	return "v0=" + hex.EncodeToString(mac.Sum(nil))
}

// only returns the header's value if there is exactly one.
func only(h http.Header, name string) (string, bool) {
	values := h.Values(name)
	if len(values) != 1 || values[0] == "" {
		return "", false
	}
	return values[0], true
}
