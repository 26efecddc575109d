package pipeline

import (
	"errors"
	"fmt"
	"time"

	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/types"

	"github.com/iterateswarm/iterateswarm/internal/records"
	"github.com/iterateswarm/iterateswarm/internal/triage"
	"github.com/iterateswarm/iterateswarm/sdk"
)

// Act is what a person does to an issue.
type Act struct {
	By        *core.Record // who; its role in the issue's project is checked
	Version   *int         // the version that was looked at; nil: the state alone protects
	Reason    string
	RequestID string
	Until     time.Time      // snooze
	Into      string         // merge: the issue that stays
	Feedback  []string       // split: the reports that leave
	Edit      map[string]any // edit: fields and their new values
}

// Outcome is an issue after an act, and the decision that can be undone.
type Outcome struct {
	Issue    *core.Record
	Decision string
}

// LongestSnooze is how far away a snooze may end.
const LongestSnooze = 366 * 24 * time.Hour

// Approve moves a draft on to be filed. The delivery and its job are committed
// with the decision.
func (p *Pipeline) Approve(id string, a Act) (Outcome, error) {
	return p.act(id, triage.ActApprove, triage.Approver, a, func(tx core.App, issue *core.Record) error {
		if issue.GetInt("report_count") == 0 {
			return Fault(IllegalMove, "Issue %d has no report left; decline it.", issue.GetInt("number"))
		}
		issue.Set("snoozed_until", nil)
		return p.deliver(tx, issue, a.RequestID)
	})
}

// Decline says no to a draft.
func (p *Pipeline) Decline(id string, a Act) (Outcome, error) {
	return p.act(id, triage.ActDecline, triage.Approver, a, func(tx core.App, issue *core.Record) error {
		issue.Set("snoozed_until", nil)
		return p.tellLater(tx, issue, sdk.Declined, a.RequestID, p.Grace)
	})
}

// Snooze puts a draft away until a time.
func (p *Pipeline) Snooze(id string, a Act) (Outcome, error) {
	if now := time.Now(); !a.Until.After(now) || a.Until.After(now.Add(LongestSnooze)) {
		return Outcome{}, Fault(BadValue, "Say until when, as an RFC 3339 time between now and %d days from now.", int(LongestSnooze.Hours()/24)).At("until")
	}
	return p.act(id, triage.ActSnooze, triage.Triager, a, func(_ core.App, issue *core.Record) error {
		until, err := types.ParseDateTime(a.Until.UTC())
		issue.Set("snoozed_until", until)
		return err
	})
}

// Reopen brings a snoozed, declined or not yet filed issue back to the drafts,
// and a closed one back to filed.
func (p *Pipeline) Reopen(id string, a Act) (Outcome, error) {
	return p.act(id, triage.ActReopen, triage.Approver, a, func(tx core.App, issue *core.Record) error {
		issue.Set("snoozed_until", nil)
		issue.Set("closed_as", "")
		return p.withdraw(tx, issue)
	})
}

// Close says that a filed issue is done. New reports of it are regressions.
func (p *Pipeline) Close(id string, a Act) (Outcome, error) {
	return p.act(id, triage.ActClose, triage.Approver, a, func(tx core.App, issue *core.Record) error {
		issue.Set("closed_as", "completed")
		return p.tellLater(tx, issue, sdk.Fixed, a.RequestID, p.Grace)
	})
}

// act runs one act on one issue in one transaction: role, version, move,
// change, decision.
func (p *Pipeline) act(id string, action triage.Action, need triage.Role, a Act, change func(tx core.App, issue *core.Record) error) (Outcome, error) {
	defer p.counts.changed()
	var out Outcome
	err := p.App.RunInTransaction(func(tx core.App) error {
		issue, err := p.issueFor(tx, id, need, a)
		if err != nil {
			return err
		}
		from := triage.IssueState(issue.GetString("state"))
		to, err := triage.Next(from, action)
		if err != nil {
			return Fault(IllegalMove, "Issue %d is %s; it cannot be changed by %s.", issue.GetInt("number"), from, action)
		}
		before := snapshot(issue)
		issue.Set("state", string(to))
		if err := change(tx, issue); err != nil {
			return err
		}
		out, err = p.decided(tx, issue, string(action), before, a, "")
		return err
	})
	if err == nil && teaches(action) {
		p.taught(out.Issue.GetString("project"))
	}
	return out, err
}

// issueFor reads an issue and checks who asks and which version they saw.
func (p *Pipeline) issueFor(tx core.App, id string, need triage.Role, a Act) (*core.Record, error) {
	issue, err := tx.FindRecordById(records.Issues, id)
	if err != nil {
		return nil, Fault(NoIssue, "There is no issue %q.", id)
	}
	if err := p.May(tx, a.By, issue.GetString("project"), need, NoIssue); err != nil {
		return nil, err
	}
	if err := checkReason(a.Reason); err != nil {
		return nil, err
	}
	if err := checkVersion(issue, a); err != nil {
		return nil, err
	}
	if into := issue.GetString("merged_into"); into != "" {
		return nil, Fault(IllegalMove, "Issue %d is merged into %s; unmerge it first.", issue.GetInt("number"), into)
	}
	return issue, nil
}

// May checks a person's role in a project. Somebody without any role there
// does not learn that the thing exists: the problem is the given "not found".
func (p *Pipeline) May(app core.App, who *core.Record, project string, need triage.Role, missing int) error {
	if who == nil {
		return Fault(NoCredentials, "Sign in first.")
	}
	role, ok := records.RoleOf(app, who, project)
	if !ok {
		return Fault(missing, "There is no such thing, or you are no member of its project.")
	}
	if !role.AtLeast(need) {
		return Fault(WrongRole, "This needs the role %s; you are %s.", need, role)
	}
	return nil
}

// longestReason is how many bytes a reason may have; decisions are kept for ever.
const longestReason = 4000

func checkReason(reason string) error {
	if len(reason) > longestReason {
		return Fault(BadValue, "A reason has at most %d bytes; this one has %d.", longestReason, len(reason)).At("reason")
	}
	return nil
}

// checkVersion compares the version that was seen, when one was named.
func checkVersion(issue *core.Record, a Act) error {
	if now := issue.GetInt("version"); a.Version != nil && *a.Version != now {
		return Fault(StaleVersion, "The issue has changed: you saw version %d, it is at %d. Read it again.", *a.Version, now).At("version")
	}
	return nil
}

// lockIssue takes the lock of an issue's project. Nothing is locked when there
// is no such issue; what is done next says so.
func (p *Pipeline) lockIssue(id string) (unlock func()) {
	issue, err := p.App.FindRecordById(records.Issues, id)
	if err != nil {
		return func() {}
	}
	return p.lock(issue.GetString("project"))
}

// issueFields are the parts of an issue that acts change and undo restores.
var issueFields = []string{"state", "title", "steps", "observed", "expected", "criteria", "labels", "components", "assignees",
	"class", "severity", "merged_into", "snoozed_until", "closed_as", "regression_of"}

func snapshot(issue *core.Record) map[string]any {
	out := map[string]any{"version": issue.GetInt("version")}
	for _, f := range issueFields {
		out[f] = issue.Get(f)
	}
	return out
}

// changes keeps what differs between a snapshot and the issue as it is now.
func changes(before map[string]any, issue *core.Record) (was, is map[string]any) {
	was, is = map[string]any{"version": before["version"]}, map[string]any{"version": issue.GetInt("version")}
	for _, f := range issueFields {
		if b, a := asJSON(before[f]), asJSON(issue.Get(f)); b != a {
			was[f], is[f] = before[f], issue.Get(f)
		}
	}
	return was, is
}

// decided saves an issue after an act, one version further, with its decision.
func (p *Pipeline) decided(tx core.App, issue *core.Record, action string, before map[string]any, a Act, undoOf string) (Outcome, error) {
	issue.Set("version", issue.GetInt("version")+1)
	if err := tx.Save(issue); err != nil {
		return Outcome{}, asBadValue(err)
	}
	was, is := changes(before, issue)
	is["class"] = issue.GetString("class")
	if engine := p.engineClass(tx, issue.Id); engine != "" {
		is["engine_class"] = engine
	}
	if err := p.lesson(tx, issue, triage.Action(action), was, is); err != nil {
		return Outcome{}, err
	}
	d := records.Decision{
		Project: issue.GetString("project"), Subject: records.Issues, SubjectID: issue.Id, Action: action,
		ActorKind: records.ByPerson, Before: was, After: is, Reason: a.Reason, UndoOf: undoOf, RequestID: a.RequestID,
	}
	if a.By != nil {
		d.Actor = a.By.Collection().Name + "/" + a.By.Id
	} else {
		d.ActorKind, d.Actor = records.BySystem, "pipeline"
	}
	id, err := records.Append(tx, d)
	return Outcome{Issue: issue, Decision: id}, err
}

// engineClass is what the engine said of the issue's first report.
func (p *Pipeline) engineClass(tx core.App, issue string) string {
	var class string
	err := tx.DB().NewQuery(`SELECT json_extract(d.after, '$.class') FROM decisions d
		WHERE d.subject_id = (SELECT id FROM feedback WHERE issue = {:i} AND issue != '' ORDER BY created LIMIT 1)
		AND d.action = 'judge' ORDER BY d.rowid DESC LIMIT 1`).Bind(map[string]any{"i": issue}).Row(&class)
	if err != nil {
		return "" // an issue without reports has no engine to agree with
	}
	return class
}

// asBadValue turns PocketBase's validation of an edited field into a problem.
func asBadValue(err error) error {
	var fields interface {
		error
		Filter() error
	}
	if errors.As(err, &fields) {
		return Fault(BadValue, "The issue was not saved: %s", fields.Error())
	}
	return fmt.Errorf("save issue: %w", err)
}
