package vector

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// The bounds that keep a search's cost flat however many messages there are.
const (
	maxPosts      = 40_000 // postings walked for one query
	maxQueryWords = 64     // rarest words of a long query that are walked
	maxCandidates = 160    // documents ranked exactly
	maxEqual      = 64     // documents of the same normalised text that are looked at
)

// Query is a message whose like is sought.
type Query struct {
	Project string
	Title   string
	Text    string
	K       int                         // how many hits; 0 means 10
	Before  time.Time                   // only documents older than this; zero means all
	Skip    func(id, group string) bool // true leaves a document out; nil keeps all. It must not call the index.
}

// Hit is one document like the query.
type Hit struct {
	ID     string
	Group  string
	Score  float64  // 0 to 1, comparable between queries and between projects
	Shared []string // what both say, rarest first, in the query's words
	Same   bool     // equal but for case, punctuation and spacing
	facts  facts
}

// Search returns the documents most like the query, best first. Equal scores
// are ordered newest first, then by id, so the same index gives the same answer.
func (ix *Index) Search(q Query) []Hit {
	if q.K <= 0 {
		q.K = 10
	}
	t := read(q.Title, q.Text)
	sc := ix.scratch.Get().(*scratch)
	defer ix.scratch.Put(sc)
	ix.mu.RLock()
	defer ix.mu.RUnlock()
	p := ix.projects[q.Project]
	if p == nil || p.live == 0 {
		return nil
	}
	f := filter{before: 1<<63 - 1, skip: q.Skip}
	if !q.Before.IsZero() {
		f.before = nanos(q.Before)
	}
	ask := p.ask(t)
	found := p.rank(ask, p.candidates(ask, f, sc), q.K, sc)
	if len(found) > q.K {
		found = found[:q.K]
	}
	hits := make([]Hit, len(found))
	for i, c := range found {
		e := &p.docs[c.n]
		hits[i] = Hit{ID: e.id, Group: e.group, Score: c.score, Same: t.same != 0 && e.same == t.same}
		hits[i].Shared = p.shared(ask, e)
		hits[i].facts = p.compare(ask, e)
	}
	return hits
}

type filter struct {
	before int64
	skip   func(id, group string) bool
}

func (f filter) pass(e *entry) bool {
	return e.live && e.at < f.before && (f.skip == nil || !f.skip(e.id, e.group))
}

// ask is a query in the terms of one project.
type ask struct {
	text
	seq    []uint32 // as in entry; words the project has never seen are numbered after its vocabulary
	terms  []askTerm
	index  map[uint32]int // vocabulary position to terms
	titles int
}

type askTerm struct {
	w      uint32
	stem   string
	count  int // weighted as in the documents
	weight float64
	df     int
}

func (p *project) ask(t text) *ask {
	a := &ask{text: t, titles: len(t.title), index: map[uint32]int{}}
	unseen := map[string]uint32{}
	names := map[uint32]string{}
	for _, ws := range [2][]word{t.title, t.body} {
		for _, w := range ws {
			id, ok := p.vocab[w.stem]
			if !ok {
				if id, ok = unseen[w.stem]; !ok {
					id = uint32(len(p.terms) + len(unseen))
					unseen[w.stem] = id
				}
			}
			names[id] = w.stem
			a.seq = append(a.seq, id<<3|uint32(w.mark))
		}
	}
	eachCount(a.seq, a.titles, func(w uint32, count int) {
		x := askTerm{w: w, stem: names[w], count: count}
		if int(w) < len(p.terms) {
			x.df = len(p.terms[w].posts)
			x.weight = p.weight(w)
		} else {
			x.weight = p.rarity(0, usual(x.stem))
		}
		a.terms = append(a.terms, x)
	})
	slices.SortFunc(a.terms, func(x, y askTerm) int {
		return cmp.Or(cmp.Compare(y.weight, x.weight), cmp.Compare(x.stem, y.stem))
	})
	for i, x := range a.terms {
		a.index[x.w] = i
	}
	return a
}

// prior is how many messages the list of usual words is worth.
const prior = 300

// rarity is the inverse document frequency of a word that df documents have.
func (p *project) rarity(df int, usual float64) float64 {
	return math.Log((float64(p.live) + prior + 1) / (float64(df) + prior*usual + 0.5))
}

func (p *project) weight(w uint32) float64 {
	return p.rarity(len(p.terms[w].posts), p.terms[w].usual)
}

// scratch is what one search needs and the next can use again.
type scratch struct {
	score    []float32 // by document; zero between searches
	touched  []uint32
	best     []candidate
	slots    []slot // by vocabulary position
	turn     uint32
	grams    []uint16 // of the words met in this turn
	runes    []rune
	askGrams [2][gramDims]float32
	docGrams [gramDims]float32
}

type candidate struct {
	n     uint32
	score float64
}

// candidates proposes the documents to rank: those of the same text, and the
// best by the rare words they share with the query.
func (p *project) candidates(a *ask, f filter, sc *scratch) []candidate {
	if len(sc.score) < len(p.docs) {
		sc.score = make([]float32, len(p.docs)+len(p.docs)/4)
	}
	p.walk(a, sc)
	avg := float32(p.words)/float32(p.live) + 1
	h := sc.best[:0]
	for _, n := range sc.touched {
		s := float64(sc.score[n] / (0.6 + 0.4*float32(p.dl[n])/avg))
		sc.score[n] = 0
		c := candidate{n, s}
		if len(h) == maxCandidates && !p.better(c, h[0]) || !f.pass(&p.docs[n]) {
			continue
		}
		if len(h) < maxCandidates {
			h = append(h, c)
			p.up(h)
			continue
		}
		h[0] = c
		p.down(h)
	}
	sc.touched = sc.touched[:0]
	sc.best = h
	return p.addEqual(a.same, f, h)
}

// addEqual adds the documents of the same text that are not there yet.
func (p *project) addEqual(same uint64, f filter, h []candidate) []candidate {
	have := map[uint32]bool{}
	for _, c := range h {
		if p.docs[c.n].same == same {
			have[c.n] = true
		}
	}
	at := p.same[same]
	for i := 0; at != 0 && i < maxEqual; i++ {
		n := at - 1
		if !have[n] && f.pass(&p.docs[n]) {
			h = append(h, candidate{n: n})
		}
		at = p.docs[n].older
	}
	return h
}

// walk adds up the shared words' weights by document. It walks whole lists,
// rarest word first, while the bound allows; when every word is common it takes
// the documents that have the two rarest both.
func (p *project) walk(a *ask, sc *scratch) {
	left := maxPosts
	var tooLong []askTerm
	walked := 0
	for _, x := range a.terms {
		if x.df == 0 {
			continue
		}
		if walked == maxQueryWords {
			break
		}
		if x.df > left {
			tooLong = append(tooLong, x)
			continue
		}
		left -= x.df
		walked++
		for _, post := range p.terms[x.w].posts {
			p.credit(post, x, sc)
		}
	}
	if len(sc.touched) >= maxCandidates || len(tooLong) < 2 {
		return
	}
	p.both(tooLong[0], tooLong[1], sc)
}

func (p *project) credit(post uint32, x askTerm, sc *scratch) {
	n, tf := post>>4, float32(post&15)
	if sc.score[n] == 0 {
		sc.touched = append(sc.touched, n)
	}
	sc.score[n] += float32(x.weight) * tf / (tf + 1)
}

// both credits the documents that have two common words.
func (p *project) both(x, y askTerm, sc *scratch) {
	a, b := p.terms[x.w].posts, p.terms[y.w].posts
	for i, j := 0, 0; i < len(a) && j < len(b); {
		switch m, n := a[i]>>4, b[j]>>4; {
		case m < n:
			i++
		case m > n:
			j++
		default:
			p.credit(a[i], x, sc)
			p.credit(b[j], y, sc)
			i, j = i+1, j+1
		}
	}
}

func (p *project) better(a, b candidate) bool {
	if a.score != b.score {
		return a.score > b.score
	}
	return p.newer(a.n, b.n)
}

// up and down keep the worst of the best candidates at the top of the heap.
func (p *project) up(h []candidate) {
	for i := len(h) - 1; i > 0; {
		up := (i - 1) / 2
		if !p.better(h[up], h[i]) {
			return
		}
		h[i], h[up] = h[up], h[i]
		i = up
	}
}

func (p *project) down(h []candidate) {
	for i := 0; ; {
		c := 2*i + 1
		if c >= len(h) {
			return
		}
		if c+1 < len(h) && p.better(h[c], h[c+1]) {
			c++
		}
		if !p.better(h[i], h[c]) {
			return
		}
		h[i], h[c] = h[c], h[i]
		i = c
	}
}
