package pipeline

import (
	"context"
	"errors"
	"fmt"

	"github.com/iterateswarm/iterateswarm/internal/triage"
)

// CheckWrite writes into the database: a full disk and a lock that never ends
// show here and nowhere else.
func (p *Pipeline) CheckWrite(ctx context.Context) error {
	_, err := p.App.NonconcurrentDB().NewQuery(`UPDATE installation SET updated = updated`).WithContext(ctx).Execute()
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
	if v := p.Judge(triage.Item{Text: "The app crashes when I save."}); !v.Class.Valid() || v.EngineVersion == "" {
		return fmt.Errorf("the engine answered class %q, version %q", v.Class, v.EngineVersion)
	}
	return nil
}
