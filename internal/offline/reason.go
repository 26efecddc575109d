package offline

import (
	"fmt"
	"strings"

	"github.com/iterateswarm/iterateswarm/internal/triage"
)

// cuesOf are the cues that speak for a class.
var cuesOf = map[triage.Class]cue{
	triage.Bug:      serious | cueBroken | cueSymptom | cueSlow | cueHarm | cueMinor,
	triage.Feature:  cueRequest,
	triage.Question: cueQuestion,
	triage.Noise:    cuePraise | cueThanks | cueGreeting | cueSpam | cueInsult,
}

// reason quotes the words behind class and severity, and marks where they are.
func (j *judgement) reason() {
	v := j.verdict
	quote := j.quote("class", cuesOf[v.Class], v.Class == triage.Bug)
	var b strings.Builder
	fmt.Fprintf(&b, "Reads as %s", article(v.Class))
	switch {
	case quote != "":
		fmt.Fprintf(&b, ": “%s”.", quote)
	default:
		if s := j.firstSentence(); s != nil {
			j.evidence("class", s.part, s.start, s.end)
			fmt.Fprintf(&b, " by its wording as a whole: “%s”.", clip(oneLine(j.partText(s.part)[s.start:s.end]), 80))
		} else {
			b.WriteString("; there are no words in it to go by.")
		}
	}
	if v.Class == triage.Bug || v.Class == triage.Question && v.Severity.Rank() > 2 {
		strong := j.quote("severity", severityCues(v.Severity), true)
		if strong != "" {
			fmt.Fprintf(&b, " Severity %s because of “%s”.", v.Severity, strong)
		} else {
			fmt.Fprintf(&b, " Severity %s: nothing in the text points higher or lower.", v.Severity)
		}
	}
	v.Reasoning = b.String()
	if v.Evidence == nil {
		v.Evidence = []triage.Evidence{}
	}
}

func article(c triage.Class) string {
	switch c {
	case triage.Bug:
		return "a bug"
	case triage.Feature:
		return "a feature request"
	case triage.Question:
		return "a question"
	}
	return "noise"
}

func severityCues(s triage.Severity) cue {
	switch s {
	case triage.Critical, triage.High:
		return serious | cueMany | cueHarm
	case triage.Medium:
		return cueBroken | cueDetour | cueSlow | cueSymptom
	}
	return cueMinor
}

// quote finds the strongest phrase that carries one of the cues, records it as
// evidence and returns its words.
func (j *judgement) quote(field string, want cue, strongest bool) string {
	type found struct {
		part       triage.Part
		start, end int
	}
	var best found
	top := 0
	look := func(part triage.Part, w *words, hits []hit) {
		for _, h := range hits {
			if h.negated || h.cue&want == 0 || h.t1 <= h.t0 {
				continue
			}
			if part == triage.PartText && (j.injected[h.t0] || !j.inProse[h.t0]) {
				continue
			}
			rank := 1
			if strongest {
				switch c := h.cue & want; {
				case c&(cueLoss|cueSecurity) != 0:
					rank = 5
				case c&(cueCrash|cueBlocked|cueMoney) != 0:
					rank = 4
				case c&(cueBroken|cueHarm) != 0:
					rank = 3
				case c&cueMany != 0:
					rank = 2
				}
			}
			if rank > top {
				top, best = rank, found{part, int(w.tokens[h.t0].start), int(w.tokens[h.t1-1].end)}
			}
		}
	}
	look(triage.PartTitle, &j.report.titleWords, j.titleHits)
	look(triage.PartText, &j.report.textWords, j.textHits)
	if top == 0 {
		return ""
	}
	j.evidence(field, best.part, best.start, best.end)
	return clip(oneLine(j.partText(best.part)[best.start:best.end]), 80)
}

func (j *judgement) firstSentence() *span {
	for i := range j.report.sentences {
		if s := &j.report.sentences[i]; !s.injected && s.t1 > s.t0 {
			return s
		}
	}
	return nil
}
