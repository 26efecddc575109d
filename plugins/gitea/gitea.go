// Package gitea is the tracker that files issues in a repository of a Gitea or
// Forgejo server. Their API looks like GitHub's and differs where it hurts:
// labels are numbers, a draft is a title, and GitHub's clients read its answers
// wrongly, so that this plugin speaks plain HTTP.
package gitea

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
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
  "required": ["base_url", "token", "owner", "repo"],
  "properties": {
    "base_url": {
      "type": "string", "title": "Address", "maxLength": 500,
      "description": "Where the Gitea or Forgejo server is, such as https://git.example.com/."
    },
    "token": {
      "type": "string", "title": "Token", "secret": true, "maxLength": 500,
      "description": "An access token with the scopes read and write issue, read repository and read user. For draft pull requests also write repository."
    },
    "owner": {
      "type": "string", "title": "Owner", "maxLength": 100,
      "description": "The user or organisation that owns the repository."
    },
    "repo": {
      "type": "string", "title": "Repository", "maxLength": 100,
      "description": "The repository's name without its owner."
    },
    "labels": {
      "type": "array", "title": "Labels", "items": {"type": "string", "maxLength": 50},
      "description": "Labels that every issue gets, besides its own."
    },
    "missing_labels": {
      "type": "string", "title": "Labels that do not exist", "enum": ["drop", "create"], "default": "drop",
      "description": "What to do with a label that the repository does not have: leave it out, or make it."
    },
    "webhook_secret": {
      "type": "string", "title": "Webhook secret", "secret": true, "maxLength": 200,
      "description": "At least 16 characters, the same as in the repository's webhook. Without it, changes are asked for every few minutes."
    },
    "former_logins": {
      "type": "array", "title": "Former logins", "items": {"type": "string", "maxLength": 100},
      "description": "Accounts that this tracker has filed issues with before, so that it knows those issues as its own."
    }
  }
}`

const icon = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><path d="M3 5h9v3a4 4 0 0 1-4 4H7a4 4 0 0 1-4-4zM12 6h1.5a1.5 1.5 0 0 1 0 3H12" fill="none" stroke="currentColor" stroke-width="1.5"/></svg>`

type config struct {
	BaseURL       string   `json:"base_url"`
	Token         string   `json:"token"`
	Owner         string   `json:"owner"`
	Repo          string   `json:"repo"`
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
		Name:              "gitea",
		Kind:              sdk.KindTracker,
		Version:           "1.0.0",
		Description:       "Files issues in a repository of a Gitea or Forgejo server.",
		Icon:              icon,
		ConfigSchema:      schema,
		Documentation:     "https://github.com/iterateswarm/iterateswarm/blob/main/docs/trackers/gitea.md",
		MinCreateInterval: time.Second,
		Settle:            10 * time.Second, // the list comes from the database that the issue went to
	}
}

var name = regexp.MustCompile(`^[A-Za-z0-9._-]+$`)

// Configure checks the words; whether the server accepts them is for Check.
func (t *Tracker) Configure(_ context.Context, c sdk.Config) []sdk.Diagnostic {
	var conf config
	if wrong := c.Decode(&conf); wrong != nil {
		return wrong
	}
	var wrong []sdk.Diagnostic
	base, bad := rest.Address(conf.BaseURL)
	if bad != "" {
		wrong = append(wrong, sdk.Wrong("base_url", "%s", bad))
	}
	if conf.Token == "" || strings.ContainsFunc(conf.Token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		wrong = append(wrong, sdk.Wrong("token", "is empty or holds a space or a line break"))
	}
	if !name.MatchString(conf.Owner) || strings.Trim(conf.Owner, ".") == "" {
		wrong = append(wrong, sdk.Wrong("owner", "is not the name of an account"))
	}
	if !name.MatchString(conf.Repo) || strings.Trim(conf.Repo, ".") == "" {
		wrong = append(wrong, sdk.Wrong("repo", "is not the name of a repository"))
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
		Service: "Gitea", Base: base.JoinPath("api/v1/"), Reason: reason, Pace: &rest.Pace{}, HTTP: rest.HTTP(),
		Header: http.Header{"Authorization": {"token " + conf.Token}},
	}
	return nil
}

func reason(body []byte) string {
	var said struct {
		Message string `json:"message"`
	}
	_ = json.Unmarshal(body, &said) // another body says nothing
	return said.Message
}

// path is below the repository.
func (t *Tracker) path(below string) string {
	return strings.TrimSuffix("repos/"+t.config.Owner+"/"+t.config.Repo+"/"+below, "/")
}

// whoAmI returns the account that the token acts as, asked once.
func (t *Tracker) whoAmI(ctx context.Context) (string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.login != "" {
		return t.login, nil
	}
	var user struct {
		Login string `json:"login"`
	}
	if _, err := t.api.Get(ctx, "user", nil, &user); err != nil {
		return "", err
	}
	if user.Login == "" {
		return "", errors.New("no login in the answer of Gitea")
	}
	t.login = user.Login
	return t.login, nil
}

// Check asks for the account, the repository and its issues: a token without
// the scope for one of them gets 403 there, and Gitea names the scope.
func (t *Tracker) Check(ctx context.Context) sdk.Health {
	place := t.config.Owner + "/" + t.config.Repo
	var repo struct {
		Archived    bool `json:"archived"`
		HasIssues   bool `json:"has_issues"`
		Permissions struct {
			Push bool `json:"push"`
		} `json:"permissions"`
	}
	login, err := t.whoAmI(ctx)
	if err == nil {
		_, err = t.api.Get(ctx, t.path(""), nil, &repo)
	}
	if err == nil && repo.HasIssues {
		_, err = t.api.Get(ctx, t.path("issues"), map[string][]string{"limit": {"1"}}, new([]issue))
	}
	problem, _ := errors.AsType[*rest.Problem](err)
	switch {
	case err == nil && repo.Archived:
		return sdk.Health{Detail: place + " is archived: Gitea takes no new issues."}
	case err == nil && !repo.HasIssues:
		return sdk.Health{Detail: "Issues are switched off in " + place + "."}
	case err == nil && !repo.Permissions.Push:
		return sdk.Health{OK: true, Detail: login + " may file issues in " + place + ", but not set labels: give the account write access for that."}
	case err == nil:
		return sdk.Health{OK: true, Detail: "Gitea shows " + place + " to " + login + "."}
	case problem != nil && problem.Status == http.StatusUnauthorized:
		return sdk.Health{Detail: "Gitea does not accept the token."}
	case problem != nil && problem.Status == http.StatusForbidden:
		return sdk.Health{Detail: "The token lacks a scope. It needs read and write issue, read repository and read user. " + problem.Message + "."}
	case problem != nil && problem.Status == http.StatusNotFound:
		return sdk.Health{Detail: "Gitea knows no " + place + ", or the token may not see it."}
	}
	return sdk.Health{Detail: "Gitea cannot be used: " + err.Error() + "."}
}
