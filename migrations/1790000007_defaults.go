package migrations

import (
	"github.com/pocketbase/pocketbase/core"
	m "github.com/pocketbase/pocketbase/migrations"

	"github.com/iterateswarm/iterateswarm/internal/records"
)

// What a new installation starts with: a project, a tracker that needs no
// account, and one row about the installation itself.
func init() {
	m.Register(func(app core.App) error {
		installation := core.NewBaseCollection("installation")
		installation.Fields.Add(text("key_check", 500))               // sealed with the key; opens with no other
		installation.Fields.Add(&core.DateField{Name: "restored_at"}) // issues older than this are looked up before they are filed
		stamps(installation)
		if err := app.Save(installation); err != nil {
			return err
		}
		if err := app.Save(core.NewRecord(installation)); err != nil {
			return err
		}

		projects, err := app.FindCollectionByNameOrId(records.Projects)
		if err != nil {
			return err
		}
		project := core.NewRecord(projects)
		project.Set("name", "Default")
		project.Set("slug", records.DefaultProject)
		project.Set("settings", records.Settings{})
		if err := app.Save(project); err != nil {
			return err
		}

		trackers, err := app.FindCollectionByNameOrId(records.Trackers)
		if err != nil {
			return err
		}
		tracker := core.NewRecord(trackers)
		tracker.Set("project", project.Id)
		tracker.Set("name", "Local folder")
		tracker.Set("plugin", "local")
		tracker.Set("config", map[string]any{})
		tracker.Set("enabled", true)
		return app.Save(tracker)
	}, func(app core.App) error {
		if err := drop(app, "installation"); err != nil {
			return err
		}
		_, err := app.DB().NewQuery(`DELETE FROM projects WHERE slug = 'default'`).Execute()
		return err
	})
}
