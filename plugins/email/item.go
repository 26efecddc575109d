package email

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/mail"
	"regexp"
	"strings"
	"time"

	"github.com/iterateswarm/iterateswarm/sdk"
)

// aside is what an item keeps for the reply.
type aside struct {
	MessageID  string   `json:"message_id,omitempty"` // with angle brackets
	References []string `json:"references,omitempty"`
	To         string   `json:"to,omitempty"`
	Cut        bool     `json:"cut,omitempty"` // a limit was reached: the mailbox has more
}

// itemOf makes an item of a raw message. The second value says why there is none
// though the message is in order: nobody wrote it.
func (s *Source) itemOf(raw []byte, arrived time.Time) (sdk.Item, string, error) {
	h, c, err := parse(raw)
	if err != nil {
		return sdk.Item{}, "", err
	}
	from, name := author(h)
	if why := s.nobody(h, from); why != "" {
		return sdk.Item{}, why, nil
	}
	text := said(c)
	if text == "" {
		text = h.get("Subject") // a message can be all in its subject
	}
	if text == "" && len(c.files) > 0 {
		text = "(no text, " + c.files[0].name + ")"
	}
	if text == "" {
		return sdk.Item{}, "it says nothing", nil
	}
	references := ids(h.Header.Get("References"))
	answers := ids(h.Header.Get("In-Reply-To"))
	more := aside{MessageID: firstOf(ids(h.Header.Get("Message-Id"))), References: last(append(references, answers...), 20), To: h.get("To"), Cut: c.cut}
	context, err := json.Marshal(more)
	if err != nil {
		return sdk.Item{}, "", err
	}
	item := sdk.Item{
		ExternalID: more.MessageID, Title: clip(h.get("Subject"), 500), Content: text, AuthorID: clip(from, 200), AuthorHandle: clip(name, 200),
		ContextJSON: string(context), Created: date(h, arrived), InReplyTo: firstOf(append(answers, lastOf(references)...)),
	}
	if item.ExternalID == "" { // some machines leave it out; the same bytes are the same message
		sum := sha256.Sum256(raw)
		item.ExternalID = "sha256:" + hex.EncodeToString(sum[:])
	}
	item.ExternalID = clip(item.ExternalID, 480)
	for _, f := range c.files {
		item.Attachments = append(item.Attachments, sdk.Attachment{Name: f.name, Size: f.size, Type: f.kind})
	}
	return item, "", nil
}

// author is who the message says it is from. It is no proof of anything.
func author(h header) (address, name string) {
	p := &mail.AddressParser{WordDecoder: words}
	for _, field := range []string{"From", "Sender"} {
		list, err := p.ParseList(h.Header.Get(field))
		if err == nil && len(list) > 0 {
			return strings.ToLower(list[0].Address), strings.Join(strings.Fields(list[0].Name), " ")
		}
	}
	return strings.ToLower(h.get("From")), ""
}

// nobody says why no person wrote a message, or "": automatic answers, bounces,
// and what we sent ourselves.
func (s *Source) nobody(h header, from string) string {
	auto := strings.ToLower(h.get("Auto-Submitted"))
	kind := strings.ToLower(h.get("Content-Type"))
	local, _, _ := strings.Cut(from, "@")
	switch {
	case auto != "" && auto != "no":
		return "an automatic answer"
	case h.get("X-Autoreply") != "", h.get("X-Autorespond") != "", strings.Contains(strings.ToLower(h.get("Precedence")), "auto_reply"):
		return "an automatic answer"
	case strings.HasPrefix(kind, "multipart/report"), strings.TrimSpace(h.Header.Get("Return-Path")) == "<>", local == "mailer-daemon", local == "postmaster":
		return "a bounce"
	case s.own[from]:
		return "our own"
	}
	return ""
}

// date is when the message says it was written, if that can be.
func date(h header, arrived time.Time) time.Time {
	if at, err := h.Header.Date(); err == nil && at.Before(arrived.Add(24*time.Hour)) && at.Year() > 1990 {
		return at.UTC()
	}
	return arrived.UTC()
}

var messageID = regexp.MustCompile(`<[^<>\s]{1,400}>`)

// ids are the message ids in a header field, with their angle brackets.
func ids(field string) []string {
	if len(field) > maxHeader {
		field = field[:maxHeader]
	}
	return messageID.FindAllString(field, -1)
}

func firstOf(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[0]
}

func lastOf(list []string) []string { return last(list, 1) }

func last(list []string, n int) []string {
	if len(list) > n {
		return list[len(list)-n:]
	}
	return list
}

func clip(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n])
	}
	return s
}
