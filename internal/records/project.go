package records

import (
	"fmt"
	"regexp"

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

	Automation string  `json:"automation"` // how much happens without a person; empty: Cautious
	AutoAbove  float64 `json:"auto_above"` // confidence from which rules file a draft, where the level lets them; 0: 0.9

	RetentionDays int    `json:"retention_days"` // after which the text of a message is erased; 0: never
	Language      string `json:"language"`       // in which a model writes drafts, ISO 639-1; empty: en
	// JoinVerified lets a message join an issue that a model says it is the same as. Off: it is suggested only.
	JoinVerified *bool  `json:"join_verified"`
	LLM          Budget `json:"llm"` // what the project may use of the language model

	Loop      Loop              `json:"loop"`      // what people are told by themselves, where the source says nothing
	Templates map[string]string `json:"templates"` // what they are told, by kind of reply; empty: the product's own
}

// The levels of automation, each with what those before it let rules do.
const (
	FullControl    = "full_control"    // rules suggest; people join, put aside and file
	Cautious       = "cautious"        // rules join what is the same and put noise aside; people file
	Balanced       = "balanced"        // rules file bugs and features of medium and low severity they are sure of
	FullAutomation = "full_automation" // rules file whatever they are sure of
)

// Levels lists the levels, the most careful first.
var Levels = []string{FullControl, Cautious, Balanced, FullAutomation}

// Level is a project's level of automation.
func (s Settings) Level() string {
	if s.Automation == "" {
		return Cautious
	}
	return s.Automation
}

// FileAbove is the confidence from which rules may file.
func (s Settings) FileAbove() float64 {
	if s.AutoAbove == 0 {
		return 0.9
	}
	return s.AutoAbove
}

// Budget is what a project may use of a language model a day (UTC).
type Budget struct {
	DailyTokens int     `json:"daily_tokens"`
	DailyCost   float64 `json:"daily_cost"`
	SourceShare float64 `json:"source_share"` // of it that one source may use, 0..1
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

// ProjectBySlug finds a project by id or slug; an empty name is the default project.
func ProjectBySlug(app core.App, name string) (*core.Record, error) {
	if name == "" {
		name = DefaultProject
	}
	return bySlug(app, Projects, name)
}

// SourceBySlug finds a source by id or slug.
func SourceBySlug(app core.App, name string) (*core.Record, error) { return bySlug(app, Sources, name) }

func bySlug(app core.App, collection, name string) (*core.Record, error) {
	if LooksLikeID(name) {
		if r, err := app.FindRecordById(collection, name); err == nil {
			return r, nil
		}
	}
	return app.FindFirstRecordByData(collection, "slug", name)
}

var recordID = regexp.MustCompile(`^[a-z0-9]{15}$`)

// LooksLikeID reports whether a name could be a record's id. No slug may: it
// would stand for two things.
func LooksLikeID(name string) bool { return recordID.MatchString(name) }
