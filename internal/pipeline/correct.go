package pipeline

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/pocketbase/pocketbase/core"

	"github.com/iterateswarm/iterateswarm/internal/records"
	"github.com/iterateswarm/iterateswarm/internal/triage"
)

// Correction is what a person says of one message.
type Correction struct {
	By        *core.Record
	Class     triage.Class    // empty: as it is
	Severity  triage.Severity // empty: as it is
	Reason    string
	RequestID string
}

// Correct sets the class and severity that a person gives a message, takes it
// out of where it rested and settles it anew. The same call releases a held
// message and restores noise.
func (p *Pipeline) Correct(id string, c Correction) (*core.Record, error) {
	if c.Class != "" && !c.Class.Valid() {
		return nil, Fault(BadValue, "A class is one of bug, feature, question, noise.").At("class")
	}
	if c.Severity != "" && !c.Severity.Valid() {
		return nil, Fault(BadValue, "A severity is one of critical, high, medium, low.").At("severity")
	}
	r, err := p.moveReport(id, c.By, "reclassify", c.Reason, c.RequestID, func(tx core.App, r *core.Record) error {
		if c.Class != "" {
			r.Set("class", string(c.Class))
		}
		if c.Severity != "" {
			r.Set("severity", string(c.Severity))
		}
		r.Set("confidence", 1)
		r.Set("held_reason", "")
		r.Set("lost", 0)
		undegrade(r)
		actionable := r.GetString("class") == string(triage.Bug) || r.GetString("class") == string(triage.Feature)
		if actionable && r.GetString("issue") != "" {
			return nil // it stays a report of its issue
		}
		r.Set("issue", "")
		r.Set("relation", "")
		r.Set("similarity", 0)
		r.Set("state", string(triage.Received))
		return p.queue.Enqueue(context.Background(), tx, TriageArgs{ID: r.Id}, jobOpts(TriageQueue, c.RequestID))
	}, func(r *core.Record) *said {
		return &said{Class: triage.Class(r.GetString("class")), Severity: c.Severity}
	})
	if err == nil {
		p.taught(r.GetString("project"))
	}
	return r, err
}

// Join makes a message a report of the issue that a person names, whatever was
// said of the two before.
func (p *Pipeline) Join(id, issueID string, by *core.Record, reason, requestID string) (*core.Record, error) {
	return p.moveReport(id, by, "join", reason, requestID, func(tx core.App, r *core.Record) error {
		issue, err := tx.FindRecordById(records.Issues, issueID)
		if err != nil || issue.GetString("project") != r.GetString("project") {
			return Fault(NoIssue, "There is no issue %q in this project.", issueID).At("issue")
		}
		root, err := rootOf(tx, issue)
		if err != nil {
			return err
		}
		if root.GetString("state") == string(triage.Closed) {
			return Fault(IllegalMove, "Issue %d is closed; a report of it now is a regression.", root.GetInt("number")).At("issue")
		}
		for _, other := range []string{issue.Id, root.Id} {
			if err := records.Reunite(tx, r.Id, other); err != nil {
				return err
			}
		}
		r.Set("issue", issue.Id)
		r.Set("relation", "report")
		r.Set("state", string(triage.Joined))
		r.Set("held_reason", "")
		return nil
	}, func(*core.Record) *said { return nil })
}

// moveReport changes one message by a person's word and recounts the issues it
// left and entered. says is what that teaches; nil is nothing.
func (p *Pipeline) moveReport(id string, by *core.Record, action, reason, requestID string, change func(tx core.App, r *core.Record) error, says func(r *core.Record) *said) (*core.Record, error) {
	defer p.counts.changed()
	if err := checkReason(reason); err != nil {
		return nil, err
	}
	r, err := p.App.FindRecordById(records.Feedback, id)
	if err != nil {
		return nil, Fault(NoFeedback, "There is no message %q.", id)
	}
	defer p.lock(r.GetString("project"))()
	err = p.App.RunInTransaction(func(tx core.App) error {
		var err error
		if r, err = tx.FindRecordById(records.Feedback, id); err != nil {
			return Fault(NoFeedback, "There is no message %q.", id)
		}
		if err := p.May(tx, by, r.GetString("project"), triage.Triager, NoFeedback); err != nil {
			return err
		}
		if r.GetString("erased") != "" {
			return Fault(IllegalMove, "The text of this message was erased; there is nothing to decide on.")
		}
		before := reportSnapshot(r)
		if err := change(tx, r); err != nil {
			return err
		}
		if from, to := triage.FeedbackState(before["state"].(string)), triage.FeedbackState(r.GetString("state")); from != to && !triage.CanMove(from, to) {
			return Fault(IllegalMove, "A message that is %s cannot become %s.", from, to)
		}
		if err := p.moved(tx, r, before["issue"].(string)); err != nil {
			return err
		}
		after := withEngineClass(tx, r)
		if s := says(r); s != nil {
			after["said"] = s
		}
		_, err = records.Append(tx, records.Decision{
			Project: r.GetString("project"), Subject: records.Feedback, SubjectID: r.Id, Action: action,
			ActorKind: records.ByPerson, Actor: by.Collection().Name + "/" + by.Id,
			Before: before, After: after, Reason: reason, RequestID: requestID,
		})
		return err
	})
	if err == nil {
		p.reindex([]*core.Record{r})
	}
	return r, err
}

var reportFields = []string{"state", "class", "severity", "confidence", "held_reason", "issue", "relation", "similarity"}

func reportSnapshot(r *core.Record) map[string]any {
	out := map[string]any{}
	for _, f := range reportFields {
		out[f] = r.Get(f)
	}
	out["state"], out["issue"] = r.GetString("state"), r.GetString("issue")
	return out
}

func withEngineClass(tx core.App, r *core.Record) map[string]any {
	out := reportSnapshot(r)
	var class string
	err := tx.DB().NewQuery(`SELECT json_extract(after, '$.class') FROM decisions
		WHERE subject_id = {:id} AND action = 'judge' ORDER BY rowid DESC LIMIT 1`).
		Bind(map[string]any{"id": r.Id}).Row(&class)
	if err == nil {
		out["engine_class"] = class
	}
	return out
}

// moved saves a message that may have changed its issue, and recounts both issues.
func (p *Pipeline) moved(tx core.App, r *core.Record, left string) error {
	if err := p.relink(tx, r); err != nil {
		return err
	}
	if left == r.GetString("issue") {
		return nil
	}
	if err := p.recountFrom(tx, left); err != nil {
		return err
	}
	return p.recountFrom(tx, r.GetString("issue"))
}

// recountFrom recounts an issue and the one it is merged into; an empty id is none.
func (p *Pipeline) recountFrom(tx core.App, id string) error {
	if id == "" {
		return nil
	}
	issue, err := tx.FindRecordById(records.Issues, id)
	switch {
	case errors.Is(err, sql.ErrNoRows): // erased together with its project
		return nil
	case err != nil:
		return fmt.Errorf("recount %s: %w", id, err)
	}
	if err := p.recountSave(tx, issue); err != nil {
		return err
	}
	root, err := rootOf(tx, issue)
	if err != nil || root.Id == issue.Id {
		return err
	}
	return p.recountSave(tx, root)
}
