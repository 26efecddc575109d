// Package offline is the engine without a model server: it judges an item with
// hashed linear models whose weights are embedded in the binary, and with rules
// that a person can read. The same text gives the same verdict, bit for bit, on
// every machine.
//
// Judge takes the report apart (parse.go, sentences.go, token.go), looks for
// phrases it knows (cues.go, lexicon.go), and fills the verdict field by field:
// class.go, severity.go, roles.go, flags.go, title.go, spec.go, labels.go,
// environment.go, reason.go. The weights come from learn.go, which the command
// `go run ./eval train` feeds. MODEL.md says what they were trained on and
// docs/judgement.md why it is done this way.
package offline

import (
	_ "embed"
	"sync"

	"github.com/iterateswarm/iterateswarm/internal/triage"
)

//go:generate sh -c "test -n \"$ITERATESWARM_DATA\" && cd ../.. && go run ./eval train --data \"$ITERATESWARM_DATA\""

//go:embed weights.bin
var embedded []byte

// Engine judges items. It has no state that changes and may be used by many
// goroutines at once.
type Engine struct {
	model func() *model
	pool  sync.Pool
}

// New returns the engine with the embedded weights. They are decoded at the
// first use, so New costs nothing.
func New() *Engine {
	return newEngine(sync.OnceValue(func() *model {
		m, err := decodeModel(embedded)
		if err != nil {
			m = new(model) // a build whose weights were never trained: rules only
			m.version = "none"
			m.index()
		}
		return m
	}))
}

// Open returns an engine with weights that Train made.
func Open(weights []byte) (*Engine, error) {
	m, err := decodeModel(weights)
	if err != nil {
		return nil, err
	}
	return newEngine(func() *model { return m }), nil
}

func newEngine(m func() *model) *Engine {
	e := &Engine{model: m}
	e.pool.New = func() any { return new(scratch) }
	return e
}

// Version names the weights by their hash.
func (e *Engine) Version() string { return e.model().version }

// scratch is the memory of one call of Judge.
type scratch struct {
	report    report
	language  string
	titleHits []hit
	textHits  []hit
	inProse   []bool // by token of the text
	injected  []bool // by token of the text
	live      int    // tokens of the text that do not talk to the engine
	counts    counter
	vector    vector

	nameScores []float64
}

// Judge gives the verdict on an item. It never fails: text that nobody could
// read gets a verdict with low confidence.
func (e *Engine) Judge(it triage.Item) triage.Verdict {
	v, _ := e.judge(nil, it)
	return v
}

func (e *Engine) judge(l *Layer, it triage.Item) (triage.Verdict, Risks) {
	s := e.pool.Get().(*scratch)
	defer e.pool.Put(s)
	m := e.model()
	s.read(it, m)
	v := triage.Verdict{Engine: "offline", EngineVersion: m.version, Language: s.language}
	j := judgement{scratch: s, model: m, layer: l, item: it, verdict: &v}
	if l != nil {
		v.EngineVersion += "+" + l.version
	}
	j.class()
	j.roles()
	j.severity()
	risks := j.flags()
	j.spec()
	j.reason()
	return v, risks
}

// judgement is one verdict in the making.
type judgement struct {
	*scratch
	model   *model
	layer   *Layer // nil: the shipped weights alone
	item    triage.Item
	verdict *triage.Verdict
	probs   [4]float64 // in the order of triage.Classes
	taught  [8]float64 // what the layer adds to the log odds; see deltas
}

// read takes the item apart and finds the known phrases in it.
func (e *scratch) read(it triage.Item, m *model) {
	p := &e.report
	p.parse(it, m.isTemplate)
	t := phrases()
	e.titleHits = t.find(p.titleWords.tokens, e.titleHits[:0])
	negate(e.titleHits, p.titleWords.tokens)
	e.textHits = t.find(p.textWords.tokens, e.textHits[:0])
	negate(e.textHits, p.textWords.tokens)
	e.markInjected(p)
	e.language = detectLanguage(&p.titleWords, &p.textWords, e.inProse)
}

// markInjected takes what talks to the engine out of the judgement: from the
// first such phrase to the end of its sentence. The words before it stay.
func (e *scratch) markInjected(p *report) {
	n := len(p.textWords.tokens)
	e.inProse, e.injected = grown(e.inProse, n), grown(e.injected, n)
	e.live = n
	for i := 0; i < len(p.sentences); i++ {
		q := &p.sentences[i]
		if q.part != triage.PartText {
			continue
		}
		for t := q.t0; t < q.t1; t++ {
			e.inProse[t] = true
		}
		from := -1
		for _, h := range hitsIn(e.textHits, q) {
			if h.cue&cueInject != 0 {
				from = h.t0
				break
			}
		}
		if from < 0 {
			continue
		}
		for t := from; t < q.t1; t++ {
			e.injected[t] = true
		}
		e.live -= q.t1 - from
		if from-q.t0 < 3 || len(p.sentences) >= 2*maxSentences {
			q.injected = true
			continue
		}
		rest := *q
		rest.start, rest.t0, rest.injected = int(p.textWords.tokens[from].start), from, true
		q.end, q.t1 = int(p.textWords.tokens[from-1].end), from
		p.sentences = append(p.sentences, span{})
		copy(p.sentences[i+2:], p.sentences[i+1:])
		p.sentences[i+1] = rest
		i++
	}
}

func (e *scratch) injectedToken(t int) bool { return t < len(e.injected) && e.injected[t] }

func grown(b []bool, n int) []bool {
	if cap(b) < n {
		return make([]bool, n)
	}
	b = b[:n]
	clear(b)
	return b
}
