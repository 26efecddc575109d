// Package jira is the tracker that files issues in a project of Jira, in the
// cloud (REST API 3, texts as documents) or in a data center (REST API 2, texts
// as wiki markup). An issue of ours is known by its label iterateswarm-KEY: a
// search for a label is exact, and a search for words is not.
package jira

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
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
  "required": ["base_url", "token", "project"],
  "properties": {
    "base_url": {
      "type": "string", "title": "Address", "maxLength": 500,
      "description": "Where Jira is, such as https://example.atlassian.net/."
    },
    "edition": {
      "type": "string", "title": "Edition", "enum": ["cloud", "datacenter"], "default": "cloud",
      "description": "Whether it is Jira Cloud or Jira Data Center."
    },
    "email": {
      "type": "string", "title": "Email", "maxLength": 200,
      "description": "The account that the API token belongs to. Only for Jira Cloud."
    },
    "token": {
      "type": "string", "title": "Token", "secret": true, "maxLength": 1000,
      "description": "For Jira Cloud an API token without scopes, for Data Center a personal access token."
    },
    "project": {
      "type": "string", "title": "Project", "maxLength": 50,
      "description": "The project's key, which its issues begin with, such as APP."
    },
    "issue_type": {
      "type": "string", "title": "Issue type", "maxLength": 60, "default": "Task",
      "description": "The type of an issue that names none. A bug gets the type Bug where the project has one."
    },
    "labels": {
      "type": "array", "title": "Labels", "items": {"type": "string", "maxLength": 200},
      "description": "Labels that every issue gets, besides its own. Jira makes a label by using it."
    },
    "webhook_secret": {
      "type": "string", "title": "Webhook secret", "secret": true, "maxLength": 200,
      "description": "At least 16 characters, the same as in Jira's webhook. Without it, changes are asked for every few minutes."
    },
    "former_accounts": {
      "type": "array", "title": "Former accounts", "items": {"type": "string", "maxLength": 200},
      "description": "Ids (in Data Center: names) of accounts that this tracker has filed issues with before, so that it knows those issues as its own."
    }
  }
}`

const icon = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><path d="M8 2l6 6-6 6-6-6zM8 5.5L10.500 8 8 10.500 5.500 8z" fill="none" stroke="currentColor" stroke-width="1.5"/></svg>`

type config struct {
	BaseURL        string   `json:"base_url"`
	Edition        string   `json:"edition"` // cloud or datacenter; empty means cloud
	Email          string   `json:"email"`
	Token          string   `json:"token"`
	Project        string   `json:"project"`
	IssueType      string   `json:"issue_type"`
	Labels         []string `json:"labels"`
	WebhookSecret  string   `json:"webhook_secret"`
	FormerAccounts []string `json:"former_accounts"`
}

func (c config) cloud() bool { return c.Edition != "datacenter" }

// Tracker is the plugin. Its methods may be called at once.
type Tracker struct {
	config config
	site   *url.URL // ends with a slash
	api    *rest.Client

	mu      sync.Mutex
	account string    // of the token, once known
	types   []kind    // of the project
	typesAt time.Time // when they were read
}

// New returns the plugin, not configured.
func New() *Tracker { return &Tracker{} }

// Manifest describes the plugin.
func (t *Tracker) Manifest() sdk.Manifest {
	return sdk.Manifest{
		Name:              "jira",
		Kind:              sdk.KindTracker,
		Version:           "1.0.0",
		Description:       "Files issues in a project of Jira Cloud or Jira Data Center.",
		Icon:              icon,
		ConfigSchema:      schema,
		Documentation:     "https://github.com/iterateswarm/iterateswarm/blob/main/docs/trackers/jira.md",
		MinCreateInterval: time.Second,
		Settle:            60 * time.Second, // the search reads an index that is seconds behind
	}
}

var projectKey = regexp.MustCompile(`^[A-Z][A-Z0-9_]{0,49}$`)

// Configure checks the words; whether Jira accepts them is for Check.
func (t *Tracker) Configure(_ context.Context, c sdk.Config) []sdk.Diagnostic {
	conf := config{IssueType: "Task"}
	if wrong := c.Decode(&conf); wrong != nil {
		return wrong
	}
	var wrong []sdk.Diagnostic
	base, bad := rest.Address(conf.BaseURL)
	if bad != "" {
		wrong = append(wrong, sdk.Wrong("base_url", "%s", bad))
	}
	if !slices.Contains([]string{"", "cloud", "datacenter"}, conf.Edition) {
		wrong = append(wrong, sdk.Wrong("edition", "is neither cloud nor datacenter"))
	}
	if conf.cloud() && !strings.Contains(conf.Email, "@") {
		d := sdk.Wrong("email", "is not an address")
		d.Detail = "Jira Cloud takes an API token together with the account's email."
		wrong = append(wrong, d)
	}
	if conf.Token == "" || strings.ContainsFunc(conf.Token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		wrong = append(wrong, sdk.Wrong("token", "is empty or holds a space or a line break"))
	}
	if !projectKey.MatchString(conf.Project) {
		d := sdk.Wrong("project", "is not the key of a project")
		d.Detail = "It is what stands before the number of an issue, in capitals: APP in APP-12."
		wrong = append(wrong, d)
	}
	if conf.WebhookSecret != "" && len(conf.WebhookSecret) < rest.MinSecret {
		wrong = append(wrong, sdk.Wrong("webhook_secret", "has fewer than %d characters", rest.MinSecret))
	}
	if len(wrong) > 0 {
		return wrong
	}
	t.config, t.site, t.account, t.types = conf, base, "", nil
	version, credentials := "2", "Bearer "+conf.Token
	if conf.cloud() {
		version, credentials = "3", "Basic "+base64.StdEncoding.EncodeToString([]byte(conf.Email+":"+conf.Token))
	}
	t.api = &rest.Client{
		Service: "Jira", Base: base.JoinPath("rest/api/" + version + "/"), Reason: reason, Pace: &rest.Pace{}, HTTP: rest.HTTP(),
		// Without it, Jira holds a request that names a browser's agent for forged.
		Header: http.Header{"Authorization": {credentials}, "X-Atlassian-Token": {"no-check"}},
	}
	return nil
}

func reason(body []byte) string {
	var said struct {
		Messages []string          `json:"errorMessages"`
		Errors   map[string]string `json:"errors"`
		Message  string            `json:"message"`
	}
	_ = json.Unmarshal(body, &said) // another body says nothing
	for _, field := range slices.Sorted(maps.Keys(said.Errors)) {
		said.Messages = append(said.Messages, field+": "+said.Errors[field])
	}
	if len(said.Messages) == 0 {
		return said.Message
	}
	return strings.Join(said.Messages, "; ")
}

// person is an account, in the words of both editions.
type person struct {
	AccountID string `json:"accountId"` // cloud
	Name      string `json:"name"`      // data center
	Display   string `json:"displayName"`
	Active    *bool  `json:"active"`
}

func (p person) id() string {
	if p.AccountID != "" {
		return p.AccountID
	}
	return p.Name
}

// assignee is how a field takes an account.
func (t *Tracker) assignee(id string) map[string]string {
	if t.config.cloud() {
		return map[string]string{"accountId": id}
	}
	return map[string]string{"name": id}
}

// whoAmI returns the account that the token acts as, asked once.
func (t *Tracker) whoAmI(ctx context.Context) (string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.account != "" {
		return t.account, nil
	}
	var me person
	if _, err := t.api.Get(ctx, "myself", nil, &me); err != nil {
		return "", err
	}
	if me.id() == "" {
		return "", errors.New("no account in the answer of Jira")
	}
	t.account = me.id()
	return t.account, nil
}

// needed are the permissions, by Jira's names, and the words in which its
// screens name them.
var needed = map[string]string{
	"BROWSE_PROJECTS": "Browse Projects", "CREATE_ISSUES": "Create Issues", "EDIT_ISSUES": "Edit Issues",
	"ADD_COMMENTS": "Add Comments", "EDIT_OWN_COMMENTS": "Edit Own Comments", "TRANSITION_ISSUES": "Transition Issues", "ASSIGN_ISSUES": "Assign Issues",
}

// Check asks for the account, the project, its types, and what the account may
// do there.
func (t *Tracker) Check(ctx context.Context) sdk.Health {
	_, err := t.whoAmI(ctx)
	var may struct {
		Permissions map[string]struct {
			Have bool `json:"havePermission"`
		} `json:"permissions"`
	}
	if err == nil {
		_, err = t.api.Get(ctx, "project/"+t.config.Project, nil, &struct{}{})
	}
	if err == nil {
		_, err = t.api.Get(ctx, "mypermissions", url.Values{"projectKey": {t.config.Project}, "permissions": {strings.Join(slices.Sorted(maps.Keys(needed)), ",")}}, &may)
	}
	problem, _ := errors.AsType[*rest.Problem](err)
	switch {
	case problem != nil && problem.Status == http.StatusUnauthorized:
		return sdk.Health{Detail: "Jira does not accept the token (and the email)."}
	case problem != nil && problem.Status == http.StatusNotFound:
		return sdk.Health{Detail: "Jira knows no project " + t.config.Project + ", or the account may not see it."}
	case err != nil:
		return sdk.Health{Detail: "Jira cannot be used: " + err.Error() + "."}
	}
	var lacks []string
	for _, permission := range slices.Sorted(maps.Keys(needed)) {
		if !may.Permissions[permission].Have {
			lacks = append(lacks, needed[permission])
		}
	}
	if len(lacks) > 0 {
		return sdk.Health{OK: may.Permissions["CREATE_ISSUES"].Have && may.Permissions["BROWSE_PROJECTS"].Have,
			Detail: fmt.Sprintf("The account lacks permissions in %s: %s.", t.config.Project, strings.Join(lacks, ", "))}
	}
	if k, err := t.kind(ctx, t.config.IssueType); err != nil {
		return sdk.Health{Detail: "Jira does not list the issue types: " + err.Error() + "."}
	} else if k == nil {
		return sdk.Health{Detail: fmt.Sprintf("The project %s has no issue type %s.", t.config.Project, t.config.IssueType)}
	}
	return sdk.Health{OK: true, Detail: "Jira takes issues in " + t.config.Project + " from this account."}
}
