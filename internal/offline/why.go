package offline

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"github.com/iterateswarm/iterateswarm/internal/triage"
)

// Reason is one feature that spoke for or against what a verdict says.
type Reason struct {
	Feature string      `json:"feature"` // the words, or in a few words what it is
	Weight  float64     `json:"weight"`  // log odds against the mean of the other answers; positive speaks for it
	From    string      `json:"from"`    // "shipped" or "project"
	Part    triage.Part `json:"part,omitempty"`
	Start   int         `json:"start"` // byte offsets of its first place in that part; both 0 when it is no span
	End     int         `json:"end"`
}

// Why says which features of an item weighed most for its class and for its
// severity, the heaviest first. What the rules found is in the verdict's
// reasoning and evidence.
func (e *Engine) Why(l *Layer, it triage.Item, most int) (class, severity []Reason) {
	v := e.JudgeWith(l, it)
	s := e.pool.Get().(*scratch)
	defer e.pool.Put(s)
	m := e.model()
	s.read(it, m)
	j := judgement{scratch: s, model: m, layer: l, item: it, verdict: &v}
	k := j.kind(&j.report)
	at := slices.Index(triage.Classes[:], v.Class)
	sev := slices.Index(triage.Severities[:], v.Severity)

	j.classVector(&j.report, &j.vector)
	forClass, forSeverity := pile{}, pile{}
	h, cal := m.head(classHeads[k]), m.calibrated("class", j.place(k))
	j.explain(k.contents(), func(b int, id uint32, x float64, r Reason) {
		if h != nil {
			w := h.weights(inSpace(id, k.spaces()[b]))
			if general := k.general(); b > 0 && general != 0 {
				g := h.weights(id ^ general)
				for i := range w {
					w[i] += g[i]
				}
			}
			for i := range w {
				w[i] *= cal.A[i] * x
			}
			r.From = "shipped"
			forClass.add(r, margin(w, at))
		}
		if l != nil {
			if row := l.table.at[bucket(id, b == 0)]; row > 0 {
				var c, s [4]float64
				for i := range c {
					c[i], s[i] = float64(l.table.rows[row][atClass+i])*x, float64(l.table.rows[row][atSeverity+i])*x
				}
				r.From = "project"
				forClass.add(r, margin(c, at))
				forSeverity.add(r, margin(s, sev))
			}
		}
	})
	if l != nil {
		var c, s [4]float64
		for i := range c {
			c[i] = biasValue * float64(l.bias[atClass+i]+l.places[it.Source].bias[atClass+i])
			s[i] = biasValue * float64(l.bias[atSeverity+i]+l.places[it.Source].bias[atSeverity+i])
		}
		usual := Reason{Feature: "what this project and source are usually about", From: "project"}
		forClass.add(usual, margin(c, at))
		forSeverity.add(usual, margin(s, sev))
	}
	if h := m.head("severity"); h != nil && k != kindForeign {
		prior := 0.35
		if j.summary(k) {
			prior = 1
		}
		cal := m.calibrated("severity", "title")
		j.severityVector()
		j.explain([]content{contentTitle | contentText, contentShape}, func(_ int, id uint32, x float64, r Reason) {
			w := h.weights(id)
			for i := range w {
				w[i] *= prior * cal.A[i] * x
			}
			r.From = "shipped"
			forSeverity.add(r, margin(w, sev))
		})
	}
	return forClass.heaviest(most), forSeverity.heaviest(most)
}

// weights are the weights of one column.
func (h *head) weights(id uint32) (w [4]float64) {
	at := int(id&(uint32(1)<<h.Bits-1)) * h.Classes
	for c := range min(4, h.Classes) {
		w[c] = float64(int8(h.w[at+c])) * h.Scale[c]
	}
	return w
}

func margin(w [4]float64, at int) float64 {
	others := 0.0
	for i, x := range w {
		if i != at {
			others += x / 3
		}
	}
	return w[at] - others
}

// explain visits every feature of the vector once, with its value and with the
// words that it is first found in.
func (j *judgement) explain(contents []content, visit func(block int, id uint32, x float64, r Reason)) {
	values := make([]map[uint32]float64, len(j.vector.blocks))
	for b := range values {
		values[b] = map[uint32]float64{}
		norm := j.vector.blocks[b].norm()
		for _, f := range j.vector.blocks[b].features {
			values[b][f.id] += float64(f.v) * norm
		}
	}
	found := func(b int, id uint32, r Reason) {
		if x, ok := values[b][id]; ok {
			delete(values[b], id)
			visit(b, id, x, r)
		}
	}
	// The features of a word, or of the words that end at it.
	words := func(part triage.Part, w *words, t0, t1 int, holds content) {
		for i := t0; i < t1; i++ {
			span := func(from int) Reason {
				start, end := int(w.tokens[from].start), int(w.tokens[i].end)
				return Reason{Feature: strings.ToLower(oneLine(j.partText(part)[start:end])), Part: part, Start: start, End: end}
			}
			for n := range min(3, i-t0+1) {
				from := i - n
				j.counts.reset()
				j.counts.addWords(w, from, i+1, grams{words: n == 0, pairs: n == 1, trios: n == 2, chars: n == 0})
				r := span(from)
				for _, slot := range j.counts.order {
					for b := range values {
						if contents[b]&holds != 0 {
							found(b, j.counts.keys[slot], r)
						}
					}
				}
			}
		}
	}
	words(triage.PartTitle, &j.report.titleWords, 0, len(j.report.titleWords.tokens), contentTitle)
	for _, s := range j.report.sentences {
		if s.part == triage.PartText && !s.injected {
			words(triage.PartText, &j.report.textWords, s.t0, s.t1, contentText)
		}
	}
	for b := range values {
		r := Reason{Feature: "the shape of the text"}
		switch contents[b] {
		case contentForm:
			r.Feature = "the lines of a form"
		case contentCode:
			r.Feature = "code and logs"
		}
		ids := make([]uint32, 0, len(values[b]))
		for id := range values[b] {
			ids = append(ids, id)
		}
		slices.Sort(ids)
		for _, id := range ids {
			found(b, id, r)
		}
	}
}

// pile adds up what is said of the same words.
type pile struct{ list []Reason }

func (p *pile) add(r Reason, weight float64) {
	i := slices.IndexFunc(p.list, func(x Reason) bool { return x.Feature == r.Feature && x.From == r.From })
	if i < 0 {
		p.list = append(p.list, r)
		i = len(p.list) - 1
	}
	p.list[i].Weight += weight
}

// heaviest returns the reasons that weigh something, most first.
func (p *pile) heaviest(most int) []Reason {
	out := []Reason{}
	for _, r := range p.list {
		if r.Weight = math.Round(r.Weight*1e3) / 1e3; r.Weight != 0 {
			out = append(out, r)
		}
	}
	slices.SortStableFunc(out, func(a, b Reason) int { return cmp.Compare(math.Abs(b.Weight), math.Abs(a.Weight)) })
	return out[:min(most, len(out))]
}
