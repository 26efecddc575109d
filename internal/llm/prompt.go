package llm

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/iterateswarm/iterateswarm/internal/triage"
)

//go:embed prompt.txt
var instructions string

// maxText is how many characters of a message are sent: title, head and tail.
const (
	maxText  = 8000
	maxTitle = 500
	maxLead  = 300 // of an issue that is offered
	headPart = 3   // of 4 parts; where a report begins matters more than where it ends
)

// PromptVersion names the prompt, the schema and the checks. It is stored with
// each verdict, and changes by itself with every word of the instructions.
func PromptVersion() string {
	sum := sha256.Sum256([]byte(instructions))
	return "triage-2-" + hex.EncodeToString(sum[:4])
}

// query is what a call asks.
type query struct {
	system string
	turns  []turn // the first is the message; then an answer and what was wrong with it
	schema map[string]any
	brief  string // the schema as text, for servers that do not enforce one
}

type turn struct {
	fromModel bool
	text      string
}

// question writes an item as a query. Nothing of it that hidden knows is in there.
func question(it triage.Item, hidden *redactor, lengths bool) query {
	title := cut(hidden.redact(it.Title), maxTitle)
	text := cut(hidden.redact(it.Text), maxText-utf8.RuneCountInString(title))
	channel := it.Channel
	if channel == "" {
		channel = triage.ChannelReview
	}
	data, _ := json.Marshal(struct { // texts and lists of texts: it cannot fail
		Channel    triage.Channel `json:"channel"`
		Language   string         `json:"language"`
		Labels     []string       `json:"labels"`
		Components []string       `json:"components"`
	}{channel, languageOf(it), notNil(it.Labels), notNil(it.Components)})
	// JSON writes every line break, quote and < as an escape, so nothing in the
	// message can end it. The marker is one that the message cannot know.
	message, _ := json.Marshal(struct {
		Title   string    `json:"title"`
		Text    string    `json:"text"`
		Similar []similar `json:"similar"`
	}{title, text, offered(it)})
	sum := sha256.Sum256(message)
	mark := hex.EncodeToString(sum[:8])
	schema := schemaFor(it, lengths)
	brief, _ := json.Marshal(schema)
	return query{
		system: instructions,
		turns: []turn{{text: fmt.Sprintf("Project: %s\n<<<MESSAGE %s\n%s\nMESSAGE %s>>>\nJudge the message above. Answer with the JSON object only.",
			data, mark, message, mark)}},
		schema: schema,
		brief:  string(brief),
	}
}

// similar is an issue that is offered as the one the message may be about.
type similar struct {
	ID    string `json:"id"`
	Title string `json:"title"`
	Lead  string `json:"lead"`
}

// offered lists the candidates by their handles. What is sensitive in them is
// left out for good: it belongs to other reporters, so nothing puts it back.
func offered(it triage.Item) []similar {
	out := []similar{}
	for i, h := range handles(it) {
		c := it.Candidates[i]
		out = append(out, similar{h, cut(hide(c.Title), maxLead), cut(hide(c.Lead), maxLead)})
	}
	return out
}

// languageOf is the language that the draft is written in.
func languageOf(it triage.Item) string {
	if it.Language == "" {
		return "en"
	}
	return it.Language
}

// repair asks for the answer once more; text is the one that was of no use.
func (q query) repair(text string, err error) *query {
	q.turns = append([]turn{}, q.turns...)
	if text = strings.TrimSpace(text); text != "" {
		q.turns = append(q.turns, turn{fromModel: true, text: cut(text, maxText)})
	}
	q.turns = append(q.turns, turn{text: fmt.Sprintf("Your answer was not accepted: %v. Answer again with the whole corrected JSON object, as short as it can be, and nothing else.", err)})
	return &q
}

// size is the number of bytes that a query sends at most.
func (q query) size() int {
	n := len(q.system) + 2*len(q.brief)
	for _, t := range q.turns {
		n += len(t.text)
	}
	return n
}

// cut keeps the head and the tail of a text of more than n characters.
func cut(s string, n int) string {
	total := utf8.RuneCountInString(s)
	if total <= n {
		return s
	}
	gap := fmt.Sprintf(" [… %d characters left out …] ", total-n)
	n -= utf8.RuneCountInString(gap)
	if n <= 0 {
		return ""
	}
	head := n * headPart / 4
	r := []rune(s)
	return string(r[:head]) + gap + string(r[total-(n-head):])
}

func notNil(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}

// leaks reports whether a text holds a sentence of the instructions.
func leaks(s string) bool {
	flat := strings.Join(strings.Fields(s), " ")
	whole := strings.Join(strings.Fields(instructions), " ")
	const window = 60 // characters; shorter runs are plain English
	for i := 0; i+window <= len(flat); i += window / 2 {
		// Any run of 1.5 windows holds one of these.
		if strings.Contains(whole, flat[i:i+window]) {
			return true
		}
	}
	return strings.Contains(flat, "<<<MESSAGE") || strings.Contains(flat, "MESSAGE>>>")
}
