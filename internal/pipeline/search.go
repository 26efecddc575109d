package pipeline

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/pocketbase/dbx"

	"github.com/iterateswarm/iterateswarm/internal/vector"
)

// What one search looks at. The index finds reports by their words, however
// many there are; the rest is bounded.
const (
	searchHits     = 60     // reports from the index
	searchTitles   = 10_000 // newest issues whose titles are read
	searchResting  = 2_000  // newest messages without an issue, of each state
	searchShown    = 30
	longestSnippet = 160 // characters
)

// LongestQuery is how many bytes a query may have.
const LongestQuery = 400

// Sought is what a person looks for: words, and what is must be.
type Sought struct {
	Words    string
	State    string // of an issue or a message
	Class    string
	Severity string
	Source   string // of a message
}

// ParseQuery reads "crash is:draft sev:high src:discord class:bug".
func ParseQuery(q string) Sought {
	var s Sought
	var words []string
	for _, w := range strings.Fields(q) {
		key, value, _ := strings.Cut(strings.ToLower(w), ":")
		into := map[string]*string{"is": &s.State, "state": &s.State, "sev": &s.Severity, "severity": &s.Severity, "class": &s.Class,
			"src": &s.Source, "source": &s.Source}[key]
		if into == nil || value == "" {
			words = append(words, w)
			continue
		}
		*into = value
	}
	if s.State == "pending" {
		s.State = "draft"
	}
	s.Words = strings.Join(words, " ")
	return s
}

// FoundIssue is an issue that a search found.
type FoundIssue struct {
	ID        string  `db:"id" json:"id"`
	Number    int     `db:"number" json:"number"`
	Title     string  `db:"title" json:"title"`
	State     string  `db:"state" json:"state"`
	Class     string  `db:"class" json:"class"`
	Severity  string  `db:"severity" json:"severity"`
	Reporters int     `db:"reporter_count" json:"reporter_count"`
	Into      string  `db:"merged_into" json:"merged_into"`
	Score     float64 `db:"-" json:"score"`
}

// FoundMessage is a message that a search found.
type FoundMessage struct {
	ID       string  `db:"id" json:"id"`
	Title    string  `db:"title" json:"title"`
	Content  string  `db:"content" json:"-"`
	Snippet  string  `db:"-" json:"snippet"`
	State    string  `db:"state" json:"state"`
	Class    string  `db:"class" json:"class"`
	Severity string  `db:"severity" json:"severity"`
	Source   string  `db:"source" json:"source"`
	Issue    string  `db:"issue" json:"issue"`
	Created  string  `db:"created" json:"created"`
	Score    float64 `db:"-" json:"score"`
}

// Search finds the issues and messages of a project that a query is about. The
// caller has checked the role.
func (p *Pipeline) Search(project, query string) ([]FoundIssue, []FoundMessage, error) {
	s := ParseQuery(query)
	if s.Words == "" && s.State == "" && s.Class == "" && s.Severity == "" && s.Source == "" {
		return []FoundIssue{}, []FoundMessage{}, nil
	}
	scores := map[string]float64{} // of issues, by their best report
	ofMessage := map[string]float64{}
	if s.Words != "" {
		for _, h := range p.Index.Search(vector.Query{Project: project, Text: s.Words, K: searchHits}) {
			ofMessage[h.ID] = h.Score
			scores[h.Group] = max(scores[h.Group], h.Score)
		}
	}
	issues, err := p.searchIssues(project, s, scores)
	if err != nil {
		return nil, nil, fmt.Errorf("search issues: %w", err)
	}
	messages, err := p.searchMessages(project, s, ofMessage)
	if err != nil {
		return nil, nil, fmt.Errorf("search messages: %w", err)
	}
	return issues, messages, nil
}

const issueColumns = `id, number, title, state, class, severity, reporter_count, merged_into`

func (p *Pipeline) searchIssues(project string, s Sought, scores map[string]float64) ([]FoundIssue, error) {
	is, params := conditions(s, false)
	params["p"], params["n"] = project, searchShown
	found := map[string]FoundIssue{}
	add := func(score float64, query string) error {
		var list []FoundIssue
		if err := p.App.DB().NewQuery(query).Bind(params).All(&list); err != nil {
			return err
		}
		for _, i := range list {
			i.Score = max(score, scores[i.ID], found[i.ID].Score)
			found[i.ID] = i
		}
		return nil
	}
	ids := make([]string, 0, len(scores))
	for id := range scores {
		ids = append(ids, "'"+id+"'")
	}
	if len(ids) > 0 {
		if err := add(0, `SELECT `+issueColumns+` FROM issues WHERE id IN (`+strings.Join(ids, ",")+`) AND merged_into = ''`+is); err != nil {
			return nil, err
		}
	}
	if n, err := strconv.Atoi(strings.TrimPrefix(s.Words, "#")); err == nil {
		params["number"] = n
		if err := add(2, `SELECT `+issueColumns+` FROM issues WHERE project = {:p} AND number = {:number}`+is); err != nil {
			return nil, err
		}
	}
	for i, w := range strings.Fields(s.Words) {
		key := fmt.Sprint("w", i)
		params[key] = "%" + escapeLike(w) + "%"
		is += ` AND title LIKE {:` + key + `} ESCAPE '\'`
	}
	params["many"] = searchTitles
	err := add(1, `SELECT `+issueColumns+` FROM (SELECT * FROM issues WHERE project = {:p} ORDER BY created DESC LIMIT {:many})
		WHERE merged_into = ''`+is+` ORDER BY reporter_count DESC LIMIT {:n}`)
	out := make([]FoundIssue, 0, len(found))
	for _, i := range found {
		out = append(out, i)
	}
	slices.SortFunc(out, func(a, b FoundIssue) int {
		switch {
		case a.Score != b.Score:
			return sign(b.Score - a.Score)
		case a.Reporters != b.Reporters:
			return b.Reporters - a.Reporters
		}
		return b.Number - a.Number
	})
	return out[:min(len(out), searchShown)], err
}

const messageColumns = `id, title, content, state, class, severity, source, issue, created`

func (p *Pipeline) searchMessages(project string, s Sought, scores map[string]float64) ([]FoundMessage, error) {
	is, params := conditions(s, true)
	params["p"], params["n"], params["many"] = project, searchShown, searchResting
	out := []FoundMessage{}
	ids := make([]string, 0, len(scores))
	for id := range scores {
		ids = append(ids, "'"+id+"'")
	}
	if len(ids) > 0 {
		if err := p.App.DB().NewQuery(`SELECT ` + messageColumns + ` FROM feedback WHERE id IN (` + strings.Join(ids, ",") + `)` + is).
			Bind(params).All(&out); err != nil {
			return nil, err
		}
	}
	words := ""
	for i, w := range strings.Fields(s.Words) {
		key := fmt.Sprint("w", i)
		params[key] = "%" + escapeLike(w) + "%"
		words += ` AND (content LIKE {:` + key + `} ESCAPE '\' OR subject LIKE {:` + key + `} ESCAPE '\')`
	}
	for _, state := range []string{"held", "triaged", "noise"} {
		if s.State != "" && s.State != state {
			continue
		}
		params["rests"] = state
		var list []FoundMessage
		err := p.App.DB().NewQuery(`SELECT ` + messageColumns + ` FROM (SELECT * FROM feedback INDEXED BY idx_feedback_state
			WHERE project = {:p} AND state = {:rests} ORDER BY created DESC LIMIT {:many}) WHERE erased = ''` + is + words + ` LIMIT {:n}`).
			Bind(params).All(&list)
		if err != nil {
			return nil, err
		}
		out = append(out, list...)
	}
	for i := range out {
		out[i].Score = scores[out[i].ID]
		out[i].Snippet = snippet(out[i].Content, s.Words)
	}
	slices.SortStableFunc(out, func(a, b FoundMessage) int {
		if a.Score != b.Score {
			return sign(b.Score - a.Score)
		}
		return strings.Compare(b.Created, a.Created)
	})
	return out[:min(len(out), searchShown)], nil
}

// conditions are the parts of a query that must hold exactly.
func conditions(s Sought, message bool) (string, dbx.Params) {
	params, is := dbx.Params{}, ""
	for column, value := range map[string]string{"state": s.State, "class": s.Class, "severity": s.Severity} {
		if value != "" {
			params[column] = value
			is += " AND " + column + " = {:" + column + "}"
		}
	}
	if s.Source != "" && message {
		params["source"] = s.Source
		is += " AND source = {:source}"
	}
	return is, params
}

var likeSigns = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)

func escapeLike(s string) string { return likeSigns.Replace(s) }

// snippet is the part of a text around the first word that is sought.
func snippet(text, words string) string {
	text = strings.Join(strings.Fields(text), " ")
	start := 0
	lower := strings.ToLower(text)
	for _, w := range strings.Fields(strings.ToLower(words)) {
		if i := strings.Index(lower, w); i > 40 && i < len(text) {
			start = i - 40
			break
		}
	}
	for start > 0 && !utf8.RuneStart(text[start]) {
		start--
	}
	r := []rune(text[start:])
	out := string(r[:min(len(r), longestSnippet)])
	if start > 0 {
		out = "…" + out
	}
	if len(r) > longestSnippet {
		out += "…"
	}
	return out
}

func sign(f float64) int {
	if f > 0 {
		return 1
	}
	return -1
}
