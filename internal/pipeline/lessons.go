package pipeline

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"github.com/iterateswarm/iterateswarm/internal/offline"
	"github.com/iterateswarm/iterateswarm/internal/records"
	"github.com/iterateswarm/iterateswarm/internal/triage"
)

// said is what a person's act says of a verdict. It stands in the decision, so
// that everything that was learned can be learned again from there.
type said struct {
	Class      triage.Class    `json:"class,omitempty"`
	Severity   triage.Severity `json:"severity,omitempty"`
	Labels     *[]string       `json:"labels,omitempty"` // nil: nothing
	Components *[]string       `json:"components,omitempty"`
	Assignees  *[]string       `json:"assignees,omitempty"`
}

// mostReports is how many of an issue's reports a decision teaches about. Each
// weighs one over the square root of their number.
const mostReports = 8

// lesson adds to an issue's decision what it says, and of which messages.
// Approving says yes to everything; an edit speaks of what it changes; a
// decline says that noise is noise, and otherwise nothing of the verdict.
func (p *Pipeline) lesson(tx core.App, issue *core.Record, action triage.Action, was, after map[string]any) error {
	var s said
	list := func(field string) *[]string {
		v := records.Strings(issue, field)
		return &v
	}
	changed := func(field string) bool { _, ok := was[field]; return ok }
	class, severity := triage.Class(issue.GetString("class")), triage.Severity(issue.GetString("severity"))
	switch {
	case action == triage.ActApprove:
		s = said{Class: class, Severity: severity, Labels: list("labels"), Components: list("components")}
		if who := list("assignees"); len(*who) > 0 {
			s.Assignees = who
		}
	case action == triage.ActDecline && class == triage.Noise:
		s.Class = class
	case action == triage.ActEdit:
		if changed("class") {
			s.Class = class
		}
		if changed("severity") {
			s.Severity = severity
		}
		for field, to := range map[string]**[]string{"labels": &s.Labels, "components": &s.Components, "assignees": &s.Assignees} {
			if changed(field) {
				*to = list(field)
			}
		}
	}
	if s == (said{}) {
		return nil
	}
	var reports []string
	err := tx.DB().NewQuery(`SELECT id FROM feedback WHERE issue = {:i} AND issue != '' ORDER BY created, rowid LIMIT {:n}`).
		Bind(dbx.Params{"i": issue.Id, "n": mostReports}).Column(&reports)
	if err != nil {
		return fmt.Errorf("reports of issue %s: %w", issue.Id, err)
	}
	after["said"], after["reports"] = s, reports
	return nil
}

// teaches reports whether an act on an issue may say something of a verdict.
func teaches(a triage.Action) bool {
	return a == triage.ActApprove || a == triage.ActDecline || a == triage.ActEdit
}

// taughtBy reports whether a decision taught something.
func taughtBy(d *core.Record) bool {
	var after struct {
		Said *said `json:"said"`
	}
	return d.UnmarshalJSONField("after", &after) == nil && after.Said != nil
}

// resetLearning is the decision to forget what was taught. Its subject is the
// project.
const resetLearning = "reset_learning"

// lastReset is the decision after which a project's lessons count; "" for all.
func (p *Pipeline) lastReset(project string) (string, error) {
	var id string
	err := p.App.DB().NewQuery(`SELECT id FROM decisions WHERE subject_id = {:p} AND action = '` + resetLearning + `' ORDER BY rowid DESC LIMIT 1`).
		Bind(dbx.Params{"p": project}).Row(&id)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return id, wrap("look for a reset", err)
}

// lessonRow is one decision that may teach something.
type lessonRow struct {
	ID        string `db:"id"`
	Subject   string `db:"subject"`
	SubjectID string `db:"subject_id"`
	After     string `db:"after"`
	Void      bool   `db:"void"` // it was undone, or undoes another
}

// peopleAfter selects what people decided in a project after a decision.
const peopleAfter = `FROM decisions d WHERE d.project = {:p} AND d.actor_kind = 'person'
	AND d.rowid > coalesce((SELECT rowid FROM decisions WHERE id = {:through}), 0)`

// void is whether a decision no longer counts.
const void = `(d.undo_of != '' OR EXISTS (SELECT 1 FROM decisions u WHERE u.undo_of = d.id AND u.undo_of != ''))`

// lessonsAtOnce is how many decisions are read in one go.
const lessonsAtOnce = 500

// lessonsAfter reads the next decisions after one: the examples in them, the id
// of the last, and how many there were.
func (p *Pipeline) lessonsAfter(project, through string) (out []offline.Example, last string, n int, err error) {
	var rows []lessonRow
	err = p.App.DB().NewQuery(`SELECT d.id, d.subject, d.subject_id, d.after, ` + void + ` AS void ` + peopleAfter + ` ORDER BY d.rowid LIMIT {:n}`).
		Bind(dbx.Params{"p": project, "through": through, "n": lessonsAtOnce}).All(&rows)
	if err != nil {
		return nil, "", 0, fmt.Errorf("read decisions: %w", err)
	}
	if len(rows) == 0 {
		return nil, through, 0, nil
	}
	settings, _, err := p.read(p.App, project)
	if err != nil {
		return nil, "", 0, err
	}
	type taught struct {
		row   lessonRow
		said  said
		items []string
	}
	var list []taught
	var ids []any
	for _, row := range rows {
		var after struct {
			Said    *said    `json:"said"`
			Reports []string `json:"reports"`
		}
		if row.Void || json.Unmarshal([]byte(row.After), &after) != nil || after.Said == nil {
			continue // it says nothing of a verdict, or was erased
		}
		if row.Subject == records.Feedback {
			after.Reports = []string{row.SubjectID}
		}
		list = append(list, taught{row, *after.Said, after.Reports})
		for _, id := range after.Reports {
			ids = append(ids, id)
		}
	}
	items, err := p.itemsOf(ids, settings)
	if err != nil {
		return nil, "", 0, err
	}
	for _, t := range list {
		weight := 1 / math.Sqrt(float64(max(1, len(t.items))))
		for _, id := range t.items {
			it, ok := items[id]
			if !ok {
				continue // it was erased
			}
			x := offline.Example{ID: id, Lesson: t.row.ID, Item: it, Class: t.said.Class, Severity: t.said.Severity, Weight: weight}
			x.Labels, x.Components, x.Assignees = named(t.said.Labels), named(t.said.Components), named(t.said.Assignees)
			out = append(out, x)
		}
	}
	return out, rows[len(rows)-1].ID, len(rows), nil
}

// named keeps the difference between an empty list and nothing said.
func named(list *[]string) []string {
	if list == nil {
		return nil
	}
	return append([]string{}, *list...)
}

// itemsOf reads the messages with these ids as the engine is given them.
func (p *Pipeline) itemsOf(ids []any, settings records.Settings) (map[string]triage.Item, error) {
	out := make(map[string]triage.Item, len(ids))
	for at := 0; at < len(ids); at += lessonsAtOnce {
		var rows []struct {
			ID      string `db:"id"`
			Source  string `db:"source"`
			Subject string `db:"subject"`
			Content string `db:"content"`
		}
		err := p.App.DB().Select("id", "source", "subject", "content").From(records.Feedback).
			Where(dbx.And(dbx.In("id", ids[at:min(at+lessonsAtOnce, len(ids))]...), dbx.HashExp{"erased": ""})).All(&rows)
		if err != nil {
			return nil, fmt.Errorf("read messages: %w", err)
		}
		for _, r := range rows {
			out[r.ID] = newItem(r.Source, r.Subject, r.Content, settings)
		}
	}
	return out, nil
}
