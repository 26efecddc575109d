package pipeline

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
)

// restoredAfter reports whether a backup was restored after a record was made.
// Then the record may be older than what the tracker knows of it.
func (p *Pipeline) restoredAfter(app core.App, r *core.Record) bool {
	var at string
	err := app.DB().Select("restored_at").From("installation").Limit(1).Row(&at)
	return err == nil && at != "" && r.GetDateTime("created").String() < at
}

// Restored notes that a backup was restored: whatever is not surely filed is
// looked up in its tracker before anything is sent.
func (p *Pipeline) Restored() error {
	return p.App.RunInTransaction(func(tx core.App) error {
		if _, err := tx.DB().NewQuery(`UPDATE installation SET restored_at = {:now}`).
			Bind(dbx.Params{"now": in(0).String()}).Execute(); err != nil {
			return fmt.Errorf("note the restore: %w", err)
		}
		_, err := tx.DB().NewQuery(`UPDATE deliveries SET state = 'unknown', negatives = 0, rounds = 0, next_at = created, intent_at = created
			WHERE state NOT IN ('done', 'rejected')`).Execute()
		if err != nil {
			return fmt.Errorf("doubt open deliveries: %w", err)
		}
		return nil
	})
}

// loadIndex reads the similarity index back from its table.
func (p *Pipeline) loadIndex(ctx context.Context) error {
	pool, ok := p.App.ConcurrentDB().(*dbx.DB)
	if !ok {
		return fmt.Errorf("load index: inside a transaction")
	}
	start := time.Now()
	n, err := p.Index.Load(ctx, pool.DB())
	if err != nil {
		return fmt.Errorf("load index: %w", err)
	}
	if n > 0 {
		p.Log.Info("index loaded", "messages", n, "took", time.Since(start))
	}
	return nil
}

func dbxID(id string) dbx.Expression { return dbx.HashExp{"id": id} }

// Erase takes a message that is being deleted out of the table of vectors and
// out of its issue's counts, in the transaction of the deletion. Afterwards the
// index in memory must forget it too.
func (p *Pipeline) Erase(tx core.App, r *core.Record) error {
	if err := dropDocs(tx, r.Id); err != nil {
		return err
	}
	if err := dropLayer(tx, r.GetString("project")); err != nil {
		return err
	}
	if _, err := tx.DB().Delete("embeddings", dbxID(r.Id)).Execute(); err != nil {
		return fmt.Errorf("erase the embedding: %w", err)
	}
	return p.recountFrom(tx, r.GetString("issue"))
}

// GuardTracker refuses to delete a tracker, or to point it elsewhere, while
// nobody knows whether it has taken an issue: the look-up would go to the wrong
// place, and the issue would be filed twice.
func (p *Pipeline) GuardTracker(tx core.App, r *core.Record) error {
	var n int
	err := tx.DB().NewQuery(`SELECT count(*) FROM deliveries WHERE tracker = {:t} AND state IN ('sending', 'unknown', 'needs_human')`).
		Bind(dbx.Params{"t": r.Id}).Row(&n)
	if err != nil {
		return fmt.Errorf("look for open deliveries: %w", err)
	}
	if n > 0 {
		return Fault(TrackerBusy, "%d issues may be in this tracker already and are being looked up. Wait, or confirm or retry those that need a person; then change it.", n)
	}
	return nil
}

// AfterRestore looks for the mark that a restore leaves, acts on it and removes it.
func (p *Pipeline) AfterRestore(mark string) error {
	if _, err := os.Stat(mark); err != nil {
		return nil // no mark, no restore
	}
	p.Log.Warn("a backup was restored: trackers are searched before anything is filed")
	if err := p.Restored(); err != nil {
		return err
	}
	return os.Remove(mark)
}
