package vector

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"time"
)

// SimilarOptions shape SimilarStream.
type SimilarOptions struct {
	K      int    // how many ids a query gets; 0 means 20
	Group  string // name of a field; a query sees only documents with the same value, such as the app
	Before bool   // a query sees only documents that came before it: by "created" where both have it, else by line
}

// similarLine is one line of an answer.
type similarLine struct {
	Query  string      `json:"query"`
	Ranked []rankedDoc `json:"ranked"`
}

type rankedDoc struct {
	ID    string  `json:"id"`
	Score float64 `json:"score"`
}

// SimilarStream reads documents as JSON lines (id, text, or title and body),
// then queries, and writes for each query one line with the ids most like it.
// A query is a document of its own with the same fields, or {"query": id} to
// mean one of the documents; a query is never its own answer. progress, which
// may be nil, is called with the count of lines read so far of "docs" and "queries".
func SimilarStream(docs, queries io.Reader, w io.Writer, o SimilarOptions, progress func(what string, n int)) error {
	if o.K <= 0 {
		o.K = 20
	}
	if progress == nil {
		progress = func(string, int) {}
	}
	s := &similar{o: o, ix: New(), known: map[string]similarDoc{}}
	n := 0
	err := eachLine(docs, func(line []byte) error {
		d, err := s.parse(line, n)
		if err != nil {
			return fmt.Errorf("docs line %d: %w", n+1, err)
		}
		s.known[d.ID] = d
		s.ix.Add(d.Doc)
		n++
		progress("docs", n)
		return nil
	})
	if err != nil {
		return err
	}
	out := bufio.NewWriter(w)
	enc := json.NewEncoder(out)
	asked := 0
	err = eachLine(queries, func(line []byte) error {
		q, err := s.query(line, n)
		if err != nil {
			return fmt.Errorf("queries line %d: %w", asked+1, err)
		}
		asked++
		progress("queries", asked)
		if err := enc.Encode(s.answer(q)); err != nil {
			return err
		}
		return out.Flush()
	})
	if err != nil {
		return err
	}
	return out.Flush()
}

type similar struct {
	o     SimilarOptions
	ix    *Index
	known map[string]similarDoc
}

type similarDoc struct {
	Doc
	line    int
	created bool
}

func (s *similar) answer(q similarDoc) similarLine {
	hits := s.ix.Search(Query{
		Project: q.Project, Title: q.Title, Text: q.Text, K: s.o.K,
		Skip: func(id, _ string) bool {
			if id == q.ID {
				return true
			}
			if !s.o.Before {
				return false
			}
			d := s.known[id]
			if d.created && q.created && !d.At.Equal(q.At) {
				return d.At.After(q.At)
			}
			return d.line >= q.line
		},
	})
	a := similarLine{Query: q.ID, Ranked: make([]rankedDoc, len(hits))}
	for i, h := range hits {
		a.Ranked[i] = rankedDoc{h.ID, h.Score}
	}
	return a
}

// parse reads one document. Its time, when it has none, is its line.
func (s *similar) parse(line []byte, n int) (similarDoc, error) {
	var f map[string]any
	dec := json.NewDecoder(bytes.NewReader(line))
	dec.UseNumber() // an id may be a large number
	if err := dec.Decode(&f); err != nil {
		return similarDoc{}, err
	}
	d := similarDoc{line: n}
	d.ID = field(f, "id")
	if d.ID == "" {
		return d, fmt.Errorf("no id")
	}
	d.Title = field(f, "title", "subject")
	d.Text = field(f, "text", "body", "content")
	d.At = time.Unix(int64(n), 0)
	if at, ok := parseTime(field(f, "created", "at", "date")); ok {
		d.At, d.created = at, true
	}
	if s.o.Group != "" {
		d.Project = field(f, s.o.Group)
	}
	return d, nil
}

// query reads one query; {"query": id} names a document.
func (s *similar) query(line []byte, docs int) (similarDoc, error) {
	var ref map[string]any
	dec := json.NewDecoder(bytes.NewReader(line))
	dec.UseNumber()
	if err := dec.Decode(&ref); err != nil {
		return similarDoc{}, err
	}
	id := field(ref, "query")
	if id == "" {
		return s.parse(line, docs)
	}
	d, ok := s.known[id]
	if !ok {
		return d, fmt.Errorf("no document %q", id)
	}
	return d, nil
}

// field returns the first of the named fields that holds a text or a number.
func field(f map[string]any, names ...string) string {
	for _, n := range names {
		switch v := f[n].(type) {
		case string:
			if v != "" {
				return v
			}
		case json.Number, bool:
			return fmt.Sprint(v)
		}
	}
	return ""
}

func parseTime(s string) (time.Time, bool) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04", "2006-01-02 15:04:05", "2006-01-02 15:04:05.000Z", "2006-01-02"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

// maxLine is the longest line SimilarStream reads.
const maxLine = 16 << 20

func eachLine(r io.Reader, f func([]byte) error) error {
	sc := bufio.NewScanner(r)
	sc.Buffer(make([]byte, 64<<10), maxLine)
	for sc.Scan() {
		if len(sc.Bytes()) == 0 {
			continue
		}
		if err := f(sc.Bytes()); err != nil {
			return err
		}
	}
	return sc.Err()
}
