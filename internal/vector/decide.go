package vector

import (
	"fmt"
	"slices"
	"strings"
)

// Thresholds say what a score is good for.
type Thresholds struct {
	Join    float64 // lowest score of an automatic join
	Suggest float64 // lowest score of a suggestion
	Most    int     // how many suggestions
}

// DefaultThresholds are chosen by `go test ./internal/vector -run TestThresholds`:
// Join is above every pair of the development half that is no duplicate.
var DefaultThresholds = Thresholds{Join: 0.80, Suggest: 0.20, Most: 5}

// Decision says which issue a message joins, or why it joins none.
type Decision struct {
	Join        bool
	Hit         Hit    // the document it joins, or the best one it was refused
	Why         string // why it joins; empty when it does not
	WhyNot      string // why the best hit is not joined; empty when it is, or when there is none
	Suggestions []Hit  // for a person to choose from, best first, one a group
}

// facts are what decides whether two alike texts say the same.
type facts struct {
	differ  []string // numbers, codes and names that only one side has
	negated bool     // only one side says no
	extra   float64  // largest share of a side's weight that the other does not have
	shared  int      // different words that both have
	ordered bool     // the shared words come in the same order
}

// leastWords is how many words two texts must share before being alike means
// anything: "it crashes" is alike to everything that crashes.
const leastWords = 4

// mostExtra is the share of its weight one side may have for itself: "again" in a
// long text, not another place in a short one.
const mostExtra = 0.06

// Decide says what to do with the hits of a Search for q. It joins only what is
// safe without a person: the same text, or nearly the same words in the same
// order with no number, version, code, name or negation that only one side has.
// Everything else is a suggestion.
func Decide(q Query, hits []Hit, t Thresholds) Decision {
	var d Decision
	d.Suggestions = suggest(hits, t)
	if len(hits) == 0 {
		return d
	}
	d.Hit = hits[0]
	for _, h := range hits {
		if h.Group == "" {
			continue
		}
		why, whyNot := h.judge(t)
		if why != "" {
			d.Join, d.Hit, d.Why, d.WhyNot = true, h, why, ""
			return d
		}
		if d.WhyNot == "" {
			d.Hit, d.WhyNot = h, whyNot
		}
	}
	if d.WhyNot == "" {
		d.WhyNot = "the nearest message belongs to no issue yet"
	}
	return d
}

// judge returns why a hit may be joined, or why not.
func (h Hit) judge(t Thresholds) (why, whyNot string) {
	f := h.facts
	switch {
	case h.Same:
		return "the same text", ""
	case h.Score < t.Join:
		return "", fmt.Sprintf("alike %.2f, an automatic join needs %.2f", h.Score, t.Join)
	case len(f.differ) > 0:
		return "", "only one has " + quoteList(f.differ)
	case f.negated:
		return "", "only one says no"
	case f.shared < leastWords:
		return "", "too short to be sure"
	case f.extra > mostExtra:
		return "", "one says more than the other"
	case !f.ordered:
		return "", "the words come in another order"
	}
	return fmt.Sprintf("alike %.2f: %s", h.Score, strings.Join(h.Shared, ", ")), ""
}

func suggest(hits []Hit, t Thresholds) []Hit {
	var out []Hit
	for _, h := range hits {
		seen := h.Group != "" && slices.ContainsFunc(out, func(o Hit) bool { return o.Group == h.Group })
		if len(out) < t.Most && h.Score >= t.Suggest && !seen {
			out = append(out, h)
		}
	}
	return out
}

func quoteList(words []string) string {
	if len(words) > 3 {
		words = words[:3]
	}
	q := make([]string, len(words))
	for i, w := range words {
		q[i] = fmt.Sprintf("%q", w)
	}
	return strings.Join(q, ", ")
}

// compare finds what decides a join, beyond the score.
func (p *project) compare(a *ask, e *entry) facts {
	var f facts
	mine, yours := marks(a.seq), marks(e.seq)
	var total, alone [2]float64
	for side, x := range [2]map[uint32]mark{mine, yours} {
		other := yours
		if side == 1 {
			other = mine
		}
		for w, m := range x {
			weight := p.weightOf(a, w)
			total[side] += weight
			if _, ok := other[w]; ok {
				if side == 0 && m&nay == 0 {
					f.shared++
				}
				continue
			}
			alone[side] += weight
			if m&hard != 0 {
				f.differ = append(f.differ, p.stemOf(a, w))
			}
			if m&nay != 0 {
				f.negated = true
			}
		}
	}
	slices.Sort(f.differ)
	f.extra = max(alone[0]/max(total[0], 1e-9), alone[1]/max(total[1], 1e-9))
	f.ordered = slices.Equal(order(a.seq, yours), order(e.seq, mine))
	return f
}

func marks(seq []uint32) map[uint32]mark {
	m := make(map[uint32]mark, len(seq))
	for _, x := range seq {
		m[x>>3] |= mark(x & 7)
	}
	return m
}

// order is the shared words in the order of their first use.
func order(seq []uint32, shared map[uint32]mark) []uint32 {
	var out []uint32
	seen := map[uint32]bool{}
	for _, x := range seq {
		if _, ok := shared[x>>3]; ok && !seen[x>>3] {
			seen[x>>3] = true
			out = append(out, x>>3)
		}
	}
	return out
}

func (p *project) weightOf(a *ask, w uint32) float64 {
	if i, ok := a.index[w]; ok {
		return a.terms[i].weight
	}
	return p.weight(w)
}

func (p *project) stemOf(a *ask, w uint32) string {
	if i, ok := a.index[w]; ok {
		return a.terms[i].stem
	}
	return p.terms[w].stem
}

// mostShared is how many words or phrases a hit shows as shared.
const mostShared = 6

// shared lists what both say in the words of the query: phrases first read as
// one, the rarest first.
func (p *project) shared(a *ask, e *entry) []string {
	yours := marks(e.seq)
	pairs := map[uint64]bool{}
	eachPair(e.seq, func(x, y uint32) { pairs[uint64(x)<<32|uint64(y)] = true })
	type phrase struct {
		text   string
		weight float64
	}
	var out []phrase
	seen := map[uint32]bool{}
	words := append(slices.Clip(a.title), a.body...)
	for i := 0; i < len(a.seq); i++ {
		w := a.seq[i] >> 3
		if _, ok := yours[w]; !ok || seen[w] || mark(a.seq[i]&7)&nay != 0 {
			continue
		}
		seen[w] = true
		ph := phrase{words[i].surface, p.weightOf(a, w)}
		for i+1 < len(a.seq) && mark(a.seq[i]&7)&whole == 0 && pairs[uint64(w)<<32|uint64(a.seq[i+1]>>3)] && i+1 != a.titles {
			i++
			w = a.seq[i] >> 3
			seen[w] = true
			ph.text += " " + words[i].surface
			ph.weight += p.weightOf(a, w)
		}
		out = append(out, ph)
	}
	slices.SortStableFunc(out, func(x, y phrase) int {
		switch {
		case x.weight > y.weight:
			return -1
		case x.weight < y.weight:
			return 1
		}
		return 0
	})
	if len(out) > mostShared {
		out = out[:mostShared]
	}
	list := make([]string, len(out))
	for i, o := range out {
		list[i] = o.text
	}
	return list
}
