package api

import (
	"fmt"
	"net/http"

	"github.com/pocketbase/pocketbase/core"

	"github.com/iterateswarm/iterateswarm/internal/guard"
	"github.com/iterateswarm/iterateswarm/internal/pipeline"
)

// mayCount lets everybody see numbers, or members only, as configured.
func (a *API) mayCount(e *core.RequestEvent) error {
	if a.cfg.API.PublicNumbers || caller(e) != nil {
		return nil
	}
	return pipeline.Fault(pipeline.NoCredentials, "The numbers of this installation are for signed-in people.")
}

// stats is GET /api/stats, with the original's keys. All values are live.
func (a *API) stats(e *core.RequestEvent) error {
	if err := a.mayCount(e); err != nil {
		return err
	}
	s, err := a.p.Stats()
	if err != nil {
		return err
	}
	key := "addr:" + guard.AddrKey(e.RealIP())
	if who := caller(e); who != nil {
		key = "user:" + who.Id
	}
	return e.JSON(http.StatusOK, map[string]any{
		"circuit_breaker":  s.Breaker,
		"rate_limit_used":  a.limiter.Used(key),
		"rate_limit_total": a.limiter.Limit().Burst,
		"avg_time":         fmt.Sprintf("%.3fs", s.AvgTook.Seconds()),
		"feedback":         s.Feedback,
		"issues":           s.Issues,
		"deliveries":       s.Deliveries,
		"jobs":             s.Jobs,
		"degraded":         s.Degraded,
		"model":            s.Model,
	})
}

// metricsJSON is GET /api/metrics: counters, and an accuracy that is measured
// from what people decided, or null.
func (a *API) metricsJSON(e *core.RequestEvent) error {
	if err := a.mayCount(e); err != nil {
		return err
	}
	s, err := a.p.Stats()
	if err != nil {
		return err
	}
	var accuracy any
	if s.Decided > 0 {
		accuracy = float64(s.Agreed) / float64(s.Decided)
	}
	return e.JSON(http.StatusOK, map[string]any{
		"feedback_total":            pipeline.Total(s.Feedback),
		"feedback_by_state":         s.Feedback,
		"feedback_by_class":         s.Classes,
		"issues_by_state":           s.Issues,
		"deliveries_by_state":       s.Deliveries,
		"classification_accuracy":   accuracy,
		"classification_accuracy_n": s.Decided,
		"circuit_breaker":           s.Breaker,
		"avg_time":                  fmt.Sprintf("%.3fs", s.AvgTook.Seconds()),
		"feedback_degraded":         s.Degraded,
		"model":                     s.Model,
	})
}
