// Package records gives PocketBase's records the types of the product: names of
// the collections, state read as triage values, decisions written as a chain,
// secrets sealed. Whoever reads or writes a collection by name does it through
// these words.
package records

import (
	"encoding/json"
	"fmt"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"github.com/iterateswarm/iterateswarm/internal/triage"
)

// The collections.
const (
	Projects    = "projects"
	Members     = "members"
	Sources     = "sources"
	Trackers    = "trackers"
	Keys        = "keys"
	Reporters   = "reporters"
	Feedback    = "feedback"
	Issues      = "issues"
	Decisions   = "decisions"
	Steps       = "steps"
	Separations = "separations"
	Deliveries  = "deliveries"
	Usage       = "usage"
	Layers      = "layers"
	Views       = "views"
	Alerts      = "alerts"
	Runs        = "runs"
	Replies     = "replies"
	Notes       = "notes"
	Pins        = "pins"
	Uploads     = "uploads"
	Users       = "users"
)

// Strings reads a JSON field that holds a list of strings; anything else is empty.
func Strings(r *core.Record, field string) []string {
	var out []string
	if err := r.UnmarshalJSONField(field, &out); err != nil || out == nil {
		return []string{}
	}
	return out
}

// Verdict reads the verdict that a message was born with or was given later.
func Verdict(r *core.Record) (triage.Verdict, error) {
	var v triage.Verdict
	raw, err := json.Marshal(r.GetRaw("verdict"))
	if err != nil {
		return v, err
	}
	if err := json.Unmarshal(raw, &v); err != nil {
		return v, fmt.Errorf("verdict of %s: %w", r.Id, err)
	}
	return v, nil
}

// SetVerdict stores a verdict whole and in the fields that lists sort by.
func SetVerdict(r *core.Record, v triage.Verdict) {
	r.Set("verdict", v)
	r.Set("class", string(v.Class))
	r.Set("severity", string(v.Severity))
	r.Set("confidence", v.Confidence)
	r.Set("reasoning", v.Reasoning)
	r.Set("language", v.Language)
	r.Set("title", v.Title)
	r.Set("engine", v.Engine)
	r.Set("engine_version", v.EngineVersion)
}

// RoleOf returns the role of a signed-in person in a project, and false when
// there is none. A superuser is an admin everywhere.
func RoleOf(app core.App, auth *core.Record, project string) (triage.Role, bool) {
	if auth == nil {
		return "", false
	}
	if auth.IsSuperuser() {
		return triage.Admin, true
	}
	if auth.Collection().Name != Users {
		return "", false
	}
	m, err := app.FindFirstRecordByFilter(Members, "user = {:u} && project = {:p}",
		dbx.Params{"u": auth.Id, "p": project})
	if err != nil {
		return "", false
	}
	return triage.Role(m.GetString("role")), true
}

// Separate notes that two records are not the same matter, in either order.
// Doing it twice is no error.
func Separate(tx core.App, project, a, b string) error {
	low, high := pair(a, b)
	if isSeparated(tx, a, b) {
		return nil
	}
	c, err := tx.FindCachedCollectionByNameOrId(Separations)
	if err != nil {
		return err
	}
	r := core.NewRecord(c)
	r.Set("project", project)
	r.Set("low", low)
	r.Set("high", high)
	return tx.Save(r)
}

// Reunite takes a separation back: a person has joined the two after all.
func Reunite(tx core.App, a, b string) error {
	low, high := pair(a, b)
	_, err := tx.DB().Delete(Separations, dbx.HashExp{"low": low, "high": high}).Execute()
	return err
}

// isSeparated reports whether a person said that the two are not the same matter.
func isSeparated(app core.App, a, b string) bool {
	low, high := pair(a, b)
	var n int
	err := app.DB().Select("count(*)").From(Separations).
		Where(dbx.HashExp{"low": low, "high": high}).Row(&n)
	return err == nil && n > 0
}

// SeparatedFrom lists the records that were set apart from id.
func SeparatedFrom(app core.App, id string) (map[string]bool, error) {
	var rows []struct{ Low, High string }
	err := app.DB().Select("low", "high").From(Separations).
		Where(dbx.Or(dbx.HashExp{"low": id}, dbx.HashExp{"high": id})).All(&rows)
	if err != nil {
		return nil, fmt.Errorf("separations of %s: %w", id, err)
	}
	out := make(map[string]bool, len(rows))
	for _, r := range rows {
		if r.Low == id {
			out[r.High] = true
		} else {
			out[r.Low] = true
		}
	}
	return out, nil
}

func pair(a, b string) (low, high string) {
	if a > b {
		return b, a
	}
	return a, b
}
