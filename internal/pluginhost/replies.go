package pluginhost

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/mail"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

// What a plugin answers is a stranger's text. The functions here let through
// what makes sense.

const (
	maxID          = 512 // bytes of an external id, an author's id or handle
	maxAttachments = 100 // per item
	maxRetryAfter  = time.Hour
)

// answerHeaders are those of a plugin's answer that the sender gets to see.
var answerHeaders = [...]string{"Content-Type", "Retry-After", "Allow", "Www-Authenticate"}

func checkWebhookReply(r *WebhookReply, now time.Time) error {
	if r.Status < 200 || r.Status > 599 {
		return fmt.Errorf("%w: HTTP status %d", ErrBadReply, r.Status)
	}
	if r.Status >= 400 && len(r.Items) > 0 {
		return fmt.Errorf("%w: %d items with HTTP status %d", ErrBadReply, len(r.Items), r.Status)
	}
	r.Header = answerHeader(r.Header)
	for i := range r.Items {
		if err := checkItem(&r.Items[i], now); err != nil {
			return fmt.Errorf("%w: item %d: %w", ErrBadReply, i, err)
		}
	}
	return nil
}

// answerHeader is the part of a header that the sender gets to see.
func answerHeader(h http.Header) http.Header {
	kept := make(http.Header)
	for _, name := range answerHeaders {
		if v := h.Values(name); len(v) > 0 {
			kept[name] = v
		}
	}
	return kept
}

func checkItem(it *Item, now time.Time) error {
	switch {
	case it.ExternalID == "":
		return errors.New("no external id")
	case it.Content == "":
		return errors.New("no content")
	case len(it.ExternalID) > maxID || len(it.AuthorID) > maxID || len(it.AuthorHandle) > maxID || len(it.InReplyTo) > maxID:
		return fmt.Errorf("an id of more than %d bytes", maxID)
	case len(it.Attachments) > maxAttachments:
		return fmt.Errorf("%d attachments, at most %d are taken", len(it.Attachments), maxAttachments)
	}
	if it.ContextJSON != "" {
		var object map[string]json.RawMessage
		if err := json.Unmarshal([]byte(it.ContextJSON), &object); err != nil {
			return fmt.Errorf("context is not a JSON object: %w", err)
		}
		if object == nil {
			return errors.New("context is null, want a JSON object")
		}
	}
	it.Permalink = webURL(it.Permalink)
	for i := range it.Attachments {
		a := &it.Attachments[i]
		a.URL, a.Size = webURL(a.URL), max(0, a.Size)
	}
	it.Created = possible(it.Created, now)
	return nil
}

// possible returns t, or no time when it cannot be true.
func possible(t, now time.Time) time.Time {
	if t.Year() < 2000 || t.After(now.Add(24*time.Hour)) {
		return time.Time{}
	}
	return t
}

func checkReply(r *ReplyReply, scrub scrubber) {
	r.Message = scrub.line(r.Message)
	r.URL = webURL(r.URL)
	r.ID = short(r.ID)
	r.RetryAfter = min(max(r.RetryAfter, 0), maxRetryAfter)
	if r.Mail == nil {
		return
	}
	if err := checkMail(r.Mail); err != nil {
		*r = ReplyReply{Outcome: Rejected, Message: "the plugin's mail cannot be sent: " + scrub.line(err.Error())}
	}
}

const (
	maxMailText   = 64 << 10 // bytes
	maxReferences = 50
)

// messageID is a Message-ID as RFC 5322 has it, without folding and comments.
var messageID = regexp.MustCompile(`^<[!-;=?-~]{1,500}>$`)

// checkMail refuses what could become a second header or a second recipient.
func checkMail(m *Mail) error {
	to, err := mail.ParseAddress(m.To)
	switch {
	case err != nil || strings.ContainsAny(m.To, "\r\n"):
		return errors.New("to is not one mail address")
	case m.Text == "" || len(m.Text) > maxMailText:
		return fmt.Errorf("a text of %d bytes, want 1 to %d", len(m.Text), maxMailText)
	case m.InReplyTo != "" && !messageID.MatchString(m.InReplyTo):
		return errors.New("in_reply_to is not a Message-ID")
	}
	m.To, m.Subject = to.Address, line(m.Subject)
	m.References = slices.DeleteFunc(m.References, func(id string) bool { return !messageID.MatchString(id) })
	m.References = m.References[max(0, len(m.References)-maxReferences):]
	return nil
}

// webURL returns s if it is an http or https address, and nothing otherwise: a
// link of another kind could run a script in the reader's browser.
func webURL(s string) string {
	u, err := url.Parse(s)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return ""
	}
	return s
}

// issueURL is webURL that also takes the address of a local file.
func issueURL(s string) string {
	if u, err := url.Parse(s); err == nil && u.Scheme == "file" && u.Host == "" {
		return s
	}
	return webURL(s)
}
