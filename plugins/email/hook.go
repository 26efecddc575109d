package email

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"mime"
	"mime/multipart"
	"net/http"
	"net/mail"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/iterateswarm/iterateswarm/sdk"
)

// tolerance is how far a signed timestamp may be off, either way.
const tolerance = 5 * time.Minute

// HandleWebhook takes a message that a provider hands over. The last part of the
// address is the token. It takes a raw message (message/rfc822 or text/plain), a
// form with a raw message in body-mime (Mailgun) or email (SendGrid), and
// Postmark's JSON with RawEmail.
func (s *Source) HandleWebhook(_ context.Context, req sdk.WebhookRequest) (sdk.WebhookReply, error) {
	switch {
	case s.HookToken == "":
		return sdk.WebhookReply{Status: http.StatusNotFound}, nil
	case req.Method != http.MethodPost:
		return sdk.WebhookReply{Status: http.StatusMethodNotAllowed, Header: http.Header{"Allow": {"POST"}}}, nil
	case subtle.ConstantTimeCompare([]byte(strings.Trim(req.Path, "/")), []byte(s.HookToken)) != 1:
		return sdk.WebhookReply{Status: http.StatusUnauthorized}, nil
	case req.Header.Get("Content-Encoding") != "" && req.Header.Get("Content-Encoding") != "identity":
		return text(http.StatusUnsupportedMediaType, "The body is compressed; send it as it is."), nil
	}
	raw, fields, wrong := message(req)
	if wrong != "" {
		return text(http.StatusBadRequest, wrong), nil
	}
	if s.MailgunKey != "" && !s.signed(fields) {
		return sdk.WebhookReply{Status: http.StatusUnauthorized}, nil
	}
	item, why, err := s.itemOf(raw, s.now())
	switch {
	case err != nil:
		return text(http.StatusBadRequest, sentence(err.Error())), nil
	case why != "":
		return text(http.StatusOK, "Left out: "+why+"."), nil
	}
	return sdk.WebhookReply{Status: http.StatusOK, Body: []byte("stored\n"), Items: []sdk.Item{item}}, nil
}

func text(status int, s string) sdk.WebhookReply {
	return sdk.WebhookReply{Status: status, Header: http.Header{"Content-Type": {"text/plain; charset=utf-8"}}, Body: []byte(s + "\n")}
}

func sentence(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:] + "."
}

// message finds the raw message in a request, with the other fields of a form.
func message(req sdk.WebhookRequest) (raw []byte, fields url.Values, wrong string) {
	kind, params, err := mime.ParseMediaType(req.Header.Get("Content-Type"))
	if err != nil {
		kind = "message/rfc822"
	}
	switch kind {
	case "message/rfc822", "text/plain", "application/octet-stream":
		return req.Body, nil, ""
	case "application/x-www-form-urlencoded":
		if fields, err = url.ParseQuery(string(req.Body)); err != nil {
			return nil, nil, "The form cannot be read."
		}
	case "multipart/form-data":
		form, err := multipart.NewReader(bytes.NewReader(req.Body), params["boundary"]).ReadForm(int64(len(req.Body)))
		if err != nil {
			return nil, nil, "The form cannot be read."
		}
		defer form.RemoveAll()
		fields = url.Values(form.Value)
	case "application/json":
		return fromPostmark(req.Body)
	default:
		return nil, nil, "Send a raw message as message/rfc822, or a form or JSON of a mail provider."
	}
	for _, name := range []string{"body-mime", "email"} {
		if v := fields.Get(name); v != "" {
			return []byte(v), fields, ""
		}
	}
	if fields.Get("from") != "" && (fields.Get("text") != "" || fields.Get("html") != "") {
		return compose(fields), fields, ""
	}
	return nil, nil, "The form has no message: body-mime (Mailgun), email (SendGrid with the raw message), or from, subject and text."
}

// compose makes a message of a provider's parsed form (SendGrid, Mailgun).
func compose(f url.Values) []byte {
	var b bytes.Buffer
	line := func(name, value string) {
		if value = strings.Join(strings.Fields(value), " "); value != "" {
			fmt.Fprintf(&b, "%s: %s\r\n", name, value)
		}
	}
	// SendGrid hands the whole header over, Mailgun the fields by name.
	if head := f.Get("headers"); head != "" {
		if m, err := mail.ReadMessage(strings.NewReader(strings.ReplaceAll(strings.ReplaceAll(head, "\r\n", "\n"), "\n", "\r\n") + "\r\n\r\n")); err == nil {
			for _, name := range []string{"Message-Id", "In-Reply-To", "References", "Date", "Auto-Submitted", "Return-Path", "Precedence"} {
				line(name, m.Header.Get(name))
			}
		}
	} else {
		for _, name := range []string{"Message-Id", "In-Reply-To", "References", "Date", "Auto-Submitted", "Precedence"} {
			line(name, f.Get(name))
		}
	}
	line("From", f.Get("from"))
	line("To", f.Get("to"))
	line("Subject", mime.QEncoding.Encode("utf-8", f.Get("subject")))
	kind, body := "text/plain", f.Get("text")
	if body == "" {
		body = f.Get("body-plain")
	}
	if body == "" {
		kind, body = "text/html", f.Get("html")
	}
	fmt.Fprintf(&b, "Content-Type: %s; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n%s", kind, base64.StdEncoding.EncodeToString([]byte(body)))
	return b.Bytes()
}

// fromPostmark reads Postmark's inbound JSON.
func fromPostmark(body []byte) ([]byte, url.Values, string) {
	var p struct {
		RawEmail, From, Subject, TextBody, MessageID, Date string

		HTMLBody string `json:"HtmlBody"`
		Headers  []struct{ Name, Value string }
	}
	if err := json.Unmarshal(body, &p); err != nil {
		return nil, nil, "The JSON cannot be read."
	}
	if p.RawEmail != "" {
		return []byte(p.RawEmail), nil, ""
	}
	if p.From == "" || (p.TextBody == "" && p.HTMLBody == "") {
		return nil, nil, "The JSON has no message: RawEmail, or From with TextBody or HtmlBody, as Postmark sends."
	}
	f := url.Values{"from": {p.From}, "subject": {p.Subject}, "text": {p.TextBody}, "html": {p.HTMLBody}, "Date": {p.Date}}
	for _, h := range p.Headers {
		f.Set(http.CanonicalHeaderKey(h.Name), h.Value)
	}
	if f.Get("Message-Id") == "" && p.MessageID != "" {
		f.Set("Message-Id", "<"+p.MessageID+"@postmark>")
	}
	return compose(f), nil, ""
}

// signed checks Mailgun's signature: HMAC-SHA256 of timestamp and token.
func (s *Source) signed(f url.Values) bool {
	at, err := strconv.ParseInt(f.Get("timestamp"), 10, 64)
	if err != nil || s.now().Sub(time.Unix(at, 0)).Abs() > tolerance {
		return false
	}
	got, err := hex.DecodeString(f.Get("signature"))
	if err != nil {
		return false
	}
	m := hmac.New(sha256.New, []byte(s.MailgunKey))
	m.Write([]byte(f.Get("timestamp") + f.Get("token")))
	return hmac.Equal(got, m.Sum(nil))
}
