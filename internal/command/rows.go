package command

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/iterateswarm/iterateswarm/internal/pipeline"
	"github.com/iterateswarm/iterateswarm/internal/triage"
)

// columns says which column is what.
type columns struct{ Content, Title, ID, Author, Link string }

// String shows the mapping to the person who imports.
func (c columns) String() string {
	show := func(s string) string {
		if s == "" {
			return "none"
		}
		return s
	}
	return fmt.Sprintf("text = %s, title = %s, id = %s, author = %s, link = %s", show(c.Content), show(c.Title), show(c.ID), show(c.Author), show(c.Link))
}

// rows reads a CSV or JSON Lines file row by row.
type rows struct {
	line   int // of the row that was read last, from 1
	csv    *csv.Reader
	header []string
	json   *bufio.Reader
	ahead  map[string]any // the first JSON row, read to know the columns
}

// errStream says that nothing more can be read after this.
var errStream = errors.New("the rest cannot be read")

// longestLine bounds one JSON line.
const longestLine = 4 << 20

func newRows(r io.Reader, path, format string) (*rows, error) {
	buf := bufio.NewReaderSize(r, 1<<16)
	name := strings.ToLower(path)
	if magic, _ := buf.Peek(2); bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		z, err := gzip.NewReader(buf)
		if err != nil {
			return nil, fmt.Errorf("read import: %w", err)
		}
		buf = bufio.NewReaderSize(z, 1<<16)
		name = strings.TrimSuffix(name, ".gz")
	}
	if bom, _ := buf.Peek(3); bytes.Equal(bom, []byte("\xef\xbb\xbf")) {
		_, _ = buf.Discard(3)
	}
	switch {
	case format == "csv" || (format == "" && strings.HasSuffix(name, ".csv")):
		c := csv.NewReader(buf)
		c.ReuseRecord = true
		header, err := c.Read()
		if err != nil {
			return nil, fmt.Errorf("read import: the CSV has no header line: %w", err)
		}
		return &rows{csv: c, header: append([]string(nil), header...), line: 1}, nil
	case format == "jsonl" || (format == "" && (strings.HasSuffix(name, ".jsonl") || strings.HasSuffix(name, ".ndjson"))):
		rs := &rows{json: buf}
		first, err := rs.nextJSON()
		if err != nil {
			return nil, fmt.Errorf("read import: line 1: %w", err)
		}
		rs.ahead = first
		for k := range first {
			rs.header = append(rs.header, k)
		}
		return rs, nil
	case format != "":
		return nil, usageError{fmt.Errorf("unknown format %q; there are csv and jsonl", format)}
	}
	return nil, usageError{errors.New("the file's name ends neither in .csv nor in .jsonl; say --format csv or --format jsonl")}
}

// pick fills the columns that were not named, by their usual names, and checks
// those that were.
func (rs *rows) pick(c *columns) error {
	has := map[string]string{}
	for _, h := range rs.header {
		has[strings.ToLower(h)] = h
	}
	for _, f := range []struct {
		flag  string
		col   *string
		usual []string
	}{
		{"content", &c.Content, []string{"content", "body", "text", "message", "description", "review"}},
		{"title", &c.Title, []string{"title", "subject", "summary"}},
		{"id", &c.ID, []string{"external_id", "id", "number", "key"}},
		{"author", &c.Author, []string{"user_id", "author", "user", "from", "reporter"}},
		{"permalink", &c.Link, []string{"permalink", "url", "html_url", "link"}},
	} {
		if *f.col != "" {
			h, ok := has[strings.ToLower(*f.col)]
			if !ok {
				return usageError{fmt.Errorf("--%s: there is no column %q; there are %s", f.flag, *f.col, strings.Join(rs.header, ", "))}
			}
			*f.col = h
			continue
		}
		for _, u := range f.usual {
			if h, ok := has[u]; ok {
				*f.col = h
				break
			}
		}
	}
	if c.Content == "" {
		return usageError{fmt.Errorf("which column holds the text? Say --content NAME; there are %s", strings.Join(rs.header, ", "))}
	}
	return nil
}

// next returns the next row, io.EOF at the end. Another error is about one row,
// unless it wraps errStream.
func (rs *rows) next() (map[string]string, error) {
	if rs.csv != nil {
		return rs.nextCSV()
	}
	obj := rs.ahead
	if rs.ahead = nil; obj == nil {
		var err error
		if obj, err = rs.nextJSON(); err != nil {
			return nil, err
		}
	}
	out := make(map[string]string, len(obj))
	for k, v := range obj {
		switch v := v.(type) {
		case string:
			out[k] = v
		case json.Number:
			out[k] = v.String()
		}
	}
	return out, nil
}

func (rs *rows) nextCSV() (map[string]string, error) {
	rec, err := rs.csv.Read()
	if err != nil {
		var parse *csv.ParseError
		if errors.As(err, &parse) {
			if rs.line = parse.Line; errors.Is(err, csv.ErrFieldCount) {
				return nil, fmt.Errorf("has %d fields, the header has %d", len(rec), len(rs.header))
			}
			return nil, fmt.Errorf("%w: %w", errStream, parse.Err)
		}
		return nil, err
	}
	rs.line, _ = rs.csv.FieldPos(0) // panics when there is no field
	out := make(map[string]string, len(rec))
	for i, v := range rec {
		out[rs.header[i]] = triage.CSVValue(v)
	}
	return out, nil
}

func (rs *rows) nextJSON() (map[string]any, error) {
	for {
		line, err := readLine(rs.json)
		if err != nil && len(line) == 0 {
			if errors.Is(err, io.EOF) {
				return nil, io.EOF
			}
			return nil, fmt.Errorf("%w: %w", errStream, err)
		}
		rs.line++
		if line = bytes.TrimSpace(line); len(line) == 0 {
			continue
		}
		var obj map[string]any
		dec := json.NewDecoder(bytes.NewReader(line))
		dec.UseNumber()
		if err := dec.Decode(&obj); err != nil || obj == nil {
			return nil, errors.New("is no JSON object")
		}
		return obj, nil
	}
}

// readLine reads up to and with the next newline, at most longestLine bytes.
func readLine(r *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		part, err := r.ReadSlice('\n')
		if line = append(line, part...); len(line) > longestLine {
			return nil, fmt.Errorf("a line is longer than %d bytes", longestLine)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return line, err
		}
	}
}

// message makes a message of a row; false means that the row has no text.
func (c columns) message(row map[string]string, source string) (pipeline.Message, bool) {
	m := pipeline.Message{Source: source, Content: row[c.Content], Subject: oneLine(row[c.Title]), AuthorID: row[c.Author],
		Permalink: row[c.Link], ExternalID: row[c.ID]}
	if strings.TrimSpace(m.Content) == "" {
		m.Content, m.Subject = m.Subject, ""
	}
	if strings.TrimSpace(m.Content) == "" {
		return m, false
	}
	if !strings.HasPrefix(m.Permalink, "https://") && !strings.HasPrefix(m.Permalink, "http://") {
		m.Permalink = ""
	}
	if m.ExternalID == "" {
		sum := sha256.Sum256([]byte(m.Subject + "\x00" + m.Content + "\x00" + m.AuthorID))
		m.ExternalID = "sha256:" + hex.EncodeToString(sum[:])
	}
	kept := map[string]any{}
	for name, v := range row {
		if v != "" && name != c.Content && name != c.Title && name != c.ID && name != c.Author && utf8.ValidString(v) && len(v) <= 2000 {
			kept[name] = v
		}
	}
	if len(kept) > 0 {
		m.Context = kept
	}
	return m, true
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
