package command

import (
	"errors"
	"io"
	"strings"
	"testing"
	"time"
)

// A quote in the wrong place is a mistake on its line, not the end of us.
func TestABrokenRowIsNamedByItsLine(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text string
		line int
	}{
		{"content\na\"b\n", 2}, {"content\ngood\n\"never closed\n", 3}, {"content\n\"a\"b\n", 2}, {"content,id\nalone\n", 2},
	} {
		rs, err := newRows(strings.NewReader(c.text), "x.csv", "")
		if err != nil {
			t.Fatalf("%q: %v", c.text, err)
		}
		for err = nil; err == nil; {
			_, err = rs.next()
		}
		if errors.Is(err, io.EOF) || rs.line != c.line {
			t.Errorf("%q: %v on line %d, want a mistake on line %d", c.text, err, rs.line, c.line)
		}
	}
}

// Whatever the file holds, reading it ends, soon, and each row fits the header.
func FuzzRows(f *testing.F) {
	for _, s := range []string{
		"content\na\"b\n", "content,id\n1,2\n3\n", "\xef\xbb\xbfcontent\r\n\"two\nlines\"\r\n", "content\n\n\n\x00\n", "\"", "",
		"{\"content\":\"a\"}\n{\"content\":7,\"id\":1e400}\n[]\nnull\n", "{}\n\n{", "\x1f\x8b\x08",
	} {
		f.Add(s, true)
		f.Add(s, false)
	}
	f.Fuzz(func(t *testing.T, text string, isCSV bool) {
		start := time.Now()
		format := "jsonl"
		if isCSV {
			format = "csv"
		}
		rs, err := newRows(strings.NewReader(text), "x", format)
		if err != nil {
			return
		}
		for n := 0; ; n++ {
			row, err := rs.next()
			if errors.Is(err, io.EOF) || errors.Is(err, errStream) {
				break
			}
			if isCSV && err == nil && len(row) > len(rs.header) {
				t.Fatalf("a row has %d columns, the header %d", len(row), len(rs.header))
			}
			if n > strings.Count(text, "\n")+strings.Count(text, "\r")+1 {
				t.Fatalf("%d rows of %q", n, text)
			}
			if most := strings.Count(text, "\n") + 1; rs.line > most {
				t.Fatalf("line %d of %d", rs.line, most)
			}
		}
		if took, most := time.Since(start), 2*time.Second+time.Duration(len(text))*time.Microsecond; took > most {
			t.Errorf("%d bytes took %s, want at most %s", len(text), took, most)
		}
	})
}
