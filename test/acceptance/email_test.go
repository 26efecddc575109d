package acceptance_test

import (
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/emersion/go-smtp"
	"github.com/pocketbase/dbx"

	"github.com/iterateswarm/iterateswarm/internal/records"
	"github.com/iterateswarm/iterateswarm/internal/servertest"
)

// outbox is a mail server that keeps what it is given.
type outbox struct {
	mu    sync.Mutex
	mails []string
}

func (o *outbox) NewSession(*smtp.Conn) (smtp.Session, error) { return &posting{o}, nil }
func (o *outbox) all() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return append([]string(nil), o.mails...)
}

type posting struct{ o *outbox }

func (p *posting) Mail(string, *smtp.MailOptions) error { return nil }
func (p *posting) Rcpt(string, *smtp.RcptOptions) error { return nil }
func (p *posting) Reset()                               {}
func (p *posting) Logout() error                        { return nil }
func (p *posting) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	p.o.mu.Lock()
	defer p.o.mu.Unlock()
	p.o.mails = append(p.o.mails, string(raw))
	return err
}

// A mail comes in by a provider's webhook, through the plugin's process, and is
// acknowledged by a mail in its thread.
func TestAMailIsTakenAndAnswered(t *testing.T) {
	t.Parallel()
	box := &outbox{}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	mailServer := smtp.NewServer(box)
	go mailServer.Serve(l)
	t.Cleanup(func() { mailServer.Close() })
	_, port, _ := net.SplitHostPort(l.Addr().String())
	n, _ := strconv.Atoi(port)

	s := servertest.Start(t)
	source := s.Save(records.Sources, map[string]any{"project": s.Project(), "name": "Mail", "slug": "mail", "plugin": "email", "enabled": true,
		"config": map[string]any{"address": "support@example.com", "hook_token": "0123456789abcdef"}, "loop": map[string]bool{"acknowledge": true}})
	s.Until("the plugin to run", func() bool { return s.Record(records.Sources, source.Id).GetString("status") == "running" })
	send := func(id, text string) {
		t.Helper()
		mail := "From: Maya <maya@example.org>\r\nSubject: Export\r\nMessage-ID: <" + id + "@x>\r\nReferences: <0@x>\r\n\r\n" + text
		if a := s.Do("POST", "/webhooks/mail/0123456789abcdef", mail, "Content-Type", "message/rfc822"); a.Status != 200 {
			t.Fatalf("webhook: %d %s", a.Status, a.Body)
		}
	}
	reply := func(id string) string {
		t.Helper()
		var state string
		s.Until("the answer to "+id, func() bool {
			f, err := s.App.FindFirstRecordByFilter(records.Feedback, "external_id = {:e}", dbx.Params{"e": "<" + id + "@x>"})
			if err != nil {
				return false
			}
			r, err := s.App.FindFirstRecordByFilter(records.Replies, "feedback = {:f}", dbx.Params{"f": f.Id})
			if err != nil || r.GetString("state") == "pending" || r.GetString("state") == "sending" {
				return false
			}
			state = r.GetString("state") + " " + r.GetString("error")
			return true
		})
		return state
	}
	send("1", "The export hangs when I choose CSV")
	if got := reply("1"); !strings.HasPrefix(got, "failed") || !strings.Contains(got, "no mail server is set up") {
		t.Errorf("without a mail server: %s", got)
	}
	settings := map[string]any{"smtp": map[string]any{"enabled": true, "host": "127.0.0.1", "port": n, "tls": false},
		"meta": map[string]any{"appName": "IterateSwarm", "appURL": "http://localhost", "senderName": "Support", "senderAddress": "support@example.com"}}
	if a := s.Do("PATCH", "/api/settings", settings, "Authorization", s.Superuser()); a.Status != 200 {
		t.Fatalf("settings: %d %s", a.Status, a.Body)
	}
	send("2", "The export hangs when I choose CSV, again")
	if got := reply("2"); got != "sent " {
		t.Fatalf("with a mail server: %s", got)
	}
	mails := box.all()
	if len(mails) != 1 {
		t.Fatalf("%d mails, want 1", len(mails))
	}
	for _, want := range []string{"To: maya@example.org", "Subject: Re: Export", "In-Reply-To: <2@x>", "References: <0@x> <2@x>", "Auto-Submitted: auto-replied", "Thank you. We have your message"} {
		if !strings.Contains(mails[0], want) {
			t.Errorf("the mail lacks %q:\n%s", want, mails[0])
		}
	}
}
