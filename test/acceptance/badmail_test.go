package acceptance

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pocketbase/dbx"

	"github.com/iterateswarm/iterateswarm/internal/records"
)

// mailToken opens the address that bad mail is posted to.
const mailToken = "0123456789abcdef"

// feedMail posts one message to the email source, as a provider does.
func (f *feeder) feedMail(t *testing.T, b bad) {
	t.Helper()
	f.making.Lock()
	if !f.made["mail"] {
		f.made["mail"] = true
		startSource(f.s, "mail", "email", map[string]any{"hook_token": mailToken, "address": "support@example.com"})
	}
	f.making.Unlock()
	raw := strings.ReplaceAll(strings.ReplaceAll(string(b.raw(t).([]byte)), "\r\n", "\n"), "\n", "\r\n")
	req, err := http.NewRequest("POST", f.s.URL+"/webhooks/mail/"+mailToken, strings.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "message/rfc822")
	req.Header.Set("X-Request-ID", "bad-"+b.ID)
	start := time.Now()
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if took := time.Since(start); b.Expect.MaxMS > 0 && took.Milliseconds() > 20*b.Expect.MaxMS { // the machine may be busy; what the bound is about takes minutes
		t.Errorf("took %v, want at most %d ms", took, b.Expect.MaxMS)
	}
	if res.StatusCode >= 500 || (len(b.Expect.HTTP) > 0 && !slices.Contains(b.Expect.HTTP, res.StatusCode)) {
		t.Errorf("status = %d, want one of %v", res.StatusCode, b.Expect.HTTP)
	}
	stored, err := f.s.App.FindRecordsByFilter(records.Feedback, "request_id = {:r}", "", 0, 0, dbx.Params{"r": "bad-" + b.ID})
	if err != nil {
		t.Fatal(err)
	}
	if b.Expect.Items != nil && len(stored) != *b.Expect.Items {
		t.Errorf("%d messages are stored, want %d", len(stored), *b.Expect.Items)
	}
	if b.Expect.Text != "" && (len(stored) != 1 || stored[0].GetString("content") != b.Expect.Text) {
		t.Errorf("stored %v, want %q", stored, b.Expect.Text)
	}
	if h := must(t, call{method: "GET", url: f.s.URL + "/api/health"}); h.status != 200 {
		t.Errorf("health = %d afterwards", h.status)
	}
}

// nestedMail is a message of multiparts inside one another.
func nestedMail(depth int, closed bool) string {
	head, tail := "From: a@example.org\nSubject: nested\n", ""
	for i := range depth {
		head += fmt.Sprintf("Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n", i, i)
		if closed {
			tail = fmt.Sprintf("\n--b%d--", i) + tail
		}
	}
	return head + "Content-Type: text/plain\n\nThe app crashes" + tail + "\n"
}
