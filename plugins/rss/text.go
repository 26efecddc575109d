package rss

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

const maxText = 60 << 10 // bytes of a message; the rest is left out and marked

// plain takes the markup out of HTML: what a reader sees, in lines. Every token
// is read once; nothing is built from them.
func plain(markup string) string {
	z := html.NewTokenizer(strings.NewReader(markup))
	var b strings.Builder
	var hidden atom.Atom // inside an element that is not shown
	pre := 0
	for b.Len() < maxText+utf8.UTFMax {
		kind := z.Next()
		if kind == html.ErrorToken {
			break
		}
		if kind == html.TextToken {
			if hidden == 0 {
				write(&b, html.UnescapeString(string(z.Text())), pre > 0)
			}
			continue
		}
		if kind != html.StartTagToken && kind != html.EndTagToken && kind != html.SelfClosingTagToken {
			continue
		}
		raw, more := z.TagName()
		tag, opens := atom.Lookup(raw), kind == html.StartTagToken
		switch tag {
		case atom.Script, atom.Style, atom.Template, atom.Iframe, atom.Object, atom.Svg, atom.Math, atom.Noembed, atom.Noframes, atom.Head:
			if opens && hidden == 0 {
				hidden = tag
			} else if kind == html.EndTagToken && hidden == tag {
				hidden = 0
			}
		case atom.Br:
			b.WriteByte('\n')
		case atom.P, atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6, atom.Blockquote, atom.Ul, atom.Ol, atom.Table, atom.Hr, atom.Section, atom.Article:
			b.WriteString("\n\n")
		case atom.Div, atom.Tr, atom.Dt, atom.Dd, atom.Figure, atom.Figcaption:
			b.WriteByte('\n')
		case atom.Li:
			if opens {
				b.WriteString("\n- ")
			}
		case atom.Td, atom.Th:
			b.WriteByte(' ')
		case atom.Pre:
			b.WriteString("\n\n")
			if opens {
				pre++
			} else {
				pre = max(0, pre-1)
			}
		case atom.Img:
			for more && hidden == 0 {
				var key, value []byte
				if key, value, more = z.TagAttr(); string(key) == "alt" {
					write(&b, string(value), false)
				}
			}
		}
	}
	return clean(b.String())
}

// write appends text with its white space as one space, as a browser shows it.
func write(b *strings.Builder, text string, verbatim bool) {
	if verbatim {
		b.WriteString(text)
		return
	}
	space := false
	for _, r := range text {
		if unicode.IsSpace(r) {
			space = true
			continue
		}
		if space && !atStart(b) {
			b.WriteByte(' ')
		}
		space = false
		b.WriteRune(r)
	}
	if space && !atStart(b) {
		b.WriteByte(' ')
	}
}

// atStart reports whether a line begins here.
func atStart(b *strings.Builder) bool {
	return b.Len() == 0 || b.String()[b.Len()-1] == '\n'
}

// clean is text without control characters, with at most one empty line in a
// row, cut to maxText.
func clean(text string) string {
	text = strings.ToValidUTF8(strings.ReplaceAll(text, "\r\n", "\n"), "\ufffd")
	var b strings.Builder
	breaks := 0
	for line := range strings.SplitSeq(text, "\n") {
		line = strings.Map(func(r rune) rune {
			if r != '\t' && unicode.IsControl(r) {
				return -1
			}
			return r
		}, line)
		if line = strings.TrimRightFunc(line, unicode.IsSpace); strings.TrimSpace(line) == "" {
			breaks++
			continue
		}
		if b.Len() > 0 {
			b.WriteString("\n\n"[:min(breaks, 2)])
		}
		if b.WriteString(line); b.Len() > maxText {
			break
		}
		breaks = 1
	}
	s := strings.TrimSpace(b.String())
	if len(s) > maxText {
		return cut(s, maxText) + " …"
	}
	return s
}

// cut is the beginning of a text, at most n bytes, without half a character.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
