package pipeline

import (
	"context"
	"encoding/json"
	"errors"
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

// sweepRows is how many rows one sweep looks at, of each kind.
const sweepRows = 500

// LostAttempts is how often a message may take its process down before it is
// put aside for a person.
const LostAttempts = 3

// recover gives back what a dead process was working on. A message that was
// lost too often is quarantined; a create that was on its way is unknown.
func (p *Pipeline) recover() error {
	lost, err := p.queue.Reset(func(tx core.App, job queue.Lost) (string, error) {
		if job.Kind != (TriageArgs{}).Kind() {
			return job.Queue, nil
		}
		var args TriageArgs
		if err := json.Unmarshal(job.Args, &args); err != nil {
			return "", nil // not ours; it cannot be worked
		}
		r, err := tx.FindRecordById(records.Feedback, args.ID)
		if err != nil {
			return "", nil // the message was erased
		}
		if again, err := p.countLost(tx, r); !again {
			return "", err
		}
		return SuspectQueue, nil
	})
	if err != nil {
		return fmt.Errorf("recover jobs: %w", err)
	}
	sending, err := p.App.FindRecordsByFilter(records.Deliveries, "state = 'sending'", "", 0, 0)
	if err != nil {
		return fmt.Errorf("recover deliveries: %w", err)
	}
	if err := p.failLostRuns(); err != nil {
		return err
	}
	for _, d := range sending {
		if err := p.unsure(d, "The server stopped while the tracker was asked."); err != nil {
			return fmt.Errorf("recover delivery %s: %w", d.Id, err)
		}
	}
	if err := p.recoverReplies(); err != nil {
		return err
	}
	if lost+len(sending) > 0 {
		p.Log.Warn("recovered from a crash", "jobs", lost, "deliveries", len(sending))
	}
	return nil
}

// countLost counts one lost attempt and reports whether to try again.
func (p *Pipeline) countLost(tx core.App, r *core.Record) (bool, error) {
	if r.GetString("state") != string(triage.Received) {
		return true, nil
	}
	r.Set("lost", r.GetInt("lost")+1)
	if r.GetInt("lost") < LostAttempts {
		return true, tx.Save(r)
	}
	r.Set("held_reason", "quarantined")
	r.Set("state", string(triage.Held))
	p.Log.Error("message quarantined", "feedback", r.Id, "lost", r.GetInt("lost"))
	return false, p.settled(tx, r, "quarantine", records.BySystem,
		fmt.Sprintf("The server died %d times while it worked on this message.", r.GetInt("lost")), nil, time.Now(), r.GetInt("lost"))
}

// sweepEvery looks for rows without a job until ctx ends: at once, then every
// Sweep.
func (p *Pipeline) sweepEvery(ctx context.Context) {
	tick := time.NewTicker(p.Sweep)
	defer tick.Stop()
	cursor := ""
	for {
		var err error
		if cursor, err = p.sweep(ctx, cursor); err != nil && ctx.Err() == nil {
			p.Log.Error("sweep", "err", err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// sweep makes jobs for rows that have none. The rows are the queue of record;
// jobs can be lost, rows cannot. cursor is where the last sweep of messages ended.
func (p *Pipeline) sweep(ctx context.Context, cursor string) (string, error) {
	cursor, err := p.sweepFeedback(ctx, cursor)
	return cursor, errors.Join(err, p.sweepDegraded(ctx), p.sweepApproved(), p.sweepDeliveries(ctx), p.wakeSnoozed(),
		p.sweepReplies(ctx), p.sweepNotes(ctx))
}

func (p *Pipeline) sweepFeedback(ctx context.Context, cursor string) (string, error) {
	if short, err := p.jobsAreShort(); !short {
		return "", err
	}
	var rows []struct {
		ID        string `db:"id"`
		RequestID string `db:"request_id"`
	}
	err := p.App.DB().NewQuery(`SELECT id, request_id FROM feedback WHERE state = 'received' AND id > {:c}
		AND created < {:t} ORDER BY id LIMIT {:n}`).
		Bind(dbx.Params{"c": cursor, "t": types.NowDateTime().Add(-p.Sweep).String(), "n": sweepRows}).All(&rows)
	if err != nil {
		return cursor, fmt.Errorf("sweep feedback: %w", err)
	}
	jobs := make([]river.InsertManyParams, len(rows))
	for i, r := range rows {
		jobs[i] = river.InsertManyParams{Args: TriageArgs{ID: r.ID}, InsertOpts: jobOpts(TriageQueue, r.RequestID)}
	}
	n, err := p.queue.EnqueueMany(ctx, jobs)
	if err != nil {
		return cursor, err
	}
	if n > 0 {
		p.Log.Warn("messages had no job", "count", n)
	}
	if len(rows) < sweepRows {
		return "", nil
	}
	return rows[len(rows)-1].ID, nil
}

// jobsAreShort reports whether there are fewer jobs than messages that wait for
// one. Making jobs that exist already costs the one writer time.
func (p *Pipeline) jobsAreShort() (bool, error) {
	var waiting int
	err := p.App.DB().NewQuery(`SELECT count(*) FROM feedback WHERE state = 'received'`).Row(&waiting)
	if err != nil || waiting == 0 {
		return false, err
	}
	jobs, err := p.queue.Unfinished(TriageArgs{}.Kind())
	return jobs < waiting, err
}

// sweepApproved makes deliveries for issues that were approved while no
// tracker was configured, and anew for those that were never sent and whose
// tracker was switched off since.
func (p *Pipeline) sweepApproved() error {
	var ids []string
	err := p.App.DB().NewQuery(`SELECT i.id FROM issues i JOIN trackers t ON t.project = i.project AND t.enabled = true
		WHERE i.state = 'approved' AND i.merged_into = ''
		AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.issue = i.id)
		UNION SELECT d.issue FROM deliveries d JOIN trackers t ON t.id = d.tracker AND t.enabled = false
		WHERE d.state = 'pending' AND d.attempts = 0 LIMIT {:n}`).
		Bind(dbx.Params{"n": sweepRows}).Column(&ids)
	if err != nil {
		return fmt.Errorf("sweep approved issues: %w", err)
	}
	var failed error
	for _, id := range ids {
		err := p.App.RunInTransaction(func(tx core.App) error {
			issue, err := tx.FindRecordById(records.Issues, id)
			if err != nil || issue.GetString("state") != string(triage.Approved) {
				return err
			}
			if err := errors.Join(p.withdraw(tx, issue), p.deliver(tx, issue, "")); err != nil {
				return err
			}
			return tx.Save(issue)
		})
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("deliver issue %s: %w", id, err))
		}
	}
	return failed
}

// sweepDeliveries makes jobs for deliveries that are due, tracker by tracker. A
// tracker whose breaker is open is left alone; one that may be probed gets one.
func (p *Pipeline) sweepDeliveries(ctx context.Context) error {
	trackers, err := p.App.FindRecordsByFilter(records.Trackers, "enabled = true", "", 0, 0)
	if err != nil {
		return fmt.Errorf("sweep trackers: %w", err)
	}
	for _, t := range trackers {
		limit := sweepRows
		switch p.filer(t.Id).breaker.State() {
		case guard.Open:
			continue
		case guard.HalfOpen:
			limit = 1
		}
		var rows []struct {
			ID        string `db:"id"`
			RequestID string `db:"request_id"`
		}
		err := p.App.DB().NewQuery(`SELECT id, request_id FROM deliveries WHERE tracker = {:t}
			AND state IN ('pending', 'sending', 'unknown') AND next_at <= {:now} ORDER BY next_at LIMIT {:n}`).
			Bind(dbx.Params{"t": t.Id, "now": types.NowDateTime().String(), "n": limit}).All(&rows)
		if err != nil {
			return fmt.Errorf("sweep deliveries: %w", err)
		}
		jobs := make([]river.InsertManyParams, len(rows))
		for i, r := range rows {
			jobs[i] = river.InsertManyParams{Args: FileArgs{ID: r.ID}, InsertOpts: jobOpts(fileQueue(t.Id), r.RequestID)}
		}
		if _, err := p.queue.EnqueueMany(ctx, jobs); err != nil {
			return err
		}
	}
	return nil
}

// wakeSnoozed brings back issues whose snooze is over.
func (p *Pipeline) wakeSnoozed() error {
	due, err := p.App.FindRecordsByFilter(records.Issues, "state = 'snoozed' && snoozed_until <= {:now}", "", sweepRows, 0,
		dbx.Params{"now": types.NowDateTime().String()})
	if err != nil {
		return fmt.Errorf("wake issues: %w", err)
	}
	var failed error
	for _, issue := range due {
		err := p.App.RunInTransaction(func(tx core.App) error {
			issue, err := tx.FindRecordById(records.Issues, issue.Id)
			if err != nil || issue.GetString("state") != string(triage.Snoozed) {
				return err
			}
			before := snapshot(issue)
			issue.Set("state", string(triage.Draft))
			issue.Set("snoozed_until", nil)
			_, err = p.decided(tx, issue, "wake", before, Act{}, "")
			return err
		})
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("wake issue %s: %w", issue.Id, err))
		}
	}
	return failed
}
