package api

import (
	"net/http"
	"time"

	"github.com/pocketbase/pocketbase/core"

	"github.com/iterateswarm/iterateswarm/internal/pipeline"
	"github.com/iterateswarm/iterateswarm/internal/triage"
)

// actBody is what the routes that decide on an issue take.
type actBody struct {
	Version  *int     `json:"version"`
	Reason   string   `json:"reason"`
	Until    until    `json:"until"`
	Into     string   `json:"into"`
	Feedback []string `json:"feedback"`
}

// until is a time in a body. What is none is a problem of its field.
type until struct{ time.Time }

// UnmarshalJSON reads RFC 3339.
func (u *until) UnmarshalJSON(raw []byte) error {
	if err := u.Time.UnmarshalJSON(raw); err != nil {
		return pipeline.Fault(pipeline.BadType, "until must be a time such as 2026-12-01T09:00:00Z.").At("until")
	}
	return nil
}

func (b actBody) act(e *core.RequestEvent) pipeline.Act {
	return pipeline.Act{By: caller(e), Version: b.Version, Reason: b.Reason, RequestID: requestID(e),
		Until: b.Until.Time, Into: b.Into, Feedback: b.Feedback}
}

// acts are the actions of POST /api/issues/{id}/{action}.
func (a *API) acts() map[string]func(string, pipeline.Act) (pipeline.Outcome, error) {
	return map[string]func(string, pipeline.Act) (pipeline.Outcome, error){
		"approve": a.p.Approve, "decline": a.p.Decline, "snooze": a.p.Snooze, "reopen": a.p.Reopen,
		"merge": a.p.Merge, "unmerge": a.p.Unmerge, "split": a.p.Split, "close": a.p.Close,
		"apart": a.p.Apart, "regression": a.p.Regression,
	}
}

// act is POST /api/issues/{id}/{action}.
func (a *API) act(e *core.RequestEvent) error {
	do, ok := a.acts()[e.Request.PathValue("action")]
	if !ok {
		return pipeline.Fault(pipeline.NoRoute, "There is no action %q. There are approve, decline, snooze, reopen, close, merge, unmerge, split, apart and regression.",
			clipped(e.Request.PathValue("action")))
	}
	if err := signedIn(e); err != nil {
		return err
	}
	var body actBody
	if err := decode(e, &body); err != nil {
		return err
	}
	out, err := do(e.Request.PathValue("id"), body.act(e))
	if err != nil {
		return err
	}
	return e.JSON(http.StatusOK, outcomeBody(out))
}

func outcomeBody(out pipeline.Outcome) map[string]any {
	return map[string]any{"issue": out.Issue.PublicExport(), "decision": out.Decision}
}

// edit is PATCH /api/issues/{id}: the fields to change and the version seen.
func (a *API) edit(e *core.RequestEvent) error {
	if err := signedIn(e); err != nil {
		return err
	}
	fields := map[string]any{}
	if err := decode(e, &fields); err != nil {
		return err
	}
	act := pipeline.Act{By: caller(e), RequestID: requestID(e), Edit: fields}
	if v, ok := fields["version"]; ok {
		n, isNumber := v.(float64)
		if !isNumber || n != float64(int(n)) {
			return pipeline.Fault(pipeline.BadType, "version must be a whole number.").At("version")
		}
		version := int(n)
		act.Version = &version
		delete(fields, "version")
	}
	if v, ok := fields["reason"].(string); ok {
		act.Reason = v
		delete(fields, "reason")
	}
	out, err := a.p.Edit(e.Request.PathValue("id"), act)
	if err != nil {
		return err
	}
	return e.JSON(http.StatusOK, outcomeBody(out))
}

// correct is POST /api/feedback/{id}/correct: a person's class and severity. It
// also releases a held message and restores noise.
func (a *API) correct(e *core.RequestEvent) error {
	if err := signedIn(e); err != nil {
		return err
	}
	var body struct {
		Class    triage.Class    `json:"class"`
		Severity triage.Severity `json:"severity"`
		Reason   string          `json:"reason"`
	}
	if err := decode(e, &body); err != nil {
		return err
	}
	r, err := a.p.Correct(e.Request.PathValue("id"), pipeline.Correction{By: caller(e), Class: body.Class,
		Severity: body.Severity, Reason: body.Reason, RequestID: requestID(e)})
	if err != nil {
		return err
	}
	return e.JSON(http.StatusOK, map[string]any{"feedback": r.PublicExport()})
}

// join is POST /api/feedback/{id}/join: make a message a report of an issue.
func (a *API) join(e *core.RequestEvent) error {
	if err := signedIn(e); err != nil {
		return err
	}
	var body struct {
		Issue  string `json:"issue"`
		Reason string `json:"reason"`
	}
	if err := decode(e, &body); err != nil {
		return err
	}
	r, err := a.p.Join(e.Request.PathValue("id"), body.Issue, caller(e), body.Reason, requestID(e))
	if err != nil {
		return err
	}
	return e.JSON(http.StatusOK, map[string]any{"feedback": r.PublicExport()})
}

// undo is POST /api/decisions/{id}/undo.
func (a *API) undo(e *core.RequestEvent) error {
	if err := signedIn(e); err != nil {
		return err
	}
	var body actBody
	if err := decode(e, &body); err != nil {
		return err
	}
	out, err := a.p.Undo(e.Request.PathValue("id"), body.act(e))
	if err != nil {
		return err
	}
	answer := map[string]any{"decision": out.Decision}
	if out.Issue != nil {
		answer["issue"] = out.Issue.PublicExport()
	}
	if out.Feedback != nil {
		answer["feedback"] = out.Feedback.PublicExport()
	}
	return e.JSON(http.StatusOK, answer)
}

// retry is POST /api/deliveries/{id}/retry, for one that needs a person.
func (a *API) retry(e *core.RequestEvent) error {
	if err := signedIn(e); err != nil {
		return err
	}
	var body actBody
	if err := decode(e, &body); err != nil {
		return err
	}
	d, err := a.p.Retry(e.Request.PathValue("id"), body.act(e))
	if err != nil {
		return err
	}
	return e.JSON(http.StatusOK, map[string]any{"delivery": d.PublicExport()})
}

// confirm is POST /api/deliveries/{id}/confirm: a person found the issue in the
// tracker.
func (a *API) confirm(e *core.RequestEvent) error {
	if err := signedIn(e); err != nil {
		return err
	}
	var body struct {
		Number string `json:"number"`
		URL    string `json:"url"`
		Reason string `json:"reason"`
	}
	if err := decode(e, &body); err != nil {
		return err
	}
	d, err := a.p.Confirm(e.Request.PathValue("id"), body.Number, body.URL, pipeline.Act{By: caller(e), Reason: body.Reason, RequestID: requestID(e)})
	if err != nil {
		return err
	}
	return e.JSON(http.StatusOK, map[string]any{"delivery": d.PublicExport()})
}
