package pluginhost

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/iterateswarm/iterateswarm/internal/guard"
	"github.com/iterateswarm/iterateswarm/sdk"
)

// Refusal is a message of a batch that cannot be stored, and why.
type Refusal struct {
	ExternalID string
	Why        string // one sentence
}

// streamSettled is how long a stream must have been open for the last one's
// trouble to be over.
const streamSettled = 5 * time.Second

// stream keeps Run of a source's process open until ctx ends. A stream that
// ends is opened again, with growing waits.
func (k *keeper) stream(ctx context.Context, p *process) {
	if k.host.config.OnBatch == nil || k.manifest.Kind != KindSource || !k.manifest.Can(sdk.CanRun) {
		return
	}
	var wait time.Duration
	for {
		began := time.Now()
		err := k.openStream(ctx, p)
		select { // a process that dies ends its streams first
		case <-ctx.Done():
			return
		case <-p.runner.exited:
			return
		case <-time.After(100 * time.Millisecond):
		}
		if err == nil {
			err = errors.New("the plugin has ended the stream of messages")
		}
		t := k.host.timing
		if wait = min(2*wait, t.MaxBackoff); wait == 0 || time.Since(began) >= t.Healthy {
			wait = t.Backoff
		}
		why := k.scrub.line(err.Error())
		k.history.broke()
		k.log.Warn("plugin stream ended", "err", why, "wait", wait)
		k.say(p, "brings no messages: "+why)
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

// openStream opens Run once and returns why it ended; nil when the plugin has
// ended it.
func (k *keeper) openStream(ctx context.Context, p *process) error {
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	cursor, err := k.host.config.Cursor(ctx, k.instance.ID)
	if err != nil {
		return fmt.Errorf("read the cursor: %w", err)
	}
	ended := start(func() {
		err = p.Run(ctx, cursor, func(ctx context.Context, b Batch) error {
			if wrong := checkBatch(b); wrong != nil {
				end(wrong) // sending it again would not mend it
				return wrong
			}
			return k.take(ctx, b)
		})
	})
	if !wait(ended, streamSettled) {
		k.say(p, k.scrub.line(p.notes))
		<-ended
	}
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

// say changes the detail of a running process's status.
func (k *keeper) say(p *process, detail string) {
	k.mu.Lock()
	if k.process != p || k.status.Detail == detail {
		k.mu.Unlock()
		return
	}
	k.status.Detail = detail
	s := k.status
	k.mu.Unlock()
	if k.host.config.OnStatus != nil {
		k.host.config.OnStatus(s)
	}
}

// notStored is what a plugin is told of a batch that the host could not store.
type notStored struct{ after time.Duration }

// Error is the same for every reason: the log has it.
func (notStored) Error() string { return "the batch could not be stored; send it again" }

// RetryAfter is when to send it again.
func (e notStored) RetryAfter() time.Duration { return e.after }

// take hands a batch to the pipeline. What cannot be stored is refused, and
// does not keep the rest from being stored.
func (k *keeper) take(ctx context.Context, b Batch) error {
	if err := k.host.admit(ctx, k.instance.ID, max(1, len(b.Items))); err != nil {
		return err
	}
	now := time.Now()
	kept := make([]Item, 0, len(b.Items))
	var refused []Refusal
	for _, it := range b.Items {
		if err := checkItem(&it, now); err != nil {
			refused = append(refused, Refusal{it.ExternalID, err.Error()})
			continue
		}
		kept = append(kept, it)
	}
	more, err := k.host.config.OnBatch(ctx, k.instance.ID, Batch{Items: kept, Cursor: b.Cursor})
	if err != nil {
		k.history.broke()
		k.log.Warn("batch not stored", "items", len(kept), "err", k.scrub.line(err.Error()))
		return notStored{max(guard.RetryAfter(err), time.Second)}
	}
	refused = append(refused, more...)
	k.history.took(len(b.Items)-len(refused), len(refused), now)
	if len(refused) > 0 {
		first := refused[0]
		k.log.Warn("messages refused", "count", len(refused), "external_id", line(first.ExternalID), "err", line(first.Why))
	}
	return nil
}

// admit takes tokens out of the instance's bucket, and waits while there are
// none: a flood is slowed and loses nothing.
func (h *Host) admit(ctx context.Context, id string, tokens int) error {
	for range tokens {
		for {
			ok, after, _ := h.bucket.Allow(id, guard.Limit{})
			if ok {
				break
			}
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(after):
			}
		}
	}
	return nil
}

// checkBatch refuses what no plugin on the sdk can send.
func checkBatch(b Batch) error {
	if len(b.Items) > sdk.MaxBatch {
		return fmt.Errorf("%w: a batch of %d items, at most %d are taken", ErrBadReply, len(b.Items), sdk.MaxBatch)
	}
	return checkCursor(b.Cursor)
}
