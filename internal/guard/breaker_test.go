package guard

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

var errDown = errors.New("down")

func fail(context.Context) error { return errDown }
func work(context.Context) error { return nil }

// times calls b n times with fn.
func times(b *Breaker, n int, fn func(context.Context) error) (last error) {
	for range n {
		last = b.Do(context.Background(), fn)
	}
	return last
}

func wantState(t *testing.T, b *Breaker, want string) {
	t.Helper()
	if got := b.State(); got != want {
		t.Fatalf("state %q, want %q", got, want)
	}
}

func wantRefusal(t *testing.T, err, why error, wait time.Duration) {
	t.Helper()
	var r *Refusal
	if !errors.As(err, &r) || !errors.Is(err, why) {
		t.Fatalf("got %v, want a refusal because %v", err, why)
	}
	if r.Wait != wait || r.RetryAfter() != wait {
		t.Fatalf("wait %v, want %v", r.Wait, wait)
	}
}

func TestBreakerOpensAtTheFifthFailureInARow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := NewBreaker(BreakerConfig{})
		if err := times(b, DefaultFailures-1, fail); !errors.Is(err, errDown) {
			t.Fatalf("Do = %v, want the call's own error", err)
		}
		wantState(t, b, Closed)
		times(b, 1, work) // ends the row
		times(b, DefaultFailures-1, fail)
		wantState(t, b, Closed)
		times(b, 1, fail)
		wantState(t, b, Open)
		called := false
		err := b.Do(t.Context(), func(context.Context) error { called = true; return nil })
		wantRefusal(t, err, ErrOpen, DefaultOpen)
		if called {
			t.Error("an open breaker made a call")
		}
	})
}

func TestOpenBreakerLetsOneOfFiftyThroughAfterThirtySeconds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := NewBreaker(BreakerConfig{})
		times(b, DefaultFailures, fail)
		time.Sleep(DefaultOpen - time.Nanosecond)
		wantRefusal(t, b.Do(t.Context(), work), ErrOpen, time.Nanosecond)
		time.Sleep(time.Nanosecond)

		var mu sync.Mutex
		var wg sync.WaitGroup
		calls, refused := 0, 0
		release := make(chan struct{})
		for range 50 {
			wg.Go(func() {
				err := b.Do(context.Background(), func(context.Context) error {
					mu.Lock()
					calls++
					mu.Unlock()
					<-release
					return nil
				})
				if errors.Is(err, ErrOpen) {
					mu.Lock()
					refused++
					mu.Unlock()
				}
			})
		}
		synctest.Wait()
		if calls != 1 || refused != 49 {
			t.Errorf("%d calls, %d refused, want 1 and 49", calls, refused)
		}
		wantState(t, b, HalfOpen)
		time.Sleep(time.Second)
		wantRefusal(t, b.Do(t.Context(), work), ErrOpen, DefaultProbe-time.Second)
		close(release)
		wg.Wait()
		wantState(t, b, Closed)
		if err := times(b, DefaultFailures-1, fail); !errors.Is(err, errDown) {
			t.Errorf("a closed breaker refuses: %v", err)
		}
		wantState(t, b, Closed)
	})
}

func TestAFailedProbeOpensAgainForTheWholeTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := NewBreaker(BreakerConfig{Failures: 2, Open: 10 * time.Second})
		times(b, 2, fail)
		for range 3 {
			time.Sleep(10 * time.Second)
			if err := times(b, 1, fail); !errors.Is(err, errDown) {
				t.Fatalf("the probe was not made: %v", err)
			}
			wantRefusal(t, b.Do(t.Context(), work), ErrOpen, 10*time.Second)
		}
	})
}

func TestAHungProbeDoesNotPinTheBreaker(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := NewBreaker(BreakerConfig{Probe: 5 * time.Second})
		times(b, DefaultFailures, fail)
		time.Sleep(DefaultOpen)
		release := make(chan struct{})
		start := time.Now()
		err := b.Do(t.Context(), func(context.Context) error { <-release; return nil }) // deaf to its context
		if took := time.Since(start); took != 5*time.Second || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("after %v: %v, want the deadline after 5s", took, err)
		}
		wantState(t, b, Open)
		close(release)
		synctest.Wait()
		wantState(t, b, Open) // a late answer changes nothing
		time.Sleep(DefaultOpen)
		times(b, 1, work)
		wantState(t, b, Closed)
	})
}

func TestWhatIsNoOutageDoesNotCount(t *testing.T) {
	t.Parallel()
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	cases := []struct {
		name   string
		ctx    context.Context
		err    error
		counts bool
	}{
		{"a plain error", context.Background(), errDown, true},
		{"a deadline", context.Background(), context.DeadlineExceeded, true},
		{"503", context.Background(), FromStatus(503, "", errDown), true},
		{"ignored", context.Background(), Ignore(errDown), false},
		{"ignored, wrapped", context.Background(), fmt.Errorf("create issue: %w", Permanent(Ignore(errDown))), false},
		{"ignored, joined", context.Background(), errors.Join(errDown, Ignore(errDown)), false},
		{"400", context.Background(), FromStatus(400, "", errDown), false},
		{"429", context.Background(), FromStatus(429, "", errDown), false},
		{"a cancelled call", context.Background(), fmt.Errorf("post: %w", context.Canceled), false},
		{"a caller who left", gone, errDown, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := NewBreaker(BreakerConfig{})
			for range 20 {
				if err := b.Do(c.ctx, func(context.Context) error { return c.err }); !errors.Is(err, ErrOpen) && err != c.err {
					t.Fatalf("Do = %v, want the call's own error", err)
				}
			}
			if open := b.State() == Open; open != c.counts {
				t.Errorf("open = %v, want %v", open, c.counts)
			}
		})
	}
}

func TestIgnoredErrorsNeitherEndARowNorDecideAProbe(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := NewBreaker(BreakerConfig{})
		refuse := func(context.Context) error { return Ignore(errDown) }
		times(b, DefaultFailures-1, fail)
		times(b, 10, refuse)
		wantState(t, b, Closed)
		times(b, 1, fail)
		wantState(t, b, Open)
		time.Sleep(DefaultOpen)
		times(b, 1, refuse)
		wantState(t, b, HalfOpen)
		if wait := b.Wait(); wait != 0 {
			t.Errorf("Wait = %v with no probe running, want 0", wait)
		}
		times(b, 1, work)
		wantState(t, b, Closed)
	})
}

func TestEveryCallerWaitsWhenTheOtherSideAsks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := NewBreaker(BreakerConfig{})
		times(b, 1, func(context.Context) error { return FromStatus(429, "7", errDown) })
		wantState(t, b, Closed)
		time.Sleep(2 * time.Second)
		wantRefusal(t, b.Do(t.Context(), work), ErrBusy, 5*time.Second)
		if wait := b.Wait(); wait != 5*time.Second {
			t.Errorf("Wait = %v, want 5s", wait)
		}
		time.Sleep(5 * time.Second)
		if err := b.Do(t.Context(), work); err != nil {
			t.Errorf("after the wait: %v", err)
		}
		times(b, 1, func(context.Context) error { return FromStatus(429, "99999", errDown) })
		wantRefusal(t, b.Do(t.Context(), work), ErrBusy, LongestRetryAfter)
	})
}

func TestOnChangeHearsEveryTransitionInOrderAndMayAsk(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var b *Breaker
		var heard []string
		b = NewBreaker(BreakerConfig{OnChange: func(from, to string) {
			if got := b.State(); got != to {
				t.Errorf("state %q during the change to %q", got, to)
			}
			heard = append(heard, from+" to "+to)
		}})
		times(b, DefaultFailures, fail)
		time.Sleep(DefaultOpen)
		b.State()
		times(b, 1, fail)
		time.Sleep(DefaultOpen)
		b.State()
		times(b, 1, work)
		want := []string{
			"closed to open", "open to half-open", "half-open to open", "open to half-open", "half-open to closed",
		}
		if !slices.Equal(heard, want) {
			t.Errorf("heard %q, want %q", heard, want)
		}
	})
}

func TestFailuresInFlightTogetherOpenItOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		changes := 0
		b := NewBreaker(BreakerConfig{OnChange: func(string, string) { changes++ }})
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				_ = b.Do(context.Background(), func(context.Context) error { time.Sleep(time.Second); return errDown })
			})
		}
		wg.Wait()
		wantState(t, b, Open)
		if changes != 1 {
			t.Errorf("%d changes, want 1", changes)
		}
	})
}

func TestAPanicCountsAndGoesOn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := NewBreaker(BreakerConfig{Failures: 1})
		boom := func() (got any) {
			defer func() { got = recover() }()
			times(b, 1, func(context.Context) error { panic("boom") })
			return nil
		}
		if got := boom(); got != "boom" {
			t.Errorf("recovered %v, want boom", got)
		}
		wantState(t, b, Open)
		time.Sleep(DefaultOpen)
		if got := boom(); got != "boom" { // the probe runs elsewhere, its panic does not
			t.Errorf("recovered %v from the probe, want boom", got)
		}
		wantState(t, b, Open)
	})
}
