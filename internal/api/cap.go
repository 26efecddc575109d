package api

import (
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/pocketbase/pocketbase/apis"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/hook"
	"github.com/pocketbase/pocketbase/tools/router"

	"github.com/iterateswarm/iterateswarm/internal/pipeline"
)

// bodyLimit is the largest body of every route that has no limit of its own.
// PocketBase reads a body before it asks its rules, and needs 60 times its size.
const bodyLimit = 1 << 20

// capKey is where the request's capped body is kept in the event's store.
const capKey = "iterateswarm_capped"

// capped is a body that notes when it was larger than its limit.
type capped struct {
	io.ReadCloser
	over bool
}

// Read reads from the body below.
func (c *capped) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	var most *http.MaxBytesError
	if errors.As(err, &most) {
		c.over = true
	}
	return n, err
}

// capBodies refuses a large body before anybody reads it. It runs as soon as
// the caller is known.
func (a *API) capBodies() *hook.Handler[*core.RequestEvent] {
	return &hook.Handler[*core.RequestEvent]{
		Id:       "iterateswarmCapBodies",
		Priority: apis.DefaultLoadAuthTokenMiddlewarePriority + 1,
		Func: func(e *core.RequestEvent) error {
			if ownLimit(e) {
				return e.Next()
			}
			// Below PocketBase's own wrapper, which keeps what was read for the
			// next reader, and told to net/http itself; see readBody.
			below := &e.Request.Body
			if kept, ok := e.Request.Body.(*router.RereadableReadCloser); ok {
				below = &kept.ReadCloser
			}
			body := &capped{ReadCloser: http.MaxBytesReader(bare(e.Response), *below, bodyLimit)}
			if e.Request.ContentLength > bodyLimit {
				_, _ = io.Copy(io.Discard, body) // as far as the limit, so that the sender lives to read the answer
				return tooLarge(bodyLimit)
			}
			*below = body
			e.Set(capKey, body)
			return e.Next()
		},
	}
}

// ownLimit reports whether a request may be larger than bodyLimit: our routes
// that take messages count for themselves, and a superuser uploads files.
func ownLimit(e *core.RequestEvent) bool {
	pattern := e.Request.Pattern
	if pattern == "POST /api/feedback" || strings.HasPrefix(pattern, "POST /webhooks/") {
		return true
	}
	return e.Auth != nil && e.Auth.IsSuperuser() && strings.HasPrefix(e.Request.Header.Get("Content-Type"), "multipart/form-data")
}

// wasTooLarge reports whether a request broke off because its body is too large.
func wasTooLarge(e *core.RequestEvent) bool {
	body, ok := e.Get(capKey).(*capped)
	return ok && body.over
}

func tooLarge(limit int64) *pipeline.Problem {
	return pipeline.Fault(pipeline.BodyTooLarge, "The body is larger than %d bytes. Nothing was stored.", limit)
}
