// Package email is the source for mail. It reads a mailbox over IMAP and waits
// there for new messages (IDLE), takes messages that a mail provider hands over
// by HTTP, or both. A message is known by its Message-ID. What is kept is what
// its writer wrote: HTML becomes text, the quoted mail and the signature are
// left out, attachments are named. Automatic answers, bounces and our own
// replies make no feedback. Replies go out through the host's mail settings,
// with the headers that put them into the writer's thread.
package email

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/mail"
	"strings"
	"time"

	"github.com/iterateswarm/iterateswarm/sdk"
)

const schema = `{
  "type": "object",
  "properties": {
    "address": {"type": "string", "title": "Our address", "maxLength": 320,
      "description": "Where people write to, such as support@example.com. Messages from it are our own and are ignored."},
    "host": {"type": "string", "title": "IMAP server", "maxLength": 253, "description": "Such as imap.example.com. Empty: no mailbox is read."},
    "port": {"type": "integer", "title": "Port", "minimum": 1, "maximum": 65535, "description": "Default 993 with TLS, 143 with STARTTLS."},
    "security": {"type": "string", "title": "Security", "enum": ["tls", "starttls", "none"], "default": "tls",
      "description": "none is taken for a server on this machine only."},
    "username": {"type": "string", "title": "User name", "maxLength": 320},
    "password": {"type": "string", "title": "Password", "secret": true, "maxLength": 1000, "description": "An app password where the provider has such."},
    "mailbox": {"type": "string", "title": "Folder", "maxLength": 500, "default": "INBOX"},
    "mark_seen": {"type": "boolean", "title": "Mark as read", "default": true, "description": "Marks what is stored as read."},
    "backlog": {"type": "integer", "title": "Messages to begin with", "minimum": 0, "maximum": 10000, "default": 0,
      "description": "How many of the messages that are there at the first start are taken."},
    "hook_token": {"type": "string", "title": "Token of the inbound address", "secret": true, "minLength": 16, "maxLength": 200,
      "description": "For mail that a provider posts to us: the last part of the webhook address. Empty: nothing is taken by HTTP."},
    "mailgun_key": {"type": "string", "title": "Mailgun signing key", "secret": true, "maxLength": 200,
      "description": "When set, posts must carry Mailgun's signature too."}
  }
}`

// settings are what an instance is configured with.
type settings struct {
	Address    string `json:"address"`
	Host       string `json:"host"`
	Port       int    `json:"port"`
	Security   string `json:"security"`
	Username   string `json:"username"`
	Password   string `json:"password"`
	Mailbox    string `json:"mailbox"`
	MarkSeen   *bool  `json:"mark_seen"`
	Backlog    int    `json:"backlog"`
	HookToken  string `json:"hook_token"`
	MailgunKey string `json:"mailgun_key"`
}

// Source is the plugin.
type Source struct {
	settings
	own  map[string]bool // addresses whose messages are our own
	now  func() time.Time
	idle time.Duration // how long to wait for news before asking again; servers end an IDLE after half an hour
}

// New returns the plugin, not configured.
func New() *Source { return &Source{now: time.Now, idle: 20 * time.Minute} }

// Manifest describes the plugin.
func (s *Source) Manifest() sdk.Manifest {
	return sdk.Manifest{
		Name: "email", Kind: sdk.KindSource, Version: "1.0.0",
		Description:   "Reads a mailbox over IMAP, takes mail from a provider's webhook, and answers in the thread.",
		ConfigSchema:  schema,
		Documentation: "https://github.com/iterateswarm/iterateswarm/blob/main/docs/sources/email.md",
	}
}

// Configure checks what can be checked without a network.
func (s *Source) Configure(_ context.Context, c sdk.Config) []sdk.Diagnostic {
	conf := settings{Security: "tls", Mailbox: "INBOX"}
	wrong := c.Decode(&conf)
	if len(wrong) > 0 {
		return wrong
	}
	if conf.Host == "" && conf.HookToken == "" {
		wrong = append(wrong, sdk.Wrong("host", "is empty, and so is hook_token: name a mailbox to read, or a token for mail by HTTP, or both"))
	}
	if conf.Address != "" {
		if a, err := mail.ParseAddress(conf.Address); err != nil || a.Address != conf.Address {
			wrong = append(wrong, sdk.Wrong("address", "is no mail address, such as support@example.com"))
		}
	}
	if conf.Host != "" {
		if conf.Username == "" {
			wrong = append(wrong, sdk.Wrong("username", "is required to read a mailbox"))
		}
		if conf.Password == "" {
			wrong = append(wrong, sdk.Wrong("password", "is required to read a mailbox"))
		}
		if conf.Security == "none" && !loopback(conf.Host) {
			wrong = append(wrong, sdk.Wrong("security", "none would send the password in clear to another machine; use tls or starttls"))
		}
		if conf.Port == 0 {
			conf.Port = map[string]int{"tls": 993, "starttls": 143, "none": 143}[conf.Security]
		}
	}
	if len(wrong) > 0 {
		return wrong
	}
	s.settings = conf
	s.own = map[string]bool{}
	for _, a := range []string{conf.Address, conf.Username} {
		if strings.Contains(a, "@") {
			s.own[strings.ToLower(a)] = true
		}
	}
	return nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || (ip != nil && ip.IsLoopback())
}

// Check opens the mailbox.
func (s *Source) Check(ctx context.Context) sdk.Health {
	if s.Host == "" {
		return sdk.Health{OK: true, Detail: "Waiting for mail by HTTP."}
	}
	c, box, err := s.open(ctx, nil)
	if err != nil {
		return sdk.Health{Detail: err.Error()}
	}
	defer c.Close()
	return sdk.Health{OK: true, Detail: fmt.Sprintf("The folder %s has %d messages.", s.Mailbox, box.NumMessages)}
}

// Reply answers in the writer's thread. The host sends the mail.
func (s *Source) Reply(_ context.Context, req sdk.ReplyRequest) sdk.ReplyReply {
	to, err := mail.ParseAddress(req.Target.AuthorID)
	if err != nil {
		return sdk.ReplyReply{Outcome: sdk.Rejected, Message: "the message has no address to answer to"}
	}
	var about aside
	_ = json.Unmarshal([]byte(req.Target.ContextJSON), &about) // without it the reply begins a thread of its own
	subject := strings.TrimSpace(req.Target.Title)
	if subject == "" {
		subject = "your message"
	}
	if !strings.HasPrefix(strings.ToLower(subject), "re:") {
		subject = "Re: " + subject
	}
	m := &sdk.Mail{To: to.Address, Subject: clip(subject, 250), Text: req.Text, InReplyTo: about.MessageID}
	if about.MessageID != "" {
		m.References = append(about.References, about.MessageID)
	}
	return sdk.ReplyReply{Mail: m}
}
