package guard

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/sony/gobreaker/v2"
)

// When a Breaker opens and how it closes again.
const (
	DefaultFailures = 5                // consecutive failures that open it
	DefaultOpen     = 30 * time.Second // how long it stays open before the probe
	DefaultProbe    = 30 * time.Second // how long the probe may take
)

// The states of a Breaker.
const (
	Closed   = "closed"    // calls go through
	Open     = "open"      // no call goes through
	HalfOpen = "half-open" // one call goes through and decides
)

// BreakerConfig says how a Breaker behaves. A number that is not positive takes
// its default.
type BreakerConfig struct {
	Failures int           // consecutive failures that open it
	Open     time.Duration // how long it stays open
	Probe    time.Duration // hard deadline of the probe
	// OnChange, when not nil, is told of every transition, one at a time and in
	// order, after it has happened. It may ask the breaker for its state. It is
	// called by whoever caused the transition, so it must not wait for long.
	OnChange func(from, to string)
}

// Breaker stops calling what has failed several times in a row, waits, and then
// lets exactly one call through to see. It may be used by several goroutines at
// once.
type Breaker struct {
	cfg     BreakerConfig
	circuit *gobreaker.CircuitBreaker[struct{}]

	mu        sync.Mutex
	since     time.Time // of the last change of state
	reopens   time.Time // when an open breaker lets the probe through
	probeEnds time.Time // when the running probe is over at the latest
	notBefore time.Time // the other side asked to wait until then
	changes   [][2]string
	telling   bool
}

// NewBreaker returns a closed Breaker.
func NewBreaker(cfg BreakerConfig) *Breaker {
	if cfg.Failures <= 0 {
		cfg.Failures = DefaultFailures
	}
	if cfg.Open <= 0 {
		cfg.Open = DefaultOpen
	}
	if cfg.Probe <= 0 {
		cfg.Probe = DefaultProbe
	}
	b := &Breaker{cfg: cfg}
	b.circuit = gobreaker.NewCircuitBreaker[struct{}](gobreaker.Settings{
		MaxRequests:   1,
		Timeout:       cfg.Open - 1, // gobreaker wants the time to be over, we want it to be reached
		ReadyToTrip:   func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= uint32(cfg.Failures) },
		IsExcluded:    func(err error) bool { _, ok := err.(uncounted); return ok },
		OnStateChange: b.changed,
	})
	return b
}

// uncounted carries an error past gobreaker without being counted.
type uncounted struct{ error }

// Do calls fn, unless the breaker is open or the other side has asked to wait:
// then the error is a *Refusal and fn was not called. An error marked with
// Ignore does not count, nor does one that follows from ctx being cancelled; a
// deadline that passed does. Do returns fn's own error.
//
// The probe of a half-open breaker gets a context with the probe's deadline. A
// probe that ignores it is left behind: Do returns, and its result is dropped.
func (b *Breaker) Do(ctx context.Context, fn func(context.Context) error) error {
	if wait := b.busy(); wait > 0 {
		return &Refusal{Why: ErrBusy, Wait: wait}
	}
	defer b.tell()
	_, err := b.circuit.Execute(func() (struct{}, error) {
		err := b.call(ctx, fn)
		if err != nil && !counts(ctx, err) {
			err = uncounted{err}
		}
		return struct{}{}, err
	})
	if errors.Is(err, gobreaker.ErrOpenState) || errors.Is(err, gobreaker.ErrTooManyRequests) {
		return &Refusal{Why: ErrOpen, Wait: b.Wait()}
	}
	if u, ok := err.(uncounted); ok {
		err = u.error
	}
	b.heed(err)
	return err
}

func counts(ctx context.Context, err error) bool {
	if errors.Is(err, context.Canceled) || errors.Is(ctx.Err(), context.Canceled) {
		return false
	}
	return !anyMark(err, func(m *mark) bool { return m.ignore })
}

func (b *Breaker) call(ctx context.Context, fn func(context.Context) error) error {
	if b.circuit.State() != gobreaker.StateHalfOpen {
		return fn(ctx)
	}
	b.setProbeEnds(time.Now().Add(b.cfg.Probe))
	defer b.setProbeEnds(time.Time{})
	return probe(ctx, b.cfg.Probe, fn)
}

func (b *Breaker) setProbeEnds(t time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.probeEnds = t
}

// probe calls fn and stops waiting for it at the deadline, so that a call that
// hangs cannot keep the breaker half-open for ever.
func probe(ctx context.Context, limit time.Duration, fn func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	type result struct {
		err      error
		panicked any
	}
	done := make(chan result, 1)
	go func() {
		var r result
		defer func() {
			r.panicked = recover()
			done <- r
		}()
		r.err = fn(ctx)
	}()
	select {
	case r := <-done:
		if r.panicked != nil {
			panic(r.panicked)
		}
		return r.err
	case <-ctx.Done():
		return fmt.Errorf("probe: %w", ctx.Err())
	}
}

// State returns Closed, Open or HalfOpen.
func (b *Breaker) State() string {
	defer b.tell()
	return b.circuit.State().String()
}

// Since is when the breaker came into its state; zero when it has never changed.
func (b *Breaker) Since() time.Time {
	_ = b.State() // an open breaker becomes half-open when somebody looks
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.since
}

// Wait says how long until the next call may be made: 0 when it may be made
// now. While a probe runs that is the time at which it must have ended.
func (b *Breaker) Wait() time.Duration {
	state := b.State()
	b.mu.Lock()
	defer b.mu.Unlock()
	until := b.notBefore
	switch state {
	case Open:
		until = later(until, b.reopens)
	case HalfOpen:
		until = later(until, b.probeEnds)
	}
	return max(0, time.Until(until))
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func (b *Breaker) busy() time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	return time.Until(b.notBefore)
}

// heed remembers that the other side asked to wait, so that every caller waits.
func (b *Breaker) heed(err error) {
	after := min(RetryAfter(err), LongestRetryAfter)
	if after <= 0 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.notBefore = later(b.notBefore, time.Now().Add(after))
}

// changed is called under gobreaker's lock: it only writes down what happened.
func (b *Breaker) changed(_ string, from, to gobreaker.State) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.since = time.Now()
	if to == gobreaker.StateOpen {
		b.reopens = time.Now().Add(b.cfg.Open)
	}
	if b.cfg.OnChange != nil {
		b.changes = append(b.changes, [2]string{from.String(), to.String()})
	}
}

// tell passes the transitions on, outside of every lock.
func (b *Breaker) tell() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.telling {
		return // by another goroutine, or by the callback itself
	}
	b.telling = true
	defer func() { b.telling = false }()
	for len(b.changes) > 0 {
		c := b.changes[0]
		b.changes = b.changes[1:]
		b.mu.Unlock()
		b.cfg.OnChange(c[0], c[1])
		b.mu.Lock()
	}
}
