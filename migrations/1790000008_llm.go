package migrations

import (
	"github.com/pocketbase/pocketbase/core"
	m "github.com/pocketbase/pocketbase/migrations"
)

// What the language model adds: which messages still wait for it, and a ledger
// of its calls.
func init() {
	m.Register(func(app core.App) error {
		feedback, err := app.FindCollectionByNameOrId("feedback")
		if err != nil {
			return err
		}
		feedback.Fields.Add(&core.BoolField{Name: "degraded"}) // a model was expected and did not answer; the offline verdict stands
		feedback.Fields.Add(text("degraded_why", 500))         // in a few words
		feedback.Fields.Add(number("thoughts"))                // how often a model was asked in vain
		feedback.Fields.Add(&core.DateField{Name: "think_at"}) // when to ask again; empty: never
		feedback.AddIndex("idx_feedback_degraded", false, "think_at", "degraded = 1")
		if err := app.Save(feedback); err != nil {
			return err
		}

		usage := core.NewBaseCollection("usage")
		usage.Fields.Add(belongs(app, "project", "projects"))
		usage.Fields.Add(needed("subject_id", 15)) // the message
		usage.Fields.Add(needed("model", 120))
		usage.Fields.Add(text("kind", 20))
		usage.Fields.Add(text("mode", 20))
		usage.Fields.Add(number("attempt"))
		usage.Fields.Add(number("tokens_in"))
		usage.Fields.Add(number("tokens_out"))
		usage.Fields.Add(number("cost"))
		usage.Fields.Add(number("ms"))
		usage.Fields.Add(text("outcome", 500))
		usage.Fields.Add(text("request_id", 64))
		usage.Fields.Add(&core.AutodateField{Name: "created", OnCreate: true})
		usage.AddIndex("idx_usage_project", false, "project, created", "")
		usage.AddIndex("idx_usage_created", false, "created", "")
		usage.AddIndex("idx_usage_subject", false, "subject_id, created", "")
		usage.ListRule = member("project")
		usage.ViewRule = member("project")
		return app.Save(usage)
	}, func(app core.App) error {
		feedback, err := app.FindCollectionByNameOrId("feedback")
		if err != nil {
			return err
		}
		feedback.RemoveIndex("idx_feedback_degraded")
		for _, name := range []string{"degraded", "degraded_why", "thoughts", "think_at"} {
			feedback.Fields.RemoveByName(name)
		}
		if err := app.Save(feedback); err != nil {
			return err
		}
		return drop(app, "usage")
	})
}
