package rss

import (
	"bytes"
	"errors"
	"fmt"
	"mime"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/net/html/charset"
)

// entry is what a feed says of one thing, as text.
type entry struct {
	id      string // guid or id, may be empty
	title   string
	text    string
	link    string
	author  string
	created time.Time
	context map[string]string // rating, version, categories …
}

const maxDecoded = 3 * maxBody // bytes of a feed after its characters are UTF-8

// parse reads the entries of a feed in the order it has them, at most
// maxEntries. kind is the Content-Type it came with.
func parse(body []byte, kind string) ([]entry, error) {
	b, err := decode(body, kind)
	if err != nil {
		return nil, err
	}
	b = bytes.TrimSpace(b)
	switch {
	case len(b) == 0:
		return nil, &fault{what: "is empty"}
	case b[0] == '{':
		return parseJSON(b)
	case b[0] == '<':
		return parseXML(b)
	}
	return nil, &fault{what: "is neither XML nor JSON"}
}

var declared = regexp.MustCompile(`^\s*<\?xml[^>]{0,200}?encoding\s*=\s*["']([A-Za-z0-9._:-]{1,40})["']`)

// decode makes UTF-8 of a feed: by its byte order mark, the Content-Type or the
// XML declaration, in this order, as RFC 7303 has it. Control characters, which
// XML forbids, and broken UTF-8 are taken out.
func decode(body []byte, kind string) ([]byte, error) {
	label := ""
	switch {
	case bytes.HasPrefix(body, []byte("\xef\xbb\xbf")):
		label, body = "utf-8", body[3:]
	case bytes.HasPrefix(body, []byte("\xff\xfe")):
		label, body = "utf-16le", body[2:]
	case bytes.HasPrefix(body, []byte("\xfe\xff")):
		label, body = "utf-16be", body[2:]
	default:
		if _, parameters, err := mime.ParseMediaType(kind); err == nil {
			label = parameters["charset"]
		}
		if m := declared.FindSubmatch(body[:min(len(body), 300)]); label == "" && m != nil {
			label = string(m[1])
			if strings.HasPrefix(strings.ToLower(label), "utf-16") {
				label = "utf-8" // or the declaration could not have been read
			}
		}
	}
	if label != "" && !strings.EqualFold(label, "utf-8") && !strings.EqualFold(label, "utf8") {
		encoding, _ := charset.Lookup(label)
		if encoding == nil {
			return nil, &fault{what: fmt.Sprintf("has an unknown character set %.40q", label)}
		}
		var err error
		if body, err = encoding.NewDecoder().Bytes(body); err != nil {
			return nil, fmt.Errorf("decode %.40q: %w", label, err)
		}
		if len(body) > maxDecoded {
			return nil, tooLarge()
		}
	}
	if !utf8.Valid(body) {
		body = bytes.ToValidUTF8(body, []byte("\ufffd"))
	}
	return bytes.Map(func(r rune) rune {
		if forbidden(r) {
			return -1
		}
		return r
	}, body), nil
}

// forbidden are the characters that XML 1.0 has not.
func forbidden(r rune) bool {
	return r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0xFFFE || r == 0xFFFF
}

var errDeep = errors.New("elements lie too deep in one another")

// The forms of a date that feeds have, the proper ones first.
var dates = []string{
	time.RFC3339Nano, time.RFC1123Z, time.RFC1123, "Mon, 2 Jan 2006 15:04:05 -0700", "Mon, 2 Jan 2006 15:04:05 MST", "Mon, 2 Jan 2006 15:04 -0700",
	"2 Jan 2006 15:04:05 -0700", "2 Jan 2006 15:04:05 MST", "Mon, 2 Jan 06 15:04:05 -0700", "Mon, 2 Jan 06 15:04:05 MST", "Monday, 2 January 2006 15:04:05 -0700",
	"2006-01-02T15:04:05-0700", "2006-01-02T15:04:05", "2006-01-02T15:04Z07:00", "2006-01-02 15:04:05 -0700", "2006-01-02 15:04:05", "2006-01-02",
}

// zones are the names that RFC 822 has beside GMT; time.Parse takes them for
// UTC.
var zones = strings.NewReplacer(" EST", " -0500", " EDT", " -0400", " CST", " -0600", " CDT", " -0500", " MST", " -0700", " MDT", " -0600", " PST", " -0800", " PDT", " -0700", " UT", " +0000", " Z", " +0000")

// when reads a date; zero when there is none to be read.
func when(text string) time.Time {
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > 64 {
		return time.Time{}
	}
	for _, t := range []string{text, zones.Replace(strings.TrimSuffix(text, " UTC"))} {
		for _, form := range dates {
			if at, err := time.Parse(form, t); err == nil && (at.Location() == time.UTC || !strings.HasSuffix(form, "MST") || strings.HasSuffix(t, "GMT")) {
				return at.UTC()
			}
		}
	}
	return time.Time{}
}
