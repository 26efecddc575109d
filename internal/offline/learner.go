package offline

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash/fnv"
	"math"
	"slices"

	"github.com/iterateswarm/iterateswarm/internal/triage"
)

// Example is what people have said of one item.
type Example struct {
	ID         string // of the item
	Lesson     string // id of the decision; it goes into the layer's version
	Item       triage.Item
	Class      triage.Class    // empty: nothing was said, as in the fields below
	Severity   triage.Severity //
	Labels     []string        // nil: nothing was said
	Components []string
	Assignees  []string
	Weight     float64 // of a mistake on it; 0 reads as 1
}

// Learner learns a project's layer, one example after the other: the same
// examples in the same order on the same weights give the same layer, bit for
// bit. It is for one goroutine at a time.
type Learner struct {
	engine  *Engine
	version string

	table table
	sums  [][2]float32 // by row: squared gradients of class and severity
	bias  biased

	sources  []string // in the order they came up
	places   []biased // like sources
	outcomes []outcome
	next     int // where the next outcome goes once outcomes is full
	names    nameBook
	count    Counts
	cols     []taught // memory of one example
}

// biased is a column that is in every report. Its fields, and those of outcome and
// post, are written to disk as they stand.
type biased struct {
	W   deltas
	Sum [2]float32
}

// Counts is what a learner has seen.
type Counts struct {
	Examples  int    // taught in all
	Corrected [4]int // of each class: said by a person against the verdict; in the order of triage.Classes
	Told      [4]int // of each class: said by a person
	Effect    Effect
}

// Effect compares the shipped engine with the layer on the project's own
// history. Each item was judged before it was learned from.
type Effect struct {
	N      int `json:"n"`      // items
	Before int `json:"before"` // of them the shipped weights judged right
	After  int `json:"after"`  // of them the layer of that moment judged right
}

// outcome is one decided item, for the calibration.
type outcome struct {
	Item   uint64
	Sure   float32 // of the answer, before the recalibration of its source
	Source uint8
	Field  Field
	Right  bool
}

// Bounds of a learner's memory.
const (
	mostOutcomes = 8192
	mostSources  = 64 // those that come later are taken together
)

// How fast a layer learns. Tuned with `go run ./eval learn`.
var (
	classRate    = rate{step: 0.16, start: 0.004}
	severityRate = rate{step: 0.08, start: 0.02}
)

// rate is AdaGrad's: a step of step·g/√(start + Σg²).
type rate struct{ step, start float64 }

// NewLearner returns a learner that was taught nothing.
func NewLearner(e *Engine) *Learner {
	return &Learner{engine: e, version: e.Version(), table: newTable(), sums: make([][2]float32, 1), names: newNameBook()}
}

// Counts tells what the learner has seen.
func (l *Learner) Counts() Counts { return l.count }

// Prediction is what was expected of an example before it was learned from, in
// the order of triage.Classes.
type Prediction struct {
	Shipped [4]float64 // by the shipped weights
	Layer   [4]float64 // with what was learned so far, before the recalibration of the source
}

// Learn takes one example in.
func (l *Learner) Learn(x Example) Prediction {
	e := l.engine
	s := e.pool.Get().(*scratch)
	defer e.pool.Put(s)
	m := e.model()
	s.read(x.Item, m)
	verdict := triage.Verdict{}
	j := judgement{scratch: s, model: m, item: x.Item, verdict: &verdict}
	k := j.kind(&j.report)
	j.scores(k, j.probs[:])
	source := l.source(x.Item.Source)
	cols := l.columns(&j)
	j.rules(k, j.probs[:])
	j.windows(k, j.probs[:])

	said := Prediction{Shipped: j.probs, Layer: j.probs}
	l.shift(said.Layer[:], cols, source, atClass)
	verdict.Class = triage.Classes[argmax(said.Layer[:])]
	if truth := classIndex(string(x.Class)); truth >= 0 {
		l.countClass(x, truth, source, said)
		l.step(said.Shipped[:], truth, weightOf(x), source, cols, atClass, classRate)
		verdict.Class = x.Class
	}
	if at := slices.Index(triage.Severities[:], x.Severity); at >= 0 {
		verdict.Severity = x.Severity
		var logit [4]float64
		j.severityLogits(&logit)
		softmax(logit[:])
		p := logit
		l.shift(p[:], cols, source, atSeverity)
		l.remember(x.ID, SeverityField, source, p, at)
		l.step(logit[:], at, weightOf(x), source, cols, atSeverity, severityRate)
	}
	l.names.learn(&j, x)
	l.count.Examples++
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %s %s %s %s %q %q %q", l.version, x.Lesson, x.ID, x.Class, x.Severity, x.Labels, x.Components, x.Assignees))
	l.version = "p" + hex.EncodeToString(sum[:6])
	return said
}

func weightOf(x Example) float64 {
	if x.Weight == 0 {
		return 1
	}
	return x.Weight
}

// countClass keeps what the effect and the calibration are measured on: the
// first word on each item.
func (l *Learner) countClass(x Example, truth, source int, said Prediction) {
	before, after := argmax(said.Shipped[:]), argmax(said.Layer[:])
	l.count.Told[truth]++
	if after != truth {
		l.count.Corrected[truth]++
	}
	if !l.remember(x.ID, ClassField, source, said.Layer, truth) {
		return
	}
	l.count.Effect.N++
	if before == truth {
		l.count.Effect.Before++
	}
	if after == truth {
		l.count.Effect.After++
	}
}

// taught is one column of an example.
type taught struct {
	row uint16
	x   float64
}

// columns gives every feature of the class vector a row.
func (l *Learner) columns(j *judgement) []taught {
	cols := l.cols[:0]
	for i := range j.vector.blocks {
		b := &j.vector.blocks[i]
		norm := b.norm()
		for _, f := range b.features {
			k := bucket(f.id, i == 0)
			if l.table.at[k] == 0 {
				l.table.rows = append(l.table.rows, deltas{})
				l.sums = append(l.sums, [2]float32{})
				l.table.at[k] = uint16(len(l.table.rows) - 1)
			}
			cols = append(cols, taught{l.table.at[k], float64(f.v) * norm})
		}
	}
	l.cols = cols
	return cols
}

// shift applies what was learned so far to probabilities.
func (l *Learner) shift(p []float64, cols []taught, source, at int) {
	var by [4]float64
	for _, c := range cols {
		w := l.table.rows[c.row][at : at+4]
		for k := range by {
			by[k] += float64(float64(w[k]) * c.x)
		}
	}
	for k := range by {
		by[k] += biasValue * (float64(l.bias.W[at+k]) + float64(l.places[source].W[at+k]))
	}
	shiftAll(p, by[:])
}

// step moves the weights of one example towards the truth.
func (l *Learner) step(base []float64, truth int, weight float64, source int, cols []taught, at int, r rate) {
	var g [4]float64
	copy(g[:], base)
	l.shift(g[:], cols, source, at)
	g[truth]--
	for k := range g {
		g[k] *= weight
	}
	for _, c := range cols {
		learn(l.table.rows[c.row][at:at+4], &l.sums[c.row][at/4], g, c.x, r)
	}
	learn(l.bias.W[at:at+4], &l.bias.Sum[at/4], g, biasValue, r)
	learn(l.places[source].W[at:at+4], &l.places[source].Sum[at/4], g, biasValue, r)
}

func learn(w []float32, sum *float32, g [4]float64, x float64, r rate) {
	var sq float64
	for k := range g {
		d := float64(g[k] * x)
		sq += float64(d * d)
	}
	*sum = float32(float64(*sum) + sq)
	step := r.step / math.Sqrt(r.start+float64(*sum))
	for k := range g {
		w[k] = float32(float64(w[k]) - float64(float64(step*g[k])*x))
	}
}

// source is the number of a source.
func (l *Learner) source(name string) int {
	if i := slices.Index(l.sources, name); i >= 0 {
		return i
	}
	if len(l.sources) == mostSources {
		return mostSources - 1
	}
	l.sources, l.places = append(l.sources, name), append(l.places, biased{})
	return len(l.sources) - 1
}

func itemHash(id string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(id))
	return h.Sum64()
}

// remember keeps how sure the layer was of an item that was decided, and reports
// whether it is the first word on that field of the item.
func (l *Learner) remember(id string, f Field, source int, p [4]float64, truth int) bool {
	item, at := itemHash(id), argmax(p[:])
	if slices.ContainsFunc(l.outcomes, func(o outcome) bool { return o.Item == item && o.Field == f }) {
		return false
	}
	o := outcome{Item: item, Sure: float32(p[at]), Source: uint8(source), Field: f, Right: at == truth}
	if len(l.outcomes) < mostOutcomes {
		l.outcomes = append(l.outcomes, o)
		return true
	}
	l.outcomes[l.next] = o
	l.next = (l.next + 1) % mostOutcomes
	return true
}

func argmax(p []float64) int {
	best := 0
	for k := range p {
		if p[k] > p[best] {
			best = k
		}
	}
	return best
}

// Layer returns what was learned so far.
func (l *Learner) Layer() *Layer {
	out := &Layer{version: l.version, table: l.table.clone(), bias: l.bias.W, names: l.names.freeze(), places: make(map[string]place, len(l.sources))}
	for i, s := range l.sources {
		p := place{bias: l.places[i].W}
		for f := range p.recal {
			p.recal[f] = l.recalibrate(i, Field(f))
		}
		out.places[s] = p
	}
	return out
}
