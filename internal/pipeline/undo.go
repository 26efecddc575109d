package pipeline

import (
	"encoding/json"
	"fmt"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"github.com/iterateswarm/iterateswarm/internal/records"
	"github.com/iterateswarm/iterateswarm/internal/triage"
)

// Undone is what an undo has changed: an issue or a message.
type Undone struct {
	Issue    *core.Record
	Feedback *core.Record
	Decision string
}

// Undo takes a person's decision back by a move that compensates it. Only the
// latest decision on a thing can be undone, once, and an approval only until
// the tracker may have seen it.
func (p *Pipeline) Undo(decision string, a Act) (Undone, error) {
	defer p.counts.changed()
	if err := checkReason(a.Reason); err != nil {
		return Undone{}, err
	}
	if d, err := p.App.FindRecordById(records.Decisions, decision); err == nil {
		defer p.lock(d.GetString("project"))()
	}
	var out Undone
	var undone *core.Record
	err := p.App.RunInTransaction(func(tx core.App) error {
		d, err := tx.FindRecordById(records.Decisions, decision)
		if err != nil {
			return Fault(NoDecision, "There is no decision %q.", decision)
		}
		need := triage.Triager
		if act := triage.Action(d.GetString("action")); act == triage.ActApprove || act == triage.ActDecline || act == triage.ActReopen {
			need = triage.Approver
		}
		if err := p.May(tx, a.By, d.GetString("project"), need, NoDecision); err != nil {
			return err
		}
		if err := undoable(tx, d); err != nil {
			return err
		}
		if d.GetString("subject") == records.Feedback {
			out, err = p.undoReport(tx, d, a)
		} else {
			out, err = p.undoIssue(tx, d, a)
		}
		undone = d
		return err
	})
	if err == nil {
		if taughtBy(undone) {
			p.relearn(undone.GetString("project"))
		}
		if out.Feedback != nil {
			p.reindex([]*core.Record{out.Feedback})
		}
		if out.Issue != nil {
			p.reindexIssue(out.Issue.Id)
		}
	}
	return out, err
}

// canUndo lists the acts that have a move that compensates them.
var canUndo = map[string]bool{"approve": true, "decline": true, "snooze": true, "reopen": true, "close": true, "edit": true,
	"merge": true, "unmerge": true, "split": true, "reclassify": true, "join": true}

// undoable refuses what is no person's act, what was undone and what something
// newer rests on.
func undoable(tx core.App, d *core.Record) error {
	byRule := d.GetString("actor_kind") == records.ByRule && d.GetString("action") == string(triage.ActApprove)
	if d.GetString("actor_kind") != records.ByPerson && !byRule || !canUndo[d.GetString("action")] {
		return Fault(IllegalMove, "Only what a person decided, or a rule approved, can be undone: approve, decline, snooze, reopen, close, edit, merge, unmerge, split, reclassify and join.")
	}
	if d.GetString("changes_salt") == "" {
		return Fault(IllegalMove, "What this decision changed was erased with a reporter's words; it cannot be undone.")
	}
	var newer int
	err := tx.DB().NewQuery(`SELECT count(*) FROM decisions WHERE undo_of = {:id} OR (subject_id = {:s}
		AND rowid > (SELECT rowid FROM decisions WHERE id = {:id})
		AND (actor_kind = 'person' OR action NOT IN ('join', 'draft', 'regression', 'rest', 'noise', 'hold'))
		AND action NOT IN ('split_from', 'reply', 'notify') AND undo_of = '' AND NOT EXISTS (SELECT 1 FROM decisions u WHERE u.undo_of = decisions.id))`).
		Bind(dbx.Params{"id": d.Id, "s": d.GetString("subject_id")}).Row(&newer)
	if err != nil {
		return fmt.Errorf("look for newer decisions: %w", err)
	}
	if newer > 0 {
		return Fault(NotLatest, "This was undone already, or something newer was decided; undo that first.")
	}
	return nil
}

// undoIssue restores the fields that an act on an issue changed.
func (p *Pipeline) undoIssue(tx core.App, d *core.Record, a Act) (Undone, error) {
	issue, err := tx.FindRecordById(records.Issues, d.GetString("subject_id"))
	if err != nil {
		return Undone{}, Fault(NoIssue, "The issue is gone.")
	}
	if err := checkVersion(issue, a); err != nil {
		return Undone{}, err
	}
	now := snapshot(issue)
	action := d.GetString("action")
	switch triage.Action(action) {
	case triage.ActApprove:
		if issue.GetString("state") != string(triage.Approved) {
			return Undone{}, Fault(AlreadySent, "The issue is %s; its approval cannot be taken back.", issue.GetString("state"))
		}
		err = p.withdraw(tx, issue)
	case triage.ActMerge:
		err = p.unlink(tx, issue)
	case triage.ActSplit:
		err = p.unsplit(tx, d, issue)
	}
	if err != nil {
		return Undone{}, err
	}
	var before map[string]any
	if err := d.UnmarshalJSONField("before", &before); err != nil {
		return Undone{}, fmt.Errorf("decision %s: %w", d.Id, err)
	}
	for _, f := range issueFields {
		if v, ok := before[f]; ok && f != "merged_into" {
			issue.Set(f, v)
		}
	}
	switch action {
	case "unmerge":
		target, _ := before["merged_into"].(string)
		if err := p.mergeAgain(tx, issue, target); err != nil {
			return Undone{}, err
		}
	case string(triage.ActReopen):
		if issue.GetString("state") == string(triage.Approved) {
			if err := p.deliver(tx, issue, a.RequestID); err != nil {
				return Undone{}, err
			}
		}
	}
	if err := p.recount(tx, issue); err != nil {
		return Undone{}, err
	}
	out, err := p.decided(tx, issue, "undo_"+action, now, a, d.Id)
	return Undone{Issue: out.Issue, Decision: out.Decision}, err
}

// mergeAgain puts a merge back that was taken away.
func (p *Pipeline) mergeAgain(tx core.App, issue *core.Record, target string) error {
	into, err := tx.FindRecordById(records.Issues, target)
	if err != nil {
		return Fault(NoIssue, "The issue it was merged into is gone.")
	}
	root, err := rootOf(tx, into)
	if err != nil {
		return err
	}
	if root.Id == issue.Id {
		return Fault(IllegalMove, "Issue %d is merged into this one by now.", into.GetInt("number"))
	}
	if err := p.withdraw(tx, issue); err != nil {
		return err
	}
	if err := records.Reunite(tx, issue.Id, target); err != nil {
		return err
	}
	issue.Set("merged_into", target)
	if err := tx.Save(issue); err != nil {
		return err
	}
	return p.recountSave(tx, root)
}

// unsplit brings the reports of a split back; the issue that was made for them
// is merged into the old one.
func (p *Pipeline) unsplit(tx core.App, d, issue *core.Record) error {
	var row struct {
		ID    string `db:"subject_id"`
		After string `db:"after"`
	}
	err := tx.DB().NewQuery(`SELECT subject_id, after FROM decisions WHERE action = 'split_from'
		AND json_extract(after, '$.from') = {:issue} AND rowid < (SELECT rowid FROM decisions WHERE id = {:id})
		ORDER BY rowid DESC LIMIT 1`).Bind(dbx.Params{"issue": issue.Id, "id": d.Id}).One(&row)
	if err != nil {
		return fmt.Errorf("what the split made: %w", err)
	}
	var after struct {
		Feedback []string `json:"feedback"`
	}
	if err := json.Unmarshal([]byte(row.After), &after); err != nil {
		return err
	}
	fresh, err := tx.FindRecordById(records.Issues, row.ID)
	if err != nil {
		return err
	}
	if fresh.GetString("merged_into") != "" || fresh.GetInt("version") > 1 {
		return Fault(NotLatest, "Something was decided on issue %d since, which the split made; undo that first.", fresh.GetInt("number"))
	}
	if err := p.withdraw(tx, fresh); err != nil {
		return err
	}
	for _, id := range after.Feedback {
		r, err := tx.FindRecordById(records.Feedback, id)
		if err != nil {
			return err
		}
		if r.GetString("issue") != fresh.Id {
			continue // it was moved on since; that stays
		}
		r.Set("issue", issue.Id)
		if err := p.relink(tx, r); err != nil {
			return err
		}
		if err := records.Reunite(tx, r.Id, issue.Id); err != nil {
			return err
		}
	}
	if err := records.Reunite(tx, fresh.Id, issue.Id); err != nil {
		return err
	}
	fresh.Set("merged_into", issue.Id)
	fresh.Set("version", fresh.GetInt("version")+1)
	return p.recountSave(tx, fresh)
}

// undoReport restores the fields that a correction of a message changed.
func (p *Pipeline) undoReport(tx core.App, d *core.Record, a Act) (Undone, error) {
	r, err := tx.FindRecordById(records.Feedback, d.GetString("subject_id"))
	if err != nil {
		return Undone{}, Fault(NoFeedback, "The message is gone.")
	}
	now := reportSnapshot(r)
	var before map[string]any
	if err := d.UnmarshalJSONField("before", &before); err != nil {
		return Undone{}, fmt.Errorf("decision %s: %w", d.Id, err)
	}
	for _, f := range reportFields {
		r.Set(f, before[f])
	}
	if err := p.moved(tx, r, now["issue"].(string)); err != nil {
		return Undone{}, err
	}
	id, err := records.Append(tx, records.Decision{
		Project: r.GetString("project"), Subject: records.Feedback, SubjectID: r.Id, Action: "undo_" + d.GetString("action"),
		ActorKind: records.ByPerson, Actor: a.By.Collection().Name + "/" + a.By.Id,
		Before: now, After: reportSnapshot(r), Reason: a.Reason, UndoOf: d.Id, RequestID: a.RequestID,
	})
	return Undone{Feedback: r, Decision: id}, err
}

// reindexIssue tells the index where an issue's reports are now.
func (p *Pipeline) reindexIssue(issue string) {
	var ids []string
	err := p.App.DB().Select("id").From(records.Feedback).Where(dbx.HashExp{"issue": issue}).Column(&ids)
	if err != nil {
		p.Log.Error("read reports of issue", "issue", issue, "err", err)
		return
	}
	for _, id := range ids {
		p.Index.Move(id, issue)
	}
}
