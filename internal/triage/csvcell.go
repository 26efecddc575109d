package triage

import (
	"strings"
	"unicode"
)

// CSVCell returns s as a cell that a spreadsheet shows as text: a line that
// would begin a formula, spaces and quotes aside, gets an apostrophe before it.
// The CSV writer still has to quote the cell. CSVValue gives s back.
func CSVCell(s string) string {
	return eachLine(s, func(line string, loneCR bool) string {
		if isFormula(line, loneCR) {
			return "'" + line
		}
		return line
	})
}

// CSVValue returns the text that CSVCell made a cell of.
func CSVValue(cell string) string {
	return eachLine(cell, func(line string, loneCR bool) string {
		if rest, ok := strings.CutPrefix(line, "'"); ok && isFormula(rest, loneCR) {
			return rest
		}
		return line
	})
}

// isFormula reports whether a spreadsheet would calculate a line. One that
// CSVCell has already made text counts too, so that CSVValue can tell the two.
func isFormula(line string, loneCR bool) bool {
	for _, r := range strings.TrimLeft(line, "'") {
		switch {
		case r == '\t', strings.ContainsRune("=+-@＝＋－＠", r):
			return true
		case r == '"' || unicode.IsSpace(r) || unicode.In(r, unicode.Zs, unicode.Cc, unicode.Cf):
		default:
			return false
		}
	}
	return loneCR // a carriage return before any other sign is a trick of its own
}

// eachLine changes the physical lines of s; a line ends with "\n", "\r\n" or a
// lone "\r", as spreadsheets read them.
func eachLine(s string, f func(line string, loneCR bool) string) string {
	var b strings.Builder
	b.Grow(len(s) + 1)
	for len(s) > 0 {
		i := strings.IndexAny(s, "\r\n")
		if i < 0 {
			b.WriteString(f(s, false))
			break
		}
		end := i + 1
		if s[i] == '\r' && end < len(s) && s[end] == '\n' {
			end++
		}
		b.WriteString(f(s[:i], s[i:end] == "\r"))
		b.WriteString(s[i:end])
		s = s[end:]
	}
	return b.String()
}
