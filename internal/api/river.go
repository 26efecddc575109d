package api

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/pocketbase/pocketbase/apis"
	"github.com/pocketbase/pocketbase/core"

	"github.com/iterateswarm/iterateswarm/internal/pipeline"
)

// The queue's user interface is a page of its own. A browser that opens it sends
// no token, so a superuser gets a cookie for it that is good for nothing else.
const (
	riverPath    = "/_/river"
	riverCookie  = "iterateswarm_river"
	riverSession = 30 * time.Minute
)

// riverPolicy lets River's page load its own files.
const riverPolicy = "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; " +
	"connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

// sessions are the cookies that are good, in memory: a restart ends them.
type sessions struct {
	mu    sync.Mutex
	until map[string]time.Time
}

func (s *sessions) open() string {
	b := make([]byte, 20)
	_, _ = rand.Read(b) // crypto/rand never fails on supported systems
	id := strings.ToLower(base32.StdEncoding.EncodeToString(b))
	s.mu.Lock()
	defer s.mu.Unlock()
	for old, until := range s.until {
		if time.Now().After(until) {
			delete(s.until, old)
		}
	}
	s.until[id] = time.Now().Add(riverSession)
	return id
}

func (s *sessions) good(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return time.Now().Before(s.until[id])
}

// queueSession is POST /api/ops/queue-session: a superuser is let into the
// queue's user interface for half an hour.
func (a *API) queueSession(e *core.RequestEvent) error {
	e.SetCookie(&http.Cookie{Name: riverCookie, Value: a.sessions.open(), Path: riverPath, MaxAge: int(riverSession.Seconds()),
		HttpOnly: true, Secure: e.IsTLS(), SameSite: http.SameSiteStrictMode})
	return e.JSON(http.StatusOK, map[string]any{"path": riverPath + "/"})
}

// bindRiver mounts the queue's user interface until ctx ends.
func (a *API) bindRiver(ctx context.Context, se *core.ServeEvent) error {
	ui, err := a.p.Queue().UI(ctx, riverPath, a.log)
	if err != nil {
		return err
	}
	g := se.Router.Group(riverPath)
	g.Bind(apis.SkipSuccessActivityLog())
	g.BindFunc(func(e *core.RequestEvent) error {
		cookie, err := e.Request.Cookie(riverCookie)
		if err != nil || !a.sessions.good(cookie.Value) {
			if e.Request.Method == http.MethodGet && strings.Contains(e.Request.Header.Get("Accept"), "text/html") {
				return e.Redirect(http.StatusSeeOther, "/_/#/ops/queue")
			}
			return pipeline.Fault(pipeline.NoCredentials, "Open the queue from the operator pages; that lets you in for half an hour.")
		}
		if site := e.Request.Header.Get("Sec-Fetch-Site"); e.Request.Method != http.MethodGet && site != "same-origin" {
			return pipeline.Fault(pipeline.WrongRole, "The queue takes changes from its own page only.")
		}
		h := e.Response.Header()
		h.Set("Content-Security-Policy", riverPolicy)
		h.Set("Cache-Control", "no-cache")
		return e.Next()
	})
	for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE"} { // one by one: the console has GET /_/ already
		g.Route(method, "", apis.WrapStdHandler(ui))
		g.Route(method, "/{path...}", apis.WrapStdHandler(ui))
	}
	return nil
}
