package offline

import (
	"slices"
	"strings"
	"sync"

	"github.com/iterateswarm/iterateswarm/internal/triage"
)

// labelWords are the names projects give to the classes and severities.
var labelWords = map[string][]string{
	"bug":      {"bug", "defect", "crash", "regression", "fehler", "kind bug", "type bug"},
	"feature":  {"feature", "enhancement", "improvement", "feature request", "request", "idea", "proposal", "story"},
	"question": {"question", "support", "help", "how to", "q a", "discussion"},
	"noise":    {"invalid", "spam", "off topic"},
	"critical": {"critical", "blocker", "p0", "s1", "sev1", "sev 1", "urgent", "severity critical", "priority critical"},
	"high":     {"high", "major", "p1", "s2", "sev2", "important"},
	"medium":   {"medium", "normal", "moderate", "p2", "s3", "sev3"},
	"low":      {"low", "minor", "trivial", "p3", "p4", "s4", "sev4"},
}

// labels picks from the project's own list: the one for the class, the one for
// the severity, and those whose words stand in the text.
func (j *judgement) labels() []string {
	out := []string{}
	add := func(l string) {
		if !slices.Contains(out, l) && len(out) < 8 {
			out = append(out, l)
		}
	}
	words := j.wordSet()
	for _, l := range j.item.Labels {
		name := plainLabel(l)
		if name == "" {
			continue
		}
		if isLabel(name, string(j.verdict.Class)) {
			add(l)
			continue
		}
		if j.verdict.Class == triage.Bug && isLabel(name, string(j.verdict.Severity)) {
			add(l)
			continue
		}
		if !reserved(name) && contains(words, name) {
			add(l)
		}
	}
	return out
}

// plainLabel turns "kind/bug", "type: bug" and "🐛 bug" into words.
func plainLabel(l string) string {
	var w words
	w.split(cutAt(l, 100), 0)
	var b strings.Builder
	for _, t := range w.tokens {
		if t.kind == markToken {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		for _, r := range w.runes[t.r0:t.r1] {
			b.WriteRune(r)
		}
	}
	return b.String()
}

var labelKinds = [...]string{"kind ", "type ", "priority ", "prio ", "severity ", "area ", "component ", "module ", "c ", "t ", "a "}

func isLabel(name, of string) bool {
	for _, k := range labelKinds {
		name = strings.TrimPrefix(name, k)
	}
	for _, w := range labelWords[of] {
		w0 := strings.Map(func(r rune) rune {
			if r >= '0' && r <= '9' {
				return '0'
			}
			return r
		}, w)
		if name == w || name == w0 && w == w0 {
			return true
		}
	}
	return false
}

// reserved labels say something about the work, not about the matter.
func reserved(name string) bool {
	for of := range labelWords {
		if isLabel(name, of) {
			return true
		}
	}
	switch name {
	case "good first issue", "help wanted", "duplicate", "wontfix", "stale", "triage", "needs triage", "blocked", "confirmed", "in progress", "new", "open", "closed", "todo", "done":
		return true
	}
	return false
}

// wordSet holds the stems of the words of the report outside code.
func (j *judgement) wordSet() map[string]bool {
	set := make(map[string]bool)
	p := &j.report
	for i := range p.titleWords.tokens {
		t := &p.titleWords.tokens[i]
		set[stem(string(p.titleWords.runes[t.r0:t.r1]))] = true
	}
	for i := range min(len(p.textWords.tokens), 600) {
		if j.inProse[i] && !j.injected[i] {
			t := &p.textWords.tokens[i]
			set[stem(string(p.textWords.runes[t.r0:t.r1]))] = true
		}
	}
	return set
}

// contains reports whether every word of name is in the set.
func contains(set map[string]bool, name string) bool {
	any := false
	for _, k := range labelKinds {
		name = strings.TrimPrefix(name, k)
	}
	for w := range strings.FieldsSeq(name) {
		if !set[stem(w)] {
			return false
		}
		any = any || len(w) > 1
	}
	return any
}

// stem cuts the endings that make one word of "button" and "buttons".
func stem(w string) string {
	for _, e := range [...]string{"ing", "ies", "es", "ed", "s"} {
		if len(w) > len(e)+3 && strings.HasSuffix(w, e) {
			return w[:len(w)-len(e)]
		}
	}
	return w
}

// areaWords are parts of programs that people name in reports.
const areaWords = `login signup register account profile password settings preferences search filter export import upload download sync backup payment checkout billing invoice subscription notification notifications email chat message messages camera video audio player keyboard editor menu sidebar toolbar dashboard calendar map maps button page screen tab dialog form table chart report api server database cache installer update plugin extension widget theme terminal debugger printer print scroll navigation navbar homepage cart order orders feed photo photos gallery image images attachment attachments comments timeline graph wallet microphone bluetooth wifi vpn proxy cli sdk docs documentation`

var areas = sync.OnceValue(func() map[uint32]bool {
	set := make(map[uint32]bool)
	for w := range strings.FieldsSeq(areaWords) {
		set[wordHash(w)] = true
	}
	return set
})

// components picks from the project's own list, or names the parts of the
// program that the text speaks of, in the text's own words.
func (j *judgement) components() []string {
	out := []string{}
	if len(j.item.Components) > 0 {
		words := j.wordSet()
		for _, c := range j.item.Components {
			if name := plainLabel(c); name != "" && contains(words, name) && !slices.Contains(out, c) && len(out) < 5 {
				out = append(out, c)
			}
		}
		return out
	}
	known := areas()
	collect := func(w *words, ok func(int) bool) {
		for i := range min(len(w.tokens), 400) {
			t := &w.tokens[i]
			if t.kind != wordToken || !known[t.hash] || !ok(i) || len(out) >= 4 {
				continue
			}
			if word := string(w.runes[t.r0:t.r1]); !slices.Contains(out, word) {
				out = append(out, word)
			}
		}
	}
	collect(&j.report.titleWords, func(int) bool { return true })
	collect(&j.report.textWords, func(i int) bool { return j.inProse[i] && !j.injected[i] })
	return out
}
