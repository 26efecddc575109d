package pipeline

import (
	"context"
	"fmt"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/types"

	"github.com/iterateswarm/iterateswarm/internal/guard"
	"github.com/iterateswarm/iterateswarm/internal/records"
)

// deliver makes sure that an approved issue has a delivery and a job, or says
// on the issue what it waits for.
func (p *Pipeline) deliver(tx core.App, issue *core.Record, requestID string) error {
	trackers, err := tx.FindRecordsByFilter(records.Trackers, "project = {:p} && enabled = true", "created", 1, 0,
		dbx.Params{"p": issue.GetString("project")})
	if err != nil {
		return fmt.Errorf("find tracker: %w", err)
	}
	if len(trackers) == 0 {
		issue.Set("filing", "No tracker is configured and enabled. The issue files itself as soon as one is.")
		return nil
	}
	tracker := trackers[0]
	c, err := tx.FindCachedCollectionByNameOrId(records.Deliveries)
	if err != nil {
		return err
	}
	d := core.NewRecord(c)
	d.Set("project", issue.GetString("project"))
	d.Set("issue", issue.Id)
	d.Set("tracker", tracker.Id)
	d.Set("action", "create")
	d.Set("generation", 1)
	d.Set("key", p.Vault.DeliveryKey(issue.Id, tracker.Id, "create", 1))
	d.Set("state", deliveryPending)
	d.Set("next_at", types.NowDateTime())
	d.Set("request_id", requestID)
	if p.restoredAfter(tx, issue) {
		// The backup may be older than the filing: look first.
		d.Set("state", deliveryUnknown)
		d.Set("intent_at", issue.GetDateTime("created"))
	}
	if err := tx.Save(d); err != nil {
		return fmt.Errorf("save delivery: %w", err)
	}
	issue.Set("tracker", tracker.Id)
	issue.Set("filing", waiting(tracker, p.filer(tracker.Id).breaker.State() == guard.Open))
	return p.queue.Enqueue(context.Background(), tx, FileArgs{ID: d.Id}, jobOpts(fileQueue(tracker.Id), requestID))
}

// waiting says what an approved issue waits for.
func waiting(tracker *core.Record, down bool) string {
	if down {
		return fmt.Sprintf("%s does not answer. The issue files itself when it is back.", tracker.GetString("name"))
	}
	return fmt.Sprintf("Waiting to be filed in %s.", tracker.GetString("name"))
}

// sayOnce writes on the issue what it waits for, unless it says so already.
func (p *Pipeline) sayOnce(d *core.Record, text string) error {
	return p.App.RunInTransaction(func(tx core.App) error {
		issue, err := tx.FindRecordById(records.Issues, d.GetString("issue"))
		if err != nil || issue.GetString("filing") == text {
			return err
		}
		issue.Set("filing", text)
		return tx.Save(issue)
	})
}

// withdraw takes back a delivery that was never sent. Once the tracker may have
// seen it, it is too late.
func (p *Pipeline) withdraw(tx core.App, issue *core.Record) error {
	list, err := tx.FindRecordsByFilter(records.Deliveries, "issue = {:i} && state != 'done'", "", 0, 0, dbx.Params{"i": issue.Id})
	if err != nil {
		return fmt.Errorf("find deliveries: %w", err)
	}
	for _, d := range list {
		state := d.GetString("state")
		if state != deliveryRejected && (state != deliveryPending || d.GetInt("rounds") > 0) {
			return Fault(AlreadySent, "Issue %d is on its way to the tracker, or may be there already.", issue.GetInt("number"))
		}
		if err := tx.Delete(d); err != nil {
			return fmt.Errorf("withdraw delivery: %w", err)
		}
	}
	issue.Set("filing", "")
	return nil
}
