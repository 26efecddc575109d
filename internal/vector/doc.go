// Package vector finds the issue a message belongs to. It keeps every message
// of a project in memory as the sequence of its word stems: an inverted index
// proposes the few hundred nearest, walking only the rare words of the query,
// and an exact blend of BM25, TF-IDF over words and word pairs, and character
// n-grams ranks them. Decide says whether the best one is safe to join without
// a person. The table `vectors` of data.db holds one compact row a message, so
// that a restart reads everything back without reading the messages.
// docs/decisions/0004-similarity-index.md has the measurements.
package vector

import (
	"errors"
	"fmt"
	"time"
)

// Doc is one message to be found again.
type Doc struct {
	ID      string
	Project string
	Group   string // the issue it belongs to, or ""
	Title   string
	Text    string
	At      time.Time
}

// Row is one message as the table keeps it.
type Row struct {
	ID      string
	Project string
	Group   string
	At      time.Time
	Data    []byte // from Encode
}

// NewRow is the row of a document.
func NewRow(d Doc) Row {
	return Row{ID: d.ID, Project: d.Project, Group: d.Group, At: d.At, Data: Encode(d)}
}

// ErrData says that a row's data was not written by Encode.
var ErrData = errors.New("no data of this index")

const dataVersion = 1

// Encode packs what the index keeps of a document's title and text: word stems
// in their order and what kind of word each is. It holds no more of the message
// than that, about six bytes a word.
func Encode(d Doc) []byte { return encode(read(d.Title, d.Text)) }

func encode(t text) []byte {
	b := make([]byte, 0, 16+7*(len(t.title)+len(t.body)))
	b = append(b, dataVersion)
	for s := 56; s >= 0; s -= 8 {
		b = append(b, byte(t.same>>s))
	}
	b = append(b, byte(len(t.title)))
	for _, ws := range [2][]word{t.title, t.body} {
		for _, w := range ws {
			// Three bits of marks, five of length; 31 says that a length byte follows.
			if n := len(w.stem); n < 31 {
				b = append(b, byte(w.mark)<<5|byte(n))
			} else {
				b = append(b, byte(w.mark)<<5|31, byte(n))
			}
			b = append(b, w.stem...)
		}
	}
	return b
}

func decode(data []byte) (text, error) {
	if len(data) < 10 || data[0] != dataVersion {
		return text{}, fmt.Errorf("version and head: %w", ErrData)
	}
	var t text
	for _, c := range data[1:9] {
		t.same = t.same<<8 | uint64(c)
	}
	titles := int(data[9])
	all := make([]word, 0, len(data)/6)
	for b := string(data[10:]); len(b) > 0; { // the words share this one copy
		m, n, skip := mark(b[0]>>5), int(b[0]&31), 1
		if n == 31 {
			if len(b) < 2 {
				return text{}, fmt.Errorf("length: %w", ErrData)
			}
			n, skip = int(b[1]), 2
		}
		if len(b) < skip+n || n == 0 {
			return text{}, fmt.Errorf("word: %w", ErrData)
		}
		all = append(all, word{stem: b[skip : skip+n], mark: m})
		b = b[skip+n:]
	}
	if titles > len(all) || titles > maxTitleWords || len(all)-titles > maxBodyWords {
		return text{}, fmt.Errorf("count: %w", ErrData)
	}
	t.title, t.body = all[:titles:titles], all[titles:]
	return t, nil
}
