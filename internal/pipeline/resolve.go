package pipeline

import (
	"context"
	"fmt"
	"time"

	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/types"

	"github.com/iterateswarm/iterateswarm/internal/guard"
	"github.com/iterateswarm/iterateswarm/internal/pluginhost"
	"github.com/iterateswarm/iterateswarm/internal/records"
	"github.com/iterateswarm/iterateswarm/internal/triage"
	"github.com/iterateswarm/iterateswarm/sdk"
)

// unsure notes that nobody knows whether the create arrived. A look is due when
// the tracker's list has had time to settle.
func (p *Pipeline) unsure(d *core.Record, why string) error {
	tracker, err := p.App.FindRecordById(records.Trackers, d.GetString("tracker"))
	if err != nil {
		return err
	}
	return p.changeDelivery(d, func(tx core.App, d *core.Record) error {
		m, _ := p.Plugins.Manifest(tracker.GetString("plugin"))
		switch {
		case p.BlindPost, m.IdempotentCreate:
			d.Set("state", deliveryPending) // the same key twice is one issue, or the control run wants the harm
			d.Set("rounds", d.GetInt("rounds")+1)
			d.Set("next_at", in(backoff(d.GetInt("attempts"))))
		default:
			d.Set("state", deliveryUnknown)
			d.Set("negatives", 0)
			d.Set("next_at", types.NowDateTime().Add(p.settleTime(tracker)-time.Since(d.GetDateTime("intent_at").Time())))
		}
		d.Set("error", clip(why))
		return p.say(tx, d, fmt.Sprintf("%s may have it or not: %s It is looked up before anything is sent again.", tracker.GetString("name"), sentence(why)), 0)
	})
}

// resolve looks the key up in the tracker. A hit is final. One miss proves
// nothing; two misses, a settle time apart, allow one more create.
func (p *Pipeline) resolve(ctx context.Context, d *core.Record) error {
	tracker, err := p.App.FindRecordById(records.Trackers, d.GetString("tracker"))
	if err != nil {
		return err
	}
	f := p.filer(tracker.Id)
	if f.breaker.State() == guard.Open {
		return nil // the sweep comes back when it may be asked again
	}
	start := time.Now()
	var found []pluginhost.Found
	err = f.breaker.Do(ctx, func(ctx context.Context) error {
		var err error
		found, err = p.Plugins.Find(ctx, tracker.Id, pluginhost.FindRequest{Key: d.GetString("key"),
			Since: d.GetDateTime("intent_at").Time().Add(-findSlack)})
		return err
	})
	took := time.Since(start)
	for _, f := range found {
		if f.Key == d.GetString("key") {
			return p.filed(d, nameOf(f.Name, f.Number), f.NodeID, f.URL, "find", took)
		}
	}
	// A delivery that was never sent is doubted after a restore only, and is as old as its issue.
	old := d.GetInt("attempts") > 0 && time.Since(d.GetDateTime("intent_at").Time()) > MostAge
	return p.changeDelivery(d, func(tx core.App, d *core.Record) error {
		d.Set("checked_at", types.NowDateTime())
		switch {
		case err != nil && !old:
			d.Set("next_at", in(max(backoff(d.GetInt("attempts")), guard.RetryAfter(err))))
			d.Set("error", clip(err.Error()))
			return p.say(tx, d, fmt.Sprintf("%s cannot be looked through: %s", tracker.GetString("name"), sentence(err.Error())), took)
		case err == nil && d.GetInt("negatives")+1 < MissesNeeded:
			d.Set("negatives", d.GetInt("negatives")+1)
			d.Set("next_at", in(p.settleTime(tracker)))
			return nil
		case err != nil || old || d.GetInt("rounds") >= MostRounds:
			d.Set("state", deliveryNeedsHuman)
			return p.say(tx, d, fmt.Sprintf("Nobody knows whether %s has it. Look there, then confirm the delivery with its number, or retry it.", tracker.GetString("name")), took)
		}
		d.Set("state", deliveryPending)
		d.Set("rounds", d.GetInt("rounds")+1)
		d.Set("negatives", 0)
		d.Set("next_at", types.NowDateTime())
		return nil
	})
}

// filed notes that the tracker has the issue. Nothing that can fail and be
// tried again stands between the answer and this.
func (p *Pipeline) filed(d *core.Record, number, nodeID, url, how string, took time.Duration) error {
	return p.changeDelivery(d, func(tx core.App, d *core.Record) error {
		if err := p.markFiled(tx, d, number, nodeID, url, Act{RequestID: d.GetString("request_id")}); err != nil {
			return err
		}
		return p.step(tx, d, how, "", took)
	})
}

// markFiled moves a delivery to done and its issue to filed. The caller saves
// the delivery.
func (p *Pipeline) markFiled(tx core.App, d *core.Record, number, nodeID, url string, a Act) error {
	d.Set("state", deliveryDone)
	d.Set("number", number)
	d.Set("node_id", nodeID)
	d.Set("url", url)
	d.Set("error", "")
	issue, err := tx.FindRecordById(records.Issues, d.GetString("issue"))
	if err != nil {
		return err
	}
	to, err := triage.Next(triage.IssueState(issue.GetString("state")), triage.ActFile)
	if err != nil {
		return err
	}
	before := snapshot(issue)
	issue.Set("state", string(to))
	issue.Set("tracker_key", number)
	issue.Set("tracker_url", url)
	issue.Set("filing", "")
	if _, err = p.decided(tx, issue, string(triage.ActFile), before, a, ""); err != nil {
		return err
	}
	return p.tellLater(tx, issue, sdk.Filed, a.RequestID, 0)
}
