package jira

import (
	"fmt"
	"strings"

	"github.com/yuin/goldmark/ast"
)

// wiki writes the blocks below n as Jira's own markup.
func (w *writer) wiki(b *strings.Builder, n ast.Node) {
	for c := range children(n) {
		switch c := c.(type) {
		case *ast.Heading:
			fmt.Fprintf(b, "h%d. %s\n\n", c.Level, w.line(c))
		case *ast.FencedCodeBlock, *ast.CodeBlock:
			w.noFormat(b, c)
			b.WriteString("\n")
		case *ast.Blockquote:
			b.WriteString("{quote}\n")
			w.wiki(b, c)
			b.WriteString("{quote}\n\n")
		case *ast.List:
			w.items(b, c, "")
			b.WriteString("\n")
		case *ast.ThematicBreak:
			b.WriteString("----\n\n")
		case *ast.HTMLBlock:
			fmt.Fprintf(b, "%s\n\n", harmless(w.lines(c)))
		default:
			fmt.Fprintf(b, "%s\n\n", w.line(c))
		}
	}
}

func (w *writer) noFormat(b *strings.Builder, n ast.Node) {
	code := strings.ReplaceAll(w.lines(n), "{noformat", "{ noformat") // it cannot be quoted inside
	fmt.Fprintf(b, "{noformat}\n%s\n{noformat}\n", code)
}

// items writes a list. outer is what stands before the item that it is in.
func (w *writer) items(b *strings.Builder, list *ast.List, outer string) {
	bullet := outer + "*"
	if list.IsOrdered() {
		bullet = outer + "#"
	}
	for item := range children(list) {
		for part := range children(item) {
			switch part := part.(type) {
			case *ast.List:
				w.items(b, part, bullet)
			case *ast.FencedCodeBlock, *ast.CodeBlock:
				w.noFormat(b, part)
			default:
				fmt.Fprintf(b, "%s %s\n", bullet, w.line(part))
			}
		}
	}
}

// line writes the text below n.
func (w *writer) line(n ast.Node) string {
	var b strings.Builder
	for c := range children(n) {
		switch c := c.(type) {
		case *ast.Text:
			b.WriteString(harmless(unescape(string(c.Segment.Value(w.source)))))
			if c.HardLineBreak() {
				b.WriteString("\n")
			} else if c.SoftLineBreak() {
				b.WriteString(" ")
			}
		case *ast.String:
			b.WriteString(harmless(string(c.Value)))
		case *ast.CodeSpan:
			b.WriteString("{{" + harmless(w.code(c)) + "}}")
		case *ast.Emphasis:
			mark := strings.Repeat("_", 2-min(c.Level, 2)) + strings.Repeat("*", min(c.Level, 2)-1)
			b.WriteString(mark + w.line(c) + mark)
		case *ast.Link:
			b.WriteString(link(w.line(c), string(c.Destination)))
		case *ast.Image:
			b.WriteString(link(w.line(c), string(c.Destination)))
		case *ast.AutoLink:
			b.WriteString(link(harmless(string(c.Label(w.source))), string(c.URL(w.source))))
		case *ast.RawHTML:
			for i := range c.Segments.Len() {
				at := c.Segments.At(i)
				b.WriteString(harmless(string(at.Value(w.source))))
			}
		default:
			b.WriteString(w.line(c))
		}
	}
	return b.String()
}

func link(text, address string) string {
	if !isWeb(address) {
		return text
	}
	return "[" + text + "|" + address + "]"
}

// harmless quotes every character by which wiki markup begins: links and
// mentions ([~name]), macros ({code}), pictures (!a.png!), emphasis, tables. A
// word such as "h1." means something at the start of a line, "bq." too.
func harmless(text string) string {
	var b strings.Builder
	for _, r := range text {
		if strings.ContainsRune(`\{}[]*_+^~|!-`, r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	for _, word := range []string{"h1.", "h2.", "h3.", "h4.", "h5.", "h6.", "bq.", "#"} {
		if strings.HasPrefix(text, word) {
			return "\u200b" + b.String()
		}
	}
	return b.String()
}
