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

// maxRanked is how many of the candidates are compared by character n-grams
// too; the others are too far behind to catch up.
const maxRanked = 48

// rank scores the candidates exactly and returns the best, at least k of them
// when there are so many.
func (p *project) rank(a *ask, cs []candidate, k int, sc *scratch) []candidate {
	m := p.measure(a, sc)
	for i := range cs {
		c := &cs[i]
		c.score = m.words(&p.docs[c.n], p.dl[c.n])
	}
	cs = p.sort(cs)
	cs = cs[:min(len(cs), max(k, maxRanked))]
	for i := range cs {
		c := &cs[i]
		e := &p.docs[c.n]
		c.score = even(c.score + m.grams(e))
		if a.same != 0 && e.same == a.same {
			c.score = 1
		}
	}
	return p.sort(cs)
}

func (p *project) sort(cs []candidate) []candidate {
	slices.SortFunc(cs, func(x, y candidate) int {
		if c := cmp.Compare(y.score, x.score); c != 0 || x.n == y.n {
			return c
		}
		if p.newer(x.n, y.n) {
			return -1
		}
		return 1
	})
	return cs
}

// slot is what one query knows of one word of the vocabulary. It is out of date
// unless turn is the query's.
type slot struct {
	turn   uint32
	weight float32
	ask    int32    // position in ask.terms, or -1
	side   [2]uint8 // how often the query's whole and its title have the word
	many   uint8    // how many n-grams
	grams  int32    // where they begin in scratch.grams
}

// measure holds what the scores of one query have in common.
type measure struct {
	p          *project
	a          *ask
	sc         *scratch
	avg        float64
	full       float64 // BM25 of the query against itself
	all, title profile
}

// profile is one side of the query, weighed.
type profile struct {
	side  int // 0 the whole text, 1 the title
	pairs map[uint64]bool
	norm  float64
	grams *[gramDims]float32
	gnorm float64
}

func (p *project) measure(a *ask, sc *scratch) *measure {
	m := &measure{p: p, a: a, sc: sc, avg: float64(p.words)/float64(p.live) + 1}
	sc.begin(len(p.terms) + len(a.terms))
	length := 0
	for i, t := range a.terms {
		s := &sc.slots[t.w]
		*s = slot{turn: sc.turn, weight: float32(t.weight), ask: int32(i)}
		sc.addGrams(s, t.stem)
		length += t.count
	}
	for _, t := range a.terms {
		m.full += t.weight * bm25(t.count, float64(length), m.avg)
	}
	m.all, m.title = profile{side: 0, grams: &sc.askGrams[0]}, profile{side: 1, grams: &sc.askGrams[1]}
	m.fill(&m.all, a.seq)
	m.fill(&m.title, a.seq[:a.titles])
	return m
}

func bm25(count int, length, avg float64) float64 {
	// Short texts are compared with short ones: the full correction for length,
	// and a count that goes on counting.
	const k = 5
	c := float64(count)
	return c * (k + 1) / (c + k*length/avg)
}

// word returns what is known of a word, and finds it out on first use.
func (m *measure) word(w uint32) *slot {
	s := &m.sc.slots[w]
	if s.turn != m.sc.turn {
		*s = slot{turn: m.sc.turn, weight: float32(m.p.weight(w)), ask: -1, grams: -1}
	}
	return s
}

// damped is how much a repeated word counts.
func damped(count int) float64 { return 1 + math.Log(float64(count)) }

func (m *measure) fill(f *profile, seq []uint32) {
	f.pairs = map[uint64]bool{}
	eachCount(seq, 0, func(w uint32, count int) {
		s := m.word(w)
		s.side[f.side] = uint8(min(count, 255))
		x := float64(s.weight) * damped(count)
		f.norm += x * x
	})
	m.eachPair(seq, func(key uint64, x float64) {
		if !f.pairs[key] {
			f.pairs[key] = true
			f.norm += x * x
		}
	})
	f.norm = math.Sqrt(f.norm)
	f.gnorm = m.spell(f.grams, seq)
}

// eachPair calls f for each two words that follow each other, with their weight.
func (m *measure) eachPair(seq []uint32, f func(key uint64, weight float64)) {
	eachPair(seq, func(a, b uint32) {
		f(uint64(a)<<32|uint64(b), pairShare*math.Sqrt(float64(m.word(a).weight)*float64(m.word(b).weight)))
	})
}

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

// words is the part of a score that whole words decide.
func (m *measure) words(e *entry, dl uint16) float64 {
	var lex float64
	eachCount(e.seq, int(e.titles), func(w uint32, count int) {
		if i := m.word(w).ask; i >= 0 {
			lex += m.a.terms[i].weight * bm25(count, float64(dl), m.avg)
		}
	})
	if m.full > 0 {
		lex = min(1, lex/m.full)
	}
	mix, both := m.blend(e)
	s := mix.bm25*lex + mix.pairs*m.pairs(&m.all, e.seq)
	if both {
		s = (1-titleShare)*s + titleShare*titles.pairs*m.pairs(&m.title, e.seq[:e.titles])
	}
	return even(s)
}

// even drops the last digits, which depend on the order of a sum and so on the
// order in which words were first seen.
func even(x float64) float64 { return math.Round(x*1e9) / 1e9 }

// grams is the part of a score that spelling decides.
func (m *measure) grams(e *entry) float64 {
	mix, both := m.blend(e)
	s := mix.grams * m.spelling(&m.all, e.seq)
	if both {
		s = (1-titleShare)*s + titleShare*titles.grams*m.spelling(&m.title, e.seq[:e.titles])
	}
	return s
}

func (m *measure) blend(e *entry) (mix blend, both bool) {
	if m.a.titles > 0 && e.titles > 0 {
		return titled, true
	}
	return untitled, false
}

// pairs is the cosine of words and pairs of words, weighed by rarity.
func (m *measure) pairs(f *profile, seq []uint32) float64 {
	var dot, norm float64
	eachCount(seq, 0, func(w uint32, count int) {
		s := m.word(w)
		x := float64(s.weight) * damped(count)
		norm += x * x
		if n := s.side[f.side]; n > 0 {
			dot += x * float64(s.weight) * damped(int(n))
		}
	})
	m.eachPair(seq, func(key uint64, x float64) {
		norm += x * x
		if m.word(uint32(key)).side[f.side] > 0 && f.pairs[key] {
			dot += x * x
		}
	})
	if norm == 0 || f.norm == 0 {
		return 0
	}
	return min(1, dot/(math.Sqrt(norm)*f.norm))
}

// spelling is the cosine of the character n-grams.
func (m *measure) spelling(f *profile, seq []uint32) float64 {
	v := &m.sc.docGrams
	norm := m.spell(v, seq)
	if norm == 0 || f.gnorm == 0 {
		return 0
	}
	var dot float64
	for i, g := range v {
		dot += float64(g) * float64(f.grams[i])
	}
	return min(1, dot/(norm*f.gnorm))
}

// spell adds up the character n-grams of a text, each as heavy as its word, and
// returns the length of the sum.
func (m *measure) spell(v *[gramDims]float32, seq []uint32) float64 {
	*v = [gramDims]float32{}
	eachCount(seq, 0, func(w uint32, count int) {
		s := m.word(w)
		if s.grams < 0 {
			m.sc.addGrams(s, m.p.terms[w].stem)
		}
		x := s.weight * float32(damped(count))
		for _, g := range m.sc.grams[s.grams : s.grams+int32(s.many)] {
			v[g] += x
		}
	})
	var norm float64
	for _, g := range v {
		norm += float64(g) * float64(g)
	}
	return math.Sqrt(norm)
}

// addGrams hashes the character 3- to 5-grams of a word with its two ends.
func (sc *scratch) addGrams(s *slot, stem string) {
	r := append(sc.runes[:0], '^')
	for _, x := range stem {
		r = append(r, x)
	}
	r = append(r, '$')
	sc.runes = r
	s.grams = int32(len(sc.grams))
	for n := 3; n <= 5; n++ {
		for i := 0; i+n <= len(r); i++ {
			h := uint32(2166136261)
			for _, x := range r[i : i+n] {
				h = (h ^ uint32(x)) * 16777619
			}
			sc.grams = append(sc.grams, uint16((h^h>>15)%gramDims))
		}
	}
	s.many = uint8(min(255, len(sc.grams)-int(s.grams)))
}

// begin makes the slots ready for a vocabulary of n words.
func (sc *scratch) begin(n int) {
	if len(sc.slots) < n {
		sc.slots, sc.turn = make([]slot, n+n/4), 0
	}
	if sc.turn++; sc.turn == 0 {
		clear(sc.slots)
		sc.turn = 1
	}
	sc.grams = sc.grams[:0]
}
