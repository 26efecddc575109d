package triage

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// automatic lists where s has what GitHub turns into a link by itself:
// addresses, and what looks like the hash of a commit.
func automatic(s string) [][2]int {
	var out [][2]int
	from := 0
	for {
		at, end := nextAddress(s, from)
		if at < 0 {
			return append(out, hashes(s, from, len(s))...)
		}
		out = append(out, hashes(s, from, at)...)
		out = append(out, [2]int{at, end})
		from = end
	}
}

// isAutomatic reports whether a whole text is an address or a hash that
// automatic finds.
func isAutomatic(s string) bool {
	all := automatic(s)
	return len(all) == 1 && all[0] == [2]int{0, len(s)}
}

// nextAddress finds the first address at or after from: what has "://", "www.",
// "mailto:" or "xmpp:" in it, from the beginning of the word, since half a word
// beside code could be a hash. It returns -1 when there is none.
func nextAddress(s string, from int) (at, end int) {
	for i := from; i < len(s); i++ {
		n := introduces(s[i:])
		if n == 0 {
			continue
		}
		at, end = i, i+n
		for at > from && (isWord(s[at-1]) || strings.IndexByte("+.-", s[at-1]) >= 0) {
			at--
		}
		for end < len(s) {
			r, size := utf8.DecodeRuneInString(s[end:])
			if endsAddress(r) {
				break
			}
			end += size
		}
		end = i + n + len(strings.TrimRight(s[i+n:end], ".,;!?…"))
		if s[i] != ':' && end == i+n {
			i = end - 1 // "www." and nothing after it
			continue
		}
		return at, end
	}
	return -1, -1
}

// introduces returns how long the sign of an address at the start of s is.
func introduces(s string) int {
	for _, p := range [...]string{"://", "www.", "mailto:", "xmpp:"} {
		if len(s) >= len(p) && s[0]|0x20 == p[0]|0x20 && strings.EqualFold(s[:len(p)], p) {
			return len(p)
		}
	}
	return 0
}

func endsAddress(r rune) bool {
	return unicode.IsSpace(r) || strings.ContainsRune("<>()[]{}\"'`|\\", r)
}

func isWord(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_'
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

// hashes lists the words of s[from:to] that GitHub could take for the hash of a
// commit: 7 to 40 hexadecimal digits.
func hashes(s string, from, to int) [][2]int {
	var out [][2]int
	for i := from; i < to; {
		if !isWord(s[i]) {
			i++
			continue
		}
		j, hex := i, true
		for j < to && isWord(s[j]) {
			hex = hex && isHex(s[j])
			j++
		}
		if n := j - i; hex && 7 <= n && n <= 40 {
			out = append(out, [2]int{i, j})
		}
		i = j
	}
	return out
}
