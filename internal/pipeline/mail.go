package pipeline

import (
	"net/mail"
	"strings"

	"github.com/pocketbase/pocketbase/tools/mailer"

	"github.com/iterateswarm/iterateswarm/sdk"
)

// mail sends a reply through the mail server that is set up in the console. It
// is text only, and marked so that no autoresponder answers it.
func (p *Pipeline) mail(m sdk.Mail) sdk.ReplyReply {
	settings := p.App.Settings()
	if !settings.SMTP.Enabled {
		return sdk.ReplyReply{Outcome: sdk.Rejected, Message: "no mail server is set up: a superuser does that in the console under Settings, Mail settings"}
	}
	to, err := mail.ParseAddress(m.To)
	if err != nil {
		return sdk.ReplyReply{Outcome: sdk.Rejected, Message: "the reporter's address cannot be read"}
	}
	headers := map[string]string{"Auto-Submitted": "auto-replied", "X-Auto-Response-Suppress": "All"}
	if id := headerLine(m.InReplyTo); id != "" {
		headers["In-Reply-To"] = id
	}
	if len(m.References) > 0 {
		headers["References"] = headerLine(strings.Join(m.References, " "))
	}
	err = p.App.NewMailClient().Send(&mailer.Message{
		From: mail.Address{Name: settings.Meta.SenderName, Address: settings.Meta.SenderAddress},
		To:   []mail.Address{*to}, Subject: headerLine(m.Subject), Text: m.Text, Headers: headers,
	})
	if err != nil {
		// The mail server may have taken it before the connection broke; only what
		// says so for sure is tried again, and this client does not tell.
		return sdk.ReplyReply{Outcome: sdk.Unknown, Message: "the mail server: " + err.Error()}
	}
	return sdk.ReplyReply{Outcome: sdk.Created}
}

// headerLine is a text that cannot begin another header.
func headerLine(s string) string {
	return strings.Join(strings.Fields(s), " ")
}
