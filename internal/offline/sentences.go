package offline

import (
	"unicode/utf8"

	"github.com/iterateswarm/iterateswarm/internal/triage"
)

// readSentences cuts the prose into sentences and tokenises all lines.
func (p *report) readSentences() {
	for i := range p.lines {
		l := &p.lines[i]
		switch l.kind {
		case prose, heading:
			p.cut(i)
		default:
			p.textWords.split(p.text[l.start:l.end], l.start)
		}
	}
}

// cut appends the sentences of line i. A line that goes on in lower case
// continues the sentence of the line before it.
func (p *report) cut(i int) {
	l := &p.lines[i]
	start := l.body
	for at := start; at < l.end; {
		end := sentenceEnd(p.text, at, l.end)
		s, e := trimmed(p.text, at, end)
		at = end
		if s == e {
			continue
		}
		t0 := len(p.textWords.tokens)
		p.textWords.split(p.text[s:e], s)
		if l.kind == heading || len(p.sentences) >= maxSentences {
			continue
		}
		if s == start && p.continues(i) {
			last := &p.sentences[len(p.sentences)-1]
			last.end, last.t1 = e, len(p.textWords.tokens)
			continue
		}
		p.sentences = append(p.sentences, span{part: triage.PartText, start: s, end: e, t0: t0, t1: len(p.textWords.tokens), line: i})
	}
}

func (p *report) continues(i int) bool {
	if i == 0 || len(p.sentences) == 0 {
		return false
	}
	l, before := &p.lines[i], &p.lines[i-1]
	last := &p.sentences[len(p.sentences)-1]
	if l.listed || before.kind != prose || last.part != triage.PartText || last.end != before.end || before.end-before.start < 50 || last.end-last.start > 600 {
		return false
	}
	c, e := p.text[l.start], p.text[before.end-1]
	return c >= 'a' && c <= 'z' && e != '.' && e != '!' && e != '?' && e != ':' && l.start-before.end <= 2
}

// sentenceEnd returns where the sentence that begins at i ends.
func sentenceEnd(s string, i, end int) int {
	for j := i; j < end; {
		c := s[j]
		if c < utf8.RuneSelf {
			j++
			if c != '.' && c != '!' && c != '?' {
				continue
			}
			for j < end && (s[j] == '.' || s[j] == '!' || s[j] == '?' || s[j] == ')' || s[j] == '"') {
				j++
			}
			if j >= end {
				return end
			}
			if s[j] == ' ' || s[j] == '\t' {
				if c == '.' && (abbreviation(s[i:j]) || lowerAfter(s, j, end) && j-i < 12) {
					continue
				}
				return j
			}
			continue
		}
		r, n := utf8.DecodeRuneInString(s[j:end])
		j += n
		if r == '。' || r == '！' || r == '？' || r == '؟' || r == '।' {
			return j
		}
	}
	return end
}

func abbreviation(s string) bool {
	for _, a := range [...]string{"e.g.", "i.e.", "etc.", "vs.", "cf.", "approx.", "Mr.", "Dr.", "bzw.", "z.B.", "No.", "Nr."} {
		if len(s) >= len(a) && s[len(s)-len(a):] == a {
			return true
		}
	}
	return false
}

func lowerAfter(s string, j, end int) bool {
	for j < end && s[j] == ' ' {
		j++
	}
	return j < end && s[j] >= 'a' && s[j] <= 'z'
}
