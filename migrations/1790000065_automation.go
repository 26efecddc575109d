package migrations

import (
	"github.com/pocketbase/pocketbase/core"
	m "github.com/pocketbase/pocketbase/migrations"
)

// A project can leave every step to people: then noise waits for them too.
func init() {
	heldFor := func(app core.App, reasons ...string) error {
		feedback, err := app.FindCollectionByNameOrId("feedback")
		if err != nil {
			return err
		}
		f := feedback.Fields.GetByName("held_reason").(*core.SelectField)
		f.Values = reasons
		return app.Save(feedback)
	}
	m.Register(func(app core.App) error {
		return heldFor(app, "low_confidence", "quarantined", "full_control")
	}, func(app core.App) error {
		return heldFor(app, "low_confidence", "quarantined")
	})
}
