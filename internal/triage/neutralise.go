package triage

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Neutralise makes a stranger's text safe to stand in the Markdown of an issue.
// Rendered as GitHub-flavoured Markdown it is plain text: it mentions nobody,
// links and closes nothing, holds no HTML, comment, image or link, starts no
// line with a command, and has no invisible or direction-changing character.
//
// What a tracker reads in the rendered text, where no escape helps, is written
// with a wide look-alike ("＠alice", "＃12") or, for addresses and commit hashes,
// as inline code. Everything else is escaped and renders as it was. The result
// has at most limit bytes of whole characters, 0 meaning no limit, and a cut
// ends with "…". Neutralise of its own result changes nothing.
func Neutralise(s string, limit int) string {
	// No character becomes shorter than one byte, so more than limit is never needed.
	if limit > 0 {
		s = firstRunes(s, 8*limit)
	}
	plain := tidy(unescape(s))
	out := escape(plain)
	if limit <= 0 || len(out) <= limit {
		return out
	}
	return cutEscaped([]rune(firstRunes(plain, limit)), limit)
}

// cutEscaped escapes as much of a text as fits. It cuts the text and not its
// escaped form, so that no escape is ever halved.
func cutEscaped(plain []rune, limit int) string {
	const end = "…"
	if limit < len(end) {
		return ""
	}
	low, high := 0, len(plain)
	for low < high {
		mid := (low + high + 1) / 2
		if len(escapeCut(plain[:mid], end)) <= limit {
			low = mid
		} else {
			high = mid - 1
		}
	}
	for ; low > 0; low-- {
		// Growth is not quite even: a cut can make a hash of a longer number.
		if out := escapeCut(plain[:low], end); len(out) <= limit {
			return out
		}
	}
	return end
}

func escapeCut(plain []rune, end string) string {
	return escape(tidy(strings.TrimRight(string(plain), " \n") + end))
}

func firstRunes(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}

// unescape undoes escape, so that escaping twice is escaping once.
func unescape(s string) string {
	if !strings.ContainsAny(s, "\\&`") {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	for i := 0; i < len(s); {
		rest := s[i:]
		switch s[i] {
		case '\\':
			if len(rest) > 1 && isPunct(rest[1]) {
				b.WriteByte(rest[1])
				i += 2
				continue
			}
		case '&':
			if n := entity(rest, &b); n > 0 {
				i += n
				continue
			}
		case '`':
			if code := codeAt(rest); isAutomatic(code) {
				b.WriteString(code)
				i += len(code) + 2
				continue
			}
		}
		b.WriteByte(s[i])
		i++
	}
	return b.String()
}

// codeAt returns what stands in the inline code at the start of s, or "".
func codeAt(s string) string {
	if end := strings.IndexAny(s[1:], "`\n"); end > 0 && s[1+end] == '`' {
		return s[1 : 1+end]
	}
	return ""
}

func entity(s string, b *strings.Builder) int {
	for _, e := range [...]struct{ name, char string }{{"&lt;", "<"}, {"&amp;", "&"}} {
		if strings.HasPrefix(s, e.name) {
			b.WriteString(e.char)
			return len(e.name)
		}
	}
	return 0
}

func isPunct(c byte) bool {
	return '!' <= c && c <= '/' || ':' <= c && c <= '@' || '[' <= c && c <= '`' || '{' <= c && c <= '~'
}

// maxMarks is how many combining marks one letter keeps; more is an attack on
// the reader's eyes.
const maxMarks = 4

// tidy removes what a reader cannot see and puts white space in order: one
// space, trimmed lines, at most one empty line.
func tidy(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	marks, space, breaks := 0, false, 0
	for _, r := range s {
		switch {
		case r == '\n' || r == '\r' || r == 0x0b || r == 0x0c || r == 0x85 || r == 0x2028 || r == 0x2029:
			if r != '\r' {
				breaks++
			}
			space = false
			continue
		case unicode.IsSpace(r) || unicode.Is(unicode.Zs, r):
			space = true
			continue
		case invisible(r):
			continue
		case unicode.IsMark(r):
			if marks++; marks > maxMarks {
				continue
			}
		default:
			marks = 0
		}
		if b.Len() > 0 && breaks > 0 {
			b.WriteString("\n\n"[:min(breaks, 2)])
		} else if b.Len() > 0 && space {
			b.WriteByte(' ')
		}
		space, breaks = false, 0
		b.WriteRune(r)
	}
	return b.String()
}

// invisible reports whether r shows nothing or changes how its neighbours are
// shown: control and format characters (direction marks, zero-width joiners,
// tags), fillers, variation selectors, and what is no character.
func invisible(r rune) bool {
	switch {
	case r < utf8.RuneSelf:
		return r < 0x20 || r == 0x7f
	case unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Cs):
		return true
	case r >= 0xfe00 && r <= 0xfe0f || r >= 0xe0000 && r <= 0xe0fff || r >= 0x180b && r <= 0x180f:
		return true
	case r == 0x034f || r == 0x115f || r == 0x1160 || r == 0x17b4 || r == 0x17b5 || r == 0x2800 || r == 0x3164 || r == 0xffa0:
		return true
	}
	return r&0xfffe == 0xfffe || r >= 0xfdd0 && r <= 0xfdef || r >= 0x2065 && r <= 0x206f || r >= 0xfff0 && r <= 0xfffb
}

// escape writes tidy text as Markdown that renders as that text.
func escape(s string) string {
	spans := automatic(s)
	var b strings.Builder
	b.Grow(len(s) + len(s)/8)
	start := true // at the start of a line
	var prev rune
	for i := 0; i < len(s); {
		if len(spans) > 0 && spans[0][0] == i {
			b.WriteByte('`')
			b.WriteString(s[i:spans[0][1]])
			b.WriteByte('`')
			i, prev, start = spans[0][1], 'x', false
			spans = spans[1:]
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		escapeRune(&b, r, prev, s[i+n:], start)
		if start && '0' <= r && r <= '9' {
			i += ordinal(&b, s[i+n:])
		}
		start = r == '\n'
		prev = r
		i += n
	}
	return b.String()
}

// escapeRune writes one character that stands after prev and before next.
func escapeRune(b *strings.Builder, r, prev rune, next string, start bool) {
	after, _ := utf8.DecodeRuneInString(next)
	switch r {
	case '@':
		b.WriteRune('＠')
		return
	case '#':
		if unicode.IsNumber(after) {
			b.WriteRune('＃')
			return
		}
	case '`':
		b.WriteByte('\'')
		return
	case '<':
		b.WriteString("&lt;")
		return
	case '&':
		if after == '#' || after == '＃' || unicode.IsLetter(after) {
			b.WriteString("&amp;")
			return
		}
	case '-':
		// "GH-12" is an issue to GitHub.
		if (prev == 'h' || prev == 'H') && '0' <= after && after <= '9' {
			b.WriteRune('‑')
			return
		}
	case '\\', '*', '[', ']', '|', '~', '$':
		b.WriteByte('\\')
	case '_':
		if !wordy(prev) || !wordy(after) {
			b.WriteByte('\\')
		}
	case '!':
		if after == '[' && !start {
			b.WriteByte('\\')
		}
	}
	// At the start of a line these begin a block, or a command to some bot.
	if start && strings.ContainsRune("#>+-=/.!:%?", r) {
		b.WriteByte('\\')
	}
	b.WriteRune(r)
}

func wordy(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

// ordinal writes the rest of a number at the start of a line so that it begins
// no list, and returns how many bytes that took.
func ordinal(b *strings.Builder, s string) int {
	n := 0
	for n < len(s) && '0' <= s[n] && s[n] <= '9' {
		n++
	}
	if n < len(s) && (s[n] == '.' || s[n] == ')') {
		b.WriteString(s[:n])
		b.WriteByte('\\')
		b.WriteByte(s[n])
		return n + 1
	}
	return 0
}
