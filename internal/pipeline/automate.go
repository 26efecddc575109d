package pipeline

import (
	"fmt"
	"slices"

	"github.com/pocketbase/pocketbase/core"

	"github.com/iterateswarm/iterateswarm/internal/records"
	"github.com/iterateswarm/iterateswarm/internal/triage"
)

// approveByRule files the draft that a message has just made, when its project
// lets rules do so and nothing speaks for a look by a person. It must run in
// the transaction of the draft.
func (p *Pipeline) approveByRule(tx core.App, settings records.Settings, issue, r *core.Record) error {
	why, ok, err := p.mayFile(tx, settings, r)
	if err != nil || !ok {
		return err
	}
	to, err := triage.Next(triage.IssueState(issue.GetString("state")), triage.ActApprove)
	if err != nil {
		return err
	}
	before := snapshot(issue)
	issue.Set("state", string(to))
	if err := p.deliver(tx, issue, r.GetString("request_id")); err != nil {
		return err
	}
	issue.Set("version", issue.GetInt("version")+1)
	if err := tx.Save(issue); err != nil {
		return fmt.Errorf("save issue: %w", err)
	}
	was, is := changes(before, issue)
	_, err = records.Append(tx, records.Decision{
		Project: issue.GetString("project"), Subject: records.Issues, SubjectID: issue.Id, Action: string(triage.ActApprove),
		ActorKind: records.ByRule, Actor: "automation", Before: was, After: is, Reason: why, RequestID: r.GetString("request_id"),
	})
	return err
}

// mayFile says whether a project's level of automation files what a message
// made, and why. No level files what is flagged, what a model should have
// judged and did not, what a person has touched, or a demo.
func (p *Pipeline) mayFile(tx core.App, settings records.Settings, r *core.Record) (string, bool, error) {
	level := settings.Level()
	if level != records.Balanced && level != records.FullAutomation {
		return "", false, nil
	}
	confidence, above := r.GetFloat("confidence"), settings.FileAbove()
	if confidence < above || r.GetBool("demo") || r.GetBool("degraded") || r.GetString("relation") == "regression" {
		return "", false, nil
	}
	small := []string{string(triage.Medium), string(triage.Low)}
	if level == records.Balanced && !slices.Contains(small, r.GetString("severity")) {
		return "", false, nil
	}
	v, err := records.Verdict(r)
	if err != nil || len(v.Flags) > 0 {
		return "", false, err
	}
	if touched, err := touchedByPerson(tx, r.Id); err != nil || touched {
		return "", false, err
	}
	return fmt.Sprintf("Automation is %s: confidence %.2f is at least %.2f.", level, confidence, above), true, nil
}

// restrain takes away what a project leaves to people alone: then a sure match
// is only a suggestion.
func restrain(settings records.Settings, f *found) {
	if settings.Level() != records.FullControl || f.target == nil && f.closed == nil {
		return
	}
	peer := f.target
	if peer == nil {
		peer = f.closed
	}
	c := candidate{Issue: peer.ID, Number: peer.Number, Title: peer.Title, State: peer.State, Score: f.score}
	f.candidates = append([]candidate{c}, f.candidates...)
	f.whyNot = fmt.Sprintf("People decide what belongs together here. It is like issue %d. %s", peer.Number, f.why)
	f.target, f.closed, f.score = nil, nil, 0
}
