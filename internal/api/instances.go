package api

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/pocketbase/pocketbase/core"

	"github.com/iterateswarm/iterateswarm/internal/pipeline"
	"github.com/iterateswarm/iterateswarm/internal/records"
	"github.com/iterateswarm/iterateswarm/internal/triage"
)

// instance finds the source or tracker that a request names and checks the
// caller's role in its project.
func (a *API) instance(e *core.RequestEvent, collection string, need triage.Role) (*core.Record, error) {
	if err := signedIn(e); err != nil {
		return nil, err
	}
	what := map[string]string{records.Sources: "source", records.Trackers: "tracker"}[collection]
	r, err := e.App.FindRecordById(collection, e.Request.PathValue("id"))
	if err != nil {
		return nil, pipeline.Fault(pipeline.NoInstance, "There is no such %s, or you are no member of its project.", what)
	}
	return r, a.p.May(e.App, caller(e), r.GetString("project"), need, pipeline.NoInstance)
}

// restartInstance is POST /api/{sources|trackers}/{id}/restart. It answers when
// the new process has started, or is known not to.
func (a *API) restartInstance(collection string) func(*core.RequestEvent) error {
	return func(e *core.RequestEvent) error {
		r, err := a.instance(e, collection, triage.Admin)
		if err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(e.Request.Context()), 20*time.Second)
		defer cancel()
		a.p.RestartPlugin(ctx, r)
		return a.writeStatus(e, r)
	}
}

// checkInstance is POST /api/{sources|trackers}/{id}/check: does the service
// behind it accept the configuration?
func (a *API) checkInstance(collection string) func(*core.RequestEvent) error {
	return func(e *core.RequestEvent) error {
		r, err := a.instance(e, collection, triage.Admin)
		if err != nil {
			return err
		}
		health := a.p.Plugins.Health(e.Request.Context(), r.Id)
		return e.JSON(http.StatusOK, map[string]any{"ok": health.OK, "detail": health.Detail})
	}
}

// instanceLogs is GET /api/{sources|trackers}/{id}/logs?limit=200, oldest first.
func (a *API) instanceLogs(collection string) func(*core.RequestEvent) error {
	return func(e *core.RequestEvent) error {
		r, err := a.instance(e, collection, triage.Admin)
		if err != nil {
			return err
		}
		limit := 200
		if s := e.Request.URL.Query().Get("limit"); s != "" {
			if limit, err = strconv.Atoi(s); err != nil || limit < 1 {
				return pipeline.Fault(pipeline.BadValue, "limit is a number from 1.").At("limit")
			}
		}
		return e.JSON(http.StatusOK, a.p.Plugins.Logs(r.Id, limit))
	}
}

// instanceStatus is GET /api/{sources|trackers}/{id}/status.
func (a *API) instanceStatus(collection string) func(*core.RequestEvent) error {
	return func(e *core.RequestEvent) error {
		r, err := a.instance(e, collection, triage.Admin)
		if err != nil {
			return err
		}
		return a.writeStatus(e, r)
	}
}

// writeStatus answers with what the host knows of an instance, or with what its
// record says when the host has never started it.
func (a *API) writeStatus(e *core.RequestEvent, r *core.Record) error {
	report, ok := a.p.Plugins.Report(r.Id)
	if !ok {
		fresh, err := e.App.FindRecordById(r.Collection().Name, r.Id)
		if err != nil {
			return err
		}
		return e.JSON(http.StatusOK, map[string]any{"id": r.Id, "plugin": r.GetString("plugin"),
			"state": fresh.GetString("status"), "detail": fresh.GetString("status_detail")})
	}
	return e.JSON(http.StatusOK, report)
}

// testSource is POST /api/sources/{id}/test: one sample message.
func (a *API) testSource(e *core.RequestEvent) error {
	r, err := a.instance(e, records.Sources, triage.Admin)
	if err != nil {
		return err
	}
	id, err := a.p.Sample(r, requestID(e))
	if err != nil {
		return err
	}
	return e.JSON(http.StatusOK, map[string]string{"feedback": id})
}

// trackerOptions is GET /api/trackers/{id}/options.
func (a *API) trackerOptions(e *core.RequestEvent) error {
	r, err := a.instance(e, records.Trackers, triage.Triager)
	if err != nil {
		return err
	}
	o, err := a.p.Options(e.Request.Context(), r.Id)
	if err != nil {
		return err
	}
	labels, assignees, types := []map[string]string{}, []map[string]string{}, []string{}
	for _, l := range o.Labels {
		labels = append(labels, map[string]string{"name": l.Name, "description": l.Description, "color": l.Color})
	}
	for _, p := range o.Assignees {
		assignees = append(assignees, map[string]string{"id": p.ID, "name": p.Name})
	}
	return e.JSON(http.StatusOK, map[string]any{"labels": labels, "assignees": assignees, "types": append(types, o.Types...)})
}
