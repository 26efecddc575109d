package pipeline

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/iterateswarm/iterateswarm/internal/triage"
)

// probeLimit is how long a write may take before the database counts as down.
// Whoever asks whether we are ready has a limit of its own, often 3 s.
const probeLimit = 2 * time.Second

// CheckWrite writes into the database: a full disk and a lock that does not end
// show here and nowhere else.
func (p *Pipeline) CheckWrite(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, probeLimit)
	defer cancel()
	done := make(chan error, 1)
	go func() { // SQLite waits for a lock and does not look at ctx; the next probe waits for this one
		_, err := p.App.NonconcurrentDB().NewQuery(`UPDATE installation SET updated = updated`).WithContext(ctx).Execute()
		done <- err
	}()
	var err error
	select {
	case err = <-done:
	case <-ctx.Done():
		err = ctx.Err()
	}
	if err != nil {
		return fmt.Errorf("write probe: %w", err)
	}
	return nil
}

// CheckQueue reports whether the queue can be read and is worked.
func (p *Pipeline) CheckQueue() error {
	if !p.queue.Running() {
		return errors.New("the queue is not worked")
	}
	_, err := p.queue.Counts()
	return err
}

// CheckEngine asks the engine to judge a sentence.
func (p *Pipeline) CheckEngine() error {
	if v := p.Engine.Judge(triage.Item{Text: "The app crashes when I save."}); !v.Class.Valid() || v.EngineVersion == "" {
		return fmt.Errorf("the engine answered class %q, version %q", v.Class, v.EngineVersion)
	}
	return nil
}
