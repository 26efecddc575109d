package migrations

import (
	"github.com/pocketbase/pocketbase/core"
	m "github.com/pocketbase/pocketbase/migrations"
)

// Which source a call to the model was made for: one may use only a share of
// its project's budget.
func init() {
	m.Register(func(app core.App) error {
		usage, err := app.FindCollectionByNameOrId("usage")
		if err != nil {
			return err
		}
		usage.Fields.Add(text("source", 60)) // "other": none that is configured
		return app.Save(usage)
	}, func(app core.App) error {
		usage, err := app.FindCollectionByNameOrId("usage")
		if err != nil {
			return err
		}
		usage.Fields.RemoveByName("source")
		return app.Save(usage)
	})
}
