package pipeline

import (
	"context"
	"fmt"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/types"
	"github.com/riverqueue/river"

	"github.com/iterateswarm/iterateswarm/internal/guard"
	"github.com/iterateswarm/iterateswarm/internal/queue"
	"github.com/iterateswarm/iterateswarm/internal/records"
	"github.com/iterateswarm/iterateswarm/internal/triage"
)

// thinkRows is how many degraded messages have a job at the same time. The
// others wait as rows, which cost nothing.
const thinkRows = 40

// InsertOpts makes one unfinished job a message.
func (RethinkArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: ThinkQueue, UniqueOpts: queue.Unique}
}

// sweepDegraded makes jobs for messages that wait for the model, when it can be
// asked: none while its breaker is open or its budget is used up, one when the
// breaker wants to be probed.
func (p *Pipeline) sweepDegraded(ctx context.Context) error {
	if p.Model == nil {
		return nil
	}
	state, limit := p.Model.State(), thinkRows
	switch {
	case state.Breaker == guard.Open || state.Wait > 0:
		return nil
	case state.Breaker == guard.HalfOpen:
		limit = 1
	}
	var rows []struct {
		ID        string `db:"id"`
		RequestID string `db:"request_id"`
	}
	err := p.App.DB().NewQuery(`SELECT id, request_id FROM feedback WHERE degraded = 1 AND think_at != '' AND think_at <= {:now}
		ORDER BY think_at LIMIT {:n}`).Bind(dbx.Params{"now": types.NowDateTime().String(), "n": limit}).All(&rows)
	if err != nil || len(rows) == 0 {
		return wrap("sweep degraded messages", err)
	}
	var waiting int
	query := `SELECT count(*) FROM river_job WHERE kind = 'rethink' AND state IN ('available', 'running', 'retryable', 'scheduled')`
	if limit == 1 { // the probe does not wait for jobs that were told to wait
		query = `SELECT count(*) FROM river_job WHERE kind = 'rethink' AND state IN ('available', 'running')`
	}
	err = p.App.DB().NewQuery(query).Row(&waiting)
	if err != nil || waiting >= limit {
		return wrap("count jobs", err)
	}
	rows = rows[:min(len(rows), limit-waiting)]
	jobs := make([]river.InsertManyParams, len(rows))
	for i, r := range rows {
		jobs[i] = river.InsertManyParams{Args: RethinkArgs{ID: r.ID}, InsertOpts: jobOpts(ThinkQueue, r.RequestID)}
	}
	_, err = p.queue.EnqueueMany(ctx, jobs)
	return err
}

func wrap(doing string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", doing, err)
}

type rethinkWorker struct {
	river.WorkerDefaults[RethinkArgs]
	p *Pipeline
}

// Work thinks one message over again. Working it twice changes nothing.
func (w *rethinkWorker) Work(ctx context.Context, job *river.Job[RethinkArgs]) error {
	err := w.p.rethink(ctx, job.Args.ID, trialOf(job.JobRow))
	if isGone(err) {
		return river.JobCancel(fmt.Errorf("feedback %s is gone: %w", job.Args.ID, err))
	}
	return err
}

// rethink asks the model about a degraded message, and follows its verdict as
// far as no person and no tracker has acted on the old one.
func (p *Pipeline) rethink(ctx context.Context, id string, t trial) error {
	r, err := p.App.FindRecordById(records.Feedback, id)
	if err != nil {
		return err
	}
	if p.Model == nil || !r.GetBool("degraded") || r.GetString("state") == string(triage.Received) {
		return nil // a received message has a job of its own
	}
	open, err := p.stillOpen(p.App, r)
	if err != nil {
		return err
	}
	if !open || !p.expectsModel(r) {
		return p.App.RunInTransaction(func(tx core.App) error { return p.letStand(tx, id) })
	}
	start := time.Now()
	th, thinkErr := p.thinkOver(ctx, r)
	if thinkErr == nil || len(th.Calls) > 0 { // a refusal of the breaker or the budget is no news
		if err := p.ledger(p.App, r, th.Calls, thinkErr, start, t); err != nil {
			return err
		}
	}
	if err := thinkAgain(ctx); err != nil && thinkErr != nil {
		return err
	}
	if wait, ok := p.snoozeFor(thinkErr, t); ok {
		return river.JobSnooze(wait)
	}
	if thinkErr != nil {
		return p.App.RunInTransaction(func(tx core.App) error {
			now, err := tx.FindRecordById(records.Feedback, id)
			if err != nil || !now.GetBool("degraded") {
				return err
			}
			degrade(now, thinkErr, len(th.Calls))
			return saved(tx, now)
		})
	}
	return p.follow(r.GetString("project"), id, th.Verdict)
}

// stillOpen reports whether a new verdict may change anything: no person has
// decided on the message or its issue, and the issue, if there is one, is a draft.
func (p *Pipeline) stillOpen(app core.App, r *core.Record) (bool, error) {
	touched, err := touchedByPerson(app, r.Id)
	if err != nil || touched || r.GetString("held_reason") == "quarantined" {
		return false, err
	}
	if r.GetString("issue") == "" {
		return true, nil
	}
	issue, err := app.FindRecordById(records.Issues, r.GetString("issue"))
	if err != nil {
		return false, err
	}
	if issue.GetString("state") != string(triage.Draft) || issue.GetString("merged_into") != "" {
		return false, nil
	}
	touched, err = touchedByPerson(app, issue.Id)
	return !touched, err
}

// letStand gives up on a message whose offline verdict has been acted on.
func (p *Pipeline) letStand(tx core.App, id string) error {
	r, err := tx.FindRecordById(records.Feedback, id)
	if err != nil || !r.GetBool("degraded") {
		return err
	}
	r.Set("think_at", "")
	if touched, err := touchedByPerson(tx, id); err != nil {
		return err
	} else if touched {
		undegrade(r) // what a person said is no makeshift
	}
	return saved(tx, r)
}

// follow stores the model's verdict and does what it would have led to at
// first: a message that rested is settled anew, a draft that this message made
// is written anew, a message that is no bug or feature, or is about another
// issue, leaves its draft.
func (p *Pipeline) follow(project, id string, v triage.Verdict) error {
	defer p.lock(project)()
	defer p.counts.changed()
	var left *core.Record
	err := p.App.RunInTransaction(func(tx core.App) error {
		left = nil
		r, err := tx.FindRecordById(records.Feedback, id)
		if err != nil || !r.GetBool("degraded") {
			return err
		}
		if open, err := p.stillOpen(tx, r); err != nil || !open {
			if err == nil {
				err = p.letStand(tx, id)
			}
			return err
		}
		left, err = p.obey(tx, r, v)
		return err
	})
	if err == nil && left != nil {
		p.reindex([]*core.Record{left})
	}
	return err
}

// sameAsAnother reports whether the model says that the only report of a draft
// is about another issue.
func (p *Pipeline) sameAsAnother(tx core.App, r *core.Record, v triage.Verdict) (bool, error) {
	if r.GetString("issue") == "" || v.DuplicateOf == "" {
		return false, nil
	}
	issue, err := tx.FindRecordById(records.Issues, r.GetString("issue"))
	return err == nil && issue.GetInt("report_count") == 1, err
}

// obey does what follow says, for a message that is open. It returns the
// message when it has left its issue; the index must be told after the commit.
func (p *Pipeline) obey(tx core.App, r *core.Record, v triage.Verdict) (left *core.Record, err error) {
	issueID := r.GetString("issue")
	same, err := p.sameAsAnother(tx, r, v)
	if err != nil {
		return nil, err
	}
	if (v.Class == triage.Bug || v.Class == triage.Feature) && !same {
		if err := p.judged(tx, r, v); err != nil {
			return nil, err
		}
		if issueID != "" {
			return nil, p.rewrite(tx, issueID, r, v)
		}
		return nil, p.settleAnew(tx, r)
	}
	r.Set("issue", "")
	r.Set("relation", "")
	r.Set("similarity", 0)
	if err := p.judged(tx, r, v); err != nil {
		return nil, err
	}
	if issueID != "" {
		left = r
		if err := p.moved(tx, r, issueID); err != nil {
			return nil, err
		}
		if err := p.withdrawEmpty(tx, issueID, v); err != nil {
			return nil, err
		}
	}
	return left, p.settleAnew(tx, r)
}

// settleAnew sends a message through settling once more.
func (p *Pipeline) settleAnew(tx core.App, r *core.Record) error {
	r.Set("state", string(triage.Received))
	r.Set("held_reason", "")
	if err := saved(tx, r); err != nil {
		return err
	}
	rid := r.GetString("request_id")
	return p.queue.Enqueue(context.Background(), tx, TriageArgs{ID: r.Id}, jobOpts(TriageQueue, rid))
}

// rewrite writes a draft anew from the verdict on the report that made it.
func (p *Pipeline) rewrite(tx core.App, issueID string, r *core.Record, v triage.Verdict) error {
	issue, err := tx.FindRecordById(records.Issues, issueID)
	if err != nil {
		return err
	}
	var first string
	err = tx.DB().NewQuery(`SELECT id FROM feedback WHERE issue = {:i} AND issue != '' ORDER BY created, rowid LIMIT 1`).
		Bind(dbx.Params{"i": issueID}).Row(&first)
	if err != nil || first != r.Id {
		return err
	}
	before := snapshot(issue)
	specify(issue, v)
	issue.Set("class", string(v.Class))
	issue.Set("severity", string(v.Severity))
	return p.decidedByEngine(tx, issue, "rewrite", before, v, "The model is back and has judged the report.")
}

// withdrawEmpty declines a draft that has lost its only report.
func (p *Pipeline) withdrawEmpty(tx core.App, issueID string, v triage.Verdict) error {
	issue, err := tx.FindRecordById(records.Issues, issueID)
	if err != nil || issue.GetInt("report_count") > 0 {
		return err
	}
	to, err := triage.Next(triage.IssueState(issue.GetString("state")), triage.ActDecline)
	if err != nil {
		return err
	}
	before := snapshot(issue)
	issue.Set("state", string(to))
	what := string(v.Class)
	if v.DuplicateOf != "" {
		what = "another issue's"
	}
	return p.decidedByEngine(tx, issue, string(triage.ActDecline), before, v,
		fmt.Sprintf("Its only report was judged again, as %s.", what))
}

// decidedByEngine saves an issue that an engine has changed, one version
// further, with its decision.
func (p *Pipeline) decidedByEngine(tx core.App, issue *core.Record, action string, before map[string]any, v triage.Verdict, reason string) error {
	issue.Set("version", issue.GetInt("version")+1)
	if err := tx.Save(issue); err != nil {
		return fmt.Errorf("save issue: %w", err)
	}
	was, is := changes(before, issue)
	_, err := records.Append(tx, records.Decision{
		Project: issue.GetString("project"), Subject: records.Issues, SubjectID: issue.Id, Action: action,
		ActorKind: records.ByEngine, Actor: v.Engine, Before: was, After: is, Reason: reason,
		Engine: v.Engine, Prompt: v.EngineVersion,
	})
	return err
}
