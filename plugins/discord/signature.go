package discord

import (
	"crypto/ed25519"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// tolerance is how far a request's time may be off, both ways. Discord does not
// ask for it; without it a recorded request would be good for ever.
const tolerance = 5 * time.Minute

// signed reports whether Discord has signed the request, and lately: the
// Ed25519 signature, in hexadecimal, of the timestamp and the body. Discord
// sends requests with wrong signatures now and then to see that they are refused.
func signed(key ed25519.PublicKey, h http.Header, body []byte, now time.Time) bool {
	signature, ok1 := only(h, "X-Signature-Ed25519")
	stamp, ok2 := only(h, "X-Signature-Timestamp")
	if !ok1 || !ok2 || len(key) != ed25519.PublicKeySize {
		return false
	}
	sig, err := hex.DecodeString(signature)
	if err != nil || len(sig) != ed25519.SignatureSize || strings.ToLower(signature) != signature {
		return false
	}
	if len(stamp) > 12 || strings.Trim(stamp, "0123456789") != "" {
		return false
	}
	at, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil || now.Sub(time.Unix(at, 0)).Abs() > tolerance {
		return false
	}
	return ed25519.Verify(key, append([]byte(stamp), body...), sig)
}

// only returns the header's value if there is exactly one.
func only(h http.Header, name string) (string, bool) {
	values := h.Values(name)
	if len(values) != 1 || values[0] == "" {
		return "", false
	}
	return values[0], true
}
