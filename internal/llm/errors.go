package llm

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/iterateswarm/iterateswarm/internal/guard"
	"github.com/iterateswarm/iterateswarm/internal/triage"
)

// What is wrong with an answer. Each wraps triage.ErrNoAnswer.
var (
	ErrRefused   = fmt.Errorf("the model refused: %w", triage.ErrNoAnswer)
	ErrTruncated = fmt.Errorf("the answer was cut off: %w", triage.ErrNoAnswer)
	ErrInvalid   = fmt.Errorf("the answer was not accepted: %w", triage.ErrNoAnswer)
)

// invalid is an answer that did not pass a check.
type invalid struct{ what string }

func (i *invalid) Error() string { return i.what }

func (i *invalid) Unwrap() error { return ErrInvalid }

func invalidf(format string, args ...any) error { return &invalid{fmt.Sprintf(format, args...)} }

// ErrTooLarge says that an answer had more than maxReply bytes.
var ErrTooLarge = errors.New("the answer is larger than 1 MiB")

// statusError is an answer with a status that is no success. What the server
// wrote is kept out of its text: it may quote the request.
type statusError struct {
	status int
	code   string // the server's own word, such as "context_length_exceeded"; cleaned
	text   string // what the server wrote, for our own eyes only
	after  time.Duration
}

func (s *statusError) Error() string {
	out := "the server answered " + strconv.Itoa(s.status)
	if t := http.StatusText(s.status); t != "" {
		out += " " + t
	}
	if s.code != "" {
		out += " (" + s.code + ")"
	}
	return out
}

// RetryAfter is how long the server asks to wait.
func (s *statusError) RetryAfter() time.Duration { return s.after }

// busyWait is how long a 429 without a usable Retry-After keeps everybody waiting.
const busyWait = 5 * time.Second

// busy is a 429: not to be tried again by this judgement, which can be put off.
type busy struct{ error }

func (b *busy) Unwrap() []error { return []error{b.error, guard.ErrBusy} }

// mark says what guard is to make of a status.
func (s *statusError) mark(busyFor time.Duration) error {
	switch {
	case s.status == http.StatusTooManyRequests:
		if s.after <= 0 {
			s.after = busyFor
		}
		return guard.Permanent(guard.Ignore(&busy{s}))
	case s.isContentFilter():
		return guard.Permanent(guard.Ignore(fmt.Errorf("%w (%w)", ErrRefused, s)))
	case s.isContext(), s.mayLackMode():
		return guard.Permanent(guard.Ignore(fmt.Errorf("%w: %w", triage.ErrNoAnswer, s)))
	case s.status >= 300 && s.status < 400:
		return guard.Permanent(guard.Ignore(s)) // a redirect is never followed: the key stays here
	}
	return guard.FromStatus(s.status, "", s)
}

func (s *statusError) isContentFilter() bool {
	return s.status == http.StatusBadRequest && (strings.Contains(s.code, "content_filter") || strings.Contains(s.code, "content_policy"))
}

func (s *statusError) isContext() bool {
	return s.status == http.StatusRequestEntityTooLarge || s.status == http.StatusBadRequest && strings.Contains(s.code, "context_length")
}

// wrongSetup says which part of the configuration the server does not accept, or "".
func (s *statusError) wrongSetup() string {
	switch s.status {
	case http.StatusUnauthorized:
		return "The model's server does not accept the key."
	case http.StatusForbidden:
		return "The key may not use this model."
	case http.StatusNotFound:
		return "The model's server does not know the model, or the address is wrong."
	case http.StatusPaymentRequired:
		return "The account at the model's server is out of credit."
	}
	return ""
}

// mayLackMode reports whether a status can mean that the server does not know
// the way in which the form of the answer was asked for.
func (s *statusError) mayLackMode() bool {
	switch s.status {
	case http.StatusBadRequest, http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity, http.StatusNotImplemented:
		return !s.isContentFilter() && !s.isContext()
	}
	return false
}

// retryAfter reads a server's wish to be left alone: Retry-After-Ms, or
// Retry-After in seconds or as a date. Nonsense is no wish.
func retryAfter(h http.Header, now time.Time) time.Duration {
	if ms, err := strconv.ParseFloat(strings.TrimSpace(h.Get("Retry-After-Ms")), 64); err == nil && ms > 0 {
		return time.Duration(min(ms, float64(guard.LongestRetryAfter/time.Millisecond)) * float64(time.Millisecond))
	}
	after, _ := guard.ParseRetryAfter(h.Get("Retry-After"), now)
	return after
}
