package slack

import (
	"encoding/json"
	"errors"
	"strings"

	"github.com/iterateswarm/iterateswarm/sdk"
)

// shortcutID is the callback id of the shortcut "Send to triage".
const shortcutID = "send_to_triage"

// payload is an event, or the use of a shortcut.
type payload struct {
	Type      string          `json:"type"`
	Challenge string          `json:"challenge"`
	TeamID    string          `json:"team_id"`
	Event     json.RawMessage `json:"event"`

	// The rest is of shortcuts.
	CallbackID  string `json:"callback_id"`
	ResponseURL string `json:"response_url"`
	Team        struct {
		ID string `json:"id"`
	} `json:"team"`
	Channel struct {
		ID string `json:"id"`
	} `json:"channel"`
	Message *message `json:"message"`
}

// mark is a message that somebody marked with our emoji.
type mark struct {
	Team    string `json:"team,omitempty"`
	Channel string `json:"channel"`
	TS      string `json:"ts"`
}

// news is what a payload brings: a message, or where to get one.
type news struct {
	challenge string
	item      *sdk.Item
	author    string // the item's, when the name is not known yet
	mark      *mark
	confirm   string // a response_url
}

var errNotSlack = errors.New("the body is not an event of Slack")

// read takes a payload apart. What is no new text of a person is nothing.
func (s *Source) read(body []byte) (news, error) {
	var p payload
	if err := json.Unmarshal(body, &p); err != nil || p.Type == "" {
		return news{}, errNotSlack
	}
	switch p.Type {
	case "url_verification":
		return news{challenge: p.Challenge}, nil
	case "event_callback":
		return s.event(p.TeamID, p.Event)
	case "message_action":
		if p.CallbackID != shortcutID || p.Message == nil {
			return news{}, nil
		}
		m := *p.Message
		m.Channel = p.Channel.ID
		it := s.item(p.Team.ID, &m)
		if it == nil {
			return news{}, nil
		}
		return news{item: it, author: s.unknown(m.User), confirm: p.ResponseURL}, nil
	}
	return news{}, nil
}

func (s *Source) event(team string, raw json.RawMessage) (news, error) {
	var kind struct {
		Type string `json:"type"`
	}
	if json.Unmarshal(raw, &kind) != nil {
		return news{}, errNotSlack
	}
	switch kind.Type {
	case "message":
		var m message
		if json.Unmarshal(raw, &m) != nil {
			return news{}, errNotSlack
		}
		if !s.listens(m.Channel) {
			return news{}, nil
		}
		it := s.item(team, &m)
		if it == nil {
			return news{}, nil
		}
		return news{item: it, author: s.unknown(m.User)}, nil
	case "reaction_added":
		var r struct {
			User     string `json:"user"`
			Reaction string `json:"reaction"`
			Item     struct {
				Type    string `json:"type"`
				Channel string `json:"channel"`
				TS      string `json:"ts"`
			} `json:"item"`
		}
		if json.Unmarshal(raw, &r) != nil {
			return news{}, errNotSlack
		}
		name, _, _ := strings.Cut(r.Reaction, "::") // a skin tone follows
		s.mu.Lock()
		ours := r.User == s.me
		s.mu.Unlock()
		if s.config.Emoji == "" || name != s.config.Emoji || r.Item.Type != "message" || ours || !isID(r.Item.Channel) || !isTS(r.Item.TS) {
			return news{}, nil
		}
		return news{mark: &mark{Team: team, Channel: r.Item.Channel, TS: r.Item.TS}}, nil
	}
	return news{}, nil
}

// unknown is a user whose name is not known, or nobody.
func (s *Source) unknown(user string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, known := s.names[user]; known || !isID(user) {
		return ""
	}
	return user
}
