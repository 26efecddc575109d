package migrations

import (
	"github.com/pocketbase/pocketbase/core"
	m "github.com/pocketbase/pocketbase/migrations"
)

// Keys that stand in a web page for everybody to read, and the files that come
// with a message.
func init() {
	m.Register(func(app core.App) error {
		keys, err := app.FindCollectionByNameOrId("keys")
		if err != nil {
			return err
		}
		keys.Fields.Add(&core.BoolField{Name: "public"})
		keys.Fields.Add(text("public_key", 80))  // in full: it is no secret
		keys.Fields.Add(list("origins", 16<<10)) // web origins that may use it; empty: any
		if err := app.Save(keys); err != nil {
			return err
		}

		uploads := core.NewBaseCollection("uploads")
		uploads.Fields.Add(belongs(app, "project", "projects"))
		uploads.Fields.Add(belongs(app, "feedback", "feedback"))
		uploads.Fields.Add(&core.FileField{Name: "file", MaxSelect: 1, MaxSize: 5 << 20, Protected: true, Required: true,
			MimeTypes: []string{"image/png", "image/jpeg", "image/gif", "image/webp", "application/pdf", "text/plain"}})
		uploads.Fields.Add(text("name", 200)) // as the reporter's machine called it
		uploads.Fields.Add(number("size"))
		stamps(uploads)
		uploads.AddIndex("idx_uploads_feedback", false, "feedback", "")
		uploads.ListRule = member("project")
		uploads.ViewRule = member("project")
		return app.Save(uploads)
	}, func(app core.App) error {
		if err := drop(app, "uploads"); err != nil {
			return err
		}
		keys, err := app.FindCollectionByNameOrId("keys")
		if err != nil {
			return err
		}
		for _, f := range []string{"public", "public_key", "origins"} {
			keys.Fields.RemoveByName(f)
		}
		return app.Save(keys)
	})
}
