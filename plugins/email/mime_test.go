package email

import (
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// nested is a message of multiparts inside one another, none of which ends.
func nested(depth int) []byte {
	var b strings.Builder
	b.WriteString("From: a@example.org\r\n")
	for i := range depth {
		fmt.Fprintf(&b, "Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n", i, i)
	}
	b.WriteString("Content-Type: text/plain\r\n\r\nhello\r\n")
	return []byte(b.String())
}

// A message with many parts of nothing.
func parts(n int) []byte {
	return []byte("From: a@example.org\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" + strings.Repeat("--b\r\n\r\nx\r\n", n) + "--b--\r\n")
}

func TestHostileMessagesAreBounded(t *testing.T) {
	t.Parallel()
	for name, message := range map[string][]byte{
		"22 levels without an end": nested(22),
		"1,000 levels":             nested(1000),
		"100,000 parts":            parts(100_000),
		"a line of 5 MiB":          []byte("From: a@example.org\r\n\r\n" + strings.Repeat("a", 5<<20)),
		"tags without an end":      []byte("From: a@example.org\r\nContent-Type: text/html\r\n\r\n" + strings.Repeat("<div><blockquote", 100_000)),
		"a boundary of hyphens":    []byte("From: a@example.org\r\nContent-Type: multipart/mixed; boundary=-\r\n\r\n" + strings.Repeat("---\r\n", 100_000)),
	} {
		start := time.Now()
		_, c, err := parse(message)
		if took := time.Since(start); took > 20*time.Second { // others need minutes; see the package's limits
			t.Errorf("%s took %v", name, took)
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if s := said(c); len(s) > maxText+10 || !utf8.ValidString(s) {
			t.Errorf("%s: %d bytes of text", name, len(s))
		}
	}
	if _, c, _ := parse(nested(maxDepth)); strings.TrimSpace(c.plain) != "hello" {
		t.Errorf("%d levels: %q", maxDepth, c.plain)
	}
	if _, c, _ := parse(parts(1000)); !c.cut {
		t.Error("1,000 parts were not cut")
	}
	if _, _, err := parse(make([]byte, maxMessage+1)); err == nil {
		t.Error("a message that is too large was taken")
	}
}

// FuzzMIME holds the promises of the walker for any bytes: limits, valid UTF-8,
// one line in what becomes a header.
func FuzzMIME(f *testing.F) {
	f.Add(nested(5))
	f.Add(parts(5))
	f.Add([]byte("From: =?utf-8?q?a=0Ab?= <a@example.org>\r\nSubject: =?utf-8?b?DQpCY2M6IHg=?=\r\n\r\nhello"))
	f.Add([]byte("From: a\r\nContent-Type: text/html; charset=utf-16\r\n\r\n<p>x"))
	f.Add([]byte("From: a@b\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\ny\r\n--x--"))
	f.Fuzz(func(t *testing.T, message []byte) {
		s := &Source{}
		item, why, err := s.itemOf(message, at)
		if err != nil || why != "" {
			return
		}
		for what, text := range map[string]string{"id": item.ExternalID, "title": item.Title, "content": item.Content, "author": item.AuthorID, "handle": item.AuthorHandle} {
			if !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
				t.Errorf("%s = %q", what, text)
			}
		}
		if strings.ContainsAny(item.Title+item.AuthorHandle+item.ExternalID, "\r\n") {
			t.Errorf("a header of several lines: %q %q %q", item.Title, item.AuthorHandle, item.ExternalID)
		}
		if item.Content == "" || len(item.Content) > maxText+10 || len(item.Attachments) > maxFiles {
			t.Errorf("%d bytes, %d files", len(item.Content), len(item.Attachments))
		}
		if again, _, _ := s.itemOf(message, at); again.ExternalID != item.ExternalID {
			t.Error("the id is not stable")
		}
	})
}
