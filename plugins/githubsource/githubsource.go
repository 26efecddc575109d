// Package githubsource is the source for what people write on GitHub: issues,
// comments on them, and discussions of one repository. They come by webhook, by
// asking GitHub every few minutes, or both; the same text is one message either
// way. The verdict is shown where the issue is, as labels and one comment.
//
// The tracker's own issues come back the same way they went, so whatever carries
// our marker, is written by an account of ours or by a bot is left alone, and so
// are comments on it. Pull requests are no feedback.
//
// The plugin is called "github-issues", since "github" is the tracker.
package githubsource

import (
	"context"
	"fmt"
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
  "required": ["owner", "repo"],
  "properties": {
    "owner": {
      "type": "string", "title": "Owner", "maxLength": 100,
      "description": "The user or organisation that owns the repository, such as octocat."
    },
    "repo": {
      "type": "string", "title": "Repository", "maxLength": 100,
      "description": "The repository's name without its owner, such as hello-world."
    },
    "secrets": {
      "type": "array", "title": "Webhook secrets", "secret": true,
      "items": {"type": "string", "minLength": 16, "maxLength": 200},
      "description": "The secret that you enter at the webhook in GitHub, at least 16 characters. List a new one beside the old one to change it. Without one, only asking brings messages in."
    },
    "token": {
      "type": "string", "title": "Token", "secret": true, "maxLength": 500,
      "description": "A fine-grained personal access token for this repository alone, with issues: read and write, and discussions: read and write when discussions are on. Needed to ask, to label and to comment."
    },
    "poll_minutes": {
      "type": "integer", "title": "Ask every … minutes", "default": 5, "minimum": 0, "maximum": 1440,
      "description": "How often to ask GitHub for what is new; it needs a token. 0 means never: then only the webhook brings messages in."
    },
    "comments": {
      "type": "boolean", "title": "Take comments", "default": true,
      "description": "Comments of people are taken as answers to the issue or discussion they stand under."
    },
    "discussions": {
      "type": "boolean", "title": "Take discussions", "default": false,
      "description": "Discussions are taken like issues."
    },
    "apply_labels": {
      "type": "boolean", "title": "Apply labels", "default": false,
      "description": "Sets labels at once. Without it they are suggestions that a person accepts in GitHub."
    },
    "own_logins": {
      "type": "array", "title": "Own accounts", "items": {"type": "string", "maxLength": 100},
      "description": "Accounts whose issues and comments are ours and are left alone, such as the one the tracker files with, if it is no bot. The first is the account of the token when that is of a GitHub App, such as my-app[bot]."
    },
    "base_url": {
      "type": "string", "title": "API address", "default": "https://api.github.com/",
      "description": "For GitHub Enterprise Server: https://HOST/api/v3/."
    }
  }
}`

const icon = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><circle cx="8" cy="8" r="6.5" fill="none" stroke="currentColor" stroke-width="1.5"/><path d="M8 4.5v4M8 10.5v1" stroke="currentColor" stroke-width="1.5"/></svg>`

type config struct {
	Owner       string   `json:"owner"`
	Repo        string   `json:"repo"`
	Secrets     []string `json:"secrets"`
	Token       string   `json:"token"`
	PollMinutes *int     `json:"poll_minutes"`
	Comments    *bool    `json:"comments"`
	Discussions bool     `json:"discussions"`
	ApplyLabels bool     `json:"apply_labels"`
	OwnLogins   []string `json:"own_logins"`
	BaseURL     string   `json:"base_url"`
}

func (c config) comments() bool { return c.Comments == nil || *c.Comments }

// every is the time between two looks; 0 means that there are none.
func (c config) every() time.Duration {
	if c.Token == "" {
		return 0
	}
	if c.PollMinutes == nil {
		return 5 * time.Minute
	}
	return time.Duration(*c.PollMinutes) * time.Minute
}

// Source is the plugin. Its methods may be called at once.
type Source struct {
	config  config
	base    *url.URL
	client  *gh.Client
	timeout time.Duration // of one request
	now     func() time.Time
	wait    func(context.Context, time.Duration) error // between two looks

	mu    sync.Mutex
	login string       // the account of the token, once known
	ours  map[int]bool // whether an issue carries our marker, as far as known
}

// New returns the plugin, not configured.
func New() *Source { return &Source{timeout: 15 * time.Second, now: time.Now, wait: pause} }

// Manifest describes the plugin.
func (s *Source) Manifest() sdk.Manifest {
	return sdk.Manifest{
		Name:          "github-issues",
		Kind:          sdk.KindSource,
		Version:       "1.0.0",
		Description:   "Takes issues, comments and discussions that people write in a GitHub repository.",
		Icon:          icon,
		ConfigSchema:  schema,
		Documentation: "https://github.com/iterateswarm/iterateswarm/blob/main/docs/sources/github.md",
	}
}

var name = regexp.MustCompile(`^[A-Za-z0-9._-]+$`)

// minSecret is the least length of a webhook secret, in bytes.
const minSecret = 16

// Configure checks the words; whether GitHub accepts them is for Check.
func (s *Source) Configure(_ context.Context, c sdk.Config) []sdk.Diagnostic {
	var conf config
	if wrong := c.Decode(&conf); wrong != nil {
		return wrong
	}
	var wrong []sdk.Diagnostic
	if !name.MatchString(conf.Owner) || strings.Trim(conf.Owner, ".") == "" {
		wrong = append(wrong, sdk.Wrong("owner", "is not the name of an account"))
	}
	if !name.MatchString(conf.Repo) || strings.Trim(conf.Repo, ".") == "" {
		d := sdk.Wrong("repo", "is not the name of a repository")
		d.Detail = "Give it without its owner and without https://."
		wrong = append(wrong, d)
	}
	if strings.ContainsFunc(conf.Token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		wrong = append(wrong, sdk.Wrong("token", "holds a space or a line break"))
	}
	for i, secret := range conf.Secrets {
		if len(secret) < minSecret {
			d := sdk.Wrong("secrets", "has at position %d fewer than %d characters", i+1, minSecret)
			d.Detail = `This makes one: openssl rand -hex 32.`
			wrong = append(wrong, d)
		}
	}
	if len(conf.Secrets) == 0 && conf.every() == 0 {
		d := sdk.Wrong("", "neither a webhook secret nor a token to ask with is set")
		d.Detail = "Set secrets for the webhook, or token and poll_minutes, or both."
		wrong = append(wrong, d)
	}
	base, d := parseBase(conf.BaseURL)
	if wrong = append(wrong, d...); len(wrong) > 0 {
		return wrong
	}
	s.config, s.base, s.client = conf, base, newClient(base, conf.Token)
	s.login, s.ours = "", map[int]bool{}
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
func (s *Source) Check(ctx context.Context) sdk.Health {
	if s.config.Token == "" {
		return sdk.Health{OK: true, Detail: fmt.Sprintf("Waiting for webhooks, with %d secrets. Without a token nothing is asked, labelled or commented.", len(s.config.Secrets))}
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	repo, resp, err := s.client.Repositories.Get(ctx, s.config.Owner, s.config.Repo)
	place := s.config.Owner + "/" + s.config.Repo
	switch {
	case err == nil && !repo.GetHasIssues():
		return sdk.Health{Detail: "Issues are switched off in " + place + "."}
	case err == nil && s.config.Discussions && !repo.GetHasDiscussions():
		return sdk.Health{Detail: "Discussions are switched off in " + place + "; switch them on there, or off here."}
	case err == nil && !canLabel(repo):
		return sdk.Health{OK: true, Detail: "GitHub shows " + place + " to this token, but does not let it label: give it issues: read and write."}
	case err == nil:
		return sdk.Health{OK: true, Detail: "GitHub shows " + place + " to this token."}
	case resp == nil || resp.Response == nil:
		return sdk.Health{Detail: "GitHub cannot be reached: " + reason(err) + "."}
	case resp.StatusCode == http.StatusUnauthorized:
		return sdk.Health{Detail: "GitHub does not accept the token. It may have expired."}
	case resp.StatusCode == http.StatusNotFound:
		return sdk.Health{Detail: "GitHub knows no " + place + ", or the token may not see it."}
	default:
		return sdk.Health{Detail: "GitHub does not show " + place + ": " + reason(err) + "."}
	}
}

// canLabel is false only when GitHub says that the token's account has no more
// than read access.
func canLabel(repo *gh.Repository) bool {
	p := repo.GetPermissions()
	return p == nil || p["triage"] || p["push"] || p["admin"] || p["maintain"]
}
