package migrations

import (
	"github.com/pocketbase/pocketbase/core"
	m "github.com/pocketbase/pocketbase/migrations"
)

// What each project's people have taught the engine: a cache that can be made
// again from the decisions. Nobody reads the rows over the API.
func init() {
	m.Register(func(app core.App) error {
		layers := core.NewBaseCollection("layers")
		layers.Fields.Add(belongs(app, "project", "projects"))
		layers.Fields.Add(text("through", 15))  // the last decision that was learned
		layers.Fields.Add(text("weights", 120)) // the shipped weights it rests on
		layers.Fields.Add(text("version", 120)) // of the layer
		layers.Fields.Add(text("data", 4<<20))  // base64; offline.MostLayerBytes bounds it
		stamps(layers)
		layers.AddIndex("idx_layers_project", true, "project", "")
		if err := app.Save(layers); err != nil {
			return err
		}
		decisions, err := app.FindCollectionByNameOrId("decisions")
		if err != nil {
			return err
		}
		decisions.AddIndex("idx_decisions_lessons", false, "project", "actor_kind = 'person'")
		return app.Save(decisions)
	}, func(app core.App) error {
		decisions, err := app.FindCollectionByNameOrId("decisions")
		if err != nil {
			return err
		}
		decisions.RemoveIndex("idx_decisions_lessons")
		if err := app.Save(decisions); err != nil {
			return err
		}
		return drop(app, "layers")
	})
}
