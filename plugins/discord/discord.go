// Package discord is the source for a Discord server. It hears what people write
// in chosen channels and forums, takes the command /feedback and the entry "Send
// to triage" of a message's menu, and takes messages that somebody marks with an
// emoji. Answers are written in a thread under the message.
//
// Messages come over the gateway, a connection that the plugin holds open.
// Commands come over it too, or as signed requests when an interactions endpoint
// is entered at Discord. What was written while nobody listened is read from the
// channels' history.
package discord

import (
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/bwmarrin/discordgo"

	"github.com/iterateswarm/iterateswarm/sdk"
)

const schema = `{
  "type": "object",
  "required": ["token"],
  "properties": {
    "token": {
      "type": "string", "title": "Bot token", "secret": true, "maxLength": 200,
      "description": "From the Developer Portal, Bot, Reset Token. Without the word Bot before it."
    },
    "public_key": {
      "type": "string", "title": "Public key", "maxLength": 64,
      "description": "From the Developer Portal, General Information: 64 hexadecimal digits. Needed only when this source's webhook address is entered there as the Interactions Endpoint URL."
    },
    "channels": {
      "type": "array", "title": "Channels and forums", "items": {"type": "string", "maxLength": 20},
      "description": "Ids of the text channels and forums to listen to, threads in them included. Right-click a channel, Copy Channel ID. Empty listens to none: then only the command, the menu and the emoji bring messages in."
    },
    "emoji": {
      "type": "string", "title": "Emoji", "maxLength": 64,
      "description": "A message that somebody marks with it is taken, in any channel the bot can read: 🐛, or the name of an emoji of your server."
    },
    "answer_commands": {
      "type": "boolean", "title": "Answer /feedback in the channel", "default": false,
      "description": "There is no message to answer after /feedback, so an answer is written in the channel where it was used, for all to see. Without it such feedback is not answered."
    },
    "base_url": {
      "type": "string", "title": "API address", "default": "https://discord.com/api/v9",
      "description": "Leave it as it is, unless a proxy stands between."
    }
  }
}`

const icon = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><path d="M3 3h10a1 1 0 0 1 1 1v7a1 1 0 0 1-1 1H8l-3 2.5V12H3a1 1 0 0 1-1-1V4a1 1 0 0 1 1-1z" fill="none" stroke="currentColor" stroke-width="1.5"/><circle cx="5.5" cy="7.5" r="1" fill="currentColor"/><circle cx="10.5" cy="7.5" r="1" fill="currentColor"/></svg>`

type config struct {
	Token          string   `json:"token"`
	PublicKey      string   `json:"public_key"`
	Channels       []string `json:"channels"`
	Emoji          string   `json:"emoji"`
	AnswerCommands bool     `json:"answer_commands"`
	BaseURL        string   `json:"base_url"`
}

// Source is the plugin. Its methods may be called at once.
type Source struct {
	config config
	base   *url.URL
	key    ed25519.PublicKey
	rest   *discordgo.Session // asks only; Run has a session of its own
	now    func() time.Time

	mu      sync.Mutex
	me      string // the bot's account, once known
	trouble string // why there is no gateway, empty when there is one
}

// New returns the plugin, not configured.
func New() *Source { return &Source{now: time.Now} }

// Manifest describes the plugin.
func (s *Source) Manifest() sdk.Manifest {
	return sdk.Manifest{
		Name:          "discord",
		Kind:          sdk.KindSource,
		Version:       "1.0.0",
		Description:   "Takes messages, commands and marked messages from a Discord server, and answers in threads.",
		Icon:          icon,
		ConfigSchema:  schema,
		Documentation: "https://github.com/iterateswarm/iterateswarm/blob/main/docs/sources/discord.md",
	}
}

// Configure checks the words; whether Discord accepts them is for Check.
func (s *Source) Configure(_ context.Context, c sdk.Config) []sdk.Diagnostic {
	var conf config
	if wrong := c.Decode(&conf); wrong != nil {
		return wrong
	}
	var wrong []sdk.Diagnostic
	if conf.Token == "" || strings.ContainsFunc(conf.Token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		d := sdk.Wrong("token", "is empty or holds a space or a line break")
		d.Detail = "Give the token alone, without the word Bot."
		wrong = append(wrong, d)
	}
	key, err := hex.DecodeString(conf.PublicKey)
	if err != nil || len(key) != 0 && len(key) != ed25519.PublicKeySize {
		d := sdk.Wrong("public_key", "is not 64 hexadecimal digits")
		d.Detail = "Copy it from General Information in the Developer Portal."
		wrong = append(wrong, d)
	}
	for i, id := range conf.Channels {
		if snowflake(id) == 0 {
			d := sdk.Wrong("channels", "has at position %d no id of a channel", i+1)
			d.Detail = "An id is 17 to 20 digits. Switch on Developer Mode in Discord, right-click the channel, Copy Channel ID."
			wrong = append(wrong, d)
		}
	}
	base, d := parseBase(conf.BaseURL)
	if wrong = append(wrong, d...); len(wrong) > 0 {
		return wrong
	}
	conf.Emoji = emojiName(conf.Emoji)
	s.config, s.base, s.key = conf, base, key
	s.rest = s.newSession()
	return nil
}

// emojiName is what a reaction calls an emoji: the character without its
// variation, or the name without colons and number.
func emojiName(text string) string {
	text = strings.Trim(strings.TrimSpace(text), "<>")
	if parts := strings.Split(strings.Trim(text, ":"), ":"); len(parts) > 0 {
		text = parts[0]
		if text == "a" && len(parts) > 1 {
			text = parts[1] // <a:name:id> moves
		}
	}
	return strings.TrimSuffix(text, "\ufe0f")
}

// parseBase checks the API address. The token goes there, so it is https,
// except on this machine.
func parseBase(text string) (*url.URL, []sdk.Diagnostic) {
	if text == "" {
		text = "https://discord.com/api/v9"
	}
	u, err := url.Parse(strings.TrimSuffix(text, "/"))
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, []sdk.Diagnostic{sdk.Wrong("base_url", "is not an address such as https://discord.com/api/v9")}
	}
	ip := net.ParseIP(u.Hostname())
	local := u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
	if u.Scheme != "https" && !(u.Scheme == "http" && local) {
		return nil, []sdk.Diagnostic{sdk.Wrong("base_url", "does not begin with https://")}
	}
	return u, nil
}

// Check asks Discord who the bot is, and whether it may read the channels.
func (s *Source) Check(ctx context.Context) sdk.Health {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	me, err := s.whoAmI(ctx)
	switch status := statusOf(err); {
	case status == 401:
		return sdk.Health{Detail: "Discord does not accept the token. Reset it in the Developer Portal under Bot."}
	case err != nil:
		return sdk.Health{Detail: "Discord cannot be reached: " + reason(err) + "."}
	}
	var unseen []string
	for _, id := range s.config.Channels {
		_, err := s.history(ctx, s.rest, id, "", 1)
		switch status := statusOf(err); {
		case status == 403 || status == 404:
			unseen = append(unseen, id)
		case err != nil && status != 400: // a forum has no messages of its own
			return sdk.Health{Detail: "Channel " + id + " cannot be read: " + reason(err) + "."}
		}
	}
	if len(unseen) > 0 {
		return sdk.Health{Detail: "The bot may not read the channels " + strings.Join(unseen, ", ") +
			". Invite it to the server and give it View Channels and Read Message History there."}
	}
	s.mu.Lock()
	trouble := s.trouble
	s.mu.Unlock()
	if trouble != "" {
		return sdk.Health{Detail: trouble}
	}
	return sdk.Health{OK: true, Detail: fmt.Sprintf("Discord knows the bot (%s), and it may read all %d channels.", me, len(s.config.Channels))}
}

func (s *Source) chosen(channel string) bool { return slices.Contains(s.config.Channels, channel) }

// whoAmI is the id of the bot's account.
func (s *Source) whoAmI(ctx context.Context) (string, error) {
	s.mu.Lock()
	me := s.me
	s.mu.Unlock()
	if me != "" {
		return me, nil
	}
	var u user
	if err := s.ask(ctx, s.rest, "GET", discordgo.EndpointUser("@me"), nil, &u); err != nil {
		return "", err
	}
	s.iAm(u.ID)
	return u.ID, nil
}

func (s *Source) iAm(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.me = id
}
