package api

import (
	"fmt"
	"net/http"

	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/router"

	"github.com/iterateswarm/iterateswarm/internal/triage"
)

// bindLearning adds the routes about what a project's people have taught.
func (a *API) bindLearning(r *router.Router[*core.RequestEvent]) {
	r.GET("/api/projects/{id}/calibration", a.calibration)
	r.GET("/api/projects/{id}/learning", a.learning)
	r.GET("/api/projects/{id}/learning/export", a.exportLearning)
	r.POST("/api/projects/{id}/learning/reset", a.resetLearning)
	r.POST("/api/projects/{id}/learning/retrain", a.retrain)
	r.GET("/api/feedback/{id}/why", a.why)
}

// calibration is GET /api/projects/{id}/calibration.
func (a *API) calibration(e *core.RequestEvent) error {
	project, err := a.inProject(e, e.Request.PathValue("id"), triage.Viewer)
	if err != nil {
		return err
	}
	out, err := a.p.Calibration(project.Id)
	if err != nil {
		return err
	}
	return e.JSON(http.StatusOK, out)
}

// learning is GET /api/projects/{id}/learning.
func (a *API) learning(e *core.RequestEvent) error {
	project, err := a.inProject(e, e.Request.PathValue("id"), triage.Viewer)
	if err != nil {
		return err
	}
	return e.JSON(http.StatusOK, a.p.Learning(project.Id))
}

// exportLearning is GET /api/projects/{id}/learning/export, a download.
func (a *API) exportLearning(e *core.RequestEvent) error {
	project, err := a.inProject(e, e.Request.PathValue("id"), triage.Admin)
	if err != nil {
		return err
	}
	out, err := a.p.ExportLearning(project.Id, caller(e))
	if err != nil {
		return err
	}
	e.Response.Header().Set("Content-Disposition", fmt.Sprintf(`attachment; filename="learning-%s.json"`, out.Version))
	return e.JSON(http.StatusOK, out)
}

// resetLearning is POST /api/projects/{id}/learning/reset.
func (a *API) resetLearning(e *core.RequestEvent) error {
	project, err := a.inProject(e, e.Request.PathValue("id"), triage.Admin)
	if err != nil {
		return err
	}
	var body struct {
		Reason string `json:"reason"`
	}
	if err := decode(e, &body); err != nil {
		return err
	}
	if err := a.p.ResetLearning(project.Id, caller(e), body.Reason, requestID(e)); err != nil {
		return err
	}
	return e.JSON(http.StatusOK, a.p.Learning(project.Id))
}

// retrain is POST /api/projects/{id}/learning/retrain.
func (a *API) retrain(e *core.RequestEvent) error {
	project, err := a.inProject(e, e.Request.PathValue("id"), triage.Admin)
	if err != nil {
		return err
	}
	run, err := a.p.Retrain(project.Id, caller(e), requestID(e))
	if err != nil {
		return err
	}
	return e.JSON(http.StatusOK, map[string]any{"run": run.Id})
}

// why is GET /api/feedback/{id}/why.
func (a *API) why(e *core.RequestEvent) error {
	if err := signedIn(e); err != nil {
		return err
	}
	class, severity, err := a.p.Why(e.Request.PathValue("id"), caller(e))
	if err != nil {
		return err
	}
	return e.JSON(http.StatusOK, map[string]any{"class": class, "severity": severity})
}
