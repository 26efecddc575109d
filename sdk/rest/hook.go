package rest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"

	"github.com/iterateswarm/iterateswarm/sdk"
)

const (
	maxHook = 4 << 20 // bytes of one webhook; the largest issue with its repository and sender has far less
	// MinSecret is the least length of a webhook's secret.
	MinSecret = 16
)

// Hook answers a webhook that is not to be read further: there is no secret
// (404: without one there is no hook), the method is wrong, the body too long,
// or valid says that the signature does not fit. ok means: go on, it is genuine.
func Hook(req sdk.WebhookRequest, secret string, valid func() bool) (reply sdk.ChangeReply, ok bool) {
	switch {
	case secret == "":
		return sdk.ChangeReply{Status: http.StatusNotFound}, false
	case req.Method != http.MethodPost:
		return sdk.ChangeReply{Status: http.StatusMethodNotAllowed, Header: http.Header{"Allow": {http.MethodPost}}}, false
	case len(req.Body) > maxHook:
		return sdk.ChangeReply{Status: http.StatusRequestEntityTooLarge}, false
	case !valid():
		return sdk.ChangeReply{Status: http.StatusUnauthorized}, false
	}
	return sdk.ChangeReply{Status: http.StatusOK}, true
}

// Signed reports whether signature is the HMAC-SHA256 of the body as received,
// in lower-case hexadecimal. How long it takes depends on nothing secret.
func Signed(secret string, body []byte, signature string) bool {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	want := hex.AppendEncode(nil, mac.Sum(nil))
	return secret != "" && hmac.Equal([]byte(signature), want)
}

// Same compares a shared secret that is sent as it is. How long it takes depends
// on nothing secret, not even its length.
func Same(secret, got string) bool {
	a, b := sha256.Sum256([]byte(secret)), sha256.Sum256([]byte(got))
	return secret != "" && hmac.Equal(a[:], b[:])
}

// Only returns the header's value, if there is exactly one: of two that differ
// nobody knows which was checked on the way.
func Only(h http.Header, name string) (string, bool) {
	values := h.Values(name)
	if len(values) != 1 || values[0] == "" {
		return "", false
	}
	return values[0], true
}
