package offline

import (
	"slices"

	"github.com/iterateswarm/iterateswarm/internal/triage"
)

// Risks are the probabilities behind the flags.
type Risks struct {
	Spam      float64 `json:"spam"`
	Toxic     float64 `json:"toxic"`   // insults and hate, as in social media
	Uncivil   float64 `json:"uncivil"` // bitter or heated, as in issue threads
	Injection float64 `json:"injection"`
}

// Positions in the head "risk".
const (
	atSpam = iota
	atToxic
	atUncivil
	atInjection
)

// Risks returns the numbers that the flags of a verdict are cut from.
func (e *Engine) Risks(it triage.Item) Risks {
	s := e.pool.Get().(*scratch)
	defer e.pool.Put(s)
	m := e.model()
	s.read(it, m)
	j := judgement{scratch: s, model: m, item: it}
	return j.risks()
}

func (j *judgement) risks() Risks {
	var r Risks
	if h := j.model.head("risk"); h != nil {
		j.riskVector()
		var s [4]float64
		h.score(&j.vector, spaceNone, 0, s[:])
		r.Spam = round5(j.model.Calibration["spam"].binary(s[atSpam]))
		r.Toxic = round5(j.model.Calibration["toxic"].binary(s[atToxic]))
		r.Uncivil = round5(j.model.Calibration["uncivil"].binary(s[atUncivil]))
		r.Injection = round5(j.model.Calibration["injection"].binary(s[atInjection]))
	}
	return r
}

func round5(x float64) float64 { return float64(int64(x*1e5+0.5)) / 1e5 }

// riskVector reads the first 300 words with their characters, and how loudly
// they are written.
func (j *judgement) riskVector() {
	p := &j.report
	j.vector.reset()
	j.counts.reset()
	j.counts.addWords(&p.titleWords, 0, len(p.titleWords.tokens), allGrams)
	j.counts.addWords(&p.textWords, 0, min(300, len(p.textWords.tokens)), allGrams)
	j.counts.fill(j.vector.open(1))
	b := j.vector.open(0.5)
	on := func(id uint32) { b.features = append(b.features, feature{id*0x9e3779b1 ^ 0x7f4a7c15, 64}) }
	text := p.text[:min(len(p.text), 2000)]
	upper, lower, digits, marks := 0, 0, 0, 0
	for i := range len(text) {
		switch c := text[i]; {
		case c >= 'A' && c <= 'Z':
			upper++
		case c >= 'a' && c <= 'z':
			lower++
		case c >= '0' && c <= '9':
			digits++
		case c == '!':
			marks++
		}
	}
	on(1 + uint32(8*upper/max(1, upper+lower)))
	on(20 + uint32(log2(digits)))
	on(40 + uint32(min(4, marks)))
	on(60 + uint32(log2(len(text))))
	seen := cue(0)
	for _, hits := range [...][]hit{j.titleHits, j.textHits} {
		for _, h := range hits {
			seen |= h.cue
		}
	}
	for i, c := range [...]cue{cueSpam, cueInsult, cueInject, cueRequest, cueBroken, cueCrash} {
		if seen&c != 0 {
			on(100 + uint32(i))
		}
	}
}

// flags sets what a reviewer should know and returns the numbers behind it. A
// flag changes no other field.
func (j *judgement) flags() Risks {
	r := j.risks()
	t := j.model.Thresholds
	var seen cue
	count := 0
	for _, hits := range [...][]hit{j.titleHits, j.textHits} {
		for _, h := range hits {
			seen |= h.cue
			if h.cue&cueSpam != 0 {
				count++
			}
		}
	}
	f := []string{}
	if r.Spam > threshold(t, "spam", 0.5) || count >= 2 {
		f = append(f, triage.FlagSpam)
	}
	if r.Toxic > threshold(t, "toxic", 0.5) || r.Uncivil > threshold(t, "uncivil", 0.5) {
		f = append(f, triage.FlagToxic)
	}
	if seen&cueInject != 0 || r.Injection > threshold(t, "injection", 0.5) {
		f = append(f, triage.FlagInjection)
	}
	j.verdict.Flags = slices.Clip(f)
	return r
}

func threshold(t map[string]float64, name string, otherwise float64) float64 {
	if x, ok := t[name]; ok {
		return x
	}
	return otherwise
}
