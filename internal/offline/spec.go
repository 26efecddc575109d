package offline

import (
	"strings"

	"github.com/iterateswarm/iterateswarm/internal/triage"
)

// NotStated is the only step of a bug whose report tells none.
const NotStated = "Not stated in the report: ask the reporter how to reproduce it."

// spec drafts the issue: every line is quoted or says what is missing.
func (j *judgement) spec() {
	v, p := j.verdict, &j.report
	var from span
	v.Title, from = j.title()
	if from.end > from.start {
		j.evidence("title", from.part, from.start, from.end)
	}
	j.steps()
	v.Environment = environment(p)
	v.Criteria = j.criteria()
	v.Components = j.components()
	v.Labels = j.labels()
	j.missing()
	j.applyNames()
}

const (
	maxSteps  = 12
	maxStep   = 240
	maxQuoted = 300
)

func (j *judgement) steps() {
	v, p := j.verdict, &j.report
	v.Steps = []string{}
	for i, s := range v.Sentences {
		src := &p.sentences[i]
		if src.injected || s.Role == triage.RoleOther {
			continue
		}
		text := plain(cutAt(j.partText(s.Part)[s.Start:s.End], 2000))
		switch s.Role {
		case triage.RoleStep:
			if (v.Class == triage.Bug || j.verdict.Class == triage.Question) && len(v.Steps) < maxSteps && s.Part == triage.PartText && len(text) > 2 && !strings.HasSuffix(text, "?") {
				v.Steps = append(v.Steps, clip(text, maxStep))
				if len(v.Steps) <= 6 {
					j.evidence("steps", s.Part, s.Start, s.End)
				}
			}
		case triage.RoleObserved:
			if v.Observed == "" && v.Class == triage.Bug {
				v.Observed = clip(text, maxQuoted)
				j.evidence("observed", s.Part, s.Start, s.End)
			}
		case triage.RoleExpected:
			if v.Expected == "" && v.Class == triage.Bug {
				v.Expected = clip(text, maxQuoted)
				j.evidence("expected", s.Part, s.Start, s.End)
			}
		}
	}
	if v.Class != triage.Bug {
		if v.Class != triage.Question || len(v.Steps) < 2 {
			v.Steps = []string{}
		}
		return
	}
	if v.Observed == "" {
		if s := j.problemSentence(); s != nil {
			v.Observed = clip(plain(j.partText(s.part)[s.start:s.end]), maxQuoted)
			j.evidence("observed", s.part, s.start, s.end)
		}
	}
	if len(v.Steps) == 0 {
		if s := j.whenClause(); s != "" {
			v.Steps = []string{s}
		} else {
			v.Steps = []string{NotStated}
		}
	}
}

func (j *judgement) partText(p triage.Part) string {
	if p == triage.PartTitle {
		return j.report.title
	}
	return j.report.text
}

// problemSentence is the first sentence with an unnegated problem in it.
func (j *judgement) problemSentence() *span {
	p := &j.report
	var weak *span
	for i := range p.sentences {
		s := &p.sentences[i]
		if s.injected {
			continue
		}
		hits := j.textHits
		if s.part == triage.PartTitle {
			hits = j.titleHits
		}
		for _, h := range hitsIn(hits, s) {
			if h.negated {
				continue
			}
			if h.cue&(serious|cueBroken|cueSlow|cueHarm) != 0 {
				return s
			}
			if h.cue&cueSymptom != 0 && weak == nil {
				weak = s
			}
		}
	}
	return weak
}

// whenClause turns "crashes when I click the login button" into the step
// "Click the login button". It returns "" when no such clause is there.
func (j *judgement) whenClause() string {
	s := j.problemSentence()
	if s == nil {
		return ""
	}
	text := plain(cutAt(j.partText(s.part)[s.start:s.end], 600))
	low := strings.ToLower(text)
	if len(low) != len(text) {
		return ""
	}
	for _, w := range [...]string{"when i ", "when you ", "when we ", "if i ", "if you ", "whenever i ", "after i ", "every time i ", "each time i ", "as soon as i ", "once i ", "when trying to ", "when "} {
		i := strings.Index(low, w)
		if i < 0 || i > 0 && low[i-1] != ' ' {
			continue
		}
		rest := text[i+len(w):]
		if c := strings.IndexAny(rest, ",.;!?"); c > 0 {
			rest = rest[:c]
		}
		rest = strings.TrimPrefix(strings.TrimPrefix(strings.TrimSpace(rest), "try to "), "am ")
		if len(rest) < 4 {
			return ""
		}
		if w == "when " {
			rest = "When " + rest
		}
		j.evidence("steps", s.part, s.start, s.end)
		return clip(strings.ToUpper(rest[:1])+rest[1:], maxStep)
	}
	return ""
}

// criteria says how a person can see that the work is done.
func (j *judgement) criteria() []string {
	v := j.verdict
	out := []string{}
	switch v.Class {
	case triage.Bug:
		what := v.Observed
		if what == "" {
			what = v.Title
		}
		if len(v.Steps) > 0 && v.Steps[0] != NotStated {
			out = append(out, "Following the steps above, this no longer happens: “"+clip(what, 160)+"”")
		} else {
			out = append(out, "This no longer happens: “"+clip(what, 160)+"”")
		}
		if v.Expected != "" {
			out = append(out, "As the reporter expects: “"+clip(v.Expected, 160)+"”")
		}
		if e := where(v.Environment); e != "" {
			out = append(out, "Checked on "+e)
		}
	case triage.Feature:
		out = append(out, "A user can see that this request is met: “"+clip(v.Title, 160)+"”")
		for i, s := range v.Sentences {
			if len(out) >= 4 {
				break
			}
			if s.Part != triage.PartText || j.report.sentences[i].injected {
				continue
			}
			for _, h := range hitsIn(j.textHits, &j.report.sentences[i]) {
				if h.cue&cueRequest != 0 {
					if t := clip(plain(cutAt(j.report.text[s.Start:s.End], 600)), 160); !strings.Contains(strings.ToLower(t), strings.ToLower(strings.TrimRight(v.Title, "…."))) {
						out = append(out, "As requested: “"+t+"”")
					}
					break
				}
			}
		}
	}
	return out
}

func where(env map[string]string) string {
	var parts []string
	for _, k := range [...]string{"device", "os", "browser", "version"} {
		if env[k] == "" {
			continue
		}
		if k == "version" {
			parts = append(parts, "version "+env[k])
		} else {
			parts = append(parts, env[k])
		}
	}
	return strings.Join(parts, ", ")
}

func (j *judgement) missing() {
	v := j.verdict
	v.Missing = []string{}
	if v.Class != triage.Bug {
		return
	}
	if len(v.Steps) == 1 && v.Steps[0] == NotStated {
		v.Missing = append(v.Missing, "steps to reproduce")
	}
	if v.Expected == "" {
		v.Missing = append(v.Missing, "expected behaviour")
	}
	if v.Environment["version"] == "" {
		v.Missing = append(v.Missing, "version")
	}
	if v.Environment["os"] == "" && v.Environment["browser"] == "" && v.Environment["device"] == "" {
		v.Missing = append(v.Missing, "device, operating system or browser")
	}
}

// evidence adds an offset pair when it is not empty.
func (j *judgement) evidence(field string, part triage.Part, start, end int) {
	if start < end && end <= len(j.partText(part)) {
		j.verdict.Evidence = append(j.verdict.Evidence, triage.Evidence{Field: field, Part: part, Start: start, End: end})
	}
}

// clip cuts s to n characters at a border of words.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	s = cutAt(s, n)
	if i := strings.LastIndexByte(s, ' '); i > n/2 {
		s = s[:i]
	}
	return strings.TrimRight(s, " ,;:") + "…"
}
