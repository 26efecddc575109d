package migrations

import (
	"github.com/pocketbase/pocketbase/core"
	m "github.com/pocketbase/pocketbase/migrations"
)

// What was decided, what was done and what must never be joined again.
func init() {
	m.Register(func(app core.App) error {
		decisions := core.NewBaseCollection("decisions")
		decisions.Fields.Add(belongs(app, "project", "projects"))
		decisions.Fields.Add(one("subject", "feedback", "issues"))
		decisions.Fields.Add(needed("subject_id", 15))
		decisions.Fields.Add(needed("action", 40))
		decisions.Fields.Add(one("actor_kind", "engine", "rule", "person", "system"))
		decisions.Fields.Add(text("actor", 120))
		decisions.Fields.Add(list("before", 256<<10))
		decisions.Fields.Add(list("after", 256<<10))
		decisions.Fields.Add(text("reason", 5000))
		decisions.Fields.Add(text("engine", 120))
		decisions.Fields.Add(text("prompt_version", 120))
		decisions.Fields.Add(text("input_hash", 64))
		decisions.Fields.Add(text("undo_of", 15))
		decisions.Fields.Add(text("request_id", 64))
		decisions.Fields.Add(text("previous_hash", 64))
		decisions.Fields.Add(text("hash", 64))
		decisions.Fields.Add(&core.AutodateField{Name: "created", OnCreate: true})
		decisions.AddIndex("idx_decisions_subject", false, "subject_id, created", "")
		decisions.AddIndex("idx_decisions_project", false, "project, created", "")
		decisions.AddIndex("idx_decisions_people", false, "actor_kind, action", "actor_kind = 'person'")
		decisions.AddIndex("idx_decisions_undo", false, "undo_of", "undo_of != ''")
		decisions.ListRule = member("project")
		decisions.ViewRule = member("project")
		if err := app.Save(decisions); err != nil {
			return err
		}

		steps := core.NewBaseCollection("steps")
		steps.Fields.Add(belongs(app, "project", "projects"))
		steps.Fields.Add(needed("subject_id", 15)) // a message, or an issue being filed
		steps.Fields.Add(needed("name", 40))
		steps.Fields.Add(text("engine", 120))
		steps.Fields.Add(number("ms"))
		steps.Fields.Add(number("tokens"))
		steps.Fields.Add(number("cost"))
		steps.Fields.Add(number("attempt"))
		steps.Fields.Add(text("error", 2000))
		steps.Fields.Add(text("request_id", 64))
		steps.Fields.Add(&core.AutodateField{Name: "created", OnCreate: true})
		steps.AddIndex("idx_steps_subject", false, "subject_id, created", "")
		steps.ListRule = member("project")
		steps.ViewRule = member("project")
		if err := app.Save(steps); err != nil {
			return err
		}

		separations := core.NewBaseCollection("separations")
		separations.Fields.Add(belongs(app, "project", "projects"))
		separations.Fields.Add(needed("low", 15)) // two record ids, of messages or issues, in order
		separations.Fields.Add(needed("high", 15))
		stamps(separations)
		separations.AddIndex("idx_separations_pair", true, "low, high", "")
		separations.AddIndex("idx_separations_high", false, "high", "")
		separations.ListRule = member("project")
		separations.ViewRule = member("project")
		if err := app.Save(separations); err != nil {
			return err
		}

		deliveries := core.NewBaseCollection("deliveries")
		deliveries.Fields.Add(belongs(app, "project", "projects"))
		deliveries.Fields.Add(belongs(app, "issue", "issues"))
		deliveries.Fields.Add(belongs(app, "tracker", "trackers"))
		deliveries.Fields.Add(one("action", "create"))
		deliveries.Fields.Add(number("generation"))
		deliveries.Fields.Add(needed("key", 20))
		deliveries.Fields.Add(one("state", "pending", "sending", "unknown", "done", "rejected", "needs_human"))
		deliveries.Fields.Add(&core.DateField{Name: "intent_at"})
		deliveries.Fields.Add(&core.DateField{Name: "checked_at"})
		deliveries.Fields.Add(&core.DateField{Name: "next_at"})
		deliveries.Fields.Add(number("attempts"))
		deliveries.Fields.Add(number("rounds"))    // creates sent again after the tracker was looked through twice
		deliveries.Fields.Add(number("negatives")) // look-ups in a row that did not find the key
		deliveries.Fields.Add(text("body_hash", 64))
		deliveries.Fields.Add(text("number", 200))
		deliveries.Fields.Add(text("node_id", 200))
		deliveries.Fields.Add(text("url", 2000))
		deliveries.Fields.Add(text("error", 2000))
		deliveries.Fields.Add(text("request_id", 64))
		stamps(deliveries)
		deliveries.AddIndex("idx_deliveries_once", true, "issue, tracker, action, generation", "")
		deliveries.AddIndex("idx_deliveries_key", true, "key", "")
		deliveries.AddIndex("idx_deliveries_open", false, "tracker, state, next_at", "")
		deliveries.ListRule = member("project")
		deliveries.ViewRule = member("project")
		return app.Save(deliveries)
	}, func(app core.App) error {
		return drop(app, "decisions", "steps", "separations", "deliveries")
	})
}
