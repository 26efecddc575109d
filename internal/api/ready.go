package api

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/pocketbase/pocketbase/core"

	"github.com/iterateswarm/iterateswarm/internal/guard"
)

// probeRate is how often the parts are probed: each probe writes to the disk,
// and anybody may ask. Who asks sooner waits and shares the next probe.
var probeRate = guard.Limit{Burst: 5, Every: time.Second}

// readiness is the last probe.
type readiness struct {
	mu    sync.Mutex
	began time.Time
	wrong map[string]error // by part, nil when the part is well
}

// probe says how the parts are, not before it was asked.
func (a *API) probe(ctx context.Context) map[string]error {
	asked := time.Now()
	r := &a.readiness
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.began.After(asked) {
		return r.wrong
	}
	for {
		ok, after, _ := a.limiter.Allow("ready", probeRate)
		if ok {
			break
		}
		time.Sleep(after)
	}
	r.began = time.Now()
	r.wrong = map[string]error{
		"database": a.p.CheckWrite(context.WithoutCancel(ctx)), // others share the outcome
		"queue":    a.p.CheckQueue(),
		"engine":   a.p.CheckEngine(),
	}
	for part, err := range r.wrong {
		if err != nil {
			a.log.Error("not ready", "part", part, "err", err)
		}
	}
	return r.wrong
}

// ready is GET /api/ready: each part on its own, 503 when one that matters is
// down. What a plugin says about itself is for people who are signed in.
func (a *API) ready(e *core.RequestEvent) error {
	parts := map[string]any{}
	status := http.StatusOK
	for part, err := range a.probe(e.Request.Context()) {
		if err == nil {
			parts[part] = map[string]any{"ok": true}
			continue
		}
		status = http.StatusServiceUnavailable
		parts[part] = map[string]any{"ok": false, "detail": "see the log"}
	}
	plugins := map[string]any{}
	for _, s := range a.p.Plugins.Status() {
		one := map[string]any{"plugin": s.Plugin, "state": s.State}
		if caller(e) != nil {
			one["detail"] = s.Detail
		}
		plugins[s.ID] = one
	}
	parts["plugins"] = plugins // one that is down does not stop feedback from coming in
	parts["model"] = map[string]any{"configured": false}
	if a.p.Model != nil { // without it the embedded engine judges alone
		m := a.p.Model.State()
		parts["model"] = map[string]any{"configured": true, "model": m.Model, "breaker": m.Breaker, "detail": m.Problem}
	}
	if status != http.StatusOK {
		e.Response.Header().Set("Retry-After", "5")
	}
	return e.JSON(status, map[string]any{"ready": status == http.StatusOK, "parts": parts})
}
