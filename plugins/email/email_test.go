package email

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/iterateswarm/iterateswarm/sdk"
)

var at = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

// configured is a plugin with a configuration that must fit.
func configured(t testing.TB, config map[string]any) *Source {
	t.Helper()
	s := New()
	raw, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	if wrong := s.Configure(t.Context(), sdk.Config{JSON: raw}); len(wrong) > 0 {
		t.Fatal(wrong)
	}
	s.now = func() time.Time { return at }
	return s
}

func hooked(t testing.TB) *Source {
	return configured(t, map[string]any{"address": "support@example.com", "hook_token": "0123456789abcdef"})
}

// raw makes a message of lines.
func raw(lines ...string) []byte { return []byte(strings.Join(lines, "\r\n")) }

func TestConfigure(t *testing.T) {
	t.Parallel()
	for config, want := range map[string]string{
		`{"hook_token":"0123456789abcdef"}`:                                    "",
		`{"host":"imap.example.com","username":"u","password":"p"}`:            "",
		`{"host":"127.0.0.1","security":"none","username":"u","password":"p"}`: "",
		`{}`:                          "host",
		`{"host":"imap.example.com"}`: "username",
		`{"host":"imap.example.com","username":"u","password":"s3cret","security":"none"}`: "security",
		`{"hook_token":"0123456789abcdef","address":"support"}`:                            "address",
		`{"host":1}`: "host",
	} {
		wrong := New().Configure(t.Context(), sdk.Config{JSON: []byte(config)})
		if want == "" && len(wrong) > 0 || want != "" && (len(wrong) == 0 || wrong[0].Field != want) {
			t.Errorf("%s: %v, want a fault of %q", config, wrong, want)
		}
		if strings.Contains(fmt.Sprint(wrong), "s3cret") {
			t.Errorf("%s: the password is told", config)
		}
	}
}

func TestItems(t *testing.T) {
	t.Parallel()
	s := hooked(t)
	for name, c := range map[string]struct {
		message                  []byte
		id, title, text, author  string
		handle, answers, created string
		files                    int
	}{
		"plain": {
			message: raw("From: Maya <Maya@Example.org>", "To: support@example.com", "Subject: Export", "Message-ID: <1@example.org>",
				"Date: Tue, 03 Mar 2026 10:00:00 +0100", "", "The export hangs.", "", "-- ", "Maya, Acme Inc."),
			id: "<1@example.org>", title: "Export", text: "The export hangs.", author: "maya@example.org", handle: "Maya", created: "2026-03-03T09:00:00Z",
		},
		"a reply in German, folded and encoded": {
			message: raw("From: =?iso-8859-1?q?J=F6rg?= <joerg@example.org>", "Subject: =?utf-8?b?UmU6IMOcYmVyc2ljaHQ=?=", "Message-ID:", " <2@example.org>",
				"In-Reply-To: <1@example.org>", "References: <0@example.org>", " <1@example.org>", "Content-Type: text/plain; charset=iso-8859-1",
				"Content-Transfer-Encoding: quoted-printable", "", "Der Bericht stimmt nicht, =FCberall fehlen Zahlen.", "", "Am 3. M=E4rz 2026 schrieb Support <support@example.com>:", "> Danke.", "> Wir sehen nach."),
			id: "<2@example.org>", title: "Re: Übersicht", text: "Der Bericht stimmt nicht, überall fehlen Zahlen.", author: "joerg@example.org", handle: "Jörg", answers: "<1@example.org>",
		},
		"text before HTML, with a file": {
			message: raw("From: a@example.org", "Message-ID: <3@x>", "MIME-Version: 1.0", `Content-Type: multipart/mixed; boundary="o"`, "", "--o",
				`Content-Type: multipart/alternative; boundary="i"`, "", "--i", "Content-Type: text/plain; charset=utf-8", "", "Seen as text", "--i", "Content-Type: text/html", "", "<p>Seen as <b>HTML</b></p>", "--i--",
				"--o", `Content-Type: image/png; name="shot.png"`, "Content-Disposition: attachment", "Content-Transfer-Encoding: base64", "", "aGVsbG8=", "--o--"),
			id: "<3@x>", text: "Seen as text", author: "a@example.org", files: 1,
		},
		"HTML alone": {
			message: raw("From: a@example.org", "Message-ID: <4@x>", "Content-Type: text/html; charset=utf-8", "",
				`<html><head><style>p{color:red}</style><title>no</title></head><body><p>One &amp; two<script>alert(1)</script></p><ul><li>first</li><li>second</li></ul>`,
				`<div>On Mon, Maya wrote:</div><blockquote><p>old</p></blockquote></body></html>`),
			id: "<4@x>", text: "One & two\n\n- first\n\n- second", author: "a@example.org",
		},
		"no id, no date, all in the subject": {
			message: raw("From: a@example.org", "Subject: It is broken", "", ""),
			id:      "sha256:", title: "It is broken", text: "It is broken", author: "a@example.org", created: "2026-03-04T05:06:07Z",
		},
		"Outlook's block": {
			message: raw("From: a@example.org", "Message-ID: <5@x>", "", "New text", "", "From: Support <support@example.com>", "Sent: Monday", "To: A", "Subject: x", "", "old text"),
			id:      "<5@x>", text: "New text", author: "a@example.org",
		},
		"an attribution over two lines": {
			message: raw("From: a@example.org", "Message-ID: <6@x>", "", "New text", "", "On Mon, Mar 2, 2026 at 10:00 AM Support Team of Example", "<support@example.com> wrote:", "", "> old", "> text"),
			id:      "<6@x>", text: "New text", author: "a@example.org",
		},
		"answers between the lines stay": {
			message: raw("From: a@example.org", "Message-ID: <7@x>", "", "> Does it crash?", "Yes, always.", "> On which phone?", "An old one."),
			id:      "<7@x>", text: "> Does it crash?\nYes, always.\n> On which phone?\nAn old one.", author: "a@example.org",
		},
		"nothing but a quote stays whole": {
			message: raw("From: a@example.org", "Message-ID: <8@x>", "", "> all of it", "> is quoted"),
			id:      "<8@x>", text: "> all of it\n> is quoted", author: "a@example.org",
		},
		"a telephone's line": {
			message: raw("From: a@example.org", "Message-ID: <9@x>", "", "It freezes", "", "Sent from my iPhone"),
			id:      "<9@x>", text: "It freezes", author: "a@example.org",
		},
		"a date in the future": {
			message: raw("From: a@example.org", "Message-ID: <10@x>", "Date: Tue, 03 Mar 2096 10:00:00 +0100", "", "x"),
			id:      "<10@x>", text: "x", author: "a@example.org", created: "2026-03-04T05:06:07Z",
		},
		"a charset that lies": {
			message: raw("From: a@example.org", "Message-ID: <11@x>", "Content-Type: text/plain; charset=utf-8", "", "caf\xe9 \x00broken"),
			id:      "<11@x>", text: "café broken", author: "a@example.org",
		},
	} {
		item, why, err := s.itemOf(c.message, at)
		if err != nil || why != "" {
			t.Errorf("%s: %v, %q", name, err, why)
			continue
		}
		if !strings.HasPrefix(item.ExternalID, c.id) || item.Title != c.title || item.Content != c.text || item.AuthorID != c.author ||
			item.AuthorHandle != c.handle || item.InReplyTo != c.answers || len(item.Attachments) != c.files ||
			(c.created != "" && item.Created.Format(time.RFC3339) != c.created) {
			t.Errorf("%s: %+v", name, item)
		}
	}
}

func TestNobodysMailMakesNoItem(t *testing.T) {
	t.Parallel()
	s := hooked(t)
	for name, lines := range map[string][]string{
		"out of office":  {"From: a@example.org", "Auto-Submitted: auto-replied"},
		"generated":      {"From: a@example.org", "Auto-Submitted: auto-generated"},
		"autoresponder":  {"From: a@example.org", "X-Autoreply: yes"},
		"old precedence": {"From: a@example.org", "Precedence: auto_reply"},
		"a bounce":       {"From: Mail System <MAILER-DAEMON@example.org>"},
		"a report":       {"From: a@example.org", "Content-Type: multipart/report; boundary=x"},
		"null sender":    {"Return-Path: <>", "From: a@example.org"},
		"ours":           {"From: Support <Support@Example.com>"},
	} {
		item, why, err := s.itemOf(raw(append(lines, "Subject: x", "", "text")...), at)
		if err != nil || why == "" || item.Content != "" {
			t.Errorf("%s: %+v, %q, %v", name, item, why, err)
		}
	}
	if _, why, err := s.itemOf(raw("From: a@example.org", "Auto-Submitted: no", "", "text"), at); err != nil || why != "" {
		t.Errorf("a person's mail that says so: %q, %v", why, err)
	}
}

func TestRepliesGoIntoTheThread(t *testing.T) {
	t.Parallel()
	s := hooked(t)
	item, _, err := s.itemOf(raw("From: Maya <maya@example.org>", "Subject: Export", "Message-ID: <3@x>", "In-Reply-To: <2@x>", "References: <1@x> <2@x>", "", "It hangs"), at)
	if err != nil {
		t.Fatal(err)
	}
	reply := s.Reply(t.Context(), sdk.ReplyRequest{Text: "We look.", Target: sdk.Target{
		ExternalID: item.ExternalID, ContextJSON: item.ContextJSON, AuthorID: item.AuthorID, Title: item.Title}})
	m := reply.Mail
	if m == nil || m.To != "maya@example.org" || m.Subject != "Re: Export" || m.InReplyTo != "<3@x>" || !strings.HasSuffix(strings.Join(m.References, " "), "<2@x> <3@x>") || m.Text != "We look." {
		t.Errorf("reply = %+v", m)
	}
	if r := s.Reply(t.Context(), sdk.ReplyRequest{Target: sdk.Target{AuthorID: "nobody"}}); r.Mail != nil || r.Outcome != sdk.Rejected {
		t.Errorf("without an address: %+v", r)
	}
}
