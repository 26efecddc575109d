package pipeline

import (
	"context"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"github.com/iterateswarm/iterateswarm/internal/insights"
	"github.com/iterateswarm/iterateswarm/internal/records"
	"github.com/iterateswarm/iterateswarm/internal/triage"
)

// watchEvery is how often spikes are looked for.
const watchEvery = time.Minute

// watch looks for what rises until ctx ends.
func (p *Pipeline) watch(ctx context.Context) {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		if err := insights.Watch(p.App, time.Now()); err != nil && ctx.Err() == nil {
			p.Log.Error("look for spikes", "err", err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// Alert is what a triager does about an alert: acknowledge it, mute it until a
// time, or open it again.
func (p *Pipeline) Alert(id, action string, by *core.Record, until time.Time) (*core.Record, error) {
	var a *core.Record
	err := p.App.RunInTransaction(func(tx core.App) error {
		var err error
		if a, err = tx.FindRecordById(records.Alerts, id); err != nil {
			return Fault(NoAlert, "There is no alert %q.", id)
		}
		if err := p.May(tx, by, a.GetString("project"), triage.Triager, NoAlert); err != nil {
			return err
		}
		a.Set("muted_until", "")
		switch action {
		case "acknowledge":
			a.Set("state", "acknowledged")
		case "mute":
			if now := time.Now(); !until.After(now) || until.After(now.Add(LongestSnooze)) {
				return Fault(BadValue, "Say until when, as an RFC 3339 time between now and %d days from now.", int(LongestSnooze.Hours()/24)).At("until")
			}
			a.Set("state", "muted")
			a.Set("muted_until", until.UTC())
		case "open":
			a.Set("state", "open")
		default:
			return Fault(NoRoute, "There is no action %q. There are acknowledge, mute and open.", clip(action))
		}
		if by.Collection().Name == records.Users {
			a.Set("by", by.Id)
		}
		return tx.Save(a)
	})
	return a, err
}

// IssuesOf keeps the ids that are issues of a project.
func (p *Pipeline) IssuesOf(project string, ids []string) ([]string, error) {
	var out []string
	if len(ids) == 0 {
		return out, nil
	}
	list := make([]any, len(ids))
	for i := range ids {
		list[i] = ids[i]
	}
	err := p.App.DB().Select("id").From(records.Issues).Where(dbx.And(dbx.HashExp{"project": project}, dbx.In("id", list...))).Column(&out)
	return out, err
}
