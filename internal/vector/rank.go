package vector

import (
	"cmp"
	"math"
	"slices"
)

// gramDims is how many buckets the character n-grams of a text are hashed into.
const gramDims = 1024

// blend says what share each part has in a score. The shares were chosen by
// `go test ./internal/vector -run TestBars` on the development half of the sets.
type blend struct{ bm25, pairs, grams float64 }

var (
	// A short message without a title is its words and their neighbours.
	untitled = blend{bm25: 0.4, pairs: 0.45, grams: 0.15}
	// A report names classes and options in many spellings.
	titled = blend{bm25: 0.4, pairs: 0.1, grams: 0.5}
	// The two titles against each other, and what they count when both are there.
	titles     = blend{pairs: 0.7, grams: 0.3}
	titleShare = 0.55
)

// pairShare is what a pair of words weighs, of the mean weight of the two.
const pairShare = 0.5

// profile is one text, weighed.
type profile struct {
	words map[uint32]float64 // TF-IDF by vocabulary position
	pairs map[uint64]float64
	norm  float64
	grams [gramDims]float32
	gnorm float64
}

// rank scores the candidates exactly and orders them.
func (p *project) rank(a *ask, cs []candidate, sc *scratch) []candidate {
	m := p.measure(a)
	for i := range cs {
		e := &p.docs[cs[i].n]
		if a.same != 0 && e.same == a.same {
			cs[i].score = 1
			continue
		}
		cs[i].score = m.score(e, p.dl[cs[i].n], sc)
	}
	slices.SortFunc(cs, func(x, y candidate) int {
		if c := cmp.Compare(y.score, x.score); c != 0 {
			return c
		}
		if x.n == y.n {
			return 0
		}
		if p.newer(x.n, y.n) {
			return -1
		}
		return 1
	})
	return cs
}

// measure holds what the scores of one query have in common.
type measure struct {
	p      *project
	a      *ask
	avg    float64
	full   float64 // BM25 of the query against itself
	all    profile
	title  profile
	memo   map[uint32]float64 // weights of words met so far
	tokens map[uint32][]uint16
}

func (p *project) measure(a *ask) *measure {
	m := &measure{p: p, a: a, avg: float64(p.words)/float64(p.live) + 1,
		memo: map[uint32]float64{}, tokens: map[uint32][]uint16{}}
	for _, t := range a.terms {
		m.memo[t.w] = t.weight
		m.tokens[t.w] = gramsOf(t.stem)
	}
	length := 0
	for _, t := range a.terms {
		length += t.count
	}
	for _, t := range a.terms {
		m.full += t.weight * bm25(t.count, float64(length), m.avg)
	}
	m.fill(&m.all, a.seq)
	if a.titles > 0 {
		m.fill(&m.title, a.seq[:a.titles])
	}
	return m
}

func bm25(count int, length, avg float64) float64 {
	const k, b = 5, 1
	c := float64(count)
	return c * (k + 1) / (c + k*(1-b+b*length/avg))
}

func (m *measure) weight(w uint32) float64 {
	x, ok := m.memo[w]
	if !ok {
		x = m.p.weight(w)
		m.memo[w] = x
	}
	return x
}

func (m *measure) gramsOf(w uint32) []uint16 {
	g, ok := m.tokens[w]
	if !ok {
		g = gramsOf(m.p.terms[w].stem)
		m.tokens[w] = g
	}
	return g
}

// fill weighs a text.
func (m *measure) fill(f *profile, seq []uint32) {
	f.words, f.pairs = map[uint32]float64{}, map[uint64]float64{}
	eachCount(seq, 0, func(w uint32, count int) {
		x := m.weight(w) * (1 + math.Log(float64(count)))
		f.words[w] = x
		f.norm += x * x
		m.addGrams(&f.grams, w, count)
	})
	eachPair(seq, func(a, b uint32) {
		x := m.pairWeight(a, b)
		if _, ok := f.pairs[uint64(a)<<32|uint64(b)]; !ok {
			f.pairs[uint64(a)<<32|uint64(b)] = x
			f.norm += x * x
		}
	})
	f.norm = math.Sqrt(f.norm)
	for _, g := range f.grams {
		f.gnorm += float64(g) * float64(g)
	}
	f.gnorm = math.Sqrt(f.gnorm)
}

func (m *measure) pairWeight(a, b uint32) float64 {
	return pairShare * math.Sqrt(m.weight(a)*m.weight(b))
}

func (m *measure) addGrams(to *[gramDims]float32, w uint32, count int) {
	x := float32(m.weight(w) * (1 + math.Log(float64(count))))
	for _, g := range m.gramsOf(w) {
		to[g] += x
	}
}

// eachPair calls f for each two words that follow each other.
func eachPair(seq []uint32, f func(a, b uint32)) {
	prev, have := uint32(0), false
	for _, x := range seq {
		if mark(x&7)&whole != 0 {
			continue
		}
		if have && prev != x>>3 {
			f(prev, x>>3)
		}
		prev, have = x>>3, true
	}
}

// score compares one document with the query.
func (m *measure) score(e *entry, dl uint16, sc *scratch) float64 {
	var lex float64
	eachCount(e.seq, int(e.titles), func(w uint32, count int) {
		if i, ok := m.a.index[w]; ok {
			t := &m.a.terms[i]
			lex += t.weight * bm25(count, float64(dl), m.avg)
		}
	})
	if m.full > 0 {
		lex = min(1, lex/m.full)
	}
	both := m.a.titles > 0 && e.titles > 0
	mix := untitled
	if both {
		mix = titled
	}
	pairs, grams := m.cosines(&m.all, e.seq, sc)
	s := mix.bm25*lex + mix.pairs*pairs + mix.grams*grams
	if both {
		pairs, grams := m.cosines(&m.title, e.seq[:e.titles], sc)
		s = (1-titleShare)*s + titleShare*(titles.pairs*pairs+titles.grams*grams)
	}
	return math.Round(s*1e9) / 1e9
}

// cosines compares words with word pairs, and character n-grams.
func (m *measure) cosines(f *profile, seq []uint32, sc *scratch) (pairs, grams float64) {
	sc.grams = [gramDims]float32{}
	var dot, norm float64
	eachCount(seq, 0, func(w uint32, count int) {
		x := m.weight(w) * (1 + math.Log(float64(count)))
		norm += x * x
		dot += x * f.words[w]
		m.addGrams(&sc.grams, w, count)
	})
	eachPair(seq, func(a, b uint32) {
		x := m.pairWeight(a, b)
		norm += x * x
		dot += x * f.pairs[uint64(a)<<32|uint64(b)]
	})
	if norm > 0 && f.norm > 0 {
		pairs = min(1, dot/(math.Sqrt(norm)*f.norm))
	}
	var gdot, gnorm float64
	for i, g := range sc.grams {
		gdot += float64(g) * float64(f.grams[i])
		gnorm += float64(g) * float64(g)
	}
	if gnorm > 0 && f.gnorm > 0 {
		grams = min(1, gdot/(math.Sqrt(gnorm)*f.gnorm))
	}
	return pairs, grams
}

// gramsOf hashes the character 3- to 5-grams of a word with its two ends.
func gramsOf(stem string) []uint16 {
	s := make([]rune, 0, len(stem)+2)
	s = append(s, '^')
	s = append(s, []rune(stem)...)
	s = append(s, '$')
	out := make([]uint16, 0, 3*len(s))
	for n := 3; n <= 5; n++ {
		for i := 0; i+n <= len(s); i++ {
			h := uint32(2166136261)
			for _, r := range s[i : i+n] {
				h = (h ^ uint32(r)) * 16777619
			}
			out = append(out, uint16((h^h>>15)%gramDims))
		}
	}
	return out
}
