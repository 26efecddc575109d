package migrations

import (
	"github.com/pocketbase/pocketbase/core"
	m "github.com/pocketbase/pocketbase/migrations"
)

// Configured sources and trackers, and the keys that may post feedback. The
// secrets of a configuration are sealed and never leave the server.
func init() {
	m.Register(func(app core.App) error {
		for _, name := range []string{"sources", "trackers"} {
			c := core.NewBaseCollection(name)
			c.Fields.Add(belongs(app, "project", "projects"))
			c.Fields.Add(needed("name", 120))
			if name == "sources" {
				c.Fields.Add(&core.TextField{Name: "slug", Max: 60, Required: true, Pattern: `^[a-z0-9][a-z0-9_-]*$`})
			}
			c.Fields.Add(needed("plugin", 60))
			c.Fields.Add(list("config", 64<<10))
			c.Fields.Add(&core.TextField{Name: "secrets", Max: 200_000, Hidden: true})
			c.Fields.Add(list("secrets_set", 8<<10))
			c.Fields.Add(&core.BoolField{Name: "enabled"})
			c.Fields.Add(maybe("status", "starting", "running", "backoff", "quarantined", "disabled", "misconfigured"))
			c.Fields.Add(text("status_detail", 2000))
			if name == "trackers" {
				c.Fields.Add(number("settle"))   // seconds before an unknown outcome is looked up; 0: the plugin's own
				c.Fields.Add(number("interval")) // milliseconds between two creates; 0: the plugin's own
			}
			stamps(c)
			c.AddIndex("idx_"+name+"_project", false, "project, enabled", "")
			if name == "sources" {
				c.AddIndex("idx_sources_slug", true, "slug", "")
			}
			c.ListRule = member("project", "admin")
			c.ViewRule = member("project", "admin")
			c.CreateRule = member("project", "admin")
			c.UpdateRule = stays("project", "admin")
			c.DeleteRule = member("project", "admin")
			if err := app.Save(c); err != nil {
				return err
			}
		}

		keys := core.NewBaseCollection("keys")
		keys.Fields.Add(belongs(app, "project", "projects"))
		keys.Fields.Add(needed("name", 120))
		keys.Fields.Add(&core.TextField{Name: "hash", Max: 64, Required: true, Hidden: true})
		keys.Fields.Add(text("prefix", 16))
		keys.Fields.Add(number("burst"))    // tokens in its own bucket; 0: the default
		keys.Fields.Add(number("every_ms")) // milliseconds until one token is back; 0: the default
		keys.Fields.Add(&core.BoolField{Name: "disabled"})
		stamps(keys)
		keys.AddIndex("idx_keys_hash", true, "hash", "")
		keys.AddIndex("idx_keys_project", false, "project", "")
		keys.ListRule = member("project", "admin")
		keys.ViewRule = member("project", "admin")
		keys.CreateRule = member("project", "admin")
		keys.UpdateRule = stays("project", "admin")
		keys.DeleteRule = member("project", "admin")
		return app.Save(keys)
	}, func(app core.App) error {
		return drop(app, "sources", "trackers", "keys")
	})
}
