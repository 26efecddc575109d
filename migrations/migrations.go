// Package migrations holds the schema, one file per change, in the order of
// their names. Every change can be taken back. PocketBase runs them when the
// server starts.
package migrations

import (
	"strings"

	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/types"
)

// text is a text field of at most max characters.
func text(name string, max int) *core.TextField { return &core.TextField{Name: name, Max: max} }

// needed is a text field that may not be empty.
func needed(name string, max int) *core.TextField {
	return &core.TextField{Name: name, Max: max, Required: true}
}

// number is a plain number field.
func number(name string) *core.NumberField { return &core.NumberField{Name: name} }

// list is a JSON field of at most size bytes.
func list(name string, size int64) *core.JSONField { return &core.JSONField{Name: name, MaxSize: size} }

// one is a choice of exactly one value.
func one(name string, values ...string) *core.SelectField {
	return &core.SelectField{Name: name, Values: values, MaxSelect: 1, Required: true}
}

// maybe is a choice of one value or none.
func maybe(name string, values ...string) *core.SelectField {
	return &core.SelectField{Name: name, Values: values, MaxSelect: 1}
}

// link is an optional relation to one record of a collection.
func link(app core.App, name, collection string) *core.RelationField {
	return &core.RelationField{Name: name, CollectionId: idOf(app, collection), MaxSelect: 1}
}

// belongs is a required relation; the record goes with its owner.
func belongs(app core.App, name, collection string) *core.RelationField {
	return &core.RelationField{Name: name, CollectionId: idOf(app, collection), MaxSelect: 1,
		Required: true, CascadeDelete: true}
}

func idOf(app core.App, collection string) string {
	c, err := app.FindCachedCollectionByNameOrId(collection)
	if err != nil {
		return ""
	}
	return c.Id
}

// stamps adds created and updated.
func stamps(c *core.Collection) {
	c.Fields.Add(&core.AutodateField{Name: "created", OnCreate: true})
	c.Fields.Add(&core.AutodateField{Name: "updated", OnCreate: true, OnUpdate: true})
}

// member is the rule "the caller has one of these roles in the project that
// the given path names". No role means any role.
func member(project string, roles ...string) *string {
	rule := `@request.auth.collectionName = "users" && @collection.members.user ?= @request.auth.id && @collection.members.project ?= ` + project
	if len(roles) > 0 {
		any := make([]string, len(roles))
		for i, r := range roles {
			any[i] = `@collection.members.role ?= "` + r + `"`
		}
		rule += " && (" + strings.Join(any, " || ") + ")"
	}
	return types.Pointer(rule)
}

// stays is member for an update: a rule sees the record as it was, so the
// record must not move to where the caller has no role.
func stays(project string, roles ...string) *string {
	return types.Pointer(*member(project, roles...) + ` && (@request.body.` + project + `:isset = false || @request.body.` + project + ` = ` + project + `)`)
}

// drop removes collections, last made first.
func drop(app core.App, names ...string) error {
	for i := len(names) - 1; i >= 0; i-- {
		c, err := app.FindCollectionByNameOrId(names[i])
		if err != nil {
			return err
		}
		if err := app.Delete(c); err != nil {
			return err
		}
	}
	return nil
}
