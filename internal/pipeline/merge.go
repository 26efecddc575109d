package pipeline

import (
	"context"
	"errors"
	"fmt"

	"github.com/pocketbase/pocketbase/core"

	"github.com/iterateswarm/iterateswarm/internal/records"
	"github.com/iterateswarm/iterateswarm/internal/triage"
)

// Merge links an issue to the one it is the same as. Its reports stay where
// they are and count there; Unmerge takes the link away and restores both.
func (p *Pipeline) Merge(id string, a Act) (Outcome, error) {
	if a.Into == "" || a.Into == id {
		return Outcome{}, Fault(BadValue, "Name another issue to merge into.").At("into")
	}
	defer p.lockIssue(id)()
	return p.act(id, triage.ActMerge, triage.Triager, a, func(tx core.App, issue *core.Record) error {
		target, err := tx.FindRecordById(records.Issues, a.Into)
		if err != nil || target.GetString("project") != issue.GetString("project") {
			return Fault(NoIssue, "There is no issue %q in this project.", a.Into).At("into")
		}
		root, err := rootOf(tx, target)
		if err != nil {
			return err
		}
		switch {
		case root.Id == issue.Id:
			return Fault(IllegalMove, "Issue %d is merged into this one already.", target.GetInt("number")).At("into")
		case root.GetString("state") == string(triage.Closed):
			return Fault(IllegalMove, "Issue %d is closed; a report of it now is a regression, not a duplicate.", root.GetInt("number")).At("into")
		}
		if err := p.withdraw(tx, issue); err != nil {
			return err
		}
		if err := records.Reunite(tx, issue.Id, root.Id); err != nil {
			return err
		}
		issue.Set("merged_into", root.Id)
		if err := tx.Save(issue); err != nil {
			return err
		}
		return p.recountSave(tx, root)
	})
}

// Unmerge takes a merge back and notes that the two are not the same, so that
// they are not offered to each other again.
func (p *Pipeline) Unmerge(id string, a Act) (Outcome, error) {
	defer p.counts.changed()
	defer p.lockIssue(id)()
	var out Outcome
	err := p.App.RunInTransaction(func(tx core.App) error {
		issue, err := tx.FindRecordById(records.Issues, id)
		if err != nil {
			return Fault(NoIssue, "There is no issue %q.", id)
		}
		if err := p.May(tx, a.By, issue.GetString("project"), triage.Triager, NoIssue); err != nil {
			return err
		}
		if err := errors.Join(checkReason(a.Reason), checkVersion(issue, a)); err != nil {
			return err
		}
		into := issue.GetString("merged_into")
		if into == "" {
			return Fault(IllegalMove, "Issue %d is not merged.", issue.GetInt("number"))
		}
		before := snapshot(issue)
		if err := p.unlink(tx, issue); err != nil {
			return err
		}
		if err := records.Separate(tx, issue.GetString("project"), issue.Id, into); err != nil {
			return err
		}
		out, err = p.decided(tx, issue, "unmerge", before, a, "")
		return err
	})
	return out, err
}

// unlink takes an issue's merge away and recounts both sides.
func (p *Pipeline) unlink(tx core.App, issue *core.Record) error {
	into := issue.GetString("merged_into")
	issue.Set("merged_into", "")
	if err := tx.Save(issue); err != nil {
		return err
	}
	target, err := tx.FindRecordById(records.Issues, into)
	if err != nil {
		return fmt.Errorf("merged into %s: %w", into, err)
	}
	root, err := rootOf(tx, target)
	if err != nil {
		return err
	}
	if err := p.recountSave(tx, root); err != nil {
		return err
	}
	if issue.GetString("state") == string(triage.Approved) {
		if err := p.deliver(tx, issue, ""); err != nil {
			return err
		}
	}
	return p.recount(tx, issue)
}

func (p *Pipeline) recountSave(tx core.App, issue *core.Record) error {
	if err := p.recount(tx, issue); err != nil {
		return err
	}
	if err := tx.Save(issue); err != nil {
		return fmt.Errorf("save issue: %w", err)
	}
	return nil
}

// Split takes reports out of an issue into a new draft, and notes that they
// are not the same matter. At least one report must stay.
func (p *Pipeline) Split(id string, a Act) (Outcome, error) {
	if len(a.Feedback) == 0 {
		return Outcome{}, Fault(BadValue, "Name the reports that leave.").At("feedback")
	}
	defer p.lockIssue(id)()
	var moved []*core.Record
	out, err := p.act(id, triage.ActSplit, triage.Triager, a, func(tx core.App, issue *core.Record) error {
		moved = nil
		for _, fid := range a.Feedback {
			r, err := tx.FindRecordById(records.Feedback, fid)
			if err != nil || r.GetString("issue") != issue.Id {
				return Fault(NoFeedback, "Message %q is no report of this issue.", fid).At("feedback")
			}
			moved = append(moved, r)
		}
		fresh, err := p.draft(tx, moved[0], "")
		if err != nil {
			return err
		}
		for _, r := range moved {
			r.Set("issue", fresh.Id)
			if err := p.relink(tx, r); err != nil {
				return err
			}
			if err := records.Separate(tx, issue.GetString("project"), r.Id, issue.Id); err != nil {
				return err
			}
		}
		if err := records.Separate(tx, issue.GetString("project"), fresh.Id, issue.Id); err != nil {
			return err
		}
		if err := p.recountSave(tx, fresh); err != nil {
			return err
		}
		if err := p.recount(tx, issue); err != nil {
			return err
		}
		if issue.GetInt("report_count") == 0 {
			return Fault(BadValue, "At least one report must stay; to move all of them, merge the issue.").At("feedback")
		}
		_, err = records.Append(tx, records.Decision{
			Project: issue.GetString("project"), Subject: records.Issues, SubjectID: fresh.Id, Action: "split_from",
			ActorKind: records.ByPerson, Actor: a.By.Collection().Name + "/" + a.By.Id,
			After: map[string]any{"from": issue.Id, "feedback": a.Feedback}, Reason: a.Reason, RequestID: a.RequestID,
		})
		return err
	})
	if err == nil {
		p.reindex(moved)
	}
	return out, err
}

// relink saves a message whose issue has changed, in the table of vectors too.
func (p *Pipeline) relink(tx core.App, r *core.Record) error {
	if err := tx.Save(r); err != nil {
		return fmt.Errorf("save feedback: %w", err)
	}
	return putDocs(context.Background(), tx, r)
}
