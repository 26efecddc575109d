package llm

import (
	"bytes"
	"encoding/json"
	"math"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/iterateswarm/iterateswarm/internal/triage"
)

// reply is an answer that has passed every check.
type reply struct {
	class      triage.Class
	severity   triage.Severity
	confidence float64
	language   string
	reasoning  string
	evidence   []triage.Evidence
	spec       triage.Spec

	duplicateOf  string // id of a candidate, or empty
	duplicateWhy string
	translation  string // empty: none is needed
}

// wire is an answer as it comes. Every field is a pointer, so that what is
// missing is not taken for zero.
type wire struct {
	Class       *string             `json:"class"`
	Severity    *string             `json:"severity"`
	Confidence  *float64            `json:"confidence"`
	Language    *string             `json:"language"`
	Reasoning   *string             `json:"reasoning"`
	Title       *string             `json:"title"`
	Steps       *[]string           `json:"steps"`
	Observed    *string             `json:"observed"`
	Expected    *string             `json:"expected"`
	Criteria    *[]string           `json:"criteria"`
	Labels      *[]string           `json:"labels"`
	Components  *[]string           `json:"components"`
	Environment *map[string]*string `json:"environment"`
	Missing     *[]string           `json:"missing"`
	Evidence    *[]wireEvidence     `json:"evidence"`

	DuplicateOf     *string `json:"duplicate_of"`
	DuplicateReason *string `json:"duplicate_reason"`
	Translation     *string `json:"translation"`
}

type wireEvidence struct {
	Field *string `json:"field"`
	Quote *string `json:"quote"`
}

// How sure an answer may be: nothing is certain, and 0 means "not said" elsewhere.
const (
	leastSure = 0.01
	mostSure  = 0.99
)

// parseReply reads an answer, puts back what hidden took out, and checks it
// against the item. The error says what is wrong and quotes nothing.
func parseReply(text string, it triage.Item, hidden *redactor) (reply, error) {
	raw, err := jsonObject(text)
	if err != nil {
		return reply{}, err
	}
	var w wire
	if err := json.Unmarshal(raw, &w); err != nil {
		return reply{}, invalidf("the answer is no JSON object of the given schema")
	}
	p := &reader{item: it, hidden: hidden, own: it.Title + "\n" + it.Text}
	r := reply{
		class:    triage.Class(p.oneOf("class", w.Class, names(triage.Classes[:]))),
		severity: triage.Severity(p.oneOf("severity", w.Severity, names(triage.Severities[:]))),
		language: p.language(w.Language), reasoning: p.prose("reasoning", w.Reasoning, maxProse, true),
	}
	r.confidence = p.number("confidence", w.Confidence)
	r.spec = triage.Spec{
		Title:       p.title(w.Title),
		Steps:       p.lines("steps", w.Steps, maxSteps),
		Observed:    p.prose("observed", w.Observed, maxProse, false),
		Expected:    p.prose("expected", w.Expected, maxProse, false),
		Criteria:    p.lines("criteria", w.Criteria, maxCriteria),
		Labels:      p.known("labels", w.Labels, it.Labels),
		Components:  p.components(w.Components),
		Environment: p.environment(w.Environment),
		Missing:     p.lines("missing", w.Missing, maxMissing),
	}
	r.evidence = p.evidence(w.Evidence)
	r.duplicateOf, r.duplicateWhy = p.duplicate(w.DuplicateOf, w.DuplicateReason)
	if r.language != languageOf(it) {
		r.translation = p.prose("translation", w.Translation, maxTranslate, false)
	}
	actionable := r.class == triage.Bug || r.class == triage.Feature
	switch {
	case p.err != nil:
		return reply{}, p.err
	case r.class == triage.Bug && len(r.spec.Steps) == 0:
		return reply{}, invalidf("steps: a bug has at least one")
	case actionable && len(r.spec.Criteria) == 0:
		return reply{}, invalidf("criteria: a bug or feature has at least one")
	case actionable && r.translation == "" && r.language != languageOf(it) && r.language != "und":
		return reply{}, invalidf("translation: empty, and the message is not in the project's language")
	}
	return r, nil
}

// jsonObject finds the one JSON object in an answer: alone, in a code fence, or
// with a few words around it.
func jsonObject(text string) ([]byte, error) {
	from, to := strings.IndexByte(text, '{'), strings.LastIndexByte(text, '}')
	if from < 0 || to < from {
		return nil, invalidf("the answer holds no JSON object")
	}
	raw := []byte(text[from : to+1])
	if !utf8.Valid(raw) || !json.Valid(bytes.TrimSpace(raw)) {
		return nil, invalidf("the answer is no valid JSON")
	}
	return raw, nil
}

// reader takes an answer apart and keeps the first thing that is wrong.
type reader struct {
	item   triage.Item
	hidden *redactor
	own    string // what the reporter wrote
	err    error
}

func (p *reader) wrong(format string, args ...any) {
	if p.err == nil {
		p.err = invalidf(format, args...)
	}
}

func names[T ~string](values []T) []string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = string(v)
	}
	return out
}

func (p *reader) oneOf(field string, s *string, allowed []string) string {
	switch {
	case s == nil:
		p.wrong("%s: missing", field)
	case !slices.Contains(allowed, *s):
		p.wrong("%s: must be one of %s", field, strings.Join(allowed, ", "))
	default:
		return *s
	}
	return ""
}

func (p *reader) number(field string, n *float64) float64 {
	switch {
	case n == nil:
		p.wrong("%s: missing", field)
	case math.IsNaN(*n) || *n < 0 || *n > 1:
		p.wrong("%s: must lie between 0 and 1", field)
	default:
		return min(max(*n, leastSure), mostSure)
	}
	return 0
}

var languageCode = regexp.MustCompile(`^([a-z]{2}|und)$`)

func (p *reader) language(s *string) string {
	switch {
	case s == nil:
		p.wrong("language: missing")
	case !languageCode.MatchString(*s):
		p.wrong("language: must be an ISO 639-1 code in lower case, or und")
	default:
		return *s
	}
	return ""
}

// duplicate maps the named candidate to its id. A reason that would reach out of
// an issue is dropped.
func (p *reader) duplicate(handle, reason *string) (id, why string) {
	if handle == nil && len(p.item.Candidates) == 0 {
		return "", ""
	}
	name := p.oneOf("duplicate_of", handle, append([]string{noDuplicate}, handles(p.item)...))
	i := slices.Index(handles(p.item), name)
	if i < 0 {
		return "", ""
	}
	if reason != nil {
		why = p.hidden.restore(strings.Join(strings.Fields(strings.Map(visible, *reason)), " "))
	}
	if utf8.RuneCountInString(why) > maxReason || p.smuggled(why) != "" || leaks(why) {
		why = ""
	}
	return p.item.Candidates[i].ID, why
}

// text cleans one text, checks it and puts back what was hidden.
func (p *reader) text(field, s string, limit int) string {
	s = strings.TrimSpace(strings.Map(visible, s))
	if utf8.RuneCountInString(s) > limit {
		p.wrong("%s: longer than %d characters", field, limit)
		return ""
	}
	full := p.hidden.restore(s)
	if what := p.smuggled(full); what != "" {
		p.wrong("%s: holds %s that the message does not have", field, what)
		return ""
	}
	if leaks(full) {
		p.wrong("%s: repeats the instructions", field)
		return ""
	}
	if utf8.RuneCountInString(full) > limit || strings.Count(full, "\n") > strings.Count(s, "\n") {
		return s // a key of many lines belongs into no title
	}
	return full
}

// visible drops what a reader cannot see and what changes how text is shown.
func visible(r rune) rune {
	switch {
	case r == '\n' || r == '\t':
		return r
	case unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Cs), r >= 0xe0000 && r <= 0xe0fff:
		return -1
	}
	return r
}

func (p *reader) prose(field string, s *string, limit int, needed bool) string {
	if s == nil {
		p.wrong("%s: missing", field)
		return ""
	}
	out := p.text(field, *s, limit)
	if needed && out == "" {
		p.wrong("%s: empty", field)
	}
	return out
}

func (p *reader) title(s *string) string {
	if s == nil {
		p.wrong("title: missing")
		return ""
	}
	out := p.text("title", *s, maxReplyName)
	switch n := utf8.RuneCountInString(out); {
	case p.err != nil:
	case n < minTitle:
		p.wrong("title: shorter than %d characters", minTitle)
	case strings.ContainsAny(out, "\n\t"):
		p.wrong("title: more than one line")
	}
	return out
}

func (p *reader) lines(field string, list *[]string, most int) []string {
	switch {
	case list == nil:
		p.wrong("%s: missing", field)
		return nil
	case len(*list) > most:
		p.wrong("%s: more than %d", field, most)
		return nil
	}
	out := make([]string, 0, len(*list))
	for _, s := range *list {
		if s = p.text(field, strings.Join(strings.Fields(s), " "), maxLine); s != "" {
			out = append(out, s)
		}
	}
	return out
}

// known checks a list against the project's own.
func (p *reader) known(field string, list *[]string, allowed []string) []string {
	if list == nil {
		p.wrong("%s: missing", field)
		return nil
	}
	out := []string{}
	for _, s := range *list {
		if !slices.Contains(allowed, s) {
			p.wrong("%s: one is not in the given list", field)
			return nil
		}
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

// components come from the project's list, or are words of the message.
func (p *reader) components(list *[]string) []string {
	if len(p.item.Components) > 0 {
		return p.known("components", list, p.item.Components)
	}
	out := []string{}
	for _, s := range p.lines("components", list, maxLabels) {
		if !strings.Contains(strings.ToLower(p.own), strings.ToLower(s)) {
			p.wrong("components: one is no word of the message")
			return nil
		}
		out = append(out, s)
	}
	return out
}

func (p *reader) environment(env *map[string]*string) map[string]string {
	if env == nil {
		p.wrong("environment: missing")
		return nil
	}
	out := map[string]string{}
	for _, k := range sortedKeys(*env) {
		s := (*env)[k]
		if !slices.Contains(environmentKeys, k) {
			p.wrong("environment: may have %s only", strings.Join(environmentKeys, ", "))
			return nil
		}
		if s == nil {
			continue
		}
		if v := p.text("environment", strings.Join(strings.Fields(*s), " "), maxEnv); v != "" {
			out[k] = v
		}
	}
	return out
}

func (p *reader) evidence(list *[]wireEvidence) []triage.Evidence {
	switch {
	case list == nil:
		p.wrong("evidence: missing")
		return nil
	case len(*list) == 0 || len(*list) > maxEvidence:
		p.wrong("evidence: must hold one to %d quotes", maxEvidence)
		return nil
	}
	out := make([]triage.Evidence, 0, len(*list))
	for _, w := range *list {
		if w.Field == nil || w.Quote == nil || !slices.Contains(evidenceFields, *w.Field) {
			p.wrong("evidence: each is a field (%s) and a quote", strings.Join(evidenceFields, ", "))
			return nil
		}
		quote := strings.TrimSpace(p.hidden.restore(*w.Quote))
		n := utf8.RuneCountInString(*w.Quote)
		if n < minQuote || n > maxQuote || quote == "" {
			p.wrong("evidence: a quote has %d to %d characters", minQuote, maxQuote)
			return nil
		}
		part, start, end, ok := find(p.item, quote)
		if !ok {
			p.wrong("evidence: a quote does not occur in the message")
			return nil
		}
		out = append(out, triage.Evidence{Field: *w.Field, Part: part, Start: start, End: end})
	}
	return out
}

// find looks for a quote in the text, then in the title: as it is, or with
// other white space.
func find(it triage.Item, quote string) (part triage.Part, start, end int, ok bool) {
	for _, in := range []struct {
		part triage.Part
		text string
	}{{triage.PartText, it.Text}, {triage.PartTitle, it.Title}} {
		if at := strings.Index(in.text, quote); at >= 0 {
			return in.part, at, at + len(quote), true
		}
		if start, end, ok = findLoosely(in.text, quote); ok {
			return in.part, start, end, true
		}
	}
	return "", 0, 0, false
}

// findLoosely compares with every run of white space as one space. at maps the
// bytes of the flat text to those of the text.
func findLoosely(text, quote string) (start, end int, ok bool) {
	flat := make([]byte, 0, len(text))
	at := make([]int, 0, len(text)+1)
	space := false
	for i, r := range text {
		if unicode.IsSpace(r) {
			space = true
			continue
		}
		if space && len(flat) > 0 {
			flat, at = append(flat, ' '), append(at, i)
		}
		space = false
		for j := range utf8.RuneLen(r) {
			at = append(at, i+j)
		}
		flat = utf8.AppendRune(flat, r)
	}
	q := []byte(strings.Join(strings.Fields(quote), " "))
	i := bytes.Index(flat, q)
	if i < 0 || len(q) == 0 {
		return 0, 0, false
	}
	return at[i], at[i+len(q)-1] + 1, true
}

// What an answer may hold only where the message holds the same: each would
// reach out of an issue if it ever got into one unescaped.
var smuggles = []struct {
	what    string
	pattern *regexp.Regexp
}{
	{"a link", regexp.MustCompile(`(?i)\b[a-z][a-z0-9+.-]{1,20}://[^\s)>\]"']+|\bwww\.[^\s)>\]"']+|\b(?:javascript|data|mailto):[^\s)>\]"']+`)},
	{"an image or a link", regexp.MustCompile(`!?\[[^\]]*\]\s*[\[(:][^\s)\]]*`)},
	{"a mention", regexp.MustCompile(`(?:^|[^\w@])(@[\w-]+(?:/[\w-]+)?)`)},
	{"HTML", regexp.MustCompile(`<\s*[/!a-zA-Z][^>]*`)},
	{"a keyword that closes an issue", regexp.MustCompile(`(?i)\b(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?)\s*:?\s+[\w./-]*(?:#|GH-)\d+`)},
	{"a command", regexp.MustCompile(`(?m)^\s*/[a-z][\w-]*\b`)},
}

// smuggled names the first thing of that kind, or nothing.
func (p *reader) smuggled(s string) string {
	for _, m := range smuggles {
		for _, hit := range m.pattern.FindAllString(s, -1) {
			if !strings.Contains(p.own, strings.TrimFunc(hit, func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune(".,;:", r) })) {
				return m.what
			}
		}
	}
	return ""
}
