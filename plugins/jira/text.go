package jira

import (
	"net/url"
	"slices"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/text"
)

// mostText is the length of a text from which Jira refuses it, less a reserve
// for what the markup adds, in bytes.
const mostText = 28000

// text turns a body of ours into what the edition takes. The marker goes: in
// Jira it would be seen, and the label does its work.
func (t *Tracker) text(body string) any {
	_, body, _ = strings.Cut(body, "\n")
	body = strings.ToValidUTF8(body, "\uFFFD")
	if len(body) > mostText {
		body = strings.ToValidUTF8(body[:mostText], "") + "…"
	}
	w := &writer{source: []byte(body)}
	root := goldmark.DefaultParser().Parse(text.NewReader(w.source))
	if t.config.cloud() {
		content := w.blocks(root, false)
		if len(content) == 0 {
			content = []node{{"type": "paragraph"}}
		}
		return node{"type": "doc", "version": 1, "content": content}
	}
	var b strings.Builder
	w.wiki(&b, root)
	return strings.TrimSpace(b.String())
}

type writer struct{ source []byte }

// node is one of an Atlassian document.
type node map[string]any

func children(n ast.Node) func(func(ast.Node) bool) {
	return func(yield func(ast.Node) bool) {
		for c := n.FirstChild(); c != nil; c = c.NextSibling() {
			if !yield(c) {
				return
			}
		}
	}
}

func (w *writer) lines(n ast.Node) string {
	var b strings.Builder
	for i := range n.Lines().Len() {
		at := n.Lines().At(i)
		b.Write(at.Value(w.source))
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// blocks writes the blocks below n. Inside a list or a quote a document takes
// paragraphs, lists and code only.
func (w *writer) blocks(n ast.Node, inside bool) []node {
	var list []node
	paragraph := func(inline []node) {
		if len(inline) > 0 {
			list = append(list, node{"type": "paragraph", "content": inline})
		}
	}
	for c := range children(n) {
		switch c := c.(type) {
		case *ast.Heading:
			inline := w.inline(c, nil)
			if inside || len(inline) == 0 {
				paragraph(inline)
			} else {
				list = append(list, node{"type": "heading", "attrs": node{"level": c.Level}, "content": inline})
			}
		case *ast.FencedCodeBlock, *ast.CodeBlock:
			block := node{"type": "codeBlock"}
			if code := w.lines(c); code != "" {
				block["content"] = []node{{"type": "text", "text": code}}
			}
			list = append(list, block)
		case *ast.Blockquote:
			below := w.blocks(c, true)
			if inside {
				list = append(list, below...)
			} else if len(below) > 0 {
				list = append(list, node{"type": "blockquote", "content": below})
			}
		case *ast.List:
			block := node{"type": "bulletList"}
			if c.IsOrdered() {
				block["type"] = "orderedList"
			}
			var items []node
			for item := range children(c) {
				below := w.blocks(item, true)
				if len(below) == 0 || below[0]["type"] != "paragraph" {
					below = append([]node{{"type": "paragraph"}}, below...)
				}
				items = append(items, node{"type": "listItem", "content": below})
			}
			block["content"] = items
			list = append(list, block)
		case *ast.ThematicBreak:
			if !inside {
				list = append(list, node{"type": "rule"})
			}
		case *ast.HTMLBlock:
			paragraph(plain(w.lines(c)))
		default:
			paragraph(w.inline(c, nil))
		}
	}
	return list
}

func plain(text string) []node {
	if text == "" {
		return nil
	}
	return []node{{"type": "text", "text": text}}
}

// inline writes the text below n with the marks around it.
func (w *writer) inline(n ast.Node, marks []node) []node {
	var list []node
	add := func(text string, marks []node) {
		if text == "" {
			return
		}
		if last := len(list) - 1; last >= 0 && len(marks) == 0 && list[last]["type"] == "text" && list[last]["marks"] == nil {
			list[last]["text"] = list[last]["text"].(string) + text
			return
		}
		piece := node{"type": "text", "text": text}
		if len(marks) > 0 {
			piece["marks"] = marks
		}
		list = append(list, piece)
	}
	with := func(m node) []node {
		for _, have := range marks {
			if have["type"] == m["type"] {
				return marks
			}
		}
		return append(slices.Clone(marks), m)
	}
	for c := range children(n) {
		switch c := c.(type) {
		case *ast.Text:
			add(unescape(string(c.Segment.Value(w.source))), marks)
			if c.HardLineBreak() {
				list = append(list, node{"type": "hardBreak"})
			} else if c.SoftLineBreak() {
				add(" ", marks)
			}
		case *ast.String:
			add(string(c.Value), marks)
		case *ast.CodeSpan:
			add(w.code(c), []node{{"type": "code"}})
		case *ast.Emphasis:
			kind := "em"
			if c.Level == 2 {
				kind = "strong"
			}
			list = append(list, w.inline(c, with(node{"type": kind}))...)
		case *ast.Link:
			list = append(list, w.inline(c, linked(string(c.Destination), marks, with))...)
		case *ast.Image: // not shown: a picture tells its server who looks
			list = append(list, w.inline(c, linked(string(c.Destination), marks, with))...)
		case *ast.AutoLink:
			add(string(c.Label(w.source)), linked(string(c.URL(w.source)), marks, with))
		case *ast.RawHTML:
			for i := range c.Segments.Len() {
				at := c.Segments.At(i)
				add(string(at.Value(w.source)), marks)
			}
		default:
			list = append(list, w.inline(c, marks)...)
		}
	}
	return list
}

func linked(address string, marks []node, with func(node) []node) []node {
	if !isWeb(address) {
		return marks
	}
	return with(node{"type": "link", "attrs": node{"href": address}})
}

func isWeb(address string) bool {
	u, err := url.Parse(address)
	return err == nil && u.Host != "" && (u.Scheme == "https" || u.Scheme == "http") && !strings.ContainsAny(address, " |]\r\n")
}

func (w *writer) code(n ast.Node) string {
	var b strings.Builder
	for c := range children(n) {
		if t, ok := c.(*ast.Text); ok {
			b.Write(t.Segment.Value(w.source))
		}
	}
	return strings.ReplaceAll(b.String(), "\n", " ")
}

// unescape takes the backslashes away by which Markdown keeps punctuation from
// meaning something, and reads the few entities that we write ourselves.
func unescape(text string) string {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] == '\\' && i+1 < len(text) && strings.IndexByte("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", text[i+1]) >= 0 {
			i++
		}
		b.WriteByte(text[i])
	}
	return strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&", "&quot;", `"`, "&#39;", "'", "&#64;", "@").Replace(b.String())
}
