package offline

// cue is a set of meanings that a phrase can have.
type cue uint32

const (
	cueCrash    cue = 1 << iota // stops running
	cueLoss                     // data is gone
	cueSecurity                 // somebody can see or do what he must not
	cueMoney                    // charged, paid, refunded wrongly
	cueBroken                   // something does not work
	cueBlocked                  // nothing works, for anybody
	cueMany                     // many people are met
	cueMinor                    // cosmetic
	cueDetour                   // there is a workaround
	cueSlow                     // slow, battery, memory
	cueNot                      // negates what follows
	cueRequest                  // asks for something new
	cueQuestion                 // asks for help
	cuePraise
	cueGreeting
	cueThanks
	cueInject  // talks to the engine, not to the team
	cueSpam    // advertises
	cueInsult  // attacks a person
	cueCause   // "stop it from", "prevent": what follows is a problem
	cueSymptom // cueBroken that is weaker: error, issue, problem
	cueHarm    // deletes, overwrites: harm when it is not wanted
	numCues    = iota
)

// hit is one phrase found in a text.
type hit struct {
	cue     cue
	t0, t1  int // tokens
	negated bool
}

// trie holds every phrase, word by word.
type trie struct {
	nodes []cue // what the phrase that ends here means
	next  map[trieEdge]int32
	first [1 << 12]uint64 // a bit for each first word: most words stop here
}

type trieEdge struct {
	node int32
	word uint32
}

// gapWord is the edge that stands for up to three words of any kind.
const gapWord = 0

func newTrie() *trie { return &trie{nodes: make([]cue, 1), next: make(map[trieEdge]int32)} }

// add enters a phrase; "~" in it stands for up to three words.
func (t *trie) add(phrase string, c cue) {
	var w words
	at := int32(0)
	for _, part := range splitGaps(phrase) {
		if part == "~" {
			at = t.step(at, gapWord)
			continue
		}
		w.tokens, w.runes = w.tokens[:0], w.runes[:0]
		w.split(part, 0)
		for _, tok := range w.tokens {
			if at == 0 {
				t.first[tok.hash>>6&0xfff] |= 1 << (tok.hash & 63)
			}
			at = t.step(at, tok.hash)
		}
	}
	t.nodes[at] |= c
}

// step follows an edge, and makes it when it is new.
func (t *trie) step(at int32, word uint32) int32 {
	e := trieEdge{at, word}
	n, ok := t.next[e]
	if !ok {
		n = int32(len(t.nodes))
		t.nodes = append(t.nodes, 0)
		t.next[e] = n
	}
	return n
}

func splitGaps(s string) []string {
	var out []string
	start := 0
	for i := 0; i < len(s); i++ {
		if s[i] == '~' {
			if start < i {
				out = append(out, s[start:i])
			}
			out = append(out, "~")
			start = i + 1
		}
	}
	return append(out, s[start:])
}

// find appends the longest phrase at each token to hits. It looks at most
// twelve words ahead, so the work is linear in the length of the text.
func (t *trie) find(tokens []token, hits []hit) []hit {
	for i := 0; i < len(tokens); i++ {
		h := tokens[i].hash
		if t.first[h>>6&0xfff]&(1<<(h&63)) == 0 {
			continue
		}
		n, ok := t.next[trieEdge{0, h}]
		if !ok {
			continue
		}
		if end, c := t.longest(n, tokens, i+1, 0); c != 0 {
			hits = append(hits, hit{cue: c, t0: i, t1: end})
		}
	}
	return hits
}

func (t *trie) longest(n int32, tokens []token, i, depth int) (int, cue) {
	end, best := i, t.nodes[n]
	if depth > 11 {
		return end, best
	}
	if i < len(tokens) {
		if m, ok := t.next[trieEdge{n, tokens[i].hash}]; ok {
			if e, c := t.longest(m, tokens, i+1, depth+1); c != 0 {
				return e, c
			}
		}
	}
	gap, ok := t.next[trieEdge{n, gapWord}]
	if !ok {
		return end, best
	}
	for s := i; s <= i+3 && s < len(tokens); s++ {
		m, ok := t.next[trieEdge{gap, tokens[s].hash}]
		if !ok {
			continue
		}
		if e, c := t.longest(m, tokens, s+1, depth+1); c != 0 {
			return e, c
		}
	}
	return end, best
}

// negate marks the hits that a "no" or "not" up to four words before them
// takes back. Only cues that state a problem can be negated.
func negate(hits []hit, tokens []token) {
	const problems = cueCrash | cueLoss | cueSecurity | cueMoney | cueBroken | cueBlocked | cueSlow | cueSymptom | cueHarm
	for i := range hits {
		if hits[i].cue&problems == 0 {
			continue
		}
		for j := i - 1; j >= 0 && hits[i].t0-hits[j].t1 <= 3; j-- {
			if hits[j].cue&cueNot == 0 || hits[j].t1 > hits[i].t0 {
				continue
			}
			if hits[i].t0 < len(tokens) && hits[j].t1 > 0 && tokens[hits[i].t0].start-tokens[hits[j].t1-1].end < 40 && !markBetween(tokens[hits[j].t1:hits[i].t0]) {
				hits[i].negated = true
			}
			break
		}
	}
}

func markBetween(tokens []token) bool {
	for i := range tokens {
		if tokens[i].kind == markToken {
			return true
		}
		if i > 0 && tokens[i].start-tokens[i-1].end > 1 {
			return true // a comma, a full stop
		}
	}
	return false
}
