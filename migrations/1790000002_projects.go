package migrations

import (
	"github.com/pocketbase/pocketbase/core"
	m "github.com/pocketbase/pocketbase/migrations"
	"github.com/pocketbase/pocketbase/tools/types"
)

// Projects and who may do what in them.
func init() {
	m.Register(func(app core.App) error {
		projects := core.NewBaseCollection("projects")
		projects.Fields.Add(needed("name", 120))
		projects.Fields.Add(&core.TextField{Name: "slug", Max: 60, Required: true, Pattern: `^[a-z0-9][a-z0-9-]*$`})
		projects.Fields.Add(list("settings", 64<<10))
		stamps(projects)
		projects.AddIndex("idx_projects_slug", true, "slug", "")
		if err := app.Save(projects); err != nil {
			return err
		}

		members := core.NewBaseCollection("members")
		members.Fields.Add(belongs(app, "project", "projects"))
		members.Fields.Add(belongs(app, "user", "users"))
		members.Fields.Add(one("role", "viewer", "triager", "approver", "admin"))
		stamps(members)
		members.AddIndex("idx_members_user_project", true, "user, project", "")
		members.AddIndex("idx_members_project", false, "project", "")
		if err := app.Save(members); err != nil {
			return err
		}

		members.ListRule = types.Pointer(`@request.auth.collectionName = "users" && project.members_via_project.user ?= @request.auth.id`)
		members.ViewRule = members.ListRule
		members.CreateRule = member("project", "admin")
		members.UpdateRule = stays("project", "admin")
		members.DeleteRule = member("project", "admin")
		if err := app.Save(members); err != nil {
			return err
		}

		projects.ListRule = member("id")
		projects.ViewRule = member("id")
		projects.UpdateRule = member("id", "admin")
		return app.Save(projects)
	}, func(app core.App) error {
		return drop(app, "projects", "members")
	})
}
