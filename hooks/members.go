package hooks

import (
	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"github.com/iterateswarm/iterateswarm/internal/pipeline"
	"github.com/iterateswarm/iterateswarm/internal/records"
	"github.com/iterateswarm/iterateswarm/internal/triage"
)

// bindMembers keeps an admin in every project that has one. What a superuser
// does in the console, and what goes with its project or its account, stands.
func bindMembers(app core.App) {
	last := func(e *core.RecordRequestEvent, now string) error {
		was := e.Record.Original()
		if was.GetString("role") != string(triage.Admin) || now == string(triage.Admin) || e.HasSuperuserAuth() {
			return e.Next()
		}
		n, err := e.App.CountRecords(records.Members, dbx.HashExp{"project": was.GetString("project"), "role": string(triage.Admin)})
		if err != nil {
			return err
		}
		if n <= 1 {
			return pipeline.Fault(pipeline.LastAdmin, "This is the project's last admin. Make somebody else an admin first.").At("role")
		}
		return e.Next()
	}
	app.OnRecordUpdateRequest(records.Members).BindFunc(func(e *core.RecordRequestEvent) error { return last(e, e.Record.GetString("role")) })
	app.OnRecordDeleteRequest(records.Members).BindFunc(func(e *core.RecordRequestEvent) error { return last(e, "") })
}
