package offline

import (
	"math"
	"strings"

	"github.com/iterateswarm/iterateswarm/internal/triage"
)

// severity mixes a weak prior, learned from tracker summaries, with rules. The
// words "critical" and "urgent" of the reporter count nothing: the definitions
// in package triage ask what happened, not how loudly it is said.
func (j *judgement) severity() {
	var logit [4]float64
	j.severityLogits(&logit)
	for i := range logit {
		logit[i] += j.taught[atSeverity+i]
	}
	softmax(logit[:])
	if j.layer != nil {
		j.layer.places[j.item.Source].recal[SeverityField].apply(logit[:])
	}
	best := 0
	rest := 1.0
	for i := range logit {
		logit[i] = math.Round(logit[i]*1e5) / 1e5
		if logit[i] > logit[best] {
			best = i
		}
	}
	j.verdict.SeverityProbs = make(map[triage.Severity]float64, 4)
	for i, s := range triage.Severities {
		j.verdict.SeverityProbs[s] = logit[i]
		if i != best {
			rest -= logit[i]
		}
	}
	j.verdict.Severity = triage.Severities[best]
	j.verdict.SeverityProbs[j.verdict.Severity] = math.Round(rest*1e5) / 1e5
}

// severityLogits are the log odds of the shipped weights and the rules for
// critical, high, medium and low. They depend on the verdict's class.
func (j *judgement) severityLogits(logit *[4]float64) {
	k := j.kind(&j.report)
	prior := 0.35
	if j.summary(k) {
		prior = 1
	}
	if h := j.model.head("severity"); h != nil && k != kindForeign {
		j.severityVector()
		h.score(&j.vector, spaceNone, 0, logit[:])
		j.model.calibrated("severity", "title").apply(logit[:])
		for i := range logit {
			logit[i] = prior * math.Log(logit[i]+1e-4)
		}
	}
	j.boost(k, logit)
}

// denied reports whether the text says that something serious did not happen.
func (j *judgement) denied() bool {
	for _, hits := range [...][]hit{j.titleHits, j.textHits} {
		for _, h := range hits {
			if h.negated && h.cue&(serious|cueLoss|cueSecurity) != 0 {
				return true
			}
		}
	}
	return false
}

// summary reports whether the item is one line of a tracker, the kind of text
// that the prior was learned from.
func (j *judgement) summary(k kind) bool {
	return k == kindTitle || k == kindShort && j.report.channel == triage.ChannelIssue
}

var spaceNone = []uint32{0, 0, 0, 0}

// severityVector reads the title, and the sentences that state a problem.
func (j *judgement) severityVector() {
	p := &j.report
	j.counts.reset()
	j.counts.addWords(&p.titleWords, 0, len(p.titleWords.tokens), allGrams)
	if len(p.titleWords.tokens) == 0 {
		j.addSentences(p, 40, allGrams)
	}
	j.vector.reset()
	j.counts.fill(j.vector.open(1))
	b := j.vector.open(0.8)
	on := func(id uint32) { b.features = append(b.features, feature{id*0x9e3779b1 ^ 0x51ed270b, 64}) }
	text := p.title
	if text == "" {
		text = cutAt(p.text, 400)
	}
	for i, mark := range [...]string{"[@", "::", "()", "[", "\"", "...", "<", "=", "/", "->", "?", "!", ".cpp", ".js"} {
		if strings.Contains(text, mark) {
			on(uint32(i))
		}
	}
	on(40 + uint32(len(text)/16))
	loud := 0
	for w := range strings.FieldsSeq(text) {
		if len(w) > 3 && strings.ToUpper(w) == w && strings.ToLower(w) != w {
			loud++
		}
	}
	on(80 + uint32(min(loud, 3)))
	seen := j.cues()
	for i := range uint32(numCues) {
		if seen&(1<<i) != 0 {
			on(100 + i)
		}
	}
	if w := p.titleWords.tokens; len(w) > 1 {
		on(w[0].hash | 1)
		on(w[len(w)-1].hash &^ 1)
	}
}

// boost adds what the rules know, in log odds.
func (j *judgement) boost(k kind, l *[4]float64) {
	seen := j.cues()
	const critical, high, medium, low = 0, 1, 2, 3
	strength := 1.0
	if j.summary(k) {
		strength = 0.25
	}
	minor := seen&cueMinor != 0 && seen&(cueLoss|cueSecurity) == 0 && seen&(cueCrash|cueBlocked|cueMoney) == 0
	switch j.verdict.Class {
	case triage.Feature:
		if k != kindTitle {
			l[low] += 2.5
			l[medium] += 2.2
			l[high] -= 3
			l[critical] -= 6
		}
		return
	case triage.Noise:
		if !j.summary(k) {
			l[low] += 5
		}
		return
	case triage.Question:
		if seen&(cueLoss|cueSecurity|cueMoney) != 0 && k != kindIssue {
			l[high] += 2
			l[medium] += 2
			return
		}
		if k != kindTitle {
			l[low] += 4
			l[medium] += 1.5
			l[critical] -= 3
		}
		return
	}
	switch {
	case minor:
		l[low] += 4 * strength
		l[medium] += 1.5 * strength
		l[critical] -= 3 * strength
		l[high] -= 1.5 * strength
		if j.denied() {
			l[low] += 2 // "no data loss, just …"
		}
	case seen&(cueLoss|cueSecurity) != 0:
		l[critical] += 5 * strength
		l[high] += 2 * strength
	case seen&cueCause != 0 && seen&cueHarm != 0:
		l[high] += 4 * strength
		l[critical] += 3 * strength
	case seen&(cueBlocked|cueCrash|cueMoney) != 0 && seen&cueMany != 0:
		l[critical] += 4.5 * strength
		l[high] += 3 * strength
	case seen&cueCrash != 0:
		l[high] += 4 * strength
		l[critical] += 3 * strength
	case seen&(cueBlocked|cueMoney) != 0:
		l[high] += 4 * strength
		l[critical] += 1.5 * strength
	case seen&cueBroken != 0:
		l[medium] += 2.2 * strength
		l[high] += 1.2 * strength
		if seen&cueMany != 0 {
			l[high] += 2.5 * strength
		}
	default:
		l[medium] += 2 * strength
		l[low] += 0.5 * strength
	}
	if seen&cueDetour != 0 && seen&(cueLoss|cueSecurity|cueCrash) == 0 {
		l[medium] += 1 * strength
		l[critical] -= 1 * strength
	}
}
