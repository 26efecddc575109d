package migrations

import (
	"github.com/pocketbase/pocketbase/core"
	m "github.com/pocketbase/pocketbase/migrations"
	"github.com/pocketbase/pocketbase/tools/types"
)

// What the screens keep: saved views, and alerts about what rises.
func init() {
	m.Register(func(app core.App) error {
		views := core.NewBaseCollection("views")
		views.Fields.Add(belongs(app, "project", "projects"))
		views.Fields.Add(belongs(app, "user", "users"))
		views.Fields.Add(needed("name", 80))
		views.Fields.Add(needed("query", 2000))
		views.Fields.Add(&core.BoolField{Name: "shared"})
		stamps(views)
		views.AddIndex("idx_views_project", false, "project, shared", "")
		views.AddIndex("idx_views_user", false, "user", "")
		own := `user = @request.auth.id && (@request.body.user:isset = false || @request.body.user = user)`
		views.ListRule = types.Pointer(*member("project") + ` && (user = @request.auth.id || shared = true)`)
		views.ViewRule = views.ListRule
		views.CreateRule = types.Pointer(*member("project") + ` && user = @request.auth.id`)
		views.UpdateRule = types.Pointer(*stays("project") + ` && ` + own)
		// An admin may tidy up what is shared.
		views.DeleteRule = types.Pointer(`(` + *member("project") + ` && user = @request.auth.id) || (shared = true && ` + *member("project", "admin") + `)`)
		if err := app.Save(views); err != nil {
			return err
		}

		alerts := core.NewBaseCollection("alerts")
		alerts.Fields.Add(belongs(app, "project", "projects"))
		alerts.Fields.Add(one("kind", "cluster", "source"))
		alerts.Fields.Add(needed("key", 80)) // of the cluster: its issue's id; of the source: its name
		alerts.Fields.Add(&core.RelationField{Name: "issue", CollectionId: idOf(app, "issues"), MaxSelect: 1, CascadeDelete: true})
		alerts.Fields.Add(one("state", "open", "acknowledged", "muted", "over"))
		alerts.Fields.Add(number("count"))     // messages in the last 24 hours
		alerts.Fields.Add(number("expected"))  // the mean of a day over the 14 days before
		alerts.Fields.Add(number("chance"))    // of so many or more, by the rule
		alerts.Fields.Add(number("reporters")) // in the last 24 hours
		alerts.Fields.Add(text("factor", 200)) // what most of them have in common, such as "version 4.2.1"
		alerts.Fields.Add(&core.DateField{Name: "since"})
		alerts.Fields.Add(&core.DateField{Name: "last"})
		alerts.Fields.Add(&core.DateField{Name: "muted_until"})
		alerts.Fields.Add(link(app, "by", "users"))
		stamps(alerts)
		alerts.AddIndex("idx_alerts_key", true, "project, kind, key", "")
		alerts.AddIndex("idx_alerts_state", false, "project, state, last", "")
		alerts.ListRule = member("project")
		alerts.ViewRule = member("project")
		return app.Save(alerts)
	}, func(app core.App) error {
		return drop(app, "views", "alerts")
	})
}
