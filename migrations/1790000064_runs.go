package migrations

import (
	"github.com/pocketbase/pocketbase/core"
	m "github.com/pocketbase/pocketbase/migrations"
)

// Long work with its progress, and who is to look after an issue.
func init() {
	m.Register(func(app core.App) error {
		issues, err := app.FindCollectionByNameOrId("issues")
		if err != nil {
			return err
		}
		issues.Fields.Add(list("assignees", 8<<10)) // to be, as the tracker names them
		if err := app.Save(issues); err != nil {
			return err
		}
		runs, err := app.FindCollectionByNameOrId("runs")
		if err != nil {
			runs = core.NewBaseCollection("runs")
		}
		runs.Fields.Add(belongs(app, "project", "projects"))
		runs.Fields.Add(needed("kind", 40)) // issues, feedback, retrain …
		runs.Fields.Add(one("state", "running", "done", "failed", "cancelled"))
		runs.Fields.Add(number("done"))
		runs.Fields.Add(number("total"))
		runs.Fields.Add(text("detail", 2000))
		runs.Fields.Add(text("actor", 120))
		input := list("input", 2<<20) // what is to be done
		input.Hidden = true
		runs.Fields.Add(input)
		runs.Fields.Add(list("result", 2<<20))
		if runs.Fields.GetByName("created") == nil {
			stamps(runs)
		}
		runs.RemoveIndex("idx_runs_project")
		runs.AddIndex("idx_runs_project", false, "project, created", "")
		runs.ListRule = member("project")
		runs.ViewRule = member("project")
		return app.Save(runs)
	}, func(app core.App) error {
		issues, err := app.FindCollectionByNameOrId("issues")
		if err != nil {
			return err
		}
		issues.Fields.RemoveByName("assignees")
		if err := app.Save(issues); err != nil {
			return err
		}
		return drop(app, "runs")
	})
}
