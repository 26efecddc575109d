package guard

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestRetryWaitsItsDelaysWithJitter(t *testing.T) {
	t.Parallel()
	seen := map[time.Duration]bool{}
	for range 50 {
		synctest.Test(t, func(t *testing.T) {
			var at []time.Duration
			start := time.Now()
			err := Retry{}.Do(t.Context(), func(context.Context) error {
				at = append(at, time.Since(start))
				return errDown
			})
			if !errors.Is(err, errDown) {
				t.Fatalf("Do = %v, want the last error", err)
			}
			delays := RetryDelays()
			if len(at) != len(delays) {
				t.Fatalf("%d attempts, want %d", len(at), len(delays))
			}
			last := time.Duration(0)
			for i, d := range delays {
				wait := at[i] - last
				low, high := time.Duration(float64(d)*(1-RetryJitter)), time.Duration(float64(d)*(1+RetryJitter))
				if wait < low || wait > high {
					t.Errorf("wait %d is %v, want %v to %v", i, wait, low, high)
				}
				last = at[i]
			}
			seen[last] = true
		})
	}
	if len(seen) < 40 {
		t.Errorf("50 runs ended at %d different times: no jitter", len(seen))
	}
}

func TestRetryStopsAtTheFirstSuccess(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		err := Retry{}.Do(t.Context(), func(context.Context) error {
			calls++
			if calls < 3 {
				return errDown
			}
			return nil
		})
		if err != nil || calls != 3 {
			t.Errorf("Do = %v after %d calls, want nil after 3", err, calls)
		}
	})
}

func TestRetryDoesNotRepeatWhatWillNotChange(t *testing.T) {
	t.Parallel()
	cases := []struct {
		err   error
		calls int
	}{
		{Permanent(errDown), 1},
		{fmt.Errorf("post: %w", Ignore(Permanent(errDown))), 1},
		{&Refusal{Why: ErrOpen, Wait: time.Second}, 1},
		{Ignore(errDown), 4},
		{FromStatus(400, "", errDown), 1},
		{FromStatus(401, "", errDown), 1},
		{FromStatus(404, "", errDown), 1},
		{FromStatus(422, "5", errDown), 1},
		{FromStatus(408, "", errDown), 4},
		{FromStatus(409, "", errDown), 4},
		{FromStatus(425, "", errDown), 4},
		{FromStatus(429, "", errDown), 4},
		{FromStatus(500, "", errDown), 4},
		{FromStatus(503, "", errDown), 4},
	}
	for _, c := range cases {
		t.Run(c.err.Error(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				calls := 0
				err := Retry{}.Do(t.Context(), func(context.Context) error { calls++; return c.err })
				if err != c.err || calls != c.calls {
					t.Errorf("Do = %v after %d calls, want %d", err, calls, c.calls)
				}
			})
		})
	}
}

func TestRetryHonoursRetryAfterInsideItsTotal(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		var at []time.Duration
		busy := fmt.Errorf("post: %w", FromStatus(429, "14", errDown))
		err := Retry{}.Do(t.Context(), func(context.Context) error {
			at = append(at, time.Since(start))
			return busy
		})
		if err != busy {
			t.Errorf("Do = %v, want the last error", err)
		}
		if len(at) != 3 || at[1] != 14*time.Second || at[2] != 28*time.Second {
			t.Errorf("attempts at %v, want 0s, 14s, 28s: the next would be past %v", at, RetryTotal)
		}
		if took := time.Since(start); took != 28*time.Second {
			t.Errorf("took %v: it began a wait that it could not finish", took)
		}
	})
}

func TestRetryEndsWithItsTotal(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start, calls := time.Now(), 0
		err := Retry{}.Do(t.Context(), func(ctx context.Context) error {
			calls++
			<-ctx.Done() // a call that hangs
			return ctx.Err()
		})
		if took := time.Since(start); took != RetryTotal || calls != 1 || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Do = %v after %v and %d calls, want the deadline after %v and 1", err, took, calls, RetryTotal)
		}
	})
}

func TestRetryEndsWithItsCaller(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		start, calls := time.Now(), 0
		err := Retry{}.Do(ctx, func(context.Context) error { calls++; return errDown })
		if took := time.Since(start); took != time.Second || calls != 1 || !errors.Is(err, errDown) {
			t.Errorf("Do = %v after %v and %d calls, want the last error after 1s and 1", err, took, calls)
		}
		err = Retry{}.Do(ctx, func(context.Context) error { calls++; return nil })
		if !errors.Is(err, context.Canceled) || calls != 1 {
			t.Errorf("Do = %v after %d calls, want context.Canceled and no call", err, calls)
		}
	})
}

func TestRetryAroundABreaker(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := NewBreaker(BreakerConfig{})
		calls := 0
		call := func(ctx context.Context) error {
			return b.Do(ctx, func(context.Context) error { calls++; return errDown })
		}
		if err := (Retry{}).Do(t.Context(), call); !errors.Is(err, errDown) || calls != 4 {
			t.Fatalf("first: %v after %d calls, want 4", err, calls)
		}
		start := time.Now()
		err := Retry{}.Do(t.Context(), call)
		if !errors.Is(err, ErrOpen) || calls != 5 {
			t.Errorf("second: %v after %d calls, want a refusal after the fifth", err, calls)
		}
		if RetryAfter(err) <= 0 || time.Since(start) > 3*time.Second {
			t.Errorf("the refusal says %v and came after %v", RetryAfter(err), time.Since(start))
		}
	})
}

func TestMarksOfNilAreNil(t *testing.T) {
	t.Parallel()
	if Ignore(nil) != nil || Permanent(nil) != nil || FromStatus(500, "", nil) != nil {
		t.Error("a mark made an error of nil")
	}
}

func TestParseRetryAfter(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	date := func(d time.Duration) string { return now.Add(d).Format(http.TimeFormat) }
	cases := []struct {
		value string
		want  time.Duration
		ok    bool
	}{
		{"0", 0, true},
		{"7", 7 * time.Second, true},
		{" 7 ", 7 * time.Second, true},
		{"007", 7 * time.Second, true},
		{"120", LongestRetryAfter, true},
		{"121", LongestRetryAfter, true},
		{"9223372036854775807", LongestRetryAfter, true},
		{strings.Repeat("9", 1000), LongestRetryAfter, true},
		{date(30 * time.Second), 30 * time.Second, true},
		{date(-time.Hour), 0, true},
		{date(24 * time.Hour), LongestRetryAfter, true},
		{"Sunday, 01-Mar-26 12:00:05 GMT", 5 * time.Second, true},
		{"Sun Mar  1 12:00:05 2026", 5 * time.Second, true},
		{"", 0, false},
		{"-1", 0, false},
		{"+1", 0, false},
		{"1.5", 0, false},
		{"1e3", 0, false},
		{"٣", 0, false},
		{"soon", 0, false},
		{"2026-03-01T12:00:05Z", 0, false},
	}
	for _, c := range cases {
		got, ok := ParseRetryAfter(c.value, now)
		if got != c.want || ok != c.ok {
			t.Errorf("ParseRetryAfter(%.40q) = %v, %v, want %v, %v", c.value, got, ok, c.want, c.ok)
		}
	}
}

func FuzzRetryAfter(f *testing.F) {
	for _, s := range []string{"0", "7", "-1", "120", "99999999999999999999", "Sun, 01 Mar 2026 12:00:00 GMT", "soon", "\x00", "Mon, 01 Jan 0001 00:00:00 GMT", "Fri, 31 Dec 9999 23:59:59 GMT"} {
		f.Add(s, int64(0))
	}
	f.Fuzz(func(t *testing.T, value string, unix int64) {
		got, ok := ParseRetryAfter(value, time.Unix(unix, 0))
		if got < 0 || got > LongestRetryAfter || (!ok && got != 0) {
			t.Errorf("ParseRetryAfter(%q) = %v, %v", value, got, ok)
		}
		limit := 500*time.Millisecond + 10*time.Duration(len(value))*time.Microsecond
		best := limit + 1
		for range 3 { // the best of three: the machine has other things to do
			start := time.Now()
			ParseRetryAfter(value, time.Unix(unix, 0))
			best = min(best, time.Since(start))
		}
		if best > limit {
			t.Errorf("ParseRetryAfter of %d bytes took more than %v", len(value), limit)
		}
	})
}
