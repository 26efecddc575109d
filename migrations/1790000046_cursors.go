package migrations

import (
	"fmt"

	"github.com/pocketbase/pocketbase/core"
	m "github.com/pocketbase/pocketbase/migrations"
)

// A tracker's cursor may be as long as the protocol allows.
func init() {
	size := func(app core.App, max int) error {
		c, err := app.FindCollectionByNameOrId("trackers")
		if err != nil {
			return err
		}
		cursor, ok := c.Fields.GetByName("cursor").(*core.TextField)
		if !ok {
			return fmt.Errorf("trackers have no cursor")
		}
		cursor.Max = max
		return app.Save(c)
	}
	m.Register(func(app core.App) error { return size(app, 64<<10) }, func(app core.App) error { return size(app, 4<<10) })
}
