// Package linear is the tracker that files issues in a team of Linear. Linear
// takes the id of a new thing from its client, so that creating is idempotent:
// the id is the key in another form, and is read back from it.
package linear

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/iterateswarm/iterateswarm/sdk"
	"github.com/iterateswarm/iterateswarm/sdk/rest"
)

const schema = `{
  "type": "object",
  "required": ["token", "team"],
  "properties": {
    "token": {
      "type": "string", "title": "API key", "secret": true, "maxLength": 500,
      "description": "A personal API key with the permissions Read, Create issues, Create comments and Write, for this team alone."
    },
    "team": {
      "type": "string", "title": "Team", "maxLength": 100,
      "description": "The team's key, which its issues begin with, such as ENG."
    },
    "labels": {
      "type": "array", "title": "Labels", "items": {"type": "string", "maxLength": 80},
      "description": "Labels that every issue gets, besides its own."
    },
    "missing_labels": {
      "type": "string", "title": "Labels that do not exist", "enum": ["drop", "create"], "default": "drop",
      "description": "What to do with a label that the team does not have: leave it out, or make it."
    },
    "webhook_secret": {
      "type": "string", "title": "Webhook secret", "secret": true, "maxLength": 200,
      "description": "The signing secret that Linear shows for the webhook. Without it, changes are asked for every few minutes."
    },
    "base_url": {
      "type": "string", "title": "API address", "default": "https://api.linear.app/", "maxLength": 500,
      "description": "Only for a proxy before Linear."
    }
  }
}`

const icon = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><path d="M2 9l5 5M2 6l8 8M3 3.5L12.5 13M6 2l8 8" fill="none" stroke="currentColor" stroke-width="1.5"/></svg>`

type config struct {
	Token         string   `json:"token"`
	Team          string   `json:"team"`
	Labels        []string `json:"labels"`
	MissingLabels string   `json:"missing_labels"` // drop or create; empty means drop
	WebhookSecret string   `json:"webhook_secret"`
	BaseURL       string   `json:"base_url"`
}

// Tracker is the plugin. Its methods may be called at once.
type Tracker struct {
	config config
	api    *rest.Client

	mu     sync.Mutex
	teamID string // once known
}

// New returns the plugin, not configured.
func New() *Tracker { return &Tracker{} }

// Manifest describes the plugin.
func (t *Tracker) Manifest() sdk.Manifest {
	return sdk.Manifest{
		Name:              "linear",
		Kind:              sdk.KindTracker,
		Version:           "1.0.0",
		Description:       "Files issues in a team of Linear.",
		Icon:              icon,
		ConfigSchema:      schema,
		Documentation:     "https://github.com/iterateswarm/iterateswarm/blob/main/docs/trackers/linear.md",
		IdempotentCreate:  true,
		MinCreateInterval: time.Second,
		Settle:            10 * time.Second,
	}
}

// Configure checks the words; whether Linear accepts them is for Check.
func (t *Tracker) Configure(_ context.Context, c sdk.Config) []sdk.Diagnostic {
	var conf config
	if wrong := c.Decode(&conf); wrong != nil {
		return wrong
	}
	var wrong []sdk.Diagnostic
	if conf.Token == "" || strings.ContainsFunc(conf.Token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		wrong = append(wrong, sdk.Wrong("token", "is empty or holds a space or a line break"))
	}
	if conf.Team == "" || strings.ContainsFunc(conf.Team, func(r rune) bool { return r <= ' ' || r > '~' }) {
		d := sdk.Wrong("team", "is not the key of a team")
		d.Detail = "It is what stands before the number of an issue: ENG in ENG-12."
		wrong = append(wrong, d)
	}
	if conf.WebhookSecret != "" && len(conf.WebhookSecret) < rest.MinSecret {
		wrong = append(wrong, sdk.Wrong("webhook_secret", "has fewer than %d characters", rest.MinSecret))
	}
	if !slices.Contains([]string{"", "drop", "create"}, conf.MissingLabels) {
		wrong = append(wrong, sdk.Wrong("missing_labels", "is neither drop nor create"))
	}
	base, bad := rest.Address(cmp.Or(conf.BaseURL, "https://api.linear.app/"))
	if bad != "" {
		wrong = append(wrong, sdk.Wrong("base_url", "%s", bad))
	}
	if len(wrong) > 0 {
		return wrong
	}
	t.config, t.teamID = conf, ""
	authorization := conf.Token // a personal key goes without a word before it
	if !strings.HasPrefix(authorization, "lin_api_") {
		authorization = "Bearer " + authorization
	}
	t.api = &rest.Client{
		Service: "Linear", Base: base, Pace: &rest.Pace{}, HTTP: rest.HTTP(),
		Header: http.Header{"Authorization": {authorization}},
		Reason: func(body []byte) string { return faultsOf(body).String() },
	}
	return nil
}

// team finds the team's id by its key, once.
func (t *Tracker) team(ctx context.Context) (string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.teamID != "" {
		return t.teamID, nil
	}
	var data struct {
		Teams nodes[struct{ ID, Key string }]
	}
	err := t.ask(ctx, `query Team($key: String!) { teams(filter: {key: {eqIgnoreCase: $key}}, first: 2) { nodes { id key } } }`,
		map[string]any{"key": t.config.Team}, &data)
	if err != nil {
		return "", err
	}
	if len(data.Teams.Nodes) != 1 || data.Teams.Nodes[0].ID == "" {
		return "", errNoTeam
	}
	t.teamID = data.Teams.Nodes[0].ID
	return t.teamID, nil
}

// Check asks for the team.
func (t *Tracker) Check(ctx context.Context) sdk.Health {
	_, err := t.team(ctx)
	if err == nil {
		return sdk.Health{OK: true, Detail: fmt.Sprintf("Linear shows the team %s to this key.", t.config.Team)}
	}
	f := faultsIn(err)
	switch {
	case err == errNoTeam:
		return sdk.Health{Detail: fmt.Sprintf("Linear knows no team %s, or the key may not see it.", t.config.Team)}
	case f.is("AUTHENTICATION_ERROR"):
		return sdk.Health{Detail: "Linear does not accept the API key."}
	case f.is("FORBIDDEN"):
		return sdk.Health{Detail: "The API key lacks a permission. It needs Read, Create issues, Create comments and Write."}
	}
	return sdk.Health{Detail: "Linear cannot be used: " + err.Error() + "."}
}
