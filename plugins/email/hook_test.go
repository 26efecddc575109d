package email

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/iterateswarm/iterateswarm/sdk"
)

var mailed = "From: Maya <maya@example.org>\r\nTo: support@example.com\r\nSubject: Export\r\nMessage-ID: <1@x>\r\n\r\nThe export hangs."

func post(path, kind, body string) sdk.WebhookRequest {
	return sdk.WebhookRequest{Method: "POST", Path: path, Header: http.Header{"Content-Type": {kind}}, Body: []byte(body)}
}

func multipartOf(t *testing.T, fields map[string]string) (kind, body string) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for k, v := range fields {
		if err := w.WriteField(k, v); err != nil {
			t.Fatal(err)
		}
	}
	w.Close()
	return w.FormDataContentType(), b.String()
}

func TestProvidersForms(t *testing.T) {
	t.Parallel()
	s := hooked(t)
	sendgridRaw, sendgridBody := multipartOf(t, map[string]string{"email": mailed, "to": "support@example.com"})
	parsed, parsedBody := multipartOf(t, map[string]string{"from": "Maya <maya@example.org>", "to": "support@example.com", "subject": "Export", "text": "The export hangs.",
		"headers": "Message-ID: <1@x>\nDate: Tue, 03 Mar 2026 10:00:00 +0100\nX-Spam: no"})
	postmark, _ := json.Marshal(map[string]any{"From": "Maya <maya@example.org>", "Subject": "Export", "TextBody": "The export hangs.", "MessageID": "abc",
		"Headers": []map[string]string{{"Name": "Message-ID", "Value": "<1@x>"}}})
	rawPostmark, _ := json.Marshal(map[string]any{"RawEmail": mailed})
	for name, req := range map[string]sdk.WebhookRequest{
		"raw":                post("0123456789abcdef", "message/rfc822", mailed),
		"raw, no type":       post("/0123456789abcdef/", "", mailed),
		"Mailgun":            post("0123456789abcdef", "application/x-www-form-urlencoded", url.Values{"body-mime": {mailed}, "recipient": {"support@example.com"}}.Encode()),
		"SendGrid, raw":      post("0123456789abcdef", sendgridRaw, sendgridBody),
		"SendGrid, parsed":   post("0123456789abcdef", parsed, parsedBody),
		"Postmark":           post("0123456789abcdef", "application/json", string(postmark)),
		"Postmark, with raw": post("0123456789abcdef", "application/json; charset=utf-8", string(rawPostmark)),
	} {
		reply, err := s.HandleWebhook(t.Context(), req)
		if err != nil || reply.Status != 200 || len(reply.Items) != 1 {
			t.Errorf("%s: %d %q, %d items, %v", name, reply.Status, reply.Body, len(reply.Items), err)
			continue
		}
		if it := reply.Items[0]; it.ExternalID != "<1@x>" || it.Content != "The export hangs." || it.Title != "Export" || it.AuthorID != "maya@example.org" {
			t.Errorf("%s: %+v", name, it)
		}
	}
}

func TestWhatIsNotInOrderIsRefused(t *testing.T) {
	t.Parallel()
	s := hooked(t)
	for name, c := range map[string]struct {
		req    sdk.WebhookRequest
		status int
	}{
		"no token":           {post("", "message/rfc822", mailed), 401},
		"wrong token":        {post("0123456789abcdeg", "message/rfc822", mailed), 401},
		"token and more":     {post("0123456789abcdef/x", "message/rfc822", mailed), 401},
		"half the token":     {post("01234567", "message/rfc822", mailed), 401},
		"another case":       {post("0123456789ABCDEF", "message/rfc822", mailed), 401},
		"nothing":            {post("0123456789abcdef", "message/rfc822", ""), 400},
		"no header":          {post("0123456789abcdef", "message/rfc822", "just text without a header line"), 400},
		"a form without":     {post("0123456789abcdef", "application/x-www-form-urlencoded", "a=b"), 400},
		"JSON without":       {post("0123456789abcdef", "application/json", "{}"), 400},
		"broken JSON":        {post("0123456789abcdef", "application/json", "{"), 400},
		"broken multipart":   {post("0123456789abcdef", "multipart/form-data; boundary=x", "garbage"), 400},
		"a picture":          {post("0123456789abcdef", "image/png", mailed), 400},
		"a header of 70 KiB": {post("0123456789abcdef", "message/rfc822", "X: "+strings.Repeat("a", 70<<10)+"\r\n"+mailed), 400},
		"an automatic one":   {post("0123456789abcdef", "message/rfc822", "Auto-Submitted: auto-replied\r\n"+mailed), 200},
	} {
		reply, err := s.HandleWebhook(t.Context(), c.req)
		if err != nil || reply.Status != c.status || len(reply.Items) != 0 {
			t.Errorf("%s: %d %q, %d items, %v; want %d", name, reply.Status, reply.Body, len(reply.Items), err, c.status)
		}
		if c.status == 401 && len(reply.Body) > 0 {
			t.Errorf("%s: 401 says %q", name, reply.Body)
		}
	}
	zipped := post("0123456789abcdef", "message/rfc822", mailed)
	zipped.Header.Set("Content-Encoding", "gzip")
	if reply, _ := s.HandleWebhook(t.Context(), zipped); reply.Status != 415 {
		t.Errorf("compressed: %d", reply.Status)
	}
	closed := configured(t, map[string]any{"host": "imap.example.com", "username": "u", "password": "p"})
	if reply, _ := closed.HandleWebhook(t.Context(), post("", "message/rfc822", mailed)); reply.Status != 404 {
		t.Errorf("without a token configured: %d, want 404", reply.Status)
	}
}

// Mailgun signs timestamp and token; each way of getting it wrong is a 401.
func TestMailgunsSignature(t *testing.T) {
	t.Parallel()
	const key = "key-0123456789"
	s := configured(t, map[string]any{"hook_token": "0123456789abcdef", "mailgun_key": key})
	sign := func(key, at, token string) string {
		m := hmac.New(sha256.New, []byte(key))
		m.Write([]byte(at + token))
		return hex.EncodeToString(m.Sum(nil))
	}
	now := fmt.Sprint(at.Unix())
	good := sign(key, now, "tok")
	send := func(at, token, signature string) int {
		t.Helper()
		f := url.Values{"body-mime": {mailed}}
		for k, v := range map[string]string{"timestamp": at, "token": token, "signature": signature} {
			if v != "" {
				f.Set(k, v)
			}
		}
		reply, err := s.HandleWebhook(t.Context(), post("0123456789abcdef", "application/x-www-form-urlencoded", f.Encode()))
		if err != nil || (reply.Status != 200 && (len(reply.Items) > 0 || len(reply.Body) > 0)) {
			t.Errorf("%d %q, %d items, %v", reply.Status, reply.Body, len(reply.Items), err)
		}
		return reply.Status
	}
	for off, want := range map[int64]int{0: 200, 299: 200, -299: 200, 301: 401, -301: 401, 86400: 401, -86400: 401} {
		when := fmt.Sprint(at.Unix() + off)
		if got := send(when, "tok", sign(key, when, "tok")); got != want {
			t.Errorf("%+d s: %d, want %d", off, got, want)
		}
	}
	bad := map[string][3]string{
		"no signature": {now, "tok", ""}, "no token": {now, "", good}, "no time": {"", "tok", good}, "another key": {now, "tok", sign("key-other", now, "tok")},
		"no key": {now, "tok", sign("", now, "tok")}, "another token": {now, "tok2", good}, "another time": {fmt.Sprint(at.Unix() + 1), "tok", good},
		"no number": {"now", "tok", sign(key, "now", "tok")}, "a fraction": {now + ".5", "tok", sign(key, now+".5", "tok")}, "no hex": {now, "tok", "zz" + good[2:]},
		"half": {now, "tok", good[:32]}, "one more": {now, "tok", good + "0"}, "two more": {now, "tok", good + "00"}, "a prefix": {now, "tok", "sha256=" + good},
		"swapped": {now, "tok", sign(key, "tok", now)}, "zeros": {now, "tok", strings.Repeat("0", 64)}, "a space": {now, "tok", " " + good},
	}
	for i := range 44 { // each digit but the last few, turned
		b := []byte(good)
		if b[i] == '0' {
			b[i] = '1'
		} else {
			b[i] = '0'
		}
		bad[fmt.Sprintf("digit %d", i)] = [3]string{now, "tok", string(b)}
	}
	for name, c := range bad {
		if got := send(c[0], c[1], c[2]); got != 401 {
			t.Errorf("%s: %d, want 401", name, got)
		}
	}
	if got := send(now, "tok", strings.ToUpper(good)); got != 200 {
		t.Errorf("hex in capitals: %d", got)
	}
}
