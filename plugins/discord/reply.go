package discord

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/bwmarrin/discordgo"

	"github.com/iterateswarm/iterateswarm/sdk"
)

const (
	maxMessage  = 2000 // characters of a message, as Discord counts them
	maxThread   = 100  // characters of a thread's name
	maxNonce    = 25
	recentLooks = 50 // messages of a thread that are looked through for ours

	threadExists   = 160004
	unknownMessage = 10008
	suppressed     = suppressEmbeds
)

// Reply writes in a thread under the message, which it makes when there is
// none, or edits what an earlier reply wrote. Discord sends the same nonce only
// once for a few minutes; later, a text of ours that is there already counts as
// sent.
func (s *Source) Reply(ctx context.Context, req sdk.ReplyRequest) sdk.ReplyReply {
	var where place
	if json.Unmarshal([]byte(req.Target.ContextJSON), &where) != nil || snowflake(where.Channel) == 0 || !where.Command && snowflake(where.Message) == 0 {
		return sdk.ReplyReply{Outcome: sdk.Rejected, Message: "the message does not say where it was written"}
	}
	text := plain(req.Text)
	if text == "" {
		return sdk.ReplyReply{Outcome: sdk.Rejected, Message: "there is no text"}
	}
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	if channel, id, ok := strings.Cut(req.PreviousID, "/"); ok && snowflake(channel) != 0 && snowflake(id) != 0 {
		reply, gone := s.edit(ctx, where.Guild, channel, id, text)
		if !gone {
			return reply
		}
	}
	thread, fresh, refused := s.thread(ctx, where, req.Target.Title)
	if refused != nil {
		return *refused
	}
	if !fresh {
		if reply := s.sent(ctx, where.Guild, thread, text); reply != nil {
			return *reply
		}
	}
	return s.send(ctx, where, thread, nonce(req.Key), text)
}

// thread is where to write, and whether it is new. Making a thread twice is told
// by Discord, so nothing is written before the message itself.
func (s *Source) thread(ctx context.Context, where place, title string) (id string, fresh bool, refused *sdk.ReplyReply) {
	if where.Command && !s.config.AnswerCommands {
		return "", false, &sdk.ReplyReply{Outcome: sdk.Rejected, Message: "feedback by /feedback has no message to answer; answer_commands would answer in the channel"}
	}
	if where.Thread || where.Command {
		return where.Channel, false, nil
	}
	if title = strings.Join(strings.Fields(title), " "); title == "" {
		title = "Feedback"
	}
	name := []rune(title)
	body := map[string]any{"name": string(name[:min(len(name), maxThread)])}
	var made channel
	err := s.ask(ctx, s.rest, "POST", discordgo.EndpointChannelMessageThread(where.Channel, where.Message), body, &made)
	switch {
	case err == nil && snowflake(made.ID) != 0:
		return made.ID, true, nil
	case codeOf(err) == threadExists:
		return where.Message, false, nil // a thread has the id of its message
	case err == nil:
		return "", false, &sdk.ReplyReply{Outcome: sdk.NotCreated, Message: "Discord made a thread and did not name it"}
	}
	reply := classify(err)
	if reply.Outcome != sdk.Rejected {
		reply.Outcome = sdk.NotCreated // the thread perhaps; the message certainly not
	}
	return "", false, &reply
}

// written is a message that we send.
type written struct {
	Content   string     `json:"content"`
	Flags     int        `json:"flags"`
	Mentions  mentions   `json:"allowed_mentions"`
	Nonce     string     `json:"nonce,omitempty"`
	Enforce   bool       `json:"enforce_nonce,omitempty"`
	Reference *reference `json:"message_reference,omitempty"`
}

type reference struct {
	MessageID string `json:"message_id"`
	MustExist bool   `json:"fail_if_not_exists"`
}

func (s *Source) send(ctx context.Context, where place, channel, nonce, text string) sdk.ReplyReply {
	body := written{Content: text, Flags: suppressed, Mentions: silent, Nonce: nonce, Enforce: true}
	if where.Thread && where.Message != "" {
		body.Reference = &reference{MessageID: where.Message}
	}
	var done message
	if err := s.ask(ctx, s.rest, http.MethodPost, discordgo.EndpointChannelMessages(channel), body, &done); err != nil {
		return classify(err)
	}
	return confirmed(where.Guild, channel, done.ID)
}

func confirmed(guild, channel, id string) sdk.ReplyReply {
	if snowflake(id) == 0 {
		return sdk.ReplyReply{Message: "Discord says sent and names no message"}
	}
	return sdk.ReplyReply{Outcome: sdk.Created, ID: channel + "/" + id, URL: permalink(guild, channel, id)}
}

// edit changes an earlier reply. It is gone when somebody has deleted it.
func (s *Source) edit(ctx context.Context, guild, channel, id, text string) (reply sdk.ReplyReply, gone bool) {
	body := written{Content: text, Flags: suppressed, Mentions: silent}
	err := s.ask(ctx, s.rest, http.MethodPatch, discordgo.EndpointChannelMessage(channel, id), body, nil)
	if err != nil {
		return classify(err), codeOf(err) == unknownMessage
	}
	return confirmed(guild, channel, id), false
}

// sent looks whether the text stands in the thread already, by us. It returns
// nil when it does not; what cannot be looked up is not written.
func (s *Source) sent(ctx context.Context, guild, thread, text string) *sdk.ReplyReply {
	me, err := s.whoAmI(ctx)
	var list []*message
	if err == nil {
		list, err = s.history(ctx, s.rest, thread, "", recentLooks)
	}
	if err != nil {
		reply := classify(err)
		if reply.Outcome != sdk.Rejected {
			reply.Outcome = sdk.NotCreated
		}
		return &reply
	}
	for _, m := range list {
		if m.Author != nil && m.Author.ID == me && m.Content == text {
			reply := confirmed(guild, thread, m.ID)
			return &reply
		}
	}
	return nil
}

// nonce names a reply within Discord's 25 characters.
func nonce(key string) string {
	if len(key) <= maxNonce {
		return key
	}
	sum := sha256.Sum256([]byte(key))
	return strings.ToLower(base32.StdEncoding.EncodeToString(sum[:]))[:maxNonce]
}

// link is an address that stays one: nothing in it is markup for Discord.
var link = regexp.MustCompile(`^https?://[A-Za-z0-9./?=&%+:#_-]+`)

// plain writes a text so that Discord shows it as it is, within its limit.
func plain(s string) string {
	var b strings.Builder
	n := 0
	s = strings.TrimSpace(s)
	for i := 0; i < len(s); {
		if address := link.FindString(s[i:]); address != "" && n+len(address) < maxMessage {
			b.WriteString(address)
			n, i = n+len(address), i+len(address)
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		i += size
		if unicode.IsControl(r) && r != '\n' || unicode.Is(unicode.Cf, r) && r != '\u200c' && r != '\u200d' {
			continue // unseen, or turns the direction of the text
		}
		escaped := strings.ContainsRune("\\`*_~|>#-<@[](){}", r)
		need := utf16.RuneLen(r)
		if escaped {
			need++
		}
		if n+need > maxMessage-1 {
			b.WriteString("…")
			break
		}
		if escaped {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
		n += need
	}
	return strings.TrimSpace(b.String())
}
