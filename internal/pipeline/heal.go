package pipeline

import (
	"context"
	"fmt"
	"sort"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"github.com/iterateswarm/iterateswarm/internal/pluginhost"
	"github.com/iterateswarm/iterateswarm/internal/records"
)

// healEvery looks for issues that a tracker holds twice, until ctx ends.
func (p *Pipeline) healEvery(ctx context.Context) {
	tick := time.NewTicker(p.Heal)
	defer tick.Stop()
	since := time.Now().Add(-p.Heal)
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		start := time.Now()
		trackers, err := p.App.FindRecordsByFilter(records.Trackers, "enabled = true", "", 0, 0)
		if err != nil {
			p.Log.Error("heal", "err", err)
			continue
		}
		for _, t := range trackers {
			if err := p.heal(ctx, t, since.Add(-findSlack)); err != nil {
				p.Log.Warn("look for duplicates", "tracker", t.Id, "err", err)
			}
		}
		since = start
	}
}

// heal lists what a tracker holds of ours and settles what it shows: a delivery
// that is unknown here but there is done, a key that is there twice is told.
func (p *Pipeline) heal(ctx context.Context, tracker *core.Record, since time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	found, err := p.Plugins.Find(ctx, tracker.Id, pluginhost.FindRequest{Since: since})
	if err != nil {
		return err
	}
	byKey := map[string][]pluginhost.Found{}
	for _, f := range found {
		byKey[f.Key] = append(byKey[f.Key], f)
	}
	for key, list := range byKey {
		d, err := p.App.FindFirstRecordByFilter(records.Deliveries, "key = {:k}", dbx.Params{"k": key})
		if err != nil {
			continue // filed by another installation
		}
		sort.Slice(list, func(i, j int) bool { return list[i].Number < list[j].Number })
		if s := d.GetString("state"); s == deliveryUnknown || s == deliveryNeedsHuman {
			if err := p.filed(d, fmt.Sprint(list[0].Number), list[0].NodeID, list[0].URL, "find", 0); err != nil {
				return err
			}
		}
		if len(list) > 1 {
			if err := p.tellTwice(d, tracker, list); err != nil {
				return err
			}
		}
	}
	return nil
}

// tellTwice says on the issue that its tracker holds it more than once.
func (p *Pipeline) tellTwice(d, tracker *core.Record, list []pluginhost.Found) error {
	text := fmt.Sprintf("%s holds this issue %d times:", tracker.GetString("name"), len(list))
	for _, f := range list {
		text += fmt.Sprintf(" %d", f.Number)
	}
	text += fmt.Sprintf(". Close all but %d.", list[0].Number)
	p.Log.Error("issue filed twice", "issue", d.GetString("issue"), "tracker", tracker.Id, "times", len(list))
	return p.changeDelivery(d, func(tx core.App, d *core.Record) error {
		return p.say(tx, d, text, 0)
	})
}

// Retry sends a delivery again that waits for a person, who has looked and did
// not find the issue.
func (p *Pipeline) Retry(id string, a Act) (*core.Record, error) {
	return p.settleDelivery(id, a, func(tx core.App, d *core.Record) error {
		d.Set("state", deliveryPending)
		d.Set("rounds", 0)
		d.Set("negatives", 0)
		d.Set("next_at", in(0))
		return p.queue.Enqueue(context.Background(), tx, FileArgs{ID: d.Id}, jobOpts(fileQueue(d.GetString("tracker")), a.RequestID))
	})
}

// settleDelivery changes a delivery that waits for a person.
func (p *Pipeline) settleDelivery(id string, a Act, change func(tx core.App, d *core.Record) error) (*core.Record, error) {
	defer p.counts.changed()
	d, err := p.App.FindRecordById(records.Deliveries, id)
	if err != nil {
		return nil, Fault(NoDelivery, "There is no delivery %q.", id)
	}
	if err := p.May(p.App, a.By, d.GetString("project"), "approver", NoDelivery); err != nil {
		return nil, err
	}
	err = p.changeDelivery(d, func(tx core.App, fresh *core.Record) error {
		if s := fresh.GetString("state"); s != deliveryNeedsHuman && s != deliveryRejected {
			return Fault(IllegalMove, "The delivery is %s; only one that was refused or needs a person can be retried.", s)
		}
		if err := change(tx, fresh); err != nil {
			return err
		}
		d = fresh
		_, err := records.Append(tx, records.Decision{Project: d.GetString("project"), Subject: records.Issues,
			SubjectID: d.GetString("issue"), Action: "retry_delivery", ActorKind: records.ByPerson,
			Actor: a.By.Collection().Name + "/" + a.By.Id, Reason: a.Reason, RequestID: a.RequestID})
		return err
	})
	return d, err
}
