package offline

import "github.com/iterateswarm/iterateswarm/internal/triage"

var roleOrder = [...]triage.SentenceRole{triage.RoleStep, triage.RoleObserved, triage.RoleExpected, triage.RoleOther}

// maxRoles bounds how many sentences get a role from the head.
const maxRoles = 200

// roles says of each sentence what it does in the report. A heading above it
// decides before the head does.
func (j *judgement) roles() {
	p := &j.report
	h := j.model.head("role")
	out := make([]triage.Sentence, 0, min(len(p.sentences), maxRoles))
	for i := range p.sentences {
		if len(out) == maxRoles {
			break
		}
		s := &p.sentences[i]
		out = append(out, triage.Sentence{Part: s.part, Start: s.start, End: s.end, Role: j.role(h, s)})
	}
	j.verdict.Sentences = out
}

func (j *judgement) role(h *head, s *span) triage.SentenceRole {
	if s.injected {
		return triage.RoleOther
	}
	p := &j.report
	if s.line >= 0 {
		l := &p.lines[s.line]
		switch l.under {
		case stepsTopic:
			if l.listed || l.numbered {
				return triage.RoleStep
			}
		case expectedTopic:
			return triage.RoleExpected
		case observedTopic:
			return triage.RoleObserved
		}
	}
	if h == nil {
		return triage.RoleOther
	}
	j.roleVector(s)
	var score [4]float64
	h.score(&j.vector, spaceNone, 0, score[:])
	best := 0
	for i := range score {
		if score[i] > score[best] {
			best = i
		}
	}
	return roleOrder[best]
}

// roleVector lays out one sentence for the head.
func (j *judgement) roleVector(s *span) {
	p := &j.report
	w := &p.textWords
	if s.part == triage.PartTitle {
		w = &p.titleWords
	}
	j.counts.reset()
	j.counts.addWords(w, s.t0, min(s.t1, s.t0+80), allGrams)
	j.vector.reset()
	j.counts.fill(j.vector.open(1))
	b := j.vector.open(0.4)
	on := func(id uint32) { b.features = append(b.features, feature{id * 0x9e3779b1, 64}) }
	on(1 + uint32(log2(s.t1-s.t0)))
	if s.t1 > s.t0 {
		on(w.tokens[s.t0].hash | 1)
		if s.t1 > s.t0+1 {
			on(pair(w.tokens[s.t0].hash, w.tokens[s.t0+1].hash) | 1)
		}
	}
	if s.line >= 0 {
		l := &p.lines[s.line]
		if l.numbered || l.body > l.start {
			on(30)
		}
	}
}
