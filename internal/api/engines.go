package api

import (
	"net/http"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"github.com/iterateswarm/iterateswarm/internal/pipeline"
	"github.com/iterateswarm/iterateswarm/internal/records"
	"github.com/iterateswarm/iterateswarm/internal/triage"
)

// engines is GET /api/engines: how the embedded engine and the model are doing,
// for a superuser and for admins of a project. An admin sees the budgets of the
// own projects only.
func (a *API) engines(e *core.RequestEvent) error {
	if err := signedIn(e); err != nil {
		return err
	}
	query := a.p.App.DB().Select("p.id").From(records.Projects + " p").OrderBy("p.slug").Limit(mostProjects)
	if who := caller(e); !who.IsSuperuser() {
		query = query.InnerJoin(records.Members+" m", dbx.NewExp("m.project = p.id")).
			Where(dbx.HashExp{"m.user": who.Id, "m.role": string(triage.Admin)})
	}
	var projects []string
	if err := query.Column(&projects); err != nil {
		return err
	}
	if len(projects) == 0 && !caller(e).IsSuperuser() {
		return pipeline.Fault(pipeline.WrongRole, "This needs the role %s in a project.", triage.Admin)
	}
	report, err := a.p.Engines(projects)
	if err != nil {
		return err
	}
	return e.JSON(http.StatusOK, report)
}

// mostProjects is how many projects one answer lists.
const mostProjects = 500
