package guard

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// How Retry spaces its attempts, as the original did.
const (
	// RetryTotal is the time that all attempts and waits share.
	RetryTotal = 30 * time.Second
	// RetryJitter is how far a wait strays from its delay: ±25 %, enough to
	// spread callers that failed together over half of the delay.
	RetryJitter = 0.25
	// LongestRetryAfter caps what another side can ask for.
	LongestRetryAfter = 120 * time.Second
)

// RetryDelays returns the wait before each attempt.
func RetryDelays() []time.Duration {
	return []time.Duration{0, 2 * time.Second, 4 * time.Second, 8 * time.Second}
}

// Retry calls something again that may work the next time. The zero value is
// ready to use.
type Retry struct {
	Delays []time.Duration // the wait before each attempt; nil means RetryDelays
	Total  time.Duration   // time for all attempts and waits; 0 means RetryTotal
}

// Do calls fn until it returns nil, until its error is marked Permanent or wraps
// ErrOpen (an open Breaker outlasts us: come back another time), until the
// delays are used up, or until the next wait would not end inside the total.
// It waits for as long as the error asks (a method RetryAfter() time.Duration)
// when that is longer than the delay. fn's context ends with the total. Do
// returns fn's last error; only when fn was never called is it ctx's.
func (r Retry) Do(ctx context.Context, fn func(context.Context) error) error {
	delays, total := r.Delays, r.Total
	if delays == nil {
		delays = RetryDelays()
	}
	if total <= 0 {
		total = RetryTotal
	}
	ctx, cancel := context.WithTimeout(ctx, total)
	defer cancel()
	var err error
	for _, delay := range delays {
		wait := max(jitter(delay), RetryAfter(err))
		if !sleep(ctx, wait) {
			break
		}
		if err = fn(ctx); err == nil {
			return nil
		}
		if IsPermanent(err) || errors.Is(err, ErrOpen) || ctx.Err() != nil {
			return err
		}
	}
	if err == nil {
		return ctx.Err()
	}
	return err
}

func jitter(d time.Duration) time.Duration {
	return time.Duration(float64(d) * (1 + RetryJitter*(2*rand.Float64()-1)))
}

// sleep waits for d and reports whether ctx is still alive then. It does not
// begin a wait that ctx cannot outlive.
func sleep(ctx context.Context, d time.Duration) bool {
	if ctx.Err() != nil {
		return false
	}
	if d <= 0 {
		return true
	}
	if end, ok := ctx.Deadline(); ok && time.Until(end) <= d {
		return false
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// ParseRetryAfter reads the value of a Retry-After header: seconds or an HTTP
// date. The answer lies between 0 and LongestRetryAfter; ok is false when the
// value is neither.
func ParseRetryAfter(value string, now time.Time) (after time.Duration, ok bool) {
	value = strings.TrimSpace(value)
	if isDigits(value) {
		seconds, err := strconv.ParseInt(value, 10, 64)
		if err != nil || seconds > int64(LongestRetryAfter/time.Second) { // err: more digits than an int64 has
			return LongestRetryAfter, true
		}
		return time.Duration(seconds) * time.Second, true
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0, false
	}
	return min(max(0, at.Sub(now)), LongestRetryAfter), true
}

func isDigits(s string) bool {
	for _, c := range s {
		if c < '0' || c > '9' {
			return false
		}
	}
	return s != ""
}
