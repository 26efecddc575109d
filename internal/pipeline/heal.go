package pipeline

import (
	"context"
	"fmt"
	"sort"
	"strings"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"github.com/iterateswarm/iterateswarm/internal/pluginhost"
	"github.com/iterateswarm/iterateswarm/internal/records"
)

// healEvery looks for issues that a tracker holds twice, until ctx ends.
func (p *Pipeline) healEvery(ctx context.Context) {
	wait := time.NewTimer(min(p.Heal, firstHeal))
	defer wait.Stop()
	looked := map[string]time.Time{} // by tracker: when it was looked through last
	for {
		select {
		case <-wait.C:
		case <-ctx.Done():
			return
		}
		wait.Reset(p.Heal)
		trackers, err := p.App.FindRecordsByFilter(records.Trackers, "enabled = true", "", 0, 0)
		if err != nil {
			p.Log.Error("heal", "err", err)
			continue
		}
		for _, t := range trackers {
			start := time.Now()
			since, known := looked[t.Id]
			if !known {
				since = start.Add(-MostAge)
			}
			if err := p.heal(ctx, t, since.Add(-findSlack)); err != nil {
				p.Log.Warn("look for duplicates", "tracker", t.Id, "err", err)
				continue
			}
			looked[t.Id] = start
		}
	}
}

// firstHeal is how long after the start a tracker is looked through first.
const firstHeal = time.Minute

// heal lists what a tracker holds of ours and settles what it shows: a delivery
// that is unknown here but there is done, a key that is there twice is told.
func (p *Pipeline) heal(ctx context.Context, tracker *core.Record, since time.Time) error {
	var found []pluginhost.Found
	err := p.filer(tracker.Id).breaker.Do(ctx, func(ctx context.Context) error {
		var err error
		found, err = p.Plugins.Find(ctx, tracker.Id, pluginhost.FindRequest{Since: since})
		return err
	})
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
			if err := p.filed(d, nameOf(list[0].Name, list[0].Number), list[0].NodeID, list[0].URL, "find", 0); err != nil {
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
	return p.settleDelivery(id, a, "retry_delivery", func(tx core.App, d *core.Record) error {
		d.Set("state", deliveryPending)
		d.Set("rounds", 0)
		d.Set("negatives", 0)
		d.Set("next_at", in(0))
		if err := p.say(tx, d, "Waiting to be sent again.", 0); err != nil {
			return err
		}
		return p.queue.Enqueue(context.Background(), tx, FileArgs{ID: d.Id}, jobOpts(fileQueue(d.GetString("tracker")), a.RequestID))
	})
}

// Confirm says that the tracker has the issue: a person has found it there.
func (p *Pipeline) Confirm(id, number, url string, a Act) (*core.Record, error) {
	if number == "" || len(number) > 200 {
		return nil, Fault(BadValue, "Say the number that the issue has in the tracker.").At("number")
	}
	if url != "" && !strings.HasPrefix(url, "https://") && !strings.HasPrefix(url, "http://") || len(url) > 2000 {
		return nil, Fault(BadValue, "The url is the issue's address in the tracker, with https://.").At("url")
	}
	return p.settleDelivery(id, a, "confirm_delivery", func(tx core.App, d *core.Record) error {
		return p.markFiled(tx, d, number, "", url, a)
	})
}

// settleDelivery changes a delivery that waits for a person.
func (p *Pipeline) settleDelivery(id string, a Act, action string, change func(tx core.App, d *core.Record) error) (*core.Record, error) {
	defer p.counts.changed()
	d, err := p.App.FindRecordById(records.Deliveries, id)
	if err != nil {
		return nil, Fault(NoDelivery, "There is no delivery %q.", id)
	}
	if err := p.May(p.App, a.By, d.GetString("project"), "approver", NoDelivery); err != nil {
		return nil, err
	}
	if err := checkReason(a.Reason); err != nil {
		return nil, err
	}
	err = p.changeDelivery(d, func(tx core.App, fresh *core.Record) error {
		if s := fresh.GetString("state"); s != deliveryNeedsHuman && s != deliveryRejected {
			return Fault(IllegalMove, "The delivery is %s; a person settles only one that was refused or that needs a person.", s)
		}
		if err := change(tx, fresh); err != nil {
			return err
		}
		d = fresh
		_, err := records.Append(tx, records.Decision{Project: d.GetString("project"), Subject: records.Issues,
			SubjectID: d.GetString("issue"), Action: action, ActorKind: records.ByPerson,
			Actor: a.By.Collection().Name + "/" + a.By.Id, Reason: a.Reason, RequestID: a.RequestID})
		return err
	})
	return d, err
}
