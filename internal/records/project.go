package records

import (
	"fmt"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
)

// DefaultProject is the slug of the project that exists from the first start.
const DefaultProject = "default"

// Settings is what a project's admin can set. The zero value of each field
// means the product's default.
type Settings struct {
	Labels     []string `json:"labels"`     // the labels a verdict may suggest; empty: DefaultLabels
	Components []string `json:"components"` // likewise for components
	HoldBelow  float64  `json:"hold_below"` // confidence under which a message waits for a person, 0..1
	JoinAbove  float64  `json:"join_above"` // similarity from which a message joins by itself, 0..1
}

// DefaultLabels are the labels of a project that names none.
var DefaultLabels = []string{"bug", "enhancement", "question", "crash", "performance", "security",
	"data-loss", "ui", "mobile", "auth", "billing", "documentation"}

// SettingsOf reads a project's settings with the defaults filled in.
func SettingsOf(project *core.Record) (Settings, error) {
	var s Settings
	if raw := project.GetString("settings"); raw != "" && raw != "null" {
		if err := project.UnmarshalJSONField("settings", &s); err != nil {
			return s, fmt.Errorf("settings of project %s: %w", project.GetString("slug"), err)
		}
	}
	if len(s.Labels) == 0 {
		s.Labels = DefaultLabels
	}
	return s, nil
}

// ProjectBySlug finds a project by slug or id; an empty name is the default project.
func ProjectBySlug(app core.App, name string) (*core.Record, error) {
	if name == "" {
		name = DefaultProject
	}
	return app.FindFirstRecordByFilter(Projects, "slug = {:n} || id = {:n}", dbx.Params{"n": name})
}
