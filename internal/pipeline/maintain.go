package pipeline

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"github.com/iterateswarm/iterateswarm/internal/records"
)

// maintenance is what a superuser does to the whole installation.
type maintenance struct {
	mu       sync.Mutex
	readOnly bool
	rebuild  Rebuild
}

// Rebuild is how far the last rebuilding of the index is.
type Rebuild struct {
	Running bool      `json:"running"`
	Done    int       `json:"done"`
	Total   int       `json:"total"`
	Started time.Time `json:"started,omitzero"`
	Ended   time.Time `json:"ended,omitzero"`
	Problem string    `json:"problem,omitempty"`
}

// ReadOnly reports whether nothing may be changed at the moment.
func (p *Pipeline) ReadOnly() bool {
	p.upkeep.mu.Lock()
	defer p.upkeep.mu.Unlock()
	return p.upkeep.readOnly
}

// CheckReadOnly is the problem that everybody gets who wants to change something
// while nothing may be changed.
func (p *Pipeline) CheckReadOnly() error {
	if !p.ReadOnly() {
		return nil
	}
	problem := Fault(ReadOnly, "The server is read-only for maintenance. Nothing was changed; send it again later.")
	problem.RetryAfter = time.Minute
	return problem
}

// SetReadOnly holds all work back, or lets it go on. It outlives a restart.
func (p *Pipeline) SetReadOnly(ctx context.Context, on bool) error {
	if _, err := p.App.DB().NewQuery(`UPDATE installation SET read_only = {:on}`).Bind(dbx.Params{"on": on}).Execute(); err != nil {
		return fmt.Errorf("note read-only mode: %w", err)
	}
	if err := p.holdBack(ctx, on); err != nil {
		return err
	}
	p.Log.Warn("read-only mode", "on", on)
	return nil
}

// holdBack pauses the queue and refuses changes.
func (p *Pipeline) holdBack(ctx context.Context, on bool) error {
	p.upkeep.mu.Lock()
	p.upkeep.readOnly = on
	p.upkeep.mu.Unlock()
	return p.queue.Pause(ctx, on)
}

// stayReadOnly goes on as the process before was told.
func (p *Pipeline) stayReadOnly(ctx context.Context) error {
	var on bool
	if err := p.App.DB().Select("read_only").From("installation").Limit(1).Row(&on); err != nil {
		return fmt.Errorf("read installation: %w", err)
	}
	if !on {
		return nil
	}
	return p.holdBack(ctx, true)
}

// Rebuilding says how far the rebuilding of the index is.
func (p *Pipeline) Rebuilding() Rebuild {
	p.upkeep.mu.Lock()
	defer p.upkeep.mu.Unlock()
	return p.upkeep.rebuild
}

// rebuildRows is how many messages are indexed in one transaction.
const rebuildRows = 200

// RebuildIndex makes the index anew from the messages, in the background. The
// old one serves until it is replaced, message by message.
func (p *Pipeline) RebuildIndex() error {
	var total int
	if err := p.App.DB().NewQuery(`SELECT count(*) FROM feedback WHERE issue != ''`).Row(&total); err != nil {
		return fmt.Errorf("count messages: %w", err)
	}
	p.upkeep.mu.Lock()
	defer p.upkeep.mu.Unlock()
	if p.upkeep.rebuild.Running {
		return Fault(IllegalMove, "The index is being rebuilt already: %d of %d.", p.upkeep.rebuild.Done, p.upkeep.rebuild.Total)
	}
	p.upkeep.rebuild = Rebuild{Running: true, Total: total, Started: time.Now().UTC()}
	p.spawn(func() {
		err := p.rebuild()
		p.upkeep.mu.Lock()
		defer p.upkeep.mu.Unlock()
		p.upkeep.rebuild.Running, p.upkeep.rebuild.Ended = false, time.Now().UTC()
		if err != nil {
			p.upkeep.rebuild.Problem = err.Error()
			p.Log.Error("rebuild index", "err", err)
		}
	})
	return nil
}

func (p *Pipeline) rebuild() error {
	if err := p.dropStrays(); err != nil {
		return err
	}
	for after := ""; ; {
		if p.isStopping() {
			return fmt.Errorf("the server stopped")
		}
		var some []*core.Record
		err := p.App.RunInTransaction(func(tx core.App) error {
			var err error
			some, err = tx.FindRecordsByFilter(records.Feedback, "issue != '' && id > {:a}", "id", rebuildRows, 0, dbx.Params{"a": after})
			if err != nil {
				return err
			}
			for _, r := range some {
				if err := putDocs(context.Background(), tx, r); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		p.reindex(some)
		p.upkeep.mu.Lock()
		p.upkeep.rebuild.Done += len(some)
		p.upkeep.mu.Unlock()
		if len(some) < rebuildRows {
			return nil
		}
		after = some[len(some)-1].Id
	}
}

// dropStrays takes out of the index what no message stands behind any more.
func (p *Pipeline) dropStrays() error {
	var strays []string
	err := p.App.DB().NewQuery(`SELECT v.id FROM vectors v LEFT JOIN feedback f ON f.id = substr(v.id, 1, 15)
		WHERE f.id IS NULL OR f.issue = ''`).Column(&strays)
	if err != nil {
		return fmt.Errorf("look for strays: %w", err)
	}
	for _, id := range strays {
		if _, err := p.App.DB().Delete("vectors", dbxID(id)).Execute(); err != nil {
			return fmt.Errorf("drop stray %s: %w", id, err)
		}
		p.Index.Remove(id)
	}
	return nil
}

func (p *Pipeline) isStopping() bool {
	p.spawning.Lock()
	defer p.spawning.Unlock()
	return p.stopping
}
