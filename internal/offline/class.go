package offline

import (
	"math"

	"github.com/iterateswarm/iterateswarm/internal/triage"
)

const serious = cueCrash | cueLoss | cueSecurity | cueMoney | cueBlocked

// class fills class, probabilities and confidence.
func (j *judgement) class() {
	k := j.kind(&j.report)
	scores := j.probs[:]
	j.scores(k, scores)
	if j.layer != nil {
		j.layer.read(&j.vector, j.item.Source, &j.taught)
	}
	j.rules(k, scores)
	j.windows(k, scores)
	if j.layer != nil {
		shiftAll(scores, j.taught[atClass:atClass+4])
		j.layer.places[j.item.Source].recal[ClassField].apply(scores)
	}
	best := 0
	j.verdict.Probabilities = make(map[triage.Class]float64, len(triage.Classes))
	rest := 1.0
	for i := range scores {
		scores[i] = math.Round(scores[i]*1e5) / 1e5
		if scores[i] > scores[best] {
			best = i
		}
	}
	for i, c := range triage.Classes {
		if i != best {
			rest -= scores[i]
		}
		j.verdict.Probabilities[c] = scores[i]
	}
	rest = math.Round(rest*1e5) / 1e5
	j.verdict.Class = triage.Classes[best]
	j.verdict.Probabilities[j.verdict.Class] = rest
	j.verdict.Confidence = max(rest, 1e-5)
}

// scores writes the calibrated probabilities of the class head.
func (j *judgement) scores(k kind, out []float64) {
	j.classVector(&j.report, &j.vector)
	h := j.model.head(classHeads[k])
	if h == nil {
		copy(out, []float64{0.25, 0.25, 0.25, 0.25})
		return
	}
	h.score(&j.vector, k.spaces(), k.general(), out)
	j.model.calibrated("class", j.place(k)).apply(out)
}

// place names the calibration of a kind: what a sure answer is worth depends on
// where people write.
func (j *judgement) place(k kind) string {
	if k == kindShort && j.report.channel != triage.ChannelReview {
		return "chat"
	}
	return kindNames[k]
}

func (m *model) calibrated(head, place string) calibration {
	if c, ok := m.Calibration[head+"/"+place]; ok {
		return c
	}
	return calibration{A: []float64{2, 2, 2, 2}, B: []float64{0, 0, 0, 0}}
}

var kindNames = [numKinds]string{"short", "issue", "title", "foreign"}

var classHeads = [numKinds]string{"class/short", "class/issue", "class/title", "class/foreign"}

// Positions in the probability vector.
const (
	atBug = iota
	atFeature
	atQuestion
	atNoise
)

// rules corrects the head where the training sets are silent. Reviews, which
// make up most short training text, ask no questions.
func (j *judgement) rules(k kind, p []float64) {
	if k == kindIssue {
		return
	}
	seen := j.cues()
	words := 0
	for i, t := range j.report.textWords.tokens {
		if t.kind != markToken && !j.injected[i] {
			words++
		}
	}
	words += len(j.report.titleWords.tokens)
	// The head has seen thousands of reviews; there the rules only nudge.
	nudge := 1.0
	if j.report.channel == triage.ChannelReview {
		nudge = 0.5
	}
	switch {
	case words == 0:
		shift(p, atNoise, 4)
		return
	case seen&(cueCrash|cueLoss) != 0 && words < 60:
		shift(p, atBug, 3*nudge)
	case seen&serious != 0 && words < 60:
		shift(p, atBug, 1.5*nudge)
	}
	if seen&cueMinor != 0 && j.report.channel == triage.ChannelReview {
		shift(p, atBug, 1.1)
	}
	if seen&cueBroken != 0 && seen&(cueCrash|cueLoss|cueMinor) == 0 && j.report.channel == triage.ChannelReview && words < 60 {
		shift(p, atBug, 0.8)
	}
	if j.report.channel != triage.ChannelReview && words < 60 {
		// People who write to a team want something more often than reviewers do.
		if seen&(cueBroken|cueMinor) != 0 {
			shift(p, atBug, 1)
		}
		if seen&(cueBroken|cueMinor|cueSymptom|cueSlow|cueRequest|cueQuestion|serious) != 0 && seen&(cueThanks|cuePraise) == 0 {
			shift(p, atNoise, -1)
		}
	}
	if !j.asks() {
		return
	}
	switch {
	case seen&cueCause != 0 && seen&(cueHarm|serious) != 0:
		shift(p, atBug, 3)
	case seen&(serious|cueBroken) != 0:
	case seen&cueRequest != 0 && p[atFeature] > p[atQuestion]/2: // "could you add …?"
	default:
		shift(p, atQuestion, 1.5)
	}
}

// shift multiplies the odds of one class by e^by.
func shift(p []float64, at int, by float64) {
	p[at] *= math.Exp(by)
	sum := 0.0
	for _, x := range p {
		sum += x
	}
	for i := range p {
		p[i] /= sum
	}
}

// cues collects the meanings found outside injected sentences and not negated.
func (j *judgement) cues() cue {
	var seen cue
	for _, h := range j.titleHits {
		if !h.negated {
			seen |= h.cue
		}
	}
	for _, h := range j.textHits {
		if !h.negated && !j.injectedToken(h.t0) && j.inProse[h.t0] {
			seen |= h.cue
		}
	}
	return seen
}

// asks reports whether the message ends with a question mark or one of its
// sentences begins as a question.
func (j *judgement) asks() bool {
	p := &j.report
	last := len(p.sentences) - 1
	for last > 0 && p.sentences[last].injected {
		last--
	}
	for i := range p.sentences {
		s := &p.sentences[i]
		w, hits := &p.textWords, j.textHits
		if s.part == triage.PartTitle {
			w, hits = &p.titleWords, j.titleHits
		}
		if s.injected || s.t1 <= s.t0 {
			continue
		}
		if i == last && w.tokens[s.t1-1].hash == hashQuestion {
			return true
		}
		for _, h := range hits {
			if h.t0 >= s.t0 && h.t0 <= s.t0+2 && h.t1 <= s.t1 && h.cue&cueQuestion != 0 && (h.t0 == s.t0 || w.tokens[s.t1-1].hash == hashQuestion) {
				return true
			}
		}
	}
	return false
}

// windows looks at single sentences of a long text: a crash that is told after
// nine thousand characters of something else is still a crash.
func (j *judgement) windows(k kind, p []float64) {
	if p[atBug] > 0.5 || len(j.report.textWords.tokens) < 120 || k == kindIssue && len(j.report.textWords.tokens) < 600 {
		return
	}
	h := j.model.head(classHeads[kindShort])
	if h == nil {
		return
	}
	looked := 0
	for _, x := range j.textHits {
		if x.cue&serious == 0 || x.negated || !j.inProse[x.t0] || j.injected[x.t0] {
			continue
		}
		s := j.sentenceAt(x.t0)
		if s == nil {
			continue
		}
		if looked++; looked > 8 {
			return
		}
		v := &j.vector
		v.reset()
		v.open(0)
		for _, g := range [...]grams{shortGrams, charGrams} {
			j.counts.reset()
			j.counts.addWords(&j.report.textWords, max(s.t0, x.t0-30), min(s.t1, x.t0+30), g)
			j.counts.fill(v.open(0.9))
		}
		var q [4]float64
		h.score(v, kindShort.spaces(), kindShort.general(), q[:])
		j.model.calibrated("class", j.place(kindShort)).apply(q[:])
		shift(q[:], atBug, 1.5)
		if q[atBug] > 0.6 && q[atBug] > p[atBug] {
			copy(p, q[:])
		}
	}
}

func (e *scratch) sentenceAt(t int) *span {
	lo, hi := 0, len(e.report.sentences)
	for lo < hi {
		mid := (lo + hi) / 2
		q := &e.report.sentences[mid]
		if q.part == triage.PartTitle || q.t1 <= t {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if lo < len(e.report.sentences) && e.report.sentences[lo].t0 <= t {
		return &e.report.sentences[lo]
	}
	return nil
}
