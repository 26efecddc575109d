package offline

import (
	"math"

	"github.com/iterateswarm/iterateswarm/internal/triage"
)

// Layer is what one project has taught the engine: weights on copies of the
// features that the shipped weights read, added to the shipped scores, and how
// sure the project's sources may be. It never changes, so many goroutines may
// judge with it; a Learner makes the next one. A nil Layer changes nothing.
type Layer struct {
	version string
	table   table
	bias    deltas
	names   nameTable
	places  map[string]place // by source
}

// place is what a layer knows about one source.
type place struct {
	bias  deltas
	recal [2]recalibration // by Field
}

// Version names the lessons that made the layer, in their order, and the
// weights they were learned on.
func (l *Layer) Version() string {
	if l == nil {
		return ""
	}
	return l.version
}

// Calibrated reports whether the confidence of a source in a field was fitted on
// enough decisions, and how many there are.
func (l *Layer) Calibrated(source string, f Field) (n int, ok bool) {
	if l == nil {
		return 0, false
	}
	r := l.places[source].recal[f]
	return r.n, r.fitted
}

// Field is a part of a verdict that has a confidence.
type Field uint8

// The fields.
const (
	ClassField Field = iota
	SeverityField
)

// deltas are what one feature adds to the log odds of the four classes and,
// after them, of the four severities.
type deltas [8]float32

const (
	atClass    = 0
	atSeverity = 4
)

// layerBits is the size of a layer's table in bits of buckets. More did not
// help; see docs/judgement.md.
const layerBits = 14

// table finds the deltas of a feature. Features that nobody taught anything
// cost one look into at.
type table struct {
	at   []uint16 // bucket → row; 0: none
	rows []deltas // the first is not used
}

func newTable() table { return table{at: make([]uint16, 1<<layerBits), rows: make([]deltas, 1)} }

func (t table) clone() table {
	return table{at: append([]uint16(nil), t.at...), rows: append([]deltas(nil), t.rows...)}
}

// bucket names a feature in a layer. The shape of a text is kept apart from its
// words; title, lead and body share them.
func bucket(id uint32, shape bool) uint32 {
	if shape {
		id ^= 0x6a09e667
	}
	return id * 0x9e3779b1 >> (32 - layerBits)
}

// add sums what a vector's features were taught. A fixed order of operations on
// values that are rounded each gives the same bits everywhere.
func (t table) add(v *vector, out *[8]float64) {
	for i := range v.blocks {
		b := &v.blocks[i]
		var s deltas
		hit := false
		for _, f := range b.features {
			r := t.at[bucket(f.id, i == 0)]
			if r == 0 {
				continue
			}
			hit = true
			w, x := &t.rows[r], float32(f.v)
			s[0] += float32(w[0] * x)
			s[1] += float32(w[1] * x)
			s[2] += float32(w[2] * x)
			s[3] += float32(w[3] * x)
			s[4] += float32(w[4] * x)
			s[5] += float32(w[5] * x)
			s[6] += float32(w[6] * x)
			s[7] += float32(w[7] * x)
		}
		if !hit {
			continue
		}
		norm := b.norm()
		for k := range s {
			out[k] += float64(float64(s[k]) * norm)
		}
	}
}

// read sums the layer's word on a report: from its features, and from where it
// was written.
func (l *Layer) read(v *vector, source string, out *[8]float64) {
	l.table.add(v, out)
	p := l.places[source]
	for k := range out {
		out[k] += biasValue * (float64(l.bias[k]) + float64(p.bias[k]))
	}
}

// biasValue is the value of the two columns that are in every report: what the
// project and what the source is usually about.
const biasValue = 0.5

// shiftAll multiplies the odds of each class by e^by.
func shiftAll(p []float64, by []float64) {
	for k := range p {
		p[k] = math.Log(max(p[k], 1e-6)) + by[k]
	}
	softmax(p)
}

// JudgeWith is Judge with what a project has taught on top of the shipped
// weights.
func (e *Engine) JudgeWith(l *Layer, it triage.Item) triage.Verdict {
	v, _ := e.judge(l, it)
	return v
}
