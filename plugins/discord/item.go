package discord

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/iterateswarm/iterateswarm/sdk"
)

// What is read of Discord's objects. discordgo's own types refuse a whole
// message for one component they do not know.

type user struct {
	ID       string `json:"id"`
	Username string `json:"username"`
	Global   string `json:"global_name"`
	Bot      bool   `json:"bot"`
	System   bool   `json:"system"`
}

type attachment struct {
	Filename string `json:"filename"`
	URL      string `json:"url"`
	Size     int64  `json:"size"`
	Type     string `json:"content_type"`
}

type message struct {
	ID          string       `json:"id"`
	ChannelID   string       `json:"channel_id"`
	GuildID     string       `json:"guild_id"`
	Content     string       `json:"content"`
	Author      *user        `json:"author"`
	WebhookID   string       `json:"webhook_id"`
	Type        int          `json:"type"`
	Attachments []attachment `json:"attachments"`
	Reference   *struct {
		Type      int    `json:"type"` // 0 answers, 1 forwards
		MessageID string `json:"message_id"`
	} `json:"message_reference"`
	Referenced *message `json:"referenced_message"`
}

// The types of message that a person writes: plain, and an answer.
const (
	plainMessage  = 0
	answerMessage = 19
)

// channel is a channel, a forum, or a thread in one of them.
type channel struct {
	ID      string `json:"id"`
	GuildID string `json:"guild_id"`
	Parent  string `json:"parent_id"`
	Name    string `json:"name"`
	Type    int    `json:"type"`
	Last    string `json:"last_message_id"`
}

func (c channel) isThread() bool { return c.Type >= 10 && c.Type <= 12 }

// place is what the plugin keeps of a message to answer it.
type place struct {
	Guild   string `json:"guild,omitempty"`
	Channel string `json:"channel"`
	Message string `json:"message,omitempty"` // empty after /feedback
	Thread  bool   `json:"thread,omitempty"`  // the channel is a thread
	Name    string `json:"name,omitempty"`    // of the thread
	Command bool   `json:"command,omitempty"` // came by /feedback
}

const (
	maxTitle       = 1000     // bytes
	maxContent     = 60 << 10 // bytes; Discord allows 4,000 characters
	maxAttachments = 10       // what Discord allows
)

// item makes feedback of a message in a channel, or returns nil when it is not
// by a person or empty. me is the bot's account.
func item(m *message, in channel, me string) *sdk.Item {
	if m.Author == nil || m.Author.Bot || m.Author.System || m.Author.ID == me || m.WebhookID != "" ||
		snowflake(m.ID) == 0 || snowflake(m.ChannelID) == 0 || m.Type != plainMessage && m.Type != answerMessage {
		return nil
	}
	guild := m.GuildID
	if guild == "" {
		guild = in.GuildID
	}
	if snowflake(guild) == 0 {
		guild = ""
	}
	it := &sdk.Item{ExternalID: m.ID, Content: cut(m.Content, maxContent), Permalink: permalink(guild, m.ChannelID, m.ID),
		AuthorID: m.Author.ID, AuthorHandle: m.Author.handle(), Created: timeOf(m.ID)}
	for _, a := range m.Attachments[:min(len(m.Attachments), maxAttachments)] {
		it.Attachments = append(it.Attachments, sdk.Attachment{Name: a.Filename, URL: webLink(a.URL), Size: max(0, a.Size), Type: a.Type})
	}
	if isBlank(it.Content) {
		if it.Content = names(it.Attachments); it.Content == "" {
			return nil
		}
	}
	where := place{Guild: guild, Channel: m.ChannelID, Message: m.ID, Thread: in.isThread()}
	if in.isThread() {
		where.Name = cut(in.Name, maxTitle)
		// A thread has the id of the message it began with.
		if m.ID == in.ID {
			it.Title = where.Name
		} else {
			it.InReplyTo = in.ID
		}
	}
	if m.Type == answerMessage && m.Reference != nil && m.Reference.Type == 0 && snowflake(m.Reference.MessageID) != 0 {
		it.InReplyTo = m.Reference.MessageID
		// An answer to our answer is about what we answered.
		if r := m.Referenced; r != nil && r.Author != nil && r.Author.ID == me {
			if r.Reference != nil && snowflake(r.Reference.MessageID) != 0 {
				it.InReplyTo = r.Reference.MessageID
			} else if in.isThread() && m.ID != in.ID {
				it.InReplyTo = in.ID
			}
		}
	}
	it.ContextJSON = where.json()
	return it
}

func (p place) json() string {
	b, _ := json.Marshal(p) // strings always encode
	return string(b)
}

func (u *user) handle() string {
	if u.Global != "" {
		return u.Global + " (" + u.Username + ")"
	}
	return u.Username
}

// names stands for the text of a message that has only files.
func names(list []sdk.Attachment) string {
	var b strings.Builder
	for _, a := range list {
		fmt.Fprintf(&b, "[file: %s]\n", a.Name)
	}
	return strings.TrimSpace(b.String())
}

// webLink keeps a link to Discord's file servers and drops every other. It is
// for people; nothing here follows it.
func webLink(u string) string {
	for _, host := range []string{"https://cdn.discordapp.com/", "https://media.discordapp.net/"} {
		if strings.HasPrefix(u, host) {
			return u
		}
	}
	return ""
}

func permalink(guild, channel, message string) string {
	if guild == "" {
		guild = "@me"
	}
	return "https://discord.com/channels/" + guild + "/" + channel + "/" + message
}

// snowflake is an id as a number, 0 when it is none. Later ids are larger.
func snowflake(id string) uint64 {
	if len(id) < 15 || len(id) > 20 || strings.Trim(id, "0123456789") != "" || id[0] == '0' {
		return 0
	}
	n, err := strconv.ParseUint(id, 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// epoch is when Discord's ids begin to count, in milliseconds since 1970.
const epoch = 1420070400000

func timeOf(id string) time.Time { return time.UnixMilli(int64(snowflake(id)>>22) + epoch).UTC() }

// idAt is the smallest id of a time.
func idAt(t time.Time) uint64 { return uint64(max(0, t.UnixMilli()-epoch)) << 22 }

// cut keeps whole characters.
func cut(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	for limit > 0 && !utf8.RuneStart(s[limit]) {
		limit--
	}
	return s[:limit]
}

func isBlank(s string) bool { return strings.TrimSpace(s) == "" }
