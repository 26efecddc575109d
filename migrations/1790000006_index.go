package migrations

import (
	"github.com/pocketbase/pocketbase/core"
	m "github.com/pocketbase/pocketbase/migrations"

	"github.com/iterateswarm/iterateswarm/internal/vector"
)

// The similarity index's rows. They are no collection: nobody reads them but
// the index.
func init() {
	m.Register(func(app core.App) error {
		for _, q := range vector.Schema() {
			if _, err := app.DB().NewQuery(q).Execute(); err != nil {
				return err
			}
		}
		return nil
	}, func(app core.App) error {
		_, err := app.DB().DropTable("vectors").Execute()
		return err
	})
}
