// Package github is the tracker that files issues in a GitHub repository, or in
// one of GitHub Enterprise Server. GitHub has no way to create an issue
// idempotently, so the two halves of the plugin are built to make the host's
// protocol exact: Create sends one request and says what is known about it,
// Find reads the list of issues and trusts nothing but the first line of a body
// and its author.
package github

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	gh "github.com/google/go-github/v62/github"

	"github.com/iterateswarm/iterateswarm/sdk"
	"github.com/iterateswarm/iterateswarm/sdk/rest"
)

const schema = `{
  "type": "object",
  "required": ["token", "owner", "repo"],
  "properties": {
    "token": {
      "type": "string", "title": "Token", "secret": true, "maxLength": 500,
      "description": "A fine-grained personal access token for this repository alone, with read and write access to issues. For draft pull requests also to contents and pull requests."
    },
    "owner": {
      "type": "string", "title": "Owner", "maxLength": 100,
      "description": "The user or organisation that owns the repository, such as octocat."
    },
    "repo": {
      "type": "string", "title": "Repository", "maxLength": 100,
      "description": "The repository's name without its owner, such as hello-world."
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
    "base_url": {
      "type": "string", "title": "API address", "default": "https://api.github.com/",
      "description": "For GitHub Enterprise Server: https://HOST/api/v3/."
    },
    "login": {
      "type": "string", "title": "Login", "maxLength": 100,
      "description": "The account that the token acts as. Needed only for the token of a GitHub App, such as my-app[bot]."
    },
    "former_logins": {
      "type": "array", "title": "Former logins", "items": {"type": "string", "maxLength": 100},
      "description": "Accounts that this tracker has filed issues with before, so that it knows those issues as its own."
    }
  }
}`

const icon = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><circle cx="8" cy="8" r="6.5" fill="none" stroke="currentColor" stroke-width="1.5"/><circle cx="8" cy="8" r="2" fill="currentColor"/></svg>`

type config struct {
	Token         string   `json:"token"`
	Owner         string   `json:"owner"`
	Repo          string   `json:"repo"`
	Labels        []string `json:"labels"`
	MissingLabels string   `json:"missing_labels"` // drop or create; empty means drop
	WebhookSecret string   `json:"webhook_secret"`
	BaseURL       string   `json:"base_url"`
	Login         string   `json:"login"`
	FormerLogins  []string `json:"former_logins"`
}

func (c config) makesLabels() bool { return c.MissingLabels == "create" }

// Tracker is the plugin. Its methods may be called at once.
type Tracker struct {
	config  config
	client  *gh.Client
	timeout time.Duration // of one request
	pace    rest.Pace     // between two writes

	mu    sync.Mutex
	login string // the account of the token, once known

	labelMu    sync.Mutex
	labelPages []labelPage
}

// pause lies between two writes: GitHub asks for a second, and allows 80 new
// things a minute.
const pause = time.Second

// New returns the plugin, not configured.
func New() *Tracker { return &Tracker{timeout: rest.Timeout, pace: rest.Pace{Every: pause}} }

// Manifest describes the plugin.
func (t *Tracker) Manifest() sdk.Manifest {
	return sdk.Manifest{
		Name:              "github",
		Kind:              sdk.KindTracker,
		Version:           "1.1.0",
		Description:       "Files issues in a GitHub repository.",
		Icon:              icon,
		ConfigSchema:      schema,
		Documentation:     "https://github.com/iterateswarm/iterateswarm/blob/main/docs/trackers/github.md",
		MinCreateInterval: pause,
		Settle:            60 * time.Second, // the list of issues is usually seconds behind
	}
}

var name = regexp.MustCompile(`^[A-Za-z0-9._-]+$`)

// Configure checks the words; whether GitHub accepts them is for Check.
func (t *Tracker) Configure(_ context.Context, c sdk.Config) []sdk.Diagnostic {
	var conf config
	if wrong := c.Decode(&conf); wrong != nil {
		return wrong
	}
	var wrong []sdk.Diagnostic
	if conf.Token == "" || strings.ContainsFunc(conf.Token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		wrong = append(wrong, sdk.Wrong("token", "is empty or holds a space or a line break"))
	}
	if !name.MatchString(conf.Owner) || strings.Trim(conf.Owner, ".") == "" {
		wrong = append(wrong, sdk.Wrong("owner", "is not the name of an account"))
	}
	if !name.MatchString(conf.Repo) || strings.Trim(conf.Repo, ".") == "" {
		d := sdk.Wrong("repo", "is not the name of a repository")
		d.Detail = "Give it without its owner and without https://."
		wrong = append(wrong, d)
	}
	if conf.WebhookSecret != "" && len(conf.WebhookSecret) < rest.MinSecret {
		wrong = append(wrong, sdk.Wrong("webhook_secret", "has fewer than %d characters", rest.MinSecret))
	}
	if !slices.Contains([]string{"", "drop", "create"}, conf.MissingLabels) {
		wrong = append(wrong, sdk.Wrong("missing_labels", "is neither drop nor create"))
	}
	base, bad := rest.Address(cmp.Or(conf.BaseURL, "https://api.github.com/"))
	if bad != "" {
		d := sdk.Wrong("base_url", "%s", bad)
		d.Detail = "For GitHub Enterprise Server it is https://HOST/api/v3/."
		wrong = append(wrong, d)
	}
	if len(wrong) > 0 {
		return wrong
	}
	t.config, t.login, t.labelPages = conf, conf.Login, nil
	t.client = newClient(base, conf.Token)
	if conf.BaseURL != "" {
		t.pace.Every = 0 // Enterprise Server limits only what its admin says; the record's interval keeps creates apart
	}
	return nil
}

// Check asks GitHub for the repository and its issues.
func (t *Tracker) Check(ctx context.Context) sdk.Health {
	place := t.config.Owner + "/" + t.config.Repo
	var repo *gh.Repository
	var scopes string
	err := t.read(ctx, func(ctx context.Context) (err error) {
		var resp *gh.Response
		repo, resp, err = t.client.Repositories.Get(ctx, t.config.Owner, t.config.Repo)
		if err == nil {
			scopes = resp.Header.Get("X-OAuth-Scopes")
		}
		return err
	})
	switch s := status(err); {
	case err == nil && repo.GetArchived():
		return sdk.Health{Detail: place + " is archived: GitHub takes no new issues."}
	case err == nil && !repo.GetHasIssues():
		return sdk.Health{Detail: "Issues are switched off in " + place + "."}
	case err == nil && lacksScope(scopes, repo.GetPrivate()):
		return sdk.Health{Detail: "The token lacks the scope repo. It has: " + scopes + "."}
	case err == nil:
	case s == http.StatusUnauthorized:
		return sdk.Health{Detail: "GitHub does not accept the token. It may have expired."}
	case s == http.StatusNotFound:
		return sdk.Health{Detail: "GitHub knows no " + place + ", or the token may not see it."}
	case rest.IsRedirect(s):
		return sdk.Health{Detail: place + " has moved. Set owner and repo to its new place."}
	case s != 0 || isRateLimit(err):
		return sdk.Health{Detail: "GitHub answered: " + reason(err) + "."}
	default:
		return sdk.Health{Detail: "GitHub cannot be reached: " + reason(err) + "."}
	}
	if _, _, err := t.page(ctx, &gh.IssueListByRepoOptions{ListOptions: gh.ListOptions{PerPage: 1}}); err != nil {
		detail := "GitHub shows " + place + " and not its issues: " + reason(err) + "."
		if answer, ok := errors.AsType[*gh.ErrorResponse](err); ok && answer.Response.StatusCode == http.StatusForbidden {
			detail += " The token needs the permission Issues: read and write."
		}
		return sdk.Health{Detail: detail}
	}
	return sdk.Health{OK: true, Detail: "GitHub shows " + place + " to this token."}
}

// lacksScope judges the scopes of a classic token; a fine-grained one names none.
func lacksScope(scopes string, private bool) bool {
	if scopes == "" {
		return false
	}
	for scope := range strings.SplitSeq(scopes, ",") {
		if scope = strings.TrimSpace(scope); scope == "repo" || scope == "public_repo" && !private {
			return false
		}
	}
	return true
}
