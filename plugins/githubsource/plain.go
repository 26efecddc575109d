package githubsource

import (
	"strings"
	"unicode"
)

// maxComment bounds a comment, in bytes; GitHub takes 65,536 characters.
const maxComment = 60_000

// plain writes a text so that GitHub shows it as it is: no markup, nobody
// mentioned, no issue referred to. What GitHub reads in the shown text, where no
// escape helps, becomes a wide look-alike.
func plain(s string) string {
	var b strings.Builder
	atStart := true
	for _, r := range cut(s, maxComment/2) {
		switch {
		case r == '\n':
			atStart = true
			b.WriteByte('\n')
			continue
		case r == '\t' || unicode.Is(unicode.Zs, r):
			if atStart {
				continue // four spaces would make code
			}
			r = ' '
		case unicode.IsControl(r) || unicode.Is(unicode.Cf, r) && r != '\u200c' && r != '\u200d':
			continue // unseen, or turns the direction of the text
		case r == '@':
			r = '＠'
		case r == '#':
			r = '＃'
		case r < 0x80 && (unicode.IsPunct(r) || unicode.IsSymbol(r)):
			b.WriteByte('\\')
		}
		atStart = false
		b.WriteRune(r)
	}
	return strings.TrimSpace(b.String())
}
