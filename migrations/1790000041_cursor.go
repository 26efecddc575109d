package migrations

import (
	"github.com/pocketbase/pocketbase/core"
	m "github.com/pocketbase/pocketbase/migrations"
)

// Where a source that goes and gets its messages goes on.
func init() {
	m.Register(func(app core.App) error {
		sources, err := app.FindCollectionByNameOrId("sources")
		if err != nil {
			return err
		}
		cursor := text("cursor", 64<<10) // the plugin's own
		cursor.Hidden = true
		sources.Fields.Add(cursor)
		return app.Save(sources)
	}, func(app core.App) error {
		sources, err := app.FindCollectionByNameOrId("sources")
		if err != nil {
			return err
		}
		sources.Fields.RemoveByName("cursor")
		return app.Save(sources)
	})
}
