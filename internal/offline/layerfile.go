package offline

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
)

const layerMagic = "IL01"

// ErrOtherWeights says that a layer was learned on other weights, or by another
// version of the program. It must be learned anew.
var ErrOtherWeights = errors.New("the layer was learned on other weights")

// Encode writes everything the learner knows. It holds weights and the names
// that people use, and no text of any message. At most MostLayerBytes.
func (l *Learner) Encode() []byte {
	var w layerWriter
	w.WriteString(layerMagic)
	w.text(l.engine.Version())
	w.text(l.version)
	w.put(l.count.Examples, l.count.Effect.N, l.count.Effect.Before, l.count.Effect.After)
	for k := range l.count.Told {
		w.put(l.count.Told[k], l.count.Corrected[k])
	}
	w.bin(l.bias)
	w.put(len(l.sources))
	for i, s := range l.sources {
		w.text(s)
		w.bin(l.places[i])
	}
	w.put(len(l.outcomes), l.next)
	for _, o := range l.outcomes {
		w.bin(o)
	}
	w.put(len(l.table.rows))
	w.buckets(l.table.at)
	w.bin(l.table.rows)
	w.bin(l.sums)

	w.put(len(l.names.list))
	for _, n := range l.names.list {
		w.text(n.text)
		w.bin(n.kind)
		w.put(int(n.n))
		w.bin([2]float32{n.bias, n.sum})
	}
	w.put(len(l.names.rows))
	w.buckets(l.names.at)
	for _, r := range l.names.rows {
		w.put(len(r))
		w.bin(r)
	}
	return w.Bytes()
}

// MostLayerBytes bounds what Encode writes: both tables full, and every name
// of the greatest length.
const MostLayerBytes = 1<<layerBits*(2+4*10) + 1<<nameBits*(2+1+mostPosts*10) + mostOutcomes*15 + mostNames*(mostNameBytes+20) + 64<<10

// mostNameBytes is how long a name may be that is learned.
const mostNameBytes = 300

// DecodeLearner reads what Encode wrote. The error wraps ErrOtherWeights when
// the engine has other weights than the one that learned it.
func DecodeLearner(e *Engine, data []byte) (*Learner, error) {
	if len(data) < 4 || string(data[:4]) != layerMagic {
		return nil, fmt.Errorf("%w: another format", ErrOtherWeights)
	}
	r := layerReader{b: bytes.NewReader(data[4:])}
	if r.text() != e.Version() {
		return nil, ErrOtherWeights
	}
	l := NewLearner(e)
	l.version = r.text()
	l.count.Examples, l.count.Effect.N, l.count.Effect.Before, l.count.Effect.After = r.get(1<<40), r.get(1<<40), r.get(1<<40), r.get(1<<40)
	for k := range l.count.Told {
		l.count.Told[k], l.count.Corrected[k] = r.get(1<<40), r.get(1<<40)
	}
	r.bin(&l.bias)
	n := r.get(mostSources)
	for range n {
		l.sources = append(l.sources, r.text())
		var b biased
		r.bin(&b)
		l.places = append(l.places, b)
	}
	l.outcomes = make([]outcome, r.get(mostOutcomes))
	l.next = r.get(mostOutcomes - 1)
	r.bin(l.outcomes)
	rows := r.get(1<<layerBits + 1)
	l.table.rows, l.sums = make([]deltas, rows), make([][2]float32, rows)
	r.buckets(l.table.at, rows)
	r.bin(l.table.rows)
	r.bin(l.sums)

	l.names.list = make([]named, r.get(mostNames))
	for i := range l.names.list {
		x := &l.names.list[i]
		x.text = r.text()
		r.bin(&x.kind)
		x.n = int32(r.get(1 << 30))
		var f [2]float32
		r.bin(&f)
		x.bias, x.sum = f[0], f[1]
	}
	l.names.rows = make([][]post, r.get(1<<nameBits+1))
	r.buckets(l.names.at, len(l.names.rows))
	for i := range l.names.rows {
		l.names.rows[i] = make([]post, r.get(mostPosts))
		r.bin(l.names.rows[i])
		for _, p := range l.names.rows[i] {
			if int(p.Name) >= len(l.names.list) {
				r.fail()
			}
		}
	}
	for _, o := range l.outcomes {
		if int(o.Source) >= len(l.sources) || o.Field > SeverityField {
			r.fail()
		}
	}
	if r.err != nil || r.b.Len() > 0 || len(l.table.rows) == 0 || len(l.names.rows) == 0 {
		return nil, fmt.Errorf("decode layer: damaged")
	}
	return l, nil
}

// layerWriter writes numbers as varints and tables as they are.
type layerWriter struct{ bytes.Buffer }

func (w *layerWriter) put(n ...int) {
	for _, x := range n {
		w.Write(binary.AppendUvarint(nil, uint64(x)))
	}
}

func (w *layerWriter) text(s string) {
	w.put(len(s))
	w.WriteString(s)
}

func (w *layerWriter) bin(v any) {
	_ = binary.Write(&w.Buffer, binary.LittleEndian, v) // a buffer takes everything
}

// buckets writes which bucket leads to which row: for each row but the first,
// in order, its bucket.
func (w *layerWriter) buckets(at []uint16) {
	rows := 0
	for _, r := range at {
		rows = max(rows, int(r))
	}
	of := make([]uint16, rows)
	for k, r := range at {
		if r > 0 {
			of[r-1] = uint16(k)
		}
	}
	w.put(rows)
	w.bin(of)
}

// layerReader reads what layerWriter wrote and remembers the first mistake.
type layerReader struct {
	b   *bytes.Reader
	err error
}

func (r *layerReader) fail() { r.err = errors.New("damaged") }

func (r *layerReader) get(most int) int {
	n, err := binary.ReadUvarint(r.b)
	if r.err != nil || err != nil || n > uint64(most) {
		r.fail()
		return 0
	}
	return int(n)
}

func (r *layerReader) text() string {
	b := make([]byte, min(r.get(1<<16), r.b.Len()))
	r.bin(b)
	return string(b)
}

func (r *layerReader) bin(v any) {
	if r.err == nil {
		if err := binary.Read(r.b, binary.LittleEndian, v); err != nil {
			r.fail()
		}
	}
}

func (r *layerReader) buckets(at []uint16, rows int) {
	of := make([]uint16, r.get(len(at)))
	r.bin(of)
	for i, k := range of {
		if int(k) >= len(at) || i+1 >= rows {
			r.fail()
			return
		}
		at[k] = uint16(i + 1)
	}
}
