package githubsource

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
)

// signed reports whether one of the secrets has signed the body, as
// X-Hub-Signature-256 says it in lower-case hexadecimal. GitHub signs no time
// and no delivery id: a repeat is told by the ids in the body. The SHA-1 header
// beside it is not looked at. How long it takes depends on nothing secret.
func signed(secrets []string, h http.Header, body []byte) bool {
	values := h.Values("X-Hub-Signature-256")
	if len(values) != 1 {
		return false
	}
	got, ok := strings.CutPrefix(values[0], "sha256=")
	if !ok || len(got) != hex.EncodedLen(sha256.Size) {
		return false
	}
	good := false
	for _, secret := range secrets {
		if secret != "" && hmac.Equal([]byte(got), []byte(sign(secret, body))) {
			good = true
		}
	}
	return good
}

func sign(secret string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	return hex.EncodeToString(mac.Sum(nil))
}
