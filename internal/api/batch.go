package api

import (
	"context"
	"net/http"

	"github.com/pocketbase/pocketbase/core"

	"github.com/iterateswarm/iterateswarm/internal/pipeline"
	"github.com/iterateswarm/iterateswarm/internal/records"
	"github.com/iterateswarm/iterateswarm/internal/triage"
)

// batchBody is what both batch routes take.
type batchBody struct {
	Action   string               `json:"action"`
	IDs      []string             `json:"ids"`
	Items    []pipeline.BatchItem `json:"items"`
	Reason   string               `json:"reason"`
	Until    until                `json:"until"`
	Into     string               `json:"into"`
	Add      []string             `json:"add"`
	Remove   []string             `json:"remove"`
	Class    triage.Class         `json:"class"`
	Severity triage.Severity      `json:"severity"`
	Issue    string               `json:"issue"`
	Engine   string               `json:"engine"`
}

// batchResult is what came of one item.
type batchResult struct {
	ID       string         `json:"id"`
	OK       bool           `json:"ok"`
	Issue    map[string]any `json:"issue,omitempty"`
	Feedback map[string]any `json:"feedback,omitempty"`
	Decision string         `json:"decision,omitempty"`
	Error    map[string]any `json:"error,omitempty"`
}

// batchOf is POST /api/issues/batch and POST /api/feedback/batch: one action on
// many things. Each stands alone: some may succeed while others fail, and each
// says so. More than a few go into a run, which says how far it is.
func (a *API) batchOf(collection string) func(*core.RequestEvent) error {
	return func(e *core.RequestEvent) error {
		if err := signedIn(e); err != nil {
			return err
		}
		var body batchBody
		if err := decode(e, &body); err != nil {
			return err
		}
		b := pipeline.Batch{Of: collection, Action: body.Action, Reason: body.Reason, Until: body.Until.Time, Into: body.Into,
			Add: body.Add, Remove: body.Remove, Class: body.Class, Severity: body.Severity, Issue: body.Issue, Engine: body.Engine}
		for _, id := range body.IDs {
			b.Items = append(b.Items, pipeline.BatchItem{ID: id})
		}
		b.Items = append(b.Items, body.Items...)
		if err := pipeline.CheckBatch(b); err != nil {
			return err
		}
		if len(b.Items) > pipeline.BatchAtOnce {
			project, err := a.p.ProjectOf(b)
			if err != nil {
				return err
			}
			run, err := a.p.StartRun(project, b, caller(e), requestID(e))
			if err != nil {
				return err
			}
			return e.JSON(http.StatusAccepted, map[string]any{"run": run.Id, "total": len(b.Items)})
		}
		results := make([]batchResult, 0, len(b.Items))
		failed := 0
		for _, it := range b.Items {
			done := a.p.One(b, it, caller(e), requestID(e))
			r := batchResult{ID: it.ID, OK: done.Problem == nil, Decision: done.Decision}
			switch {
			case done.Problem != nil:
				failed++
				r.Error = problemBody(done.Problem)
			case collection == records.Issues:
				r.Issue = done.Record.PublicExport()
			default:
				r.Feedback = done.Record.PublicExport()
			}
			results = append(results, r)
		}
		return e.JSON(http.StatusOK, map[string]any{"results": results, "done": len(results) - failed, "failed": failed})
	}
}

// cancelRun is POST /api/runs/{id}/cancel.
func (a *API) cancelRun(e *core.RequestEvent) error {
	if err := signedIn(e); err != nil {
		return err
	}
	run, err := a.p.CancelRun(e.Request.PathValue("id"), caller(e))
	if err != nil {
		return err
	}
	return e.JSON(http.StatusOK, map[string]any{"run": run.PublicExport()})
}

// tryAgain is POST /api/feedback/{id}/judge: an engine's verdict that changes
// nothing.
func (a *API) tryAgain(e *core.RequestEvent) error {
	engine, err := engineOf(e)
	if err != nil {
		return err
	}
	noReadDeadline(e)
	ctx, cancel := context.WithTimeout(e.Request.Context(), longestWait)
	defer cancel()
	th, err := a.p.Try(ctx, e.Request.PathValue("id"), engine, caller(e), requestID(e))
	if err != nil {
		return err
	}
	tokens, cost := 0, 0.0
	for _, c := range th.Calls {
		tokens += c.TokensIn + c.TokensOut
		cost += c.Cost
	}
	return e.JSON(http.StatusOK, map[string]any{"verdict": th.Verdict, "calls": len(th.Calls), "tokens": tokens, "cost": cost})
}

// retriage is POST /api/feedback/{id}/retriage.
func (a *API) retriage(e *core.RequestEvent) error {
	engine, err := engineOf(e)
	if err != nil {
		return err
	}
	noReadDeadline(e)
	r, err := a.p.Retriage(e.Request.PathValue("id"), engine, caller(e), requestID(e))
	if err != nil {
		return err
	}
	return e.JSON(http.StatusOK, map[string]any{"feedback": r.PublicExport()})
}

func engineOf(e *core.RequestEvent) (string, error) {
	if err := signedIn(e); err != nil {
		return "", err
	}
	var body struct {
		Engine string `json:"engine"`
	}
	err := decode(e, &body)
	return body.Engine, err
}
