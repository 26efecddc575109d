package triage

import (
	"strings"
	"unicode"
)

// maxTitle is how many characters an issue's title has at most; GitHub allows 256.
const maxTitle = 200

// IssueTitle returns s as the title of an issue: one line of at most 200
// characters, cut between what a reader sees as characters, never empty. A
// title is no Markdown, so nothing is escaped: what a tracker or a bot would
// act on is written with look-alikes or taken apart.
func IssueTitle(s string) string {
	s = strings.ReplaceAll(tidy(firstRunes(s, 4000)), "\n", " ")
	s = titleSigns.Replace(strings.Join(strings.Fields(s), " "))
	s = issueKey(takeApart(s))
	s = strings.TrimLeftFunc(s, func(r rune) bool {
		return unicode.IsSpace(r) || strings.ContainsRune("/!.#>-+*=:%?|~_\\", r) || unicode.IsMark(r)
	})
	s = cutClusters(strings.TrimSpace(strings.Join(strings.Fields(s), " ")), maxTitle)
	if !strings.ContainsFunc(s, func(r rune) bool { return unicode.In(r, unicode.L, unicode.N, unicode.S) }) {
		return "Report without a title"
	}
	return s
}

// takeApart leaves nothing in s to make a link of: no scheme, no "www.", no hash.
func takeApart(s string) string {
	s = strings.NewReplacer("https://", " ", "http://", " ").Replace(s)
	var b strings.Builder
	for i := 0; i < len(s); {
		if n := introduces(s[i:]); n > 0 {
			b.WriteString(strings.TrimRight(s[i:i+n], ":/."))
			b.WriteByte(' ')
			i += n
			continue
		}
		b.WriteByte(s[i])
		i++
	}
	s = b.String()
	b.Reset()
	from := 0
	for _, h := range hashes(s, 0, len(s)) {
		b.WriteString(s[from:h[0]+6] + "…")
		from = h[1]
	}
	return b.String() + s[from:]
}

// titleSigns are the signs that begin a mention, HTML, code, a link or emphasis.
var titleSigns = strings.NewReplacer("@", "＠", "<", "‹", ">", "›", "`", "'", "![", "! (", "[", "(", "]", ")",
	"\\", "/", "*", "∗", "~", "∼", "$", "＄", "&", "＆", "|", "¦", "_", "‗")

// issueKey widens what a tracker reads as the number of an issue.
func issueKey(s string) string {
	r := []rune(s)
	for i := 0; i+1 < len(r); i++ {
		if !unicode.IsNumber(r[i+1]) {
			continue
		}
		if r[i] == '#' {
			r[i] = '＃'
		}
		if r[i] == '-' && i > 0 && (r[i-1] == 'h' || r[i-1] == 'H') {
			r[i] = '‑'
		}
	}
	return string(r)
}

// cutClusters cuts s to at most n characters, with "…" as the last when it cuts,
// and never inside what is shown as one: a letter with its marks, a flag, an
// emoji with its skin, a Hangul syllable.
func cutClusters(s string, n int) string {
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	cut := n - 1
	for cut > 0 && joins(r, cut) {
		cut--
	}
	return strings.TrimRight(string(r[:cut]), " ") + "…"
}

// joins reports whether the characters before and after position i may belong
// together. It errs towards yes, which only cuts a little earlier.
func joins(r []rune, i int) bool {
	before, after := r[i-1], r[i]
	switch {
	case unicode.IsMark(after), after >= 0x1f3fb && after <= 0x1f3ff, after == 0xff9e, after == 0xff9f, after == 0x0e33, after == 0x0eb3:
		return true
	case isFlag(before) && isFlag(after):
		flags := 0
		for j := i - 1; j >= 0 && isFlag(r[j]); j-- {
			flags++
		}
		return flags%2 == 1
	case hangul(after):
		leading := leadingJamo(before)
		return leading || hangul(before) && !leadingJamo(after) && (after < 0xac00 || after > 0xd7a3)
	}
	// A virama before a letter makes one shape of two letters, and a few letters
	// of Indic scripts stand before the one they belong to.
	return viramas[before] && unicode.IsLetter(after) || prepends[before]
}

func isFlag(r rune) bool { return r >= 0x1f1e6 && r <= 0x1f1ff }

func hangul(r rune) bool {
	return r >= 0x1100 && r <= 0x11ff || r >= 0xa960 && r <= 0xa97f || r >= 0xac00 && r <= 0xd7ff
}

func leadingJamo(r rune) bool { return r >= 0x1100 && r <= 0x115f || r >= 0xa960 && r <= 0xa97f }

var viramas = map[rune]bool{0x094d: true, 0x09cd: true, 0x0a4d: true, 0x0acd: true, 0x0b4d: true, 0x0bcd: true,
	0x0c4d: true, 0x0ccd: true, 0x0d4d: true, 0x0dca: true, 0x1039: true, 0x17d2: true}

var prepends = map[rune]bool{0x0d4e: true, 0x111c2: true, 0x111c3: true, 0x11f02: true, 0x1193f: true, 0x11941: true,
	0x11a3a: true, 0x11a84: true, 0x11a85: true, 0x11a86: true, 0x11a87: true, 0x11a88: true, 0x11a89: true, 0x11d46: true}
