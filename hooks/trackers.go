package hooks

import (
	"github.com/pocketbase/pocketbase/core"

	"github.com/iterateswarm/iterateswarm/internal/pipeline"
	"github.com/iterateswarm/iterateswarm/internal/records"
)

// bindTrackers keeps a tracker where it is while issues may be in it that are
// not confirmed.
func bindTrackers(app core.App, p *pipeline.Pipeline) {
	app.OnRecordDelete(records.Trackers).BindFunc(func(e *core.RecordEvent) error {
		if err := p.GuardTracker(e.App, e.Record); err != nil {
			return err
		}
		return e.Next()
	})
	app.OnRecordUpdate(records.Trackers).BindFunc(func(e *core.RecordEvent) error {
		now, was := e.Record, e.Record.Original()
		if now.GetString("plugin") != was.GetString("plugin") || target(now) != target(was) {
			if err := p.GuardTracker(e.App, now); err != nil {
				return err
			}
		}
		return e.Next()
	})
}

// target is the part of a tracker's configuration that is no secret: where it
// files. A token may change at any time.
func target(r *core.Record) string { return r.GetString("config") }
