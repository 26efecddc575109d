// Package github is the tracker that files issues in a GitHub repository, or in
// one of GitHub Enterprise Server. GitHub has no way to create an issue
// idempotently, so the two halves of the plugin are built to make the host's
// protocol exact: Create sends one request and says what is known about it,
// Find reads the list of issues and trusts nothing but the first line of a body
// and its author.
package github

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"

	gh "github.com/google/go-github/v62/github"

	"github.com/iterateswarm/iterateswarm/sdk"
)

const schema = `{
  "type": "object",
  "required": ["token", "owner", "repo"],
  "properties": {
    "token": {
      "type": "string", "title": "Token", "secret": true, "maxLength": 500,
      "description": "A fine-grained personal access token for this repository alone, with read and write access to issues."
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
	Token        string   `json:"token"`
	Owner        string   `json:"owner"`
	Repo         string   `json:"repo"`
	Labels       []string `json:"labels"`
	BaseURL      string   `json:"base_url"`
	Login        string   `json:"login"`
	FormerLogins []string `json:"former_logins"`
}

// Tracker is the plugin. Its methods may be called at once.
type Tracker struct {
	config  config
	client  *gh.Client
	timeout time.Duration // of one request

	mu    sync.Mutex
	login string // the account of the token, once known
}

// New returns the plugin, not configured.
func New() *Tracker { return &Tracker{timeout: 15 * time.Second} }

// Manifest describes the plugin.
func (t *Tracker) Manifest() sdk.Manifest {
	return sdk.Manifest{
		Name:              "github",
		Kind:              sdk.KindTracker,
		Version:           "1.0.0",
		Description:       "Files issues in a GitHub repository.",
		Icon:              icon,
		ConfigSchema:      schema,
		MinCreateInterval: time.Second,      // GitHub asks for it; faster meets the secondary rate limit
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
	base, d := parseBase(conf.BaseURL)
	if wrong = append(wrong, d...); len(wrong) > 0 {
		return wrong
	}
	t.config, t.login = conf, conf.Login
	t.client = newClient(base, conf.Token)
	return nil
}

// parseBase checks the API address. The token goes there, so it is https,
// except on this machine.
func parseBase(text string) (*url.URL, []sdk.Diagnostic) {
	if text == "" {
		text = "https://api.github.com/"
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, []sdk.Diagnostic{sdk.Wrong("base_url", "is not an address such as https://HOST/api/v3/")}
	}
	ip := net.ParseIP(u.Hostname())
	local := u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
	if u.Scheme != "https" && !(u.Scheme == "http" && local) {
		return nil, []sdk.Diagnostic{sdk.Wrong("base_url", "does not begin with https://")}
	}
	if !strings.HasSuffix(u.Path, "/") {
		u.Path += "/"
	}
	return u, nil
}

// Check asks GitHub for the repository.
func (t *Tracker) Check(ctx context.Context) sdk.Health {
	ctx, cancel := context.WithTimeout(ctx, t.timeout)
	defer cancel()
	repo, resp, err := t.client.Repositories.Get(ctx, t.config.Owner, t.config.Repo)
	place := t.config.Owner + "/" + t.config.Repo
	switch {
	case err == nil && repo.GetArchived():
		return sdk.Health{Detail: place + " is archived: GitHub takes no new issues."}
	case err == nil && !repo.GetHasIssues():
		return sdk.Health{Detail: "Issues are switched off in " + place + "."}
	case err == nil:
		return sdk.Health{OK: true, Detail: "GitHub shows " + place + " to this token."}
	case resp == nil || resp.Response == nil:
		return sdk.Health{Detail: "GitHub cannot be reached: " + reason(err) + "."}
	case resp.StatusCode == http.StatusUnauthorized:
		return sdk.Health{Detail: "GitHub does not accept the token. It may have expired."}
	case resp.StatusCode == http.StatusNotFound:
		return sdk.Health{Detail: "GitHub knows no " + place + ", or the token may not see it."}
	case isRedirect(resp.StatusCode):
		return sdk.Health{Detail: place + " has moved. Set owner and repo to its new place."}
	}
	return sdk.Health{Detail: "GitHub answered: " + reason(err) + "."}
}
