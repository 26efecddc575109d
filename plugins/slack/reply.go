package slack

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"unicode"

	api "github.com/slack-go/slack"

	"github.com/iterateswarm/iterateswarm/sdk"
)

const (
	maxText   = 4000 // characters of an answer, as Slack advises
	eventType = "iterateswarm_reply"
	pageSize  = 200
	maxPages  = 5 // of a thread that are looked through for ours
)

// Reply writes in the message's thread, or edits what an earlier reply with the
// same key or id wrote. The key is kept in the message's metadata.
func (s *Source) Reply(ctx context.Context, req sdk.ReplyRequest) sdk.ReplyReply {
	var where place
	if json.Unmarshal([]byte(req.Target.ContextJSON), &where) != nil || !isID(where.Channel) || !isTS(where.TS) {
		return sdk.ReplyReply{Outcome: sdk.Rejected, Message: "the message does not say where it was written"}
	}
	text := plain(req.Text)
	if text == "" {
		return sdk.ReplyReply{Outcome: sdk.Rejected, Message: "there is no text"}
	}
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	channel, ts, ok := strings.Cut(req.PreviousID, ":")
	if !ok || !isID(channel) || !isTS(ts) {
		var err error
		channel = where.Channel
		if ts, err = s.find(ctx, where, req.Key); err != nil {
			reply := classify(err)
			if reply.Outcome != sdk.Rejected {
				reply.Outcome = sdk.NotCreated // it was only looked for
			}
			return reply
		}
	}
	if ts != "" {
		_, _, _, err := s.client.UpdateMessageContext(ctx, channel, ts, s.options(req.Key, text)...)
		if err == nil {
			return s.confirmed(channel, ts, where)
		}
		if codeOf(err) != "message_not_found" {
			return classify(err)
		}
	}
	options := append(s.options(req.Key, text), api.MsgOptionTS(where.root()), api.MsgOptionDisableLinkUnfurl(), api.MsgOptionDisableMediaUnfurl())
	channel, ts, err := s.client.PostMessageContext(ctx, where.Channel, options...)
	if err != nil {
		return classify(err)
	}
	return s.confirmed(channel, ts, where)
}

// root is the message that the thread is under.
func (p place) root() string {
	if isTS(p.ThreadTS) {
		return p.ThreadTS
	}
	return p.TS
}

// options say that a text is nothing but text.
func (s *Source) options(key, text string) []api.MsgOption {
	return []api.MsgOption{
		api.MsgOptionText(text, false), // escaped by plain
		api.MsgOptionDisableMarkdown(),
		api.MsgOptionParse(false),
		api.MsgOptionLinkNames(false),
		api.MsgOptionMetadata(api.SlackMetadata{EventType: eventType, EventPayload: map[string]any{"key": key}}),
	}
}

func (s *Source) confirmed(channel, ts string, where place) sdk.ReplyReply {
	if !isTS(ts) {
		return sdk.ReplyReply{Message: "Slack says sent and names no message"}
	}
	s.mu.Lock()
	workspace := s.workspace
	s.mu.Unlock()
	return sdk.ReplyReply{Outcome: sdk.Created, ID: channel + ":" + ts,
		URL: permalink(workspace, place{Team: where.Team, Channel: channel, TS: ts, ThreadTS: where.root()})}
}

// find looks for our message with a key in the thread, and returns its time or
// nothing. Anybody's app can write metadata, so the author counts too.
func (s *Source) find(ctx context.Context, where place, key string) (string, error) {
	s.mu.Lock()
	me := s.me
	s.mu.Unlock()
	if me == "" {
		who, err := s.client.AuthTestContext(ctx)
		if err != nil {
			return "", err
		}
		s.learn(who)
		me = who.UserID
	}
	params := &api.GetConversationRepliesParameters{ChannelID: where.Channel, Timestamp: where.root(), Limit: pageSize, IncludeAllMetadata: true}
	for range maxPages {
		list, more, next, err := s.client.GetConversationRepliesContext(ctx, params)
		if err != nil {
			return "", err
		}
		for _, m := range list {
			if m.User == me && m.Metadata.EventType == eventType && m.Metadata.EventPayload["key"] == key {
				return m.Timestamp, nil
			}
		}
		if !more || next == "" {
			return "", nil
		}
		params.Cursor = next
	}
	return "", errors.New("the thread is too long to look through")
}

// plain writes a text so that Slack shows it as it is: nobody is called and
// nothing is a link under another name.
func plain(s string) string {
	var b strings.Builder
	n := 0
	for _, r := range strings.TrimSpace(s) {
		if unicode.IsControl(r) && r != '\n' && r != '\t' || unicode.Is(unicode.Cf, r) && r != '\u200c' && r != '\u200d' {
			continue // unseen, or turns the direction of the text
		}
		if n++; n >= maxText {
			b.WriteString("…")
			break
		}
		switch r {
		case '&':
			b.WriteString("&amp;")
		case '<':
			b.WriteString("&lt;")
		case '>':
			b.WriteString("&gt;")
		default:
			b.WriteRune(r)
		}
	}
	return strings.TrimSpace(b.String())
}
