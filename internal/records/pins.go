package records

import (
	"database/sql"
	"errors"
	"fmt"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
)

// Pin is a superuser's word that one file may run as a plugin.
type Pin struct {
	Name, File, SHA256 string
	EnabledBy          string // mail address
}

// SavePin keeps a pin with the manifest of its file, in place of an older one
// of the name.
func SavePin(app core.App, pin Pin, manifest any) error {
	r, err := app.FindFirstRecordByFilter(Pins, "name = {:n}", dbx.Params{"n": pin.Name})
	if errors.Is(err, sql.ErrNoRows) {
		c, err := app.FindCachedCollectionByNameOrId(Pins)
		if err != nil {
			return err
		}
		r = core.NewRecord(c)
	} else if err != nil {
		return fmt.Errorf("read pin of %s: %w", pin.Name, err)
	}
	r.Set("name", pin.Name)
	r.Set("file", pin.File)
	r.Set("sha256", pin.SHA256)
	r.Set("manifest", manifest)
	r.Set("enabled_by", pin.EnabledBy)
	if err := app.Save(r); err != nil {
		return fmt.Errorf("save pin of %s: %w", pin.Name, err)
	}
	return nil
}

// DeletePin forgets the pin of a plugin. Without one it does nothing.
func DeletePin(app core.App, name string) error {
	_, err := app.DB().Delete(Pins, dbx.HashExp{"name": name}).Execute()
	if err != nil {
		return fmt.Errorf("delete pin of %s: %w", name, err)
	}
	return nil
}
