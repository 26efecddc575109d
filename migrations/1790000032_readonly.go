package migrations

import (
	"github.com/pocketbase/pocketbase/core"
	m "github.com/pocketbase/pocketbase/migrations"
)

// The switch that lets a superuser work on the data undisturbed.
func init() {
	m.Register(func(app core.App) error {
		c, err := app.FindCollectionByNameOrId("installation")
		if err != nil {
			return err
		}
		c.Fields.Add(&core.BoolField{Name: "read_only"})
		return app.Save(c)
	}, func(app core.App) error {
		c, err := app.FindCollectionByNameOrId("installation")
		if err != nil {
			return err
		}
		c.Fields.RemoveByName("read_only")
		return app.Save(c)
	})
}
