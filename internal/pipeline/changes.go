package pipeline

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"github.com/iterateswarm/iterateswarm/internal/records"
	"github.com/iterateswarm/iterateswarm/internal/triage"
	"github.com/iterateswarm/iterateswarm/sdk"
)

// pollEvery asks trackers what has changed, until ctx ends. A tracker that sends
// webhooks is asked too: a webhook can be lost.
func (p *Pipeline) pollEvery(ctx context.Context) {
	tick := time.NewTicker(p.Poll)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		trackers, err := p.App.FindRecordsByFilter(records.Trackers, "enabled = true", "", 0, 0)
		if err != nil {
			p.Log.Error("poll trackers", "err", err)
			continue
		}
		for _, t := range trackers {
			if m, _ := p.Plugins.Manifest(t.GetString("plugin")); !m.Can(sdk.CanWatch) {
				continue
			}
			if err := p.poll(ctx, t); err != nil && ctx.Err() == nil {
				p.Log.Warn("ask the tracker for changes", "tracker", t.Id, "err", err)
			}
		}
	}
}

// poll takes what has changed in a tracker since it was asked last.
func (p *Pipeline) poll(ctx context.Context, tracker *core.Record) error {
	var changes []sdk.Change
	var cursor string
	err := p.filer(tracker.Id).breaker.Do(ctx, func(ctx context.Context) error {
		var err error
		changes, cursor, err = p.Plugins.Changes(ctx, tracker.Id, tracker.GetString("cursor"), tracker.GetDateTime("created").Time())
		return err
	})
	if err != nil {
		return err
	}
	if err := p.TakeChanges(tracker, changes); err != nil {
		return err
	}
	if cursor == "" || cursor == tracker.GetString("cursor") {
		return nil
	}
	// Past the hooks that follow a change of configuration.
	_, err = p.App.DB().Update(records.Trackers, dbx.Params{"cursor": cursor}, dbxID(tracker.Id)).Execute()
	return err
}

// TakeChanges follows what a tracker tells of its issues: a closed one is closed
// here and its reporters hear of it, a reopened one is open again. A change that
// is known already changes nothing.
func (p *Pipeline) TakeChanges(tracker *core.Record, changes []sdk.Change) error {
	defer p.counts.changed()
	for _, c := range changes {
		d, err := p.deliveryOf(tracker.Id, c.Issue)
		if errors.Is(err, sql.ErrNoRows) {
			continue // filed by another installation, or by hand
		}
		if err != nil {
			return err
		}
		if err := p.takeChange(d, c); err != nil {
			return fmt.Errorf("take change of issue %s: %w", d.GetString("issue"), err)
		}
	}
	return nil
}

// deliveryOf finds the delivery that filed an issue. A double that carries the
// same key is not the issue.
func (p *Pipeline) deliveryOf(tracker string, ref sdk.IssueRef) (*core.Record, error) {
	if ref.Key != "" && ref.Name == "" && ref.Number == 0 {
		return p.App.FindFirstRecordByFilter(records.Deliveries, "tracker = {:t} && key = {:k}", dbx.Params{"t": tracker, "k": ref.Key})
	}
	if ref.Key != "" {
		return p.App.FindFirstRecordByFilter(records.Deliveries, "tracker = {:t} && key = {:k} && (state != 'done' || number = {:n})",
			dbx.Params{"t": tracker, "k": ref.Key, "n": nameOf(ref.Name, ref.Number)})
	}
	return p.App.FindFirstRecordByFilter(records.Deliveries, "tracker = {:t} && state = 'done' && number = {:n}",
		dbx.Params{"t": tracker, "n": nameOf(ref.Name, ref.Number)})
}

func (p *Pipeline) takeChange(d *core.Record, c sdk.Change) error {
	return p.App.RunInTransaction(func(tx core.App) error {
		issue, err := tx.FindRecordById(records.Issues, d.GetString("issue"))
		if err != nil {
			return err
		}
		before := snapshot(issue)
		seen := asJSON(issue.Get("tracker_state")) + asJSON(issue.Get("tracker_assignees")) + asJSON(issue.Get("pull_request"))
		issue.Set("tracker_state", c.State)
		if c.Assignees != nil {
			issue.Set("tracker_assignees", c.Assignees)
		}
		if c.PullRequest != "" {
			issue.Set("pull_request", c.PullRequest)
		}
		state := triage.IssueState(issue.GetString("state"))
		switch {
		case c.State == "closed" && state == triage.Filed:
			return p.closedThere(tx, issue, before, c)
		case c.State == "open" && state == triage.Closed:
			issue.Set("state", string(triage.Filed))
			issue.Set("closed_as", "")
			_, err := p.decided(tx, issue, string(triage.ActReopen), before, Act{Reason: "The tracker has it open again."}, "")
			return err
		}
		if now := asJSON(issue.Get("tracker_state")) + asJSON(issue.Get("tracker_assignees")) + asJSON(issue.Get("pull_request")); now == seen {
			return nil
		}
		return tx.Save(issue)
	})
}

// closedThere closes an issue that was closed in its tracker, and has its
// reporters told.
func (p *Pipeline) closedThere(tx core.App, issue *core.Record, before map[string]any, c sdk.Change) error {
	to, err := triage.Next(triage.Filed, triage.ActClose)
	if err != nil {
		return err
	}
	issue.Set("state", string(to))
	kind, reason := sdk.Fixed, "The tracker has closed it."
	issue.Set("closed_as", "completed")
	switch c.Reason {
	case "not_planned":
		issue.Set("closed_as", "not_planned")
		kind, reason = sdk.Declined, "The tracker has closed it as not planned."
	case "duplicate":
		issue.Set("closed_as", "duplicate")
		kind, reason = "", "The tracker has closed it as a duplicate."
	}
	if _, err := p.decided(tx, issue, string(triage.ActClose), before, Act{Reason: reason}, ""); err != nil || kind == "" {
		return err
	}
	return p.tellLater(tx, issue, kind, "", 0)
}

// nameOf is what people call an issue: its name, or its number.
func nameOf(name string, number int64) string {
	if name != "" {
		return name
	}
	return strconv.FormatInt(number, 10)
}

// number64 is a number that was stored as text; 0 when the tracker has names.
func number64(s string) int64 {
	n, _ := strconv.ParseInt(s, 10, 64)
	return n
}
