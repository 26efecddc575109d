// Package api is the HTTP surface beside PocketBase's own: feedback in, issues
// decided, numbers out. One endpoint a file. Every error has a number, a
// sentence and a link into docs/errors.md.
package api

import (
	"crypto/rand"
	"encoding/base32"
	"encoding/json"
	"errors"
	"log/slog"
	"math"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/pocketbase/pocketbase/apis"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/hook"
	"github.com/pocketbase/pocketbase/tools/router"

	"github.com/iterateswarm/iterateswarm/internal/config"
	"github.com/iterateswarm/iterateswarm/internal/guard"
	"github.com/iterateswarm/iterateswarm/internal/pipeline"
	"github.com/iterateswarm/iterateswarm/internal/records"
)

// API answers requests. Make one with New and bind it to a server.
type API struct {
	p        *pipeline.Pipeline
	cfg      config.Config
	log      *slog.Logger
	limiter  *guard.Limiter
	slots    chan struct{} // one a message that is being taken in
	asking   chan struct{} // one a webhook that waits for its plugin
	uploads  chan struct{} // one a file that is being taken in
	sessions *sessions     // who may see the queue's own pages
	setup    *setup
	metrics  *metrics

	readiness readiness

	Version string // of the build, as operators see it
}

// New makes the API over a pipeline.
func New(p *pipeline.Pipeline, cfg config.Config, lg *slog.Logger) *API {
	a := &API{
		p: p, cfg: cfg, log: lg,
		limiter:  guard.NewLimiter(guard.Limit{Burst: cfg.API.RateBurst, Every: cfg.API.RateEvery}, guard.DefaultKeys),
		slots:    make(chan struct{}, cfg.API.MaxIngest),
		asking:   make(chan struct{}, mostAsking),
		uploads:  make(chan struct{}, mostUploads),
		sessions: &sessions{until: map[string]time.Time{}},
		setup:    newSetup(),
	}
	a.metrics = newMetrics(p)
	a.limitSignIn(p.App)
	return a
}

// Bind adds the routes and middlewares to a server that is about to start.
func (a *API) Bind(se *core.ServeEvent) {
	r := se.Router
	r.Bind(a.frame())
	r.Bind(a.capBodies())
	r.Bind(a.ingestKey())
	r.Bind(a.readOnly())

	r.POST("/api/feedback", a.ingest).Bind(apis.SkipSuccessActivityLog()).Unbind(apis.DefaultBodyLimitMiddlewareId)
	r.GET("/api/feedback", onlyPost)
	r.POST("/webhooks/{source}", a.webhook).Bind(apis.SkipSuccessActivityLog()).Unbind(apis.DefaultBodyLimitMiddlewareId)
	r.POST("/webhooks/{source}/{path...}", a.webhook).Bind(apis.SkipSuccessActivityLog()).Unbind(apis.DefaultBodyLimitMiddlewareId)
	r.POST("/webhooks/trackers/{id}", a.trackerWebhook).Bind(apis.SkipSuccessActivityLog()).Unbind(apis.DefaultBodyLimitMiddlewareId)
	r.GET("/webhooks/{source}", a.webhook).Bind(apis.SkipSuccessActivityLog())

	r.POST("/api/feedback/{id}/correct", a.correct)
	r.POST("/api/feedback/{id}/join", a.join)
	r.POST("/api/issues/batch", a.batchOf(records.Issues))
	r.POST("/api/feedback/batch", a.batchOf(records.Feedback))
	r.POST("/api/issues/{id}/{action}", a.act)
	r.GET("/api/issues/{id}/{action}", onlyPost)
	r.PATCH("/api/issues/{id}", a.edit)
	r.POST("/api/decisions/{id}/undo", a.undo)
	r.POST("/api/deliveries/{id}/retry", a.retry)
	r.POST("/api/deliveries/{id}/confirm", a.confirm)
	a.bindReplies(r)
	a.bindOps(r)
	r.GET("/feedback", a.form)
	r.GET("/status/{token}", a.status)

	a.bindScreens(r)
	a.bindPlugins(r)
	a.bindLearning(r)

	quiet := apis.SkipSuccessActivityLog()
	r.GET("/api/stats", a.stats).Bind(quiet)
	r.GET("/api/metrics", a.metricsJSON).Bind(quiet)
	r.GET("/metrics", a.prometheus).Bind(quiet)
	r.GET("/api/engines", a.engines).Bind(quiet)
	r.GET("/api/ready", a.ready).Bind(quiet)
	r.GET("/api/setup", a.setupNeeded).Bind(quiet)
	r.POST("/api/setup", a.setUp)
}

// requestIDKey is where the request's id is kept in the event's store.
const requestIDKey = "iterateswarm_request_id"

var cleanRequestID = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// frame is the outermost middleware: the request's id, its log line, and every
// problem in its own form.
func (a *API) frame() *hook.Handler[*core.RequestEvent] {
	return &hook.Handler[*core.RequestEvent]{
		Id:       "iterateswarmFrame",
		Priority: apis.DefaultCorsMiddlewarePriority - 1000,
		Func: func(e *core.RequestEvent) error {
			start := time.Now()
			id := e.Request.Header.Get("X-Request-ID")
			if !cleanRequestID.MatchString(id) {
				id = newRequestID()
			}
			e.Set(requestIDKey, id)
			e.Response.Header().Set("X-Request-ID", id)
			if e.Request.Method == http.MethodGet && e.Request.URL.Path == "/api/realtime" {
				noReadDeadline(e)
			}
			err := e.Next()
			status := e.Status()
			if err != nil {
				status = a.answer(e, err)
				err = nil
			}
			if status == 0 {
				status = http.StatusOK
			}
			a.metrics.request(e.Request.Method, e.Request.Pattern, status)
			level := slog.LevelDebug
			if status >= 500 {
				level = slog.LevelError
			}
			a.log.Log(e.Request.Context(), level, "request", "method", e.Request.Method, "path", e.Request.URL.Path,
				"status", status, "request_id", id, "took", time.Since(start))
			return err
		},
	}
}

// noReadDeadline lets an answer take longer than the body may take to arrive:
// net/http cancels a request whose read deadline passes, even when it has been
// read to its end.
func noReadDeadline(e *core.RequestEvent) {
	_ = http.NewResponseController(e.Response).SetReadDeadline(time.Time{}) // unsupported by a recorder only
}

func newRequestID() string {
	b := make([]byte, 15)
	_, _ = rand.Read(b) // crypto/rand never fails on supported systems
	return strings.ToLower(base32.StdEncoding.EncodeToString(b))
}

func requestID(e *core.RequestEvent) string {
	id, _ := e.Get(requestIDKey).(string)
	return id
}

// answer writes err and returns the status. A *Problem keeps its number;
// PocketBase's own errors keep their form; anything else is our mistake and
// stays in the log.
func (a *API) answer(e *core.RequestEvent, err error) int {
	var api *router.ApiError
	closeUnread(e)
	problem, ok := pipeline.AsProblem(err)
	if !ok && wasTooLarge(e) {
		problem, ok = tooLarge(bodyLimit), true
	}
	if !ok && errors.As(err, &api) {
		raw, _ := api.RawData().(error)
		if raw == nil || !storageDown(raw) {
			return a.answerAPI(e, api)
		}
		err = raw // PocketBase calls it a bad request
	}
	if !ok {
		if e.Written() {
			return http.StatusInternalServerError
		}
		a.log.Error("request broke", "path", e.Request.URL.Path, "request_id", requestID(e), "err", err)
		problem = pipeline.Fault(pipeline.Broken, "Something broke on our side. The log has it under request id %s.", requestID(e))
		if storageDown(err) {
			problem = pipeline.Fault(pipeline.NotStored, "The database cannot take it now; nothing was stored. Send it again.")
			problem.RetryAfter = 5 * time.Second
		}
	}
	if problem.RetryAfter > 0 {
		e.Response.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(problem.RetryAfter.Seconds()))))
	}
	if wantsHTML(e) {
		_ = e.HTML(problem.Status(), errorFragment(problem))
	} else {
		_ = e.JSON(problem.Status(), problemBody(problem))
	}
	return problem.Status()
}

// answerAPI writes one of PocketBase's own errors, in its form and with a
// number beside it.
func (a *API) answerAPI(e *core.RequestEvent, api *router.ApiError) int {
	if e.Written() {
		return api.Status
	}
	if api.Status == http.StatusTooManyRequests && e.Response.Header().Get("Retry-After") == "" {
		e.Response.Header().Set("Retry-After", strconv.Itoa(window(e)))
	}
	if api.Status >= 500 {
		a.log.Error("request broke", "path", e.Request.URL.Path, "request_id", requestID(e), "err", api.RawData())
	}
	code := ownCode(api.Status)
	_ = e.JSON(api.Status, map[string]any{"status": api.Status, "message": api.Message, "data": api.Data,
		"code": code, "help": help(code)})
	return api.Status
}

// window is how many seconds PocketBase's own limiter counts together on a
// route; migrations/1790000001_accounts.go sets them.
func window(e *core.RequestEvent) int {
	if strings.HasSuffix(e.Request.Pattern, "/request-password-reset") {
		return 60
	}
	return 10
}

// ownCode is the number of an error that PocketBase made.
func ownCode(status int) int {
	switch status {
	case http.StatusBadRequest:
		return pipeline.BadValue
	case http.StatusUnauthorized:
		return pipeline.NoCredentials
	case http.StatusForbidden:
		return pipeline.WrongRole
	case http.StatusNotFound:
		return pipeline.NoRoute
	case http.StatusRequestEntityTooLarge:
		return pipeline.BodyTooLarge
	case http.StatusUnsupportedMediaType:
		return pipeline.BadMediaType
	case http.StatusTooManyRequests:
		return pipeline.TooFast
	}
	return pipeline.Broken
}

// keptOpen is how much of a body net/http reads past an answer to keep the
// connection (its maxPostHandlerReadBytes).
const keptOpen = 256 << 10

// closeUnread ends the connection of a refused request whose body may not have
// been read to its end. PocketBase wraps the body, so net/http does not see
// that, and would take the rest of the body for the next request.
func closeUnread(e *core.RequestEvent) {
	if n := e.Request.ContentLength; n < 0 || n > keptOpen {
		e.Response.Header().Set("Connection", "close")
	}
}

func help(code int) string { return "docs/errors.md#" + strconv.Itoa(code) }

func problemBody(p *pipeline.Problem) map[string]any {
	out := map[string]any{"code": p.Code, "message": p.Message, "help": help(p.Code)}
	if p.Field != "" {
		out["field"] = p.Field
	}
	return out
}

// storageDown recognises a database that is full, locked or unreadable.
func storageDown(err error) bool {
	var code interface{ Code() int } // modernc's *sqlite.Error
	if !errors.As(err, &code) {
		return false
	}
	switch code.Code() & 0xff {
	case 5, 6, 10, 13, 14: // busy, locked, I/O error, full, cannot open
		return true
	}
	return false
}

func onlyPost(e *core.RequestEvent) error {
	e.Response.Header().Set("Allow", "POST")
	return pipeline.Fault(pipeline.OnlyPost, "This address takes POST only; it changes something.")
}

// caller is a signed-in person, or nothing.
func caller(e *core.RequestEvent) *core.Record {
	if e.Auth != nil && (e.Auth.IsSuperuser() || e.Auth.Collection().Name == records.Users) {
		return e.Auth
	}
	return nil
}

// signedIn refuses a request of nobody.
func signedIn(e *core.RequestEvent) error {
	if caller(e) == nil {
		return pipeline.Fault(pipeline.NoCredentials, "Sign in first: send the token of a user in Authorization.")
	}
	return nil
}

// decode reads a small JSON body into v. An empty body leaves v as it is.
func decode(e *core.RequestEvent, v any) error {
	raw, err := readBody(e, bodyLimit)
	if err != nil || len(raw) == 0 {
		return err
	}
	if p := checkJSON(raw); p != nil {
		return p
	}
	if err := json.Unmarshal(raw, v); err != nil {
		if p, ok := pipeline.AsProblem(err); ok {
			return p
		}
		return badType(err)
	}
	return nil
}

// badType turns a decoder's complaint into a problem that names the field.
func badType(err error) error {
	var t *json.UnmarshalTypeError
	if errors.As(err, &t) && t.Field != "" {
		return pipeline.Fault(pipeline.BadType, "%s must be %s, not a JSON %s.", t.Field, article(t.Type.String()), t.Value).At(t.Field)
	}
	return pipeline.Fault(pipeline.BadType, "The body must be a JSON object with the fields of this route.")
}

func article(goType string) string {
	switch strings.TrimLeft(goType, "*") {
	case "string":
		return "a text"
	case "int", "int64", "float64":
		return "a number"
	case "bool":
		return "true or false"
	}
	return "a list"
}
