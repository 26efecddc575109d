package main

import (
	"bufio"
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/iterateswarm/iterateswarm/internal/offline"
	"github.com/iterateswarm/iterateswarm/internal/triage"
)

// ownSet is the small set written for this repository: chat, mail, issues and
// reviews in seven languages, with repeats, messages about several matters,
// noise, and text that talks to the engine.
//
//go:embed testdata/own.jsonl
var ownSet string

// ownRow is one message of the set. An empty field is not scored.
type ownRow struct {
	ID        string          `json:"id"`
	Channel   triage.Channel  `json:"channel"`
	Lang      string          `json:"lang"`
	Title     string          `json:"title"`
	Text      string          `json:"text"`
	Class     triage.Class    `json:"class"`
	Severity  triage.Severity `json:"severity"`
	AtMost    triage.Severity `json:"severity_at_most"`
	Flags     *[]string       `json:"flags"`
	Duplicate string          `json:"duplicate_of"`
	Matters   int             `json:"matters"`
}

func ownRows() ([]ownRow, error) {
	var rows []ownRow
	sc := bufio.NewScanner(strings.NewReader(ownSet))
	for sc.Scan() {
		var r ownRow
		if err := json.Unmarshal(sc.Bytes(), &r); err != nil {
			return nil, fmt.Errorf("own.jsonl line %d: %w", len(rows)+1, err)
		}
		rows = append(rows, r)
	}
	return rows, sc.Err()
}

// scoreOwn scores the set that ships with the repository.
func scoreOwn(e *offline.Engine) (*table, error) {
	rows, err := ownRows()
	if err != nil {
		return nil, err
	}
	t := new(table)
	var english, foreign, severity []judged
	byChannel := map[triage.Channel][]judged{}
	language, flags, capped := rate{}, rate{}, rate{}
	for _, r := range rows {
		v := e.Judge(triage.Item{Title: r.Title, Text: r.Text, Channel: r.Channel})
		language.count(v.Language == r.Lang)
		j := judged{row: row{ID: r.ID, Text: r.Title + r.Text}, want: string(r.Class), got: string(v.Class), p: v.Confidence, v: v}
		switch {
		case r.Class == "":
		case r.Lang == "en":
			english = append(english, j)
			byChannel[r.Channel] = append(byChannel[r.Channel], j)
		default:
			foreign = append(foreign, j)
		}
		if r.Severity != "" && r.Class == triage.Bug {
			severity = append(severity, judged{row: j.row, want: string(r.Severity), got: string(v.Severity)})
		}
		if r.AtMost != "" {
			capped.count(v.Severity.Rank() <= r.AtMost.Rank())
		}
		switch {
		case r.Flags == nil:
			flags.count(len(v.Flags) == 0)
		case len(*r.Flags) == 0:
			flags.count(len(v.Flags) == 0)
		default:
			flags.count(slices.Contains(v.Flags, (*r.Flags)[0]))
		}
	}
	t.add("class, English, macro-F1 of 4", f1(english, same), "", "", len(english))
	for _, c := range [...]triage.Channel{triage.ChannelChat, triage.ChannelReview, triage.ChannelEmail, triage.ChannelIssue} {
		t.add("class, English, "+string(c)+", accuracy", accuracy(byChannel[c]), "", "", len(byChannel[c]))
	}
	t.add("class, six other languages, macro-F1 of 4", f1(foreign, same), "", "", len(foreign))
	t.add("severity of bugs, macro-F1 of 4", f1(severity, same), "", "", len(severity))
	t.add("language", language.value(), "", "", language.n)
	t.add("flags", flags.value(), "", "", flags.n)
	t.add("severity not raised by instructions", capped.value(), "", "", capped.n)
	t.wrong = append(append(wrong(english), wrong(foreign)...), wrong(severity)...)
	return t, nil
}

// rate counts how often something holds.
type rate struct{ yes, n int }

func (r *rate) count(yes bool) {
	r.n++
	if yes {
		r.yes++
	}
}

func (r *rate) value() float64 { return float64(r.yes) / float64(max(1, r.n)) }

func accuracy(rows []judged) float64 {
	var r rate
	for _, j := range rows {
		r.count(j.want == j.got)
	}
	return r.value()
}

func wrong(rows []judged) []string {
	var out []string
	for _, j := range rows {
		if j.want != j.got {
			out = append(out, fmt.Sprintf("%s want %s got %s: %.90q", j.row.ID, j.want, j.got, j.row.Text))
		}
	}
	return out
}
