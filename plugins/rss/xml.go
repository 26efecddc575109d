package rss

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"html"
	"io"
	"strings"
)

const (
	maxDepth = 100       // elements in one another
	maxTag   = 64 << 10  // bytes between < and >
	maxRaw   = 256 << 10 // bytes of one field before its markup is taken out
)

// The namespaces whose elements are read.
const (
	nsAtom    = "http://www.w3.org/2005/Atom"
	nsRSS1    = "http://purl.org/rss/1.0/"
	nsContent = "http://purl.org/rss/1.0/modules/content/"
	nsDC      = "http://purl.org/dc/elements/1.1/"
	nsApple   = "http://itunes.apple.com/rss"
)

// parseXML reads RSS and Atom. encoding/xml expands no entity that the document
// itself declares, and fetches nothing.
func parseXML(b []byte) ([]entry, error) {
	if err := shortTags(b); err != nil {
		return nil, err
	}
	d := xml.NewDecoder(bytes.NewReader(b))
	d.Strict = false // feeds hold a bare & and HTML's entities
	d.Entity = xml.HTMLEntity
	d.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) { return r, nil } // it is UTF-8 by now
	x := &reader{Decoder: d}
	var list []entry
	var path []string
	for len(list) < maxEntries {
		t, err := x.Token()
		if errors.Is(err, io.EOF) && len(path) == 0 && x.root {
			return list, nil
		}
		if err != nil {
			return nil, x.broken(err)
		}
		switch t := t.(type) {
		case xml.StartElement:
			if len(path) == 0 && t.Name.Local != "rss" && t.Name.Local != "feed" && t.Name.Local != "RDF" {
				return nil, &fault{what: "is no feed: it begins with <" + cut(t.Name.Local, 40) + ">"}
			}
			x.root = true
			if isEntry(path, t.Name.Local) {
				e, err := x.entry()
				if err != nil {
					return nil, x.broken(err)
				}
				if e != nil {
					list = append(list, *e)
				}
				continue
			}
			if path = append(path, t.Name.Local); len(path) > maxDepth {
				return nil, x.broken(errDeep)
			}
		case xml.EndElement:
			path = path[:len(path)-1]
		}
	}
	return list, nil
}

// shortTags refuses a tag of absurd length before a parser makes a list of its
// attributes.
func shortTags(b []byte) error {
	for {
		at := bytes.IndexByte(b, '<')
		if at < 0 {
			return nil
		}
		b = b[at:]
		end := bytes.IndexByte(b[:min(len(b), maxTag)], '>')
		if end < 0 && !bytes.HasPrefix(b, []byte("<!")) {
			return &fault{what: fmt.Sprintf("holds a tag of more than %d KiB", maxTag>>10)}
		}
		b = b[max(end, 1):]
	}
}

func isEntry(path []string, name string) bool {
	if len(path) == 0 {
		return false
	}
	switch in := path[len(path)-1]; name {
	case "item":
		return in == "channel" || in == "RDF"
	case "entry":
		return in == "feed"
	}
	return false
}

// reader reads the elements of one document.
type reader struct {
	*xml.Decoder
	root bool
}

func (x *reader) broken(err error) error {
	if f, ok := errors.AsType[*fault](err); ok {
		return f
	}
	line, _ := x.InputPos()
	what := err.Error()
	if syntax, ok := errors.AsType[*xml.SyntaxError](err); ok {
		what = syntax.Msg
	}
	if errors.Is(err, io.EOF) || what == "unexpected EOF" {
		return &fault{what: fmt.Sprintf("breaks off in line %d", line)}
	}
	return &fault{what: fmt.Sprintf("is broken in line %d: %s", line, cut(what, 200))}
}

// construct is text with what it is: Atom says, RSS does not.
type construct struct {
	raw    string
	markup bool
}

// String is the text without markup.
func (c construct) String() string {
	if c.markup {
		return plain(c.raw)
	}
	return clean(c.raw)
}

// entry reads one element to its end. What describes the app itself in Apple's
// reviews is no entry.
func (x *reader) entry() (*entry, error) {
	e := &entry{context: map[string]string{}}
	var title, text, html, summary construct
	var published, updated, categories string
	app := false
	for {
		t, err := x.Token()
		if err != nil {
			return nil, err
		}
		start, ok := t.(xml.StartElement)
		if _, end := t.(xml.EndElement); end {
			break
		}
		if !ok {
			continue
		}
		href, rel := attribute(start, "href"), attribute(start, "rel")
		c, err := x.text(start)
		if err != nil {
			return nil, err
		}
		value := strings.TrimSpace(c.raw)
		switch space, name := start.Name.Space, start.Name.Local; {
		case space == nsApple || space == "im":
			app = app || name == "artist" || name == "name"
			if name == "rating" || name == "version" {
				e.context[name] = cut(clean(value), 100)
			}
		case space == nsContent && name == "encoded":
			html = construct{c.raw, true}
		case space == nsDC && name == "creator":
			e.author = cut(clean(value), maxName)
		case space == nsDC && name == "date":
			updated = value
		case space != "" && space != nsAtom && space != nsRSS1:
		case name == "guid" || name == "id":
			e.id = value
		case name == "title":
			title = c
		case name == "link" && href == "":
			e.link = value
		case name == "link" && (rel == "" || rel == "alternate" || rel == "related" && e.link == ""):
			e.link = strings.TrimSpace(href)
		case name == "content" && !c.markup:
			text = c
		case name == "content":
			html = c
		case name == "description" || name == "summary":
			summary = c
		case name == "author":
			e.author = cut(clean(c.String()), maxName)
		case name == "pubDate" || name == "published" || name == "issued":
			published = value
		case name == "updated" || name == "modified":
			updated = value
		case name == "category":
			if value == "" {
				value = attribute(start, "term")
			}
			if value != "" && len(categories) < 300 {
				categories += ", " + cut(clean(value), 100)
			}
		}
	}
	if app && e.context["rating"] == "" {
		return nil, nil
	}
	if categories != "" {
		e.context["categories"] = categories[2:]
	}
	e.title = strings.Join(strings.Fields(title.String()), " ")
	for _, c := range []construct{text, html, summary} {
		if e.text == "" {
			e.text = c.String()
		}
	}
	if e.created = when(published); e.created.IsZero() {
		e.created = when(updated)
	}
	return e, nil
}

// text reads an element to its end. Elements in it, as in Atom's XHTML, are
// kept as tags without attributes; of an author only the name.
func (x *reader) text(start xml.StartElement) (construct, error) {
	kind := strings.ToLower(attribute(start, "type"))
	atom := start.Name.Space == nsAtom
	isMarkup := !atom || strings.Contains(kind, "html")
	isAuthor := atom && start.Name.Local == "author"
	var raw strings.Builder
	nested, in := false, ""
	for depth := 1; depth > 0; {
		t, err := x.Token()
		if err != nil {
			return construct{}, err
		}
		room := raw.Len() < maxRaw
		switch t := t.(type) {
		case xml.StartElement:
			in = t.Name.Local
			if depth++; depth > maxDepth {
				return construct{}, errDeep
			}
			if nested = true; room && !isAuthor {
				raw.WriteString("<" + t.Name.Local + ">")
			}
		case xml.EndElement:
			if depth--; depth > 0 && room && !isAuthor {
				raw.WriteString("</" + t.Name.Local + ">")
			}
		case xml.CharData:
			if !room || isAuthor && in != "name" {
				continue
			}
			s := cut(string(t), maxRaw)
			if kind == "xhtml" || nested && !isAuthor {
				s = html.EscapeString(s)
			}
			raw.WriteString(s)
		}
	}
	return construct{raw.String(), isMarkup || nested && !isAuthor}, nil
}

func attribute(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name && a.Name.Space == "" {
			return a.Value
		}
	}
	return ""
}
