package offline

import (
	"math"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/iterateswarm/iterateswarm/internal/triage"
)

const (
	minTitle = 5
	maxTitle = 90 // the contract allows 100; trackers cut at about 90
)

// title writes one line that names the matter. The reporter's own title is
// kept, cleaned; otherwise the sentence that says most is shortened.
func (j *judgement) title() (string, span) {
	p := &j.report
	if t := cleanTitle(p.title); tellsSomething(fit90(t)) {
		for _, s := range p.sentences {
			if s.part == triage.PartTitle {
				return fit90(j.distinct(t, p.title)), s
			}
		}
	}
	s, ok := j.bestSentence()
	if !ok {
		return j.placeholder(), span{line: -1}
	}
	raw := p.text[s.start:s.end]
	t := fit90(j.distinct(shorten(plain(raw)), p.text))
	if !tellsSomething(t) {
		return j.placeholder(), span{line: -1}
	}
	return t, s
}

// tellsSomething reports whether a title is long enough and has two letters.
func tellsSomething(t string) bool {
	letters := 0
	for _, r := range strings.TrimPrefix(strings.TrimPrefix(t, "Bug: "), "Note: ") {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			letters++
		}
	}
	return letters >= 2 && utf8.RuneCountInString(t) >= minTitle
}

func (j *judgement) placeholder() string {
	switch j.verdict.Class {
	case triage.Bug:
		return "Problem report without a description"
	case triage.Feature:
		return "Request without a description"
	case triage.Question:
		return "Question without details"
	}
	return "Message without details"
}

// distinct makes sure that the title is not the raw text: it says what kind of
// report it is when nothing could be shortened.
func (j *judgement) distinct(t, raw string) string {
	if !strings.EqualFold(strings.TrimRight(t, ".!? "), strings.TrimRight(oneLine(raw), ".!? ")) || raw == j.report.title && j.report.title != "" && strings.TrimSpace(j.report.text) != "" {
		return t
	}
	if r := rephrase(t); r != t {
		return r
	}
	switch j.verdict.Class {
	case triage.Bug:
		return "Bug: " + t
	case triage.Feature:
		return "Request: " + t
	case triage.Question:
		return "Question: " + t
	}
	return "Note: " + t
}

// bestSentence finds the sentence a title is made of: early, full of the words
// the report repeats, with the cues of its class.
func (j *judgement) bestSentence() (span, bool) {
	p := &j.report
	var best span
	top, found := math.Inf(-1), false
	seen := 0
	for i := range p.sentences {
		s := p.sentences[i]
		if s.part != triage.PartText || s.t1 <= s.t0 {
			continue
		}
		if seen++; seen > 400 {
			break
		}
		if x := j.titleScore(&s, seen, i); x > top {
			best, top, found = s, x, true
		}
	}
	return best, found
}

// titleScore rates a sentence as a title. The weights were set on the
// development half of NLBSE'24 train.
func (j *judgement) titleScore(s *span, nth, index int) float64 {
	p := &j.report
	words, content := s.t1-s.t0, 0
	for _, t := range p.textWords.tokens[s.t0:s.t1] {
		if t.kind == markToken {
			words--
		} else if t.r1-t.r0 > 3 || t.kind == cjkToken {
			content++
		}
	}
	x := -0.25 * math.Log(float64(nth))
	switch {
	case words < 2:
		x -= 3
	case words < 4:
		x -= 1
	case words > 40:
		x -= 0.8
	}
	if content == 0 {
		x -= 2
	}
	if s.injected {
		x -= 20
	}
	var seen cue
	for _, h := range hitsIn(j.textHits, s) {
		if !h.negated {
			seen |= h.cue
		}
	}
	switch j.verdict.Class {
	case triage.Bug:
		if seen&(serious|cueBroken) != 0 {
			x += 0.9
		} else if seen&(cueSymptom|cueSlow|cueHarm) != 0 {
			x += 0.5
		}
		if index < len(j.verdict.Sentences) && j.verdict.Sentences[index].Role == triage.RoleObserved {
			x += 0.5
		}
	case triage.Feature:
		if seen&cueRequest != 0 {
			x += 0.8
		}
	case triage.Question:
		if seen&cueQuestion != 0 {
			x += 0.6
		}
	}
	if seen&(cueGreeting|cueThanks) != 0 && words < 8 {
		x -= 1.5
	}
	if s.line >= 0 {
		l := &p.lines[s.line]
		if l.under == stepsTopic || l.under == environmentTopic {
			x -= 1
		}
		if l.under == expectedTopic {
			x -= 0.5
		}
	}
	if body := p.text[s.start:s.end]; strings.Contains(body, "http") || strings.Contains(body, "<img") || strings.HasPrefix(body, "![") {
		x -= 1.2
	}
	return x
}

// hitsIn returns the hits inside a sentence of the text.
func hitsIn(hits []hit, s *span) []hit {
	lo, hi := 0, len(hits)
	for lo < hi {
		mid := (lo + hi) / 2
		if hits[mid].t0 < s.t0 {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	end := lo
	for end < len(hits) && hits[end].t0 < s.t1 {
		end++
	}
	return hits[lo:end]
}

// cleanTitle drops tags such as "[Bug]: " and "feat(x): ".
func cleanTitle(s string) string {
	s = plain(s)
	for {
		before := s
		if strings.HasPrefix(s, "[") {
			if i := strings.IndexByte(s, ']'); i > 0 && i < 30 && i+3 < len(s) {
				s = s[i+1:]
			}
		}
		s = strings.TrimLeft(s, " :-–—")
		for _, p := range [...]string{"bug:", "bug report:", "feature request:", "feature:", "question:", "issue:", "re:", "fwd:", "fw:", "aw:"} {
			if len(s) > len(p)+4 && strings.EqualFold(s[:len(p)], p) {
				s = s[len(p):]
			}
		}
		if s == before {
			return strings.TrimSpace(s)
		}
	}
}

// oneLine drops control and format characters, markup and line breaks.
func oneLine(s string) string {
	if len(s) > 2000 {
		s = cutAt(s, 2000)
	}
	var b strings.Builder
	space := false
	for _, r := range s {
		switch {
		case unicode.IsSpace(r):
			space = true
			continue
		case r == utf8.RuneError, r < 0x20, r == 0x7f, unicode.Is(unicode.Cf, r) && r != 0x200d, unicode.Is(unicode.Co, r), r == '`', r == '*':
			continue
		}
		if space && b.Len() > 0 {
			b.WriteByte(' ')
		}
		space = false
		b.WriteRune(r)
	}
	return b.String()
}

// plain is oneLine without tags, pictures, addresses and mentions: what a title
// and a quotation are made of.
func plain(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); {
		switch c := s[i]; {
		case c == '<':
			n := tagLength(s[i:])
			if n > 1 {
				b.WriteByte(' ')
			}
			i += n
			continue
		case c == '!' && strings.HasPrefix(s[i:], "!["), c == '[':
			open := strings.IndexByte(s[i:], ']')
			if open > 0 && i+open+1 < len(s) && s[i+open+1] == '(' {
				if end := strings.IndexByte(s[i+open:], ')'); end > 0 {
					if c == '[' {
						b.WriteString(s[i+1 : i+open])
					}
					i += open + end + 1
					continue
				}
			}
		case c == '@' && (i == 0 || s[i-1] == ' ') && i+1 < len(s) && asciiClass[s[i+1]&0x7f] == 1:
			i++
			continue
		case asciiClass[c&0x7f] == 1 && c < utf8.RuneSelf:
			if n := linkLength(s[i:]); n > 0 {
				i += n
				continue
			}
		}
		b.WriteByte(s[i])
		i++
	}
	return oneLine(b.String())
}

// openers are the words a title does without.
var openers = []string{
	"hi,", "hi!", "hi ", "hello,", "hello!", "hello ", "hey,", "hey!", "hey ", "hi there,", "dear team,", "dear support,", "good morning,", "sorry,", "ok,", "so,", "so ", "well,", "also,", "also ", "and ", "but ", "just ",
	"please ", "pls ", "could you please ", "can you please ", "could you ", "can you ", "would it be possible to ", "is it possible to ", "it would be great if you could ", "it would be nice if you could ", "it would be great to ", "it would be nice to ", "it would be good to ", "it would be useful to ", "it would be great if ", "it would be nice if ", "it would be useful if ", "it would be helpful if ", "it would be cool if ", "it'd be nice if ", "it'd be great if ",
	"i would like to ", "i'd like to ", "i would love to ", "i'd love to ", "i want to ", "i wish ", "i think ", "i believe ", "i noticed that ", "i noticed ", "i've noticed that ", "i found that ", "i found ", "i have noticed that ", "i am trying to ", "i'm trying to ", "i was trying to ", "i tried to ", "we are trying to ", "i am getting ", "i'm getting ", "i get ", "i got ", "i am having ", "i'm having ", "i have ", "i am ", "i'm ", "it seems that ", "it seems ", "it looks like ", "it appears that ", "there is ", "there's ", "there are ", "there seems to be ", "currently, ", "currently ", "at the moment, ", "right now, ", "right now ", "today ", "recently, ", "recently ", "basically, ", "this pr ", "this ", "when i try to ", "unfortunately, ", "unfortunately ", "for some reason, ", "for some reason ", "as the title says, ",
}

// shorten cuts what does not name the matter and keeps the rest in its order.
func shorten(s string) string {
	for range 4 {
		before := s
		s = strings.TrimLeft(s, " ,.:;-–—>#\"'|")
		low := strings.ToLower(s)
		if len(low) != len(s) {
			break
		}
		for _, o := range openers {
			if strings.HasPrefix(low, o) && len(s)-len(o) >= 12 {
				s = s[len(o):]
				break
			}
		}
		if s == before {
			break
		}
	}
	s = strings.TrimRight(s, " .,:;-–—\"'")
	if r, n := utf8.DecodeRuneInString(s); n > 0 && r != utf8.RuneError {
		s = string(unicode.ToUpper(r)) + s[n:]
	}
	return s
}

// rephrase says a short note as a sentence.
func rephrase(s string) string {
	for _, r := range [...][2]string{
		{" not working", " does not work"}, {" doesn't work", " does not work"}, {" doesnt work", " does not work"}, {" isn't working", " does not work"}, {" is not working", " does not work"},
		{" not loading", " does not load"}, {" not showing", " does not show"}, {" not opening", " does not open"}, {" not responding", " does not respond"}, {" keeps crashing", " crashes repeatedly"},
	} {
		if i := strings.Index(strings.ToLower(s), r[0]); i > 0 && len(strings.ToLower(s)) == len(s) && !strings.HasSuffix(strings.ToLower(s[:i]), " is") {
			return s[:i] + r[1] + s[i+len(r[0]):]
		}
	}
	return s
}

// fit90 cuts a title at a border of words.
func fit90(s string) string {
	if utf8.RuneCountInString(s) <= maxTitle {
		return s
	}
	n, last := 0, 0
	for i, r := range s {
		if n == maxTitle-1 {
			if last < maxTitle/3 {
				last = i
			}
			break
		}
		if r == ' ' {
			last = i
		}
		n++
	}
	return strings.TrimRight(s[:last], " ,.;:-–—(\"'") + "…"
}

// cutAt cuts s at or before n bytes, on a rune boundary.
func cutAt(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
