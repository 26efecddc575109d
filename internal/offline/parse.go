package offline

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/iterateswarm/iterateswarm/internal/triage"
)

type lineKind uint8

const (
	prose    lineKind = iota
	heading           // "### Steps", "**Expected**", "Steps to reproduce:"
	code              // fenced or indented
	logLine           // stack trace, log, output
	template          // text of a form, not of the reporter
	quote             // "> …" and the history of a mail
)

// line is one line of the text with its blanks cut off.
type line struct {
	start, end int // bytes of the text
	body       int // where the words begin, after "- ", "1. ", "### "
	kind       lineKind
	listed     bool // an entry of a list
	numbered   bool // an entry of a numbered list
	under      topic
}

// topic is what the heading above a line announces.
type topic uint8

const (
	noTopic topic = iota
	stepsTopic
	expectedTopic
	observedTopic
	environmentTopic
	proposalTopic
)

// span is one sentence: bytes of a part and the tokens in it.
type span struct {
	part       triage.Part
	start, end int
	t0, t1     int // tokens
	line       int // index of its first line, -1 in the title
	injected   bool
}

// report is an item taken apart. It is reused; nothing in it outlives Judge.
type report struct {
	title, text string
	channel     triage.Channel
	titleWords  words
	textWords   words
	lines       []line
	sentences   []span
	hasTrace    bool
	hasCode     bool
	hasSteps    bool // a heading for steps with something below it
	templates   []uint32
}

// maxSentences bounds the work on a text of nothing but full stops.
const maxSentences = 1500

func (p *report) parse(it triage.Item, known func(uint32) bool) {
	*p = report{
		title: it.Title, text: it.Text, channel: it.Channel,
		titleWords: words{p.titleWords.tokens[:0], p.titleWords.runes[:0]},
		textWords:  words{p.textWords.tokens[:0], p.textWords.runes[:0]},
		lines:      p.lines[:0], sentences: p.sentences[:0], templates: p.templates[:0],
	}
	if p.channel == "" {
		p.channel = triage.ChannelReview
	}
	p.titleWords.split(p.title, 0)
	if s, e := trimmed(p.title, 0, len(p.title)); s < e {
		p.sentences = append(p.sentences, span{part: triage.PartTitle, start: s, end: e, t1: len(p.titleWords.tokens), line: -1})
	}
	p.readLines(known)
	p.readSentences()
}

func trimmed(s string, start, end int) (int, int) {
	for start < end {
		r, n := utf8.DecodeRuneInString(s[start:end])
		if !unicode.IsSpace(r) && r != 0 && r != utf8.RuneError {
			break
		}
		start += n
	}
	for end > start {
		r, n := utf8.DecodeLastRuneInString(s[start:end])
		if !unicode.IsSpace(r) && r != 0 && r != utf8.RuneError {
			break
		}
		end -= n
	}
	return start, end
}

func (p *report) readLines(known func(uint32) bool) {
	text, under := p.text, noTopic
	fence, comment, history := "", false, false
	lastClose := strings.LastIndex(text, "-->")
	for at := 0; at < len(text); {
		stop := strings.IndexByte(text[at:], '\n')
		if stop < 0 {
			stop = len(text)
		} else {
			stop += at
		}
		raw := at
		s, e := trimmed(text, at, stop)
		at = stop + 1
		if s == e {
			continue
		}
		l := line{start: s, end: e, body: s, under: under}
		body := text[s:e]
		switch {
		case fence != "":
			l.kind = code
			if strings.HasPrefix(body, fence) {
				fence = ""
			} else if looksLikeLog(body) {
				l.kind = logLine
			}
		case comment:
			l.kind = template
			if i := strings.Index(body, "-->"); i >= 0 {
				comment = false
				if i+3 < len(body) && strings.TrimSpace(body[i+3:]) != "" {
					l.kind, l.start, l.body = prose, s+i+3, s+i+3
				}
			}
		case strings.HasPrefix(body, "```") || strings.HasPrefix(body, "~~~"):
			l.kind = code
			if rest := body[3:]; !strings.Contains(rest, "```") {
				if strings.Contains(text[min(at, len(text)):], body[:3]) {
					fence = body[:3]
				}
			}
			p.hasCode = true
		case strings.HasPrefix(body, "<!--"):
			l.kind = template
			if i := strings.Index(body, "-->"); i < 0 {
				comment = at <= lastClose
			} else if strings.TrimSpace(body[i+3:]) != "" {
				l.kind, l.start, l.body = prose, s+i+3, s+i+3
			}
		case history:
			l.kind = quote
		case body[0] == '>':
			l.kind = quote
		case p.channel == triage.ChannelEmail && mailHistory(body):
			history, l.kind = true, quote
		case strings.HasPrefix(text[raw:stop], "    ") && looksLikeCode(body), looksLikeLog(body):
			l.kind = logLine
		default:
			p.readProse(&l, known)
		}
		if l.kind == heading {
			under = topicOf(text[l.body:l.end])
			l.under = under
		} else if l.kind == prose {
			if under == stepsTopic {
				p.hasSteps = true
			}
			if t, rest := inlineTopic(text[l.body:l.end]); t != noTopic {
				under, l.under = t, t
				l.body += rest
				if l.body >= l.end {
					l.kind, l.body = heading, l.start
				}
			}
		}
		if l.kind == logLine && !p.hasTrace && looksLikeTrace(text[l.start:l.end]) {
			p.hasTrace = true
		}
		p.lines = append(p.lines, l)
	}
}

// readProse finds what a plain line is: heading, entry of a list, form text.
func (p *report) readProse(l *line, known func(uint32) bool) {
	body := p.text[l.start:l.end]
	if h := lineHash(body); known != nil && known(h) {
		p.templates = append(p.templates, h)
		l.kind = template
		if isHeading(body) {
			l.kind, l.body = heading, l.start+markup(body)
		}
		return
	}
	if isCheckbox(body) {
		l.kind = template
		return
	}
	if isHeading(body) {
		l.kind, l.body = heading, l.start+markup(body)
		if l.body >= l.end {
			l.kind = template
		}
		return
	}
	n, numbered := listMark(body)
	l.listed, l.numbered, l.body = n > 0, numbered, l.start+n
	if l.body >= l.end {
		l.kind = template
	}
}

func markup(s string) int {
	i := 0
	for i < len(s) && strings.IndexByte("#*_ \t", s[i]) >= 0 {
		i++
	}
	return i
}

func isHeading(s string) bool {
	if s[0] == '#' {
		n := markup(s)
		return n > 0 && n < len(s) && s[n-1] == ' '
	}
	if len(s) < 80 && strings.HasPrefix(s, "**") && (strings.HasSuffix(s, "**") || strings.HasSuffix(s, "**:") || strings.HasSuffix(s, ":")) {
		return true
	}
	if len(s) > 60 || s[len(s)-1] != ':' {
		return false
	}
	return topicOf(s) != noTopic
}

// listMark returns the length of "- ", "* ", "1. ", "2) ", "step 3: ".
func listMark(s string) (n int, numbered bool) {
	if len(s) > 2 && (s[0] == '-' || s[0] == '*' || s[0] == '+') && s[1] == ' ' {
		return 2, false
	}
	if strings.HasPrefix(s, "• ") {
		return len("• "), false
	}
	i := 0
	if len(s) > 5 && strings.EqualFold(s[:5], "step ") {
		i = 5
	}
	d := i
	for i < len(s) && i-d < 3 && s[i] >= '0' && s[i] <= '9' {
		i++
	}
	if i == d || i >= len(s) || strings.IndexByte(".):", s[i]) < 0 {
		return 0, false
	}
	i++
	if i < len(s) && s[i] != ' ' && s[i] != '\t' {
		return 0, false
	}
	for i < len(s) && (s[i] == ' ' || s[i] == '\t') {
		i++
	}
	return i, true
}

func isCheckbox(s string) bool {
	if len(s) < 5 || (s[0] != '-' && s[0] != '*') {
		return false
	}
	rest := strings.TrimLeft(s[1:], " ")
	return len(rest) > 2 && rest[0] == '[' && rest[2] == ']'
}

func mailHistory(s string) bool {
	if strings.HasPrefix(s, "-----Original Message") || strings.HasPrefix(s, "________") || s == "--" {
		return true
	}
	return strings.HasPrefix(s, "On ") && strings.HasSuffix(s, "wrote:")
}

// looksLikeTrace sees one line of a stack trace.
func looksLikeTrace(s string) bool {
	if strings.HasPrefix(s, "at ") && (strings.HasSuffix(s, ")") || strings.Contains(s, ":")) && !strings.Contains(s, ". ") {
		return strings.IndexByte(s, '(') > 0 || strings.Contains(s, "://") || strings.Contains(s, ".js:")
	}
	for _, p := range [...]string{"Traceback (most recent", "File \"", "panic: ", "goroutine ", "Caused by: ", "Exception in thread", "thread '"} {
		if strings.HasPrefix(s, p) {
			return true
		}
	}
	return false
}

// looksLikeLog sees machine output: traces, "2024-01-02 …", "[ERROR] …", "0x…".
func looksLikeLog(s string) bool {
	if looksLikeTrace(s) {
		return true
	}
	if len(s) > 18 && s[0] >= '0' && s[0] <= '9' && s[4] == '-' && s[7] == '-' {
		return true
	}
	if s[0] == '[' && len(s) > 8 && (s[1] >= '0' && s[1] <= '9') && strings.IndexByte(s, ':') > 0 {
		return true
	}
	for _, p := range [...]string{"[ERROR", "[WARN", "[INFO", "[DEBUG", "ERROR ", "INFO ", "WARN ", "#0 ", "#1 "} {
		if strings.HasPrefix(s, p) {
			return true
		}
	}
	return false
}

func looksLikeCode(s string) bool {
	last := s[len(s)-1]
	return last == ';' || last == '{' || last == '}' || last == ')' || strings.Contains(s, "=") || strings.Contains(s, "::")
}

// topicWords finds the topic of a heading by the words in it; the first match
// wins, so "expected vs actual steps" is about steps.
var topicWords = []struct {
	word string
	is   topic
}{
	{"reproduce", stepsTopic}, {"repro", stepsTopic}, {"reproduction", stepsTopic}, {"reproducing", stepsTopic}, {"steps", stepsTopic},
	{"schritte", stepsTopic}, {"pasos", stepsTopic}, {"étapes", stepsTopic}, {"passos", stepsTopic}, {"шаги", stepsTopic}, {"再現", stepsTopic}, {"步骤", stepsTopic},
	{"expected", expectedTopic}, {"expect", expectedTopic}, {"erwartet", expectedTopic}, {"esperado", expectedTopic}, {"attendu", expectedTopic}, {"期望", expectedTopic},
	{"observed", observedTopic}, {"actual", observedTopic}, {"current behavior", observedTopic}, {"current behaviour", observedTopic}, {"what happened", observedTopic},
	{"happens", observedTopic}, {"describe the bug", observedTopic}, {"bug description", observedTopic}, {"the problem", observedTopic}, {"实际", observedTopic},
	{"environment", environmentTopic}, {"version", environmentTopic}, {"system info", environmentTopic}, {"platform", environmentTopic},
	{"proposal", proposalTopic}, {"describe the feature", proposalTopic}, {"solution", proposalTopic}, {"feature request", proposalTopic},
}

func topicOf(s string) topic {
	if len(s) > 120 {
		return noTopic
	}
	low := strings.ToLower(s)
	for _, t := range topicWords {
		if strings.Contains(low, t.word) {
			return t.is
		}
	}
	return noTopic
}

// inlineTopic sees "Expected: it saves" and returns the length of the label.
func inlineTopic(s string) (topic, int) {
	i := strings.IndexByte(s, ':')
	if i < 4 || i > 40 {
		return noTopic, 0
	}
	if strings.Count(s[:i], " ") > 3 {
		return noTopic, 0
	}
	t := topicOf(s[:i])
	if t == environmentTopic || t == proposalTopic {
		return noTopic, 0
	}
	i++
	for i < len(s) && strings.IndexByte(" *_", s[i]) >= 0 {
		i++
	}
	return t, i
}

// lineHash names a line of a form regardless of its case and marks.
func lineHash(s string) uint32 {
	h := uint64(hashSeed)
	for _, r := range s {
		switch {
		case r >= 'A' && r <= 'Z':
			h = mixRune(h, r+32)
		case r >= 'a' && r <= 'z' || r >= 0x80:
			h = mixRune(h, r)
		}
	}
	return fold(h)
}
