package email

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
	"github.com/emersion/go-imap/v2/imapserver/imapmemserver"

	"github.com/iterateswarm/iterateswarm/sdk"
)

// mailbox is an IMAP server in this process.
type mailbox struct {
	t    *testing.T
	user *imapmemserver.User
	host string
	port int
}

func newMailbox(t *testing.T) *mailbox {
	t.Helper()
	memory, user := imapmemserver.New(), imapmemserver.NewUser("maya", "s3cret")
	if err := user.Create("INBOX", nil); err != nil {
		t.Fatal(err)
	}
	memory.AddUser(user)
	server := imapserver.New(&imapserver.Options{
		NewSession: func(*imapserver.Conn) (imapserver.Session, *imapserver.GreetingData, error) {
			return memory.NewSession(), nil, nil
		},
		Caps:         imap.CapSet{imap.CapIMAP4rev1: {}, imap.CapIdle: {}},
		InsecureAuth: true, Logger: log.New(io.Discard, "", 0),
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go server.Serve(l)
	t.Cleanup(func() { server.Close() })
	host, port, _ := net.SplitHostPort(l.Addr().String())
	n, _ := strconv.Atoi(port)
	return &mailbox{t: t, user: user, host: host, port: n}
}

// literal is a message that is being appended.
type literal struct {
	io.Reader
	size int64
}

func (l literal) Size() int64 { return l.size }

func (m *mailbox) deliver(message string) {
	m.t.Helper()
	if _, err := m.user.Append("INBOX", literal{strings.NewReader(message), int64(len(message))}, &imap.AppendOptions{}); err != nil {
		m.t.Fatal(err)
	}
}

func (m *mailbox) config(more map[string]any) map[string]any {
	c := map[string]any{"host": m.host, "port": m.port, "security": "none", "username": "maya", "password": "s3cret"}
	for k, v := range more {
		c[k] = v
	}
	return c
}

// runs starts Run and hands out what is stored; stop ends it.
func runs(t *testing.T, s *Source, cursor string) (stored <-chan sdk.Batch, stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	c, done := make(chan sdk.Batch, 100), make(chan error, 1)
	go func() {
		done <- s.Run(ctx, cursor, func(_ context.Context, b sdk.Batch) error { c <- b; return nil })
	}()
	return c, func() error { cancel(); return <-done }
}

func next(t *testing.T, stored <-chan sdk.Batch) sdk.Batch {
	t.Helper()
	select {
	case b := <-stored:
		return b
	case <-time.After(30 * time.Second):
		t.Fatal("nothing was stored within 30 s")
		return sdk.Batch{}
	}
}

func numbered(n int) string {
	return fmt.Sprintf("From: a@example.org\r\nMessage-ID: <%d@x>\r\nSubject: Number %d\r\n\r\nMessage %d\r\n", n, n, n)
}

func TestTheMailboxIsReadAsItFills(t *testing.T) {
	t.Parallel()
	m := newMailbox(t)
	m.deliver(numbered(1)) // there before we came
	s := configured(t, m.config(nil))
	if h := s.Check(t.Context()); !h.OK || !strings.Contains(h.Detail, "1 messages") {
		t.Errorf("check: %+v", h)
	}
	stored, stop := runs(t, s, fmt.Sprintf("%d:1", m.validity()))
	m.deliver(numbered(2))
	b := next(t, stored)
	if len(b.Items) != 1 || b.Items[0].ExternalID != "<2@x>" || b.Items[0].Content != "Message 2" {
		t.Fatalf("first batch = %+v", b)
	}
	m.deliver("From: x@example.org\r\nAuto-Submitted: auto-replied\r\n\r\nI am away\r\n")
	if b = next(t, stored); len(b.Items) != 0 || b.Cursor == "" {
		t.Errorf("an automatic answer: %+v", b)
	}
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		status, err := m.user.Status("INBOX", &imap.StatusOptions{NumUnseen: true})
		if err != nil || time.Now().After(end) {
			t.Fatalf("%v, %v; want one message unread, that which was there before", status, err)
		}
		if *status.NumUnseen == 1 {
			break
		}
	}
	if err := stop(); !errors.Is(err, context.Canceled) {
		t.Errorf("stopped with %v", err)
	}
	// While we were away.
	for n := 3; n <= 60; n++ {
		m.deliver(numbered(n))
	}
	stored, stop = runs(t, s, b.Cursor)
	got := []string{}
	for len(got) < 58 {
		for _, it := range next(t, stored).Items {
			got = append(got, it.ExternalID)
		}
	}
	if got[0] != "<3@x>" || got[57] != "<60@x>" {
		t.Errorf("%d items from %s to %s", len(got), got[0], got[len(got)-1])
	}
	stop()
	// A cursor of another life of the mailbox begins at the end, not anew.
	c, box, err := s.open(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if after, err := s.begin(c, box, "999999:1"); err != nil || after != box.UIDNext-1 {
		t.Errorf("after a new life reading begins after %d, %v; want %d", after, err, box.UIDNext-1)
	}
}

// validity names this life of the folder.
func (m *mailbox) validity() uint32 {
	m.t.Helper()
	status, err := m.user.Status("INBOX", &imap.StatusOptions{UIDValidity: true})
	if err != nil {
		m.t.Fatal(err)
	}
	return status.UIDValidity
}

func TestTheBacklogIsTaken(t *testing.T) {
	t.Parallel()
	m := newMailbox(t)
	for n := 1; n <= 5; n++ {
		m.deliver(numbered(n))
	}
	stored, stop := runs(t, configured(t, m.config(map[string]any{"backlog": 2})), "")
	if b := next(t, stored); len(b.Items) != 2 || b.Items[0].ExternalID != "<4@x>" {
		t.Errorf("batch = %+v", b)
	}
	stop()
}

func TestAMessageThatIsTooLargeIsNamed(t *testing.T) {
	t.Parallel()
	m := newMailbox(t)
	m.deliver("From: a@example.org\r\nMessage-ID: <big@x>\r\nSubject: Log\r\nContent-Type: multipart/mixed;\r\n boundary=x\r\n\r\n--x\r\n\r\n" + strings.Repeat("line of a log\r\n", 11<<20/15))
	stored, stop := runs(t, configured(t, m.config(map[string]any{"backlog": 10})), "")
	b := next(t, stored)
	if len(b.Items) != 1 || b.Items[0].ExternalID != "<big@x>" || !strings.Contains(b.Items[0].Content, "left in the mailbox INBOX") {
		t.Errorf("batch = %+v", b)
	}
	stop()
}

func TestWhatIsWrongWithTheMailboxIsSaid(t *testing.T) {
	t.Parallel()
	m := newMailbox(t)
	for want, more := range map[string]map[string]any{
		"does not let maya in":    {"password": "wr0ng"},
		"there is no folder":      {"mailbox": "Nowhere"},
		"does not answer":         {"port": 1},
		"no secure connection to": {"security": "tls"},
	} {
		s := configured(t, m.config(more))
		h := s.Check(t.Context())
		if h.OK || !strings.Contains(h.Detail, want) || strings.Contains(h.Detail, "wr0ng") || strings.Contains(h.Detail, "s3cret") {
			t.Errorf("%v: %+v, want %q", more, h, want)
		}
		if err := s.Run(t.Context(), "", nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: run ends with %v", more, err)
		}
	}
}
