// Package gitlab is the tracker that files issues in a project of GitLab, on
// gitlab.com or on a server of one's own. It speaks plain HTTP: GitLab's own
// client has a layer of retries below it, and asks for the rate limits with a
// request of its own before the first one.
package gitlab

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/iterateswarm/iterateswarm/sdk"
	"github.com/iterateswarm/iterateswarm/sdk/rest"
)

const schema = `{
  "type": "object",
  "required": ["token", "project"],
  "properties": {
    "base_url": {
      "type": "string", "title": "Address", "default": "https://gitlab.com/", "maxLength": 500,
      "description": "Where GitLab is, when it is not gitlab.com."
    },
    "token": {
      "type": "string", "title": "Token", "secret": true, "maxLength": 500,
      "description": "A project access token with the role Reporter and the scope api. For draft merge requests the role Developer."
    },
    "project": {
      "type": "string", "title": "Project", "maxLength": 300,
      "description": "The project's path with its groups, such as acme/apps/web."
    },
    "labels": {
      "type": "array", "title": "Labels", "items": {"type": "string", "maxLength": 255},
      "description": "Labels that every issue gets, besides its own."
    },
    "missing_labels": {
      "type": "string", "title": "Labels that do not exist", "enum": ["drop", "create"], "default": "drop",
      "description": "What to do with a label that the project does not have: leave it out, or make it."
    },
    "webhook_secret": {
      "type": "string", "title": "Webhook secret", "secret": true, "maxLength": 200,
      "description": "At least 16 characters, the same as the secret token of the project's webhook. Without it, changes are asked for every few minutes."
    },
    "former_logins": {
      "type": "array", "title": "Former accounts", "items": {"type": "string", "maxLength": 255},
      "description": "Usernames that this tracker has filed issues with before, so that it knows those issues as its own."
    }
  }
}`

const icon = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><path d="M8 14L2 9l1.800-6L5.500 7h5l1.700-4L14 9z" fill="none" stroke="currentColor" stroke-width="1.5"/></svg>`

type config struct {
	BaseURL       string   `json:"base_url"`
	Token         string   `json:"token"`
	Project       string   `json:"project"`
	Labels        []string `json:"labels"`
	MissingLabels string   `json:"missing_labels"` // drop or create; empty means drop
	WebhookSecret string   `json:"webhook_secret"`
	FormerLogins  []string `json:"former_logins"`
}

// Tracker is the plugin. Its methods may be called at once.
type Tracker struct {
	config config
	api    *rest.Client

	mu    sync.Mutex
	login string // the account of the token, once known
}

// New returns the plugin, not configured.
func New() *Tracker { return &Tracker{} }

// Manifest describes the plugin.
func (t *Tracker) Manifest() sdk.Manifest {
	return sdk.Manifest{
		Name:              "gitlab",
		Kind:              sdk.KindTracker,
		Version:           "1.0.0",
		Description:       "Files issues in a project of GitLab.",
		Icon:              icon,
		ConfigSchema:      schema,
		Documentation:     "https://github.com/iterateswarm/iterateswarm/blob/main/docs/trackers/gitlab.md",
		MinCreateInterval: time.Second,
		Settle:            60 * time.Second, // gitlab.com reads from copies of its database
	}
}

var project = regexp.MustCompile(`^[\pL\pN_][\pL\pN_.+-]*(/[\pL\pN_][\pL\pN_.+-]*)+$|^[0-9]+$`)

// Configure checks the words; whether GitLab accepts them is for Check.
func (t *Tracker) Configure(_ context.Context, c sdk.Config) []sdk.Diagnostic {
	var conf config
	if wrong := c.Decode(&conf); wrong != nil {
		return wrong
	}
	var wrong []sdk.Diagnostic
	base, bad := rest.Address(cmp.Or(conf.BaseURL, "https://gitlab.com/"))
	if bad != "" {
		wrong = append(wrong, sdk.Wrong("base_url", "%s", bad))
	}
	if conf.Token == "" || strings.ContainsFunc(conf.Token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		wrong = append(wrong, sdk.Wrong("token", "is empty or holds a space or a line break"))
	}
	if !project.MatchString(conf.Project) {
		d := sdk.Wrong("project", "is not the path of a project")
		d.Detail = "Give it with its groups and without https://, such as acme/apps/web."
		wrong = append(wrong, d)
	}
	if conf.WebhookSecret != "" && len(conf.WebhookSecret) < rest.MinSecret {
		wrong = append(wrong, sdk.Wrong("webhook_secret", "has fewer than %d characters", rest.MinSecret))
	}
	if !slices.Contains([]string{"", "drop", "create"}, conf.MissingLabels) {
		wrong = append(wrong, sdk.Wrong("missing_labels", "is neither drop nor create"))
	}
	if len(wrong) > 0 {
		return wrong
	}
	t.config, t.login = conf, ""
	t.api = &rest.Client{
		Service: "GitLab", Base: base.JoinPath("api/v4/"), Reason: reason, Pace: &rest.Pace{}, HTTP: rest.HTTP(),
		Header: http.Header{"Private-Token": {conf.Token}},
	}
	return nil
}

// reason reads a message, which is a sentence, a list, or lists by field.
func reason(body []byte) string {
	var said struct {
		Message any    `json:"message"`
		Error   string `json:"error"`
		Scope   string `json:"scope"`
	}
	_ = json.Unmarshal(body, &said) // another body says nothing
	switch {
	case said.Message != nil:
		return strings.TrimPrefix(fmt.Sprint(said.Message), "map")
	case said.Scope != "":
		return said.Error + ", needed is the scope " + said.Scope
	}
	return said.Error
}

// path is below the project.
func (t *Tracker) path(below string) string {
	return strings.TrimSuffix("projects/"+url.PathEscape(t.config.Project)+"/"+below, "/")
}

// whoAmI returns the account that the token acts as, asked once.
func (t *Tracker) whoAmI(ctx context.Context) (string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.login != "" {
		return t.login, nil
	}
	var me user
	if _, err := t.api.Get(ctx, "user", nil, &me); err != nil {
		return "", err
	}
	if me.Username == "" {
		return "", errors.New("no username in the answer of GitLab")
	}
	t.login = me.Username
	return t.login, nil
}

// reporter is the role from which labels and other people's issues may be
// changed.
const reporter = 20

// Check asks for the account and the project.
func (t *Tracker) Check(ctx context.Context) sdk.Health {
	type access struct {
		Level int `json:"access_level"`
	}
	var place struct {
		Archived    bool   `json:"archived"`
		Issues      string `json:"issues_access_level"`
		Permissions struct {
			Project *access `json:"project_access"`
			Group   *access `json:"group_access"`
		} `json:"permissions"`
	}
	login, err := t.whoAmI(ctx)
	if err == nil {
		_, err = t.api.Get(ctx, t.path(""), nil, &place)
	}
	level := 0
	for _, a := range []*access{place.Permissions.Project, place.Permissions.Group} {
		if a != nil {
			level = max(level, a.Level)
		}
	}
	problem, _ := errors.AsType[*rest.Problem](err)
	switch {
	case err == nil && place.Archived:
		return sdk.Health{Detail: t.config.Project + " is archived: GitLab takes no new issues."}
	case err == nil && place.Issues == "disabled":
		return sdk.Health{Detail: "Issues are switched off in " + t.config.Project + "."}
	case err == nil && level < reporter:
		return sdk.Health{OK: true, Detail: login + " may file issues in " + t.config.Project + ", but not set labels: give it the role Reporter."}
	case err == nil:
		return sdk.Health{OK: true, Detail: "GitLab shows " + t.config.Project + " to " + login + "."}
	case problem != nil && problem.Status == http.StatusUnauthorized:
		return sdk.Health{Detail: "GitLab does not accept the token. It may have expired."}
	case problem != nil && problem.Status == http.StatusForbidden:
		return sdk.Health{Detail: "The token lacks the scope api. " + problem.Message + "."}
	case problem != nil && problem.Status == http.StatusNotFound:
		return sdk.Health{Detail: "GitLab knows no " + t.config.Project + ", or the token may not see it."}
	}
	return sdk.Health{Detail: "GitLab cannot be used: " + err.Error() + "."}
}
