package rest

import (
	"context"
	"sync"
	"time"
)

// Pace keeps writes apart: comments, labels and issues count together in the
// limits of a service. The zero value does not wait.
type Pace struct {
	Every time.Duration

	mu   sync.Mutex
	next time.Time // when the next write may go out
}

// Wait returns when the caller may write, or when ctx is over.
func (p *Pace) Wait(ctx context.Context) error {
	p.mu.Lock()
	now := time.Now()
	at := p.next
	if at.Before(now) {
		at = now
	}
	p.next = at.Add(p.Every)
	p.mu.Unlock()
	wait := time.NewTimer(at.Sub(now))
	defer wait.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-wait.C:
		return ctx.Err()
	}
}
