package vector

import (
	"cmp"
	"slices"
	"strings"
	"sync"
	"time"
)

// Index holds the messages of every project. Any number of goroutines may
// Search while one changes it; each call sees the index before or after a
// change, never between.
type Index struct {
	mu       sync.RWMutex
	projects map[string]*project
	where    map[string]place // by document id
	scratch  sync.Pool
}

type place struct {
	p *project
	n uint32 // position in p.docs
}

// New returns an empty index.
func New() *Index {
	return &Index{
		projects: map[string]*project{},
		where:    map[string]place{},
		scratch:  sync.Pool{New: func() any { return new(scratch) }},
	}
}

// project is the part of the index that one project's searches see.
type project struct {
	docs  []entry
	dl    []uint16 // weighted length of each document, beside docs for the walk
	live  int
	words int64 // sum of dl
	vocab map[string]uint32
	terms []term
	same  map[uint64]uint32 // newest document of each normalised text, as position+1
	arena []uint32          // free space for the next documents' words
}

type entry struct {
	id, group string
	at        int64    // nanoseconds since 1970
	seq       []uint32 // words in order: vocabulary position<<3 | mark
	same      uint64
	older     uint32 // the next older document of the same normalised text, as position+1
	titles    uint16 // how many of seq are the title
	live      bool
}

type term struct {
	stem  string
	posts []uint32 // documents in ascending order: position<<4 | weighted count, at most 15
	usual float64  // how often the word is in any message at all, see usual.go
}

// titleWeight is how much more a word of the title counts than one of the body.
const titleWeight = 3

// Len returns how many documents of a project are in the index.
func (ix *Index) Len(projectID string) int {
	ix.mu.RLock()
	defer ix.mu.RUnlock()
	if p := ix.projects[projectID]; p != nil {
		return p.live
	}
	return 0
}

// Add puts a document into the index. One with a known id replaces it. Call it
// after the commit that stored the row.
func (ix *Index) Add(d Doc) {
	t := read(d.Title, d.Text)
	ix.mu.Lock()
	defer ix.mu.Unlock()
	ix.insert(d.ID, d.Project, d.Group, nanos(d.At), t)
}

// AddRow puts a row into the index as Add does with its document.
func (ix *Index) AddRow(r Row) error {
	t, err := decode(r.Data)
	if err != nil {
		return err
	}
	ix.mu.Lock()
	defer ix.mu.Unlock()
	ix.insert(r.ID, r.Project, r.Group, nanos(r.At), t)
	return nil
}

// Move says that a document now belongs to another group. It reports whether
// the document is known.
func (ix *Index) Move(id, group string) bool {
	ix.mu.Lock()
	defer ix.mu.Unlock()
	at, ok := ix.where[id]
	if ok {
		at.p.docs[at.n].group = group
	}
	return ok
}

// Remove takes a document out. It reports whether it was there.
func (ix *Index) Remove(id string) bool {
	ix.mu.Lock()
	defer ix.mu.Unlock()
	return ix.remove(id)
}

// insert needs the lock.
func (ix *Index) insert(id, projectID, group string, at int64, t text) {
	ix.remove(id)
	p := ix.projects[projectID]
	if p == nil {
		p = &project{vocab: map[string]uint32{}, same: map[uint64]uint32{}}
		ix.projects[projectID] = p
	}
	n := uint32(len(p.docs))
	ix.where[id] = place{p, n}
	e := entry{id: id, group: group, at: at, same: t.same, titles: uint16(len(t.title)), live: true}
	e.seq = p.store(t)
	p.docs = append(p.docs, e)
	length := 0
	eachCount(e.seq, int(e.titles), func(w uint32, count int) {
		p.terms[w].posts = append(p.terms[w].posts, n<<4|uint32(min(count, 15)))
		length += count
	})
	p.dl = append(p.dl, uint16(length))
	p.live++
	p.words += int64(length)
	p.link(n)
}

func (ix *Index) remove(id string) bool {
	at, ok := ix.where[id]
	if !ok {
		return false
	}
	delete(ix.where, id)
	p, e := at.p, &at.p.docs[at.n]
	eachCount(e.seq, int(e.titles), func(w uint32, _ int) {
		posts := p.terms[w].posts
		i, _ := slices.BinarySearchFunc(posts, at.n, func(a, b uint32) int { return cmp.Compare(a>>4, b) })
		p.terms[w].posts = slices.Delete(posts, i, i+1)
	})
	p.live--
	p.words -= int64(p.dl[at.n])
	p.unlink(at.n)
	*e = entry{}
	return true
}

// nanos is a time as the index compares it; times that an int64 of nanoseconds
// cannot hold are at its ends.
func nanos(t time.Time) int64 {
	switch y := t.Year(); {
	case y < 1678:
		return -1 << 63
	case y > 2261:
		return 1<<63 - 1
	}
	return t.UnixNano()
}

// store turns words into vocabulary positions, in memory shared by many documents.
func (p *project) store(t text) []uint32 {
	n := len(t.title) + len(t.body)
	if len(p.arena) < n {
		// A small project must not pay for a large one's block.
		p.arena = make([]uint32, max(n, min(1<<15, 256+8*n+len(p.docs)*8)))
	}
	seq := p.arena[:0:n]
	p.arena = p.arena[n:]
	for _, ws := range [2][]word{t.title, t.body} {
		for _, w := range ws {
			id, ok := p.vocab[w.stem]
			if !ok {
				id = uint32(len(p.terms))
				own := strings.Clone(w.stem) // w.stem may hold on to a whole row
				p.vocab[own] = id
				p.terms = append(p.terms, term{stem: own, usual: usual(own)})
			}
			seq = append(seq, id<<3|uint32(w.mark))
		}
	}
	return seq
}

// eachCount calls f once for each different word with its count, a word of the
// title counting titleWeight times.
func eachCount(seq []uint32, titles int, f func(w uint32, count int)) {
	var small [maxTitleWords + maxBodyWords]uint64
	keys := small[:0]
	for i, x := range seq {
		c := uint64(1)
		if i < titles {
			c = titleWeight
		}
		keys = append(keys, uint64(x>>3)<<16|c)
	}
	slices.Sort(keys)
	for i := 0; i < len(keys); {
		w, count := uint32(keys[i]>>16), 0
		for ; i < len(keys) && uint32(keys[i]>>16) == w; i++ {
			count += int(keys[i] & 0xffff)
		}
		f(w, count)
	}
}

// newer orders documents: the newest first, equal times by id.
func (p *project) newer(a, b uint32) bool {
	x, y := &p.docs[a], &p.docs[b]
	if x.at != y.at {
		return x.at > y.at
	}
	return x.id > y.id
}

// link puts a document into the chain of those with the same text, newest first.
func (p *project) link(n uint32) {
	e := &p.docs[n]
	if e.same == 0 {
		return
	}
	head := p.same[e.same]
	if head == 0 || p.newer(n, head-1) {
		e.older, p.same[e.same] = head, n+1
		return
	}
	at := head - 1
	for p.docs[at].older != 0 && !p.newer(n, p.docs[at].older-1) {
		at = p.docs[at].older - 1
	}
	e.older, p.docs[at].older = p.docs[at].older, n+1
}

func (p *project) unlink(n uint32) {
	e := &p.docs[n]
	if e.same == 0 {
		return
	}
	at := p.same[e.same] - 1
	switch {
	case at == n && e.older == 0:
		delete(p.same, e.same)
	case at == n:
		p.same[e.same] = e.older
	default:
		for p.docs[at].older != n+1 {
			at = p.docs[at].older - 1
		}
		p.docs[at].older = e.older
	}
}
