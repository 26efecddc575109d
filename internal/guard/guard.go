// Package guard stands between us and everything outside the process. A
// Limiter keeps callers from flooding us, a Breaker keeps us from hammering a
// service that is down, and Retry tries again when that is worth it. A call to
// an outside service goes through all of it like this:
//
//	err := retry.Do(ctx, func(ctx context.Context) error {
//		return breaker.Do(ctx, call)
//	})
//
// where call marks its errors: Ignore for what is no outage, Permanent for what
// will not change by trying again. FromStatus marks an HTTP answer.
package guard

import (
	"errors"
	"net/http"
	"time"
)

// ErrOpen says that a Breaker is open: nothing was called.
var ErrOpen = errors.New("circuit breaker is open")

// ErrBusy says that the other side asked to wait and that time is not over:
// nothing was called.
var ErrBusy = errors.New("asked to wait")

// Refusal is the error of a call that a Breaker did not make. It wraps ErrOpen
// or ErrBusy.
type Refusal struct {
	Why  error
	Wait time.Duration // until the next call may be made; never negative
}

// Error says why and for how long.
func (r *Refusal) Error() string {
	return r.Why.Error() + ", try again in " + r.Wait.Round(time.Millisecond).String()
}

// Unwrap returns ErrOpen or ErrBusy.
func (r *Refusal) Unwrap() error { return r.Why }

// RetryAfter returns how long to wait before the next call.
func (r *Refusal) RetryAfter() time.Duration { return r.Wait }

// A mark is an error with a hint for Breaker and Retry.
type mark struct {
	error
	ignore, permanent bool
	after             time.Duration
}

func (m *mark) Unwrap() error { return m.error }

// RetryAfter makes a marked error one that Retry and Breaker ask for a time.
func (m *mark) RetryAfter() time.Duration { return m.after }

// Ignore marks err as no outage: the other side answered, and did not like the
// request. A Breaker counts it neither as a failure nor as a success. Ignore of
// nil is nil.
func Ignore(err error) error {
	if err == nil {
		return nil
	}
	return &mark{error: err, ignore: true}
}

// Permanent marks err as one that Retry returns at once. Permanent of nil is nil.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return &mark{error: err, permanent: true}
}

// IsPermanent reports whether err, or an error that it wraps, is marked Permanent.
func IsPermanent(err error) bool {
	return anyMark(err, func(m *mark) bool { return m.permanent })
}

// FromStatus marks err, which came with an HTTP status: every 4xx is no outage,
// and no 4xx is tried again except 408, 409, 425 and 429. The value of a
// Retry-After header, if any, is kept for Retry and Breaker.
func FromStatus(status int, retryAfter string, err error) error {
	if err == nil {
		return nil
	}
	m := &mark{error: err}
	if after, ok := ParseRetryAfter(retryAfter, time.Now()); ok {
		m.after = after
	}
	if status >= 400 && status < 500 {
		m.ignore = true
		m.permanent = !retryable(status)
	}
	return m
}

func retryable(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusConflict, http.StatusTooEarly, http.StatusTooManyRequests:
		return true
	}
	return false
}

// RetryAfter returns the longest time that err, or an error that it wraps, asks
// to wait: any error with a method RetryAfter() time.Duration. Zero means that
// nothing asks.
func RetryAfter(err error) time.Duration {
	var longest time.Duration
	walk(err, func(e error) {
		if a, ok := e.(interface{ RetryAfter() time.Duration }); ok {
			longest = max(longest, a.RetryAfter())
		}
	})
	return longest
}

func anyMark(err error, is func(*mark) bool) bool {
	found := false
	walk(err, func(e error) {
		if m, ok := e.(*mark); ok && is(m) {
			found = true
		}
	})
	return found
}

// walk visits err and everything it wraps. errors.As stops at the first mark,
// and one error can carry several: Permanent(Ignore(err)).
func walk(err error, visit func(error)) {
	if err == nil {
		return
	}
	visit(err)
	switch e := err.(type) {
	case interface{ Unwrap() error }:
		walk(e.Unwrap(), visit)
	case interface{ Unwrap() []error }:
		for _, e := range e.Unwrap() {
			walk(e, visit)
		}
	}
}
