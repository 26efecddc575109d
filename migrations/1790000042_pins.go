package migrations

import (
	"github.com/pocketbase/pocketbase/core"
	m "github.com/pocketbase/pocketbase/migrations"
)

// Which of the operator's own programs may run as plugins: a superuser's word
// for one file with one checksum. The server alone writes it; superusers read.
func init() {
	m.Register(func(app core.App) error {
		pins := core.NewBaseCollection("pins")
		pins.Fields.Add(needed("name", 31))
		pins.Fields.Add(needed("file", 255))
		pins.Fields.Add(needed("sha256", 64))
		pins.Fields.Add(list("manifest", 128<<10)) // what the file said when it was enabled
		pins.Fields.Add(text("enabled_by", 255))   // the superuser's mail address
		stamps(pins)
		pins.AddIndex("idx_pins_name", true, "name", "")
		return app.Save(pins)
	}, func(app core.App) error {
		return drop(app, "pins")
	})
}
