package offline

import (
	"math"

	"github.com/iterateswarm/iterateswarm/internal/triage"
)

// feature is one column of a sparse vector: a 32-bit name, cut to the size of
// a head when it is looked up, and a fixed-point value.
type feature struct {
	id uint32
	v  int32
}

// block is a group of features that is brought to length one by itself, so a
// long body does not drown a short title.
type block struct {
	features []feature
	weight   float64
}

// vector is what a head reads. Blocks are reused.
type vector struct {
	blocks []block
}

func (v *vector) reset() { v.blocks = v.blocks[:0] }

// open starts a block and returns its features to append to.
func (v *vector) open(weight float64) *block {
	if len(v.blocks) < cap(v.blocks) {
		v.blocks = v.blocks[:len(v.blocks)+1]
		b := &v.blocks[len(v.blocks)-1]
		b.features, b.weight = b.features[:0], weight
		return b
	}
	v.blocks = append(v.blocks, block{weight: weight})
	return &v.blocks[len(v.blocks)-1]
}

// Names of the copies: every feature stands once in the general space and once
// in that of its place.
const (
	spaceGeneral uint32 = iota * 0x0e3779b1
	spaceTitle
	spaceLead
	spaceShort
	spaceTitleOnly
	spaceForeign
	spaceForm
	spaceCode
	spaceShape
)

func inSpace(id, space uint32) uint32 {
	if space == 0 {
		return id
	}
	x := (id ^ space) * 0x85ebca6b
	x ^= x >> 13
	x *= 0xc2b2ae35
	return x ^ x>>16
}

// sublinear holds 64·(1+ln n): a word that stands there ten times weighs three
// times as much as one that stands there once.
var sublinear = func() (t [256]int32) {
	for i := 1; i < len(t); i++ {
		t[i] = int32(64*(1+math.Log(float64(i))) + 0.5)
	}
	return t
}()

// counter counts features with an open-addressed table that is emptied by
// moving to the next generation.
type counter struct {
	keys  []uint32
	gen   []uint16
	n     []uint8
	order []uint32 // slots in use
	now   uint16
}

const counterSlots = 1 << 15

func (c *counter) reset() {
	if c.keys == nil {
		c.keys, c.gen, c.n = make([]uint32, counterSlots), make([]uint16, counterSlots), make([]uint8, counterSlots)
	}
	c.order = c.order[:0]
	c.now++
	if c.now == 0 {
		clear(c.gen)
		c.now = 1
	}
}

func (c *counter) add(id uint32) {
	slot := (id * 0x9e3779b1) >> 17
	for {
		if c.gen[slot] != c.now {
			if len(c.order) >= counterSlots*3/4 {
				return
			}
			c.gen[slot], c.keys[slot], c.n[slot] = c.now, id, 1
			c.order = append(c.order, slot)
			return
		}
		if c.keys[slot] == id {
			if c.n[slot] < 255 {
				c.n[slot]++
			}
			return
		}
		slot = (slot + 1) & (counterSlots - 1)
	}
}

// fill moves what was counted into b.
func (c *counter) fill(b *block) {
	for _, s := range c.order {
		b.features = append(b.features, feature{c.keys[s], sublinear[c.n[s]]})
	}
}

// grams says which features a run of words gives.
type grams struct {
	words bool // single words
	pairs bool // two words in a row
	trios bool // three words in a row, and the first and third of them
	chars bool // character 3- to 5-grams within a word and its borders
}

var (
	wordGrams  = grams{words: true, pairs: true}
	shortGrams = grams{words: true, pairs: true, trios: true}
	charGrams  = grams{chars: true}
	allGrams   = grams{words: true, pairs: true, chars: true}
)

func (c *counter) addWords(w *words, t0, t1 int, g grams) {
	for i := t0; i < t1; i++ {
		t := &w.tokens[i]
		if g.words {
			c.add(t.hash)
		}
		if g.pairs && i > t0 {
			c.add(pair(w.tokens[i-1].hash, t.hash))
		}
		if g.trios && i > t0+1 {
			first := w.tokens[i-2].hash
			c.add(pair(first, t.hash) ^ 0x5555)
			c.add(pair(pair(first, w.tokens[i-1].hash), t.hash) ^ 0x7777)
		}
		if g.chars && t.kind == wordToken {
			c.addChars(w.runes[t.r0:t.r1])
		}
	}
}

func pair(a, b uint32) uint32 {
	x := a*0x2c1b3c6d ^ b
	x ^= x >> 12
	return x * 0x297a2d39
}

// addChars counts the character 3-, 4- and 5-grams of one word, with a border
// on both sides.
func (c *counter) addChars(r []rune) {
	n := len(r) + 2
	at := func(i int) uint32 {
		if i == 0 || i == n-1 {
			return ' '
		}
		return uint32(r[i-1])
	}
	for i := 0; i+3 <= n; i++ {
		h := (0x1000193*(0x811c9dc5^at(i)) ^ at(i+1)) * 0x1000193
		h = (h ^ at(i+2)) * 0x1000193
		c.add(h ^ h>>15)
		if i+4 <= n {
			h = (h ^ at(i+3)) * 0x1000193
			c.add(h ^ h>>15 ^ 4)
		}
		if i+5 <= n {
			h = (h ^ at(i+4)) * 0x1000193
			c.add(h ^ h>>15 ^ 5)
		}
	}
}

// Limits of what the class head reads. Beyond them the rules still look.
const (
	leadTokens = 420 // words of prose
	codeTokens = 160 // words of code and logs
)

// classVector lays out the report for the class head. What each copy is named
// depends on the channel: an issue has title, lead, form and code; anything
// else is one short text, its words and its characters in blocks of their own,
// because a word has many more character grams than word grams.
func (e *scratch) classVector(p *report, v *vector) {
	v.reset()
	kind := e.kind(p)
	switch kind {
	case kindIssue:
		e.shape(p, v.open(1), kind)
		e.text(p, v.open(1), 0, wordGrams)
		e.counts.reset()
		e.addSentences(p, leadTokens, wordGrams)
		e.counts.fill(v.open(1.4))
		e.form(p, v.open(1))
		e.code(p, v.open(0.8))
		e.text(p, v.open(0.8), 0, charGrams)
	case kindForeign:
		e.shape(p, v.open(0.6), kind)
		e.text(p, v.open(1), 160, allGrams)
	default:
		limit := leadTokens
		if kind == kindTitle {
			limit = 60
		}
		e.shape(p, v.open(0.5), kind)
		e.text(p, v.open(1), limit, shortGrams)
		e.text(p, v.open(0.75), limit, charGrams)
	}
}

// text counts the title and at most limit words of the sentences into b.
func (e *scratch) text(p *report, b *block, limit int, g grams) {
	e.counts.reset()
	e.counts.addWords(&p.titleWords, 0, len(p.titleWords.tokens), g)
	if limit > 0 {
		e.addSentences(p, limit, g)
	}
	e.counts.fill(b)
}

// spaces gives, block by block, the copy that classVector's layout uses.
func (k kind) spaces() []uint32 {
	switch k {
	case kindIssue:
		return []uint32{spaceShape, spaceTitle, spaceLead, spaceForm, spaceCode, spaceTitle ^ 1}
	case kindTitle:
		return []uint32{spaceShape ^ 1, spaceTitleOnly, spaceTitleOnly ^ 1}
	case kindForeign:
		return []uint32{spaceShape ^ 2, spaceForeign}
	}
	return []uint32{spaceShape ^ 3, spaceShort, spaceShort ^ 1}
}

// content says what the features of a block were made of.
type content uint8

const (
	contentShape content = 1 << iota
	contentTitle
	contentText
	contentForm
	contentCode
)

// contents gives, block by block, what classVector's layout holds.
func (k kind) contents() []content {
	switch k {
	case kindIssue:
		return []content{contentShape, contentTitle, contentText, contentForm, contentCode, contentTitle}
	case kindForeign:
		return []content{contentShape, contentTitle | contentText}
	}
	return []content{contentShape, contentTitle | contentText, contentTitle | contentText}
}

// general names the space that the blocks of an issue share. The blocks of the
// other kinds have nothing in common.
func (k kind) general() uint32 {
	if k == kindIssue {
		return 0x3c6ef372
	}
	return 0
}

// kind is how the class head reads a report.
type kind uint8

const (
	kindShort   kind = iota // chat, review, mail
	kindIssue               // an issue with a body
	kindTitle               // an issue that is a title only
	kindForeign             // any text that is not English
	numKinds    = 4
)

func (e *scratch) kind(p *report) kind {
	if e.language != "en" && e.language != "und" {
		return kindForeign
	}
	if p.channel != triage.ChannelIssue {
		return kindShort
	}
	if len(p.textWords.tokens) == 0 {
		return kindTitle
	}
	if len(p.titleWords.tokens) == 0 && len(p.textWords.tokens) < 25 {
		return kindShort // one line, as somebody would write it in a chat
	}
	return kindIssue
}

// addSentences counts the words of sentences that do not talk to the engine.
func (e *scratch) addSentences(p *report, limit int, g grams) {
	for _, s := range p.sentences {
		if s.part != triage.PartText || s.injected {
			continue
		}
		t1 := min(s.t1, s.t0+limit)
		e.counts.addWords(&p.textWords, s.t0, t1, g)
		if limit -= t1 - s.t0; limit <= 0 {
			return
		}
	}
}

// form names the lines of a form, and each short answer together with the
// heading it stands under: "Issue type" and "Feature Request".
func (e *scratch) form(p *report, b *block) {
	n, above := 0, uint32(0)
	for _, l := range p.lines {
		switch {
		case l.kind == heading || l.kind == template:
			h := lineHash(p.text[l.start:l.end])
			b.features = append(b.features, feature{h ^ 0x5bd1e995, 64})
			if l.kind == heading {
				above = h
			}
		case above != 0 && l.kind == prose && l.end-l.start < 40:
			b.features = append(b.features, feature{pair(above, lineHash(p.text[l.start:l.end])), 64})
			above = 0
		default:
			above = 0
			continue
		}
		if n++; n >= 60 {
			break
		}
	}
}

func (e *scratch) code(p *report, b *block) {
	e.counts.reset()
	n := 0
	for i := range p.textWords.tokens {
		if e.inProse[i] {
			continue
		}
		e.counts.add(p.textWords.tokens[i].hash ^ 0x1b873593)
		if n++; n >= codeTokens {
			break
		}
	}
	e.counts.fill(b)
}

// shape tells what the report looks like and which cues are in it.
func (e *scratch) shape(p *report, b *block, k kind) {
	on := func(id uint32) { b.features = append(b.features, feature{id * 0x9e3779b1, 64}) }
	sentences, last := 0, -1
	for i := range p.sentences {
		if !p.sentences[i].injected {
			sentences, last = sentences+1, i
		}
	}
	on(100 + uint32(log2(e.live)))
	on(120 + uint32(log2(sentences)))
	first := func(w *words) {
		if len(w.tokens) > 0 {
			on(w.tokens[0].hash | 1)
			if last := w.tokens[len(w.tokens)-1]; last.hash == hashQuestion {
				on(10)
			}
		}
	}
	first(&p.titleWords)
	if last >= 0 && p.sentences[last].part == triage.PartText {
		if s := p.sentences[last]; s.t1 > s.t0 && p.textWords.tokens[s.t1-1].hash == hashQuestion {
			on(11)
		}
		for _, s := range p.sentences {
			if s.part == triage.PartText && !s.injected && s.t1 > s.t0 {
				on(p.textWords.tokens[s.t0].hash ^ 0x55)
				break
			}
		}
	}
	questions := 0
	for _, s := range p.sentences {
		if s.part == triage.PartText && !s.injected && s.t1 > s.t0 && p.textWords.tokens[s.t1-1].hash == hashQuestion {
			questions++
		}
	}
	on(140 + uint32(log2(questions)))
	for i, f := range [...]bool{p.hasTrace, p.hasCode, p.hasSteps} {
		if f {
			on(20 + uint32(i))
		}
	}
	var seen, seenTitle, seenNot cue
	for _, h := range e.titleHits {
		if !h.negated {
			seenTitle |= h.cue
		}
	}
	for _, h := range e.textHits {
		if h.t0 > 3000 || e.injectedToken(h.t0) {
			continue
		}
		if h.negated {
			seenNot |= h.cue
		} else {
			seen |= h.cue
		}
	}
	for i := range uint32(numCues) {
		if seen&(1<<i) != 0 {
			on(200 + i)
		}
		if seenTitle&(1<<i) != 0 {
			on(240 + i)
		}
		if seenNot&(1<<i) != 0 {
			on(280 + i)
		}
	}
}

var hashQuestion = wordHash("?")

func log2(n int) int {
	k := 0
	for n > 0 {
		n >>= 1
		k++
	}
	return k
}
