package migrations

import (
	"github.com/pocketbase/pocketbase/core"
	m "github.com/pocketbase/pocketbase/migrations"
)

// What an embedding model says of each message, one row a message. It is no
// collection, and nothing is lost when it is emptied.
func init() {
	m.Register(func(app core.App) error {
		_, err := app.DB().NewQuery(`CREATE TABLE IF NOT EXISTS embeddings (
	id        TEXT PRIMARY KEY NOT NULL,
	model     TEXT NOT NULL,
	dimension INTEGER NOT NULL,
	data      BLOB NOT NULL
) WITHOUT ROWID`).Execute()
		return err
	}, func(app core.App) error {
		_, err := app.DB().DropTable("embeddings").Execute()
		return err
	})
}
