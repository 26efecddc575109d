// Package slack is the source for a Slack workspace. It hears what people write
// in the channels that the app was invited to, takes the entry "Send to triage"
// of a message's menu, and takes messages that somebody marks with an emoji.
// Answers are written in the message's thread.
//
// Events come as signed requests (the Events API), or over a connection that the
// plugin holds open (Socket Mode), which needs no address that Slack can reach.
// Both are read by the same code. A request is answered without asking anybody;
// what needs Slack's API is done afterwards, in Run.
package slack

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	api "github.com/slack-go/slack"

	"github.com/iterateswarm/iterateswarm/sdk"
)

const schema = `{
  "type": "object",
  "required": ["bot_token"],
  "properties": {
    "bot_token": {
      "type": "string", "title": "Bot token", "secret": true, "maxLength": 300,
      "description": "Bot User OAuth Token, from OAuth & Permissions. It begins with xoxb-."
    },
    "signing_secrets": {
      "type": "array", "title": "Signing secrets", "secret": true, "items": {"type": "string", "minLength": 16, "maxLength": 100},
      "description": "The Signing Secret, from Basic Information, when Slack sends events as requests. List a new one beside the old one to change it."
    },
    "app_token": {
      "type": "string", "title": "App token", "secret": true, "maxLength": 300,
      "description": "App-Level Token with connections:write, from Basic Information, for Socket Mode. It begins with xapp-. Needed when Slack cannot reach this server."
    },
    "channels": {
      "type": "array", "title": "Channels", "items": {"type": "string", "maxLength": 20},
      "description": "Ids of the channels to listen to, at the end of a channel's About tab. Empty listens to every channel the app was invited to."
    },
    "emoji": {
      "type": "string", "title": "Emoji", "maxLength": 100,
      "description": "A message that somebody marks with it is taken, in any channel the app is in: its name, such as bug."
    },
    "base_url": {
      "type": "string", "title": "API address", "default": "https://slack.com/api/",
      "description": "Leave it as it is, unless a proxy stands between."
    }
  }
}`

const icon = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><path d="M6 2v12M10 2v12M2 6h12M2 10h12" stroke="currentColor" stroke-width="1.5" stroke-linecap="round"/></svg>`

type config struct {
	BotToken       string   `json:"bot_token"`
	SigningSecrets []string `json:"signing_secrets"`
	AppToken       string   `json:"app_token"`
	Channels       []string `json:"channels"`
	Emoji          string   `json:"emoji"`
	BaseURL        string   `json:"base_url"`
}

// Source is the plugin. Its methods may be called at once.
type Source struct {
	config config
	client *api.Client
	hooks  *http.Client // for Slack's response URLs
	now    func() time.Time

	mu        sync.Mutex
	workspace string            // https://NAME.slack.com/, once known
	me        string            // the app's own user, once known
	team      string            // the workspace's id, once known
	names     map[string]string // of people, as far as known
	desk      *desk             // the running Run, or nil
}

// New returns the plugin, not configured.
func New() *Source { return &Source{now: time.Now} }

// Manifest describes the plugin.
func (s *Source) Manifest() sdk.Manifest {
	return sdk.Manifest{
		Name:          "slack",
		Kind:          sdk.KindSource,
		Version:       "1.0.0",
		Description:   "Takes messages, shortcuts and marked messages from a Slack workspace, and answers in threads.",
		Icon:          icon,
		ConfigSchema:  schema,
		Documentation: "https://github.com/iterateswarm/iterateswarm/blob/main/docs/sources/slack.md",
	}
}

// minSecret is the least length of a signing secret; Slack's have 32 characters.
const minSecret = 16

// Configure checks the words; whether Slack accepts them is for Check.
func (s *Source) Configure(_ context.Context, c sdk.Config) []sdk.Diagnostic {
	var conf config
	if wrong := c.Decode(&conf); wrong != nil {
		return wrong
	}
	var wrong []sdk.Diagnostic
	if !isToken(conf.BotToken, "xoxb-") {
		d := sdk.Wrong("bot_token", "is not a bot token")
		d.Detail = "It begins with xoxb- and is under OAuth & Permissions after the app is installed."
		wrong = append(wrong, d)
	}
	if conf.AppToken != "" && !isToken(conf.AppToken, "xapp-") {
		d := sdk.Wrong("app_token", "is not an app-level token")
		d.Detail = "It begins with xapp- and is under Basic Information."
		wrong = append(wrong, d)
	}
	for i, secret := range conf.SigningSecrets {
		if len(secret) < minSecret {
			wrong = append(wrong, sdk.Wrong("signing_secrets", "has at position %d fewer than %d characters", i+1, minSecret))
		}
	}
	if conf.AppToken == "" && len(conf.SigningSecrets) == 0 {
		d := sdk.Wrong("", "neither signing_secrets nor app_token is set")
		d.Detail = "Set signing_secrets when Slack sends events to this server, or app_token for Socket Mode."
		wrong = append(wrong, d)
	}
	for i, id := range conf.Channels {
		if !isID(id) {
			d := sdk.Wrong("channels", "has at position %d no id of a channel", i+1)
			d.Detail = "An id is capital letters and digits, such as C024BE91L; a name is not enough."
			wrong = append(wrong, d)
		}
	}
	base, d := parseBase(conf.BaseURL)
	if wrong = append(wrong, d...); len(wrong) > 0 {
		return wrong
	}
	conf.Emoji = strings.Trim(strings.TrimSpace(conf.Emoji), ":")
	s.config, s.names = conf, map[string]string{}
	s.hooks = newHTTP()
	s.client = api.New(conf.BotToken, api.OptionAppLevelToken(conf.AppToken), api.OptionAPIURL(base), api.OptionHTTPClient(newHTTP()))
	return nil
}

func isToken(s, prefix string) bool {
	return strings.HasPrefix(s, prefix) && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' })
}

// parseBase checks the API address. The token goes there, so it is https,
// except on this machine.
func parseBase(text string) (string, []sdk.Diagnostic) {
	if text == "" {
		return api.APIURL, nil
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return "", []sdk.Diagnostic{sdk.Wrong("base_url", "is not an address such as https://slack.com/api/")}
	}
	ip := net.ParseIP(u.Hostname())
	local := u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
	if u.Scheme != "https" && !(u.Scheme == "http" && local) {
		return "", []sdk.Diagnostic{sdk.Wrong("base_url", "does not begin with https://")}
	}
	return strings.TrimSuffix(u.String(), "/") + "/", nil
}

// scopes are what the bot token must be allowed to do.
func (s *Source) scopes() []string {
	list := []string{"channels:history", "chat:write"}
	if s.config.Emoji != "" {
		list = append(list, "reactions:read")
	}
	return list
}

// Check asks Slack who the app is, and which scopes it has.
func (s *Source) Check(ctx context.Context) sdk.Health {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	who, err := s.client.AuthTestContext(ctx)
	if err != nil {
		if code := codeOf(err); code != "" {
			return sdk.Health{Detail: "Slack does not accept the bot token: " + code + "."}
		}
		return sdk.Health{Detail: "Slack cannot be reached: " + reason(err) + "."}
	}
	s.learn(who)
	if granted := who.Header.Get("X-OAuth-Scopes"); granted != "" {
		has := strings.Split(strings.ReplaceAll(granted, " ", ""), ",")
		var missing []string
		for _, scope := range s.scopes() {
			private := scope == "channels:history" && slices.Contains(has, "groups:history")
			if !slices.Contains(has, scope) && !private {
				missing = append(missing, scope)
			}
		}
		if len(missing) > 0 {
			return sdk.Health{Detail: "The app lacks the scopes " + strings.Join(missing, ", ") + ". Add them under OAuth & Permissions and install it again."}
		}
	}
	if s.config.AppToken != "" {
		if _, _, err := s.client.StartSocketModeContext(ctx); err != nil {
			return sdk.Health{Detail: "Slack does not open Socket Mode: " + reason(err) + ". Switch it on, and give the app token connections:write."}
		}
	}
	return sdk.Health{OK: true, Detail: fmt.Sprintf("Slack knows the app as %s in %s.", who.User, who.Team)}
}

// learn keeps what auth.test told.
func (s *Source) learn(who *api.AuthTestResponse) {
	u, err := url.Parse(who.URL)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.me, s.team = who.UserID, who.TeamID
	if err == nil && u.Scheme == "https" && strings.HasSuffix(u.Host, ".slack.com") {
		s.workspace = "https://" + u.Host + "/"
	}
}

func (s *Source) listens(channel string) bool {
	return len(s.config.Channels) == 0 || slices.Contains(s.config.Channels, channel)
}
