package rest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/iterateswarm/iterateswarm/sdk"
)

// Answer is what came back.
type Answer struct {
	Status int // 0 when nothing came
	Header http.Header
	Body   []byte
	Sent   bool  // the request may have reached the service
	Err    error // nothing came, or it could not be read to its end

	client *Client
}

// OK reports whether the service has said yes, and all of it has arrived.
func (a Answer) OK() bool { return a.Err == nil && a.Status >= 200 && a.Status <= 299 }

// JSON reads the body.
func (a Answer) JSON(v any) error {
	if err := json.Unmarshal(a.Body, v); err != nil {
		return fmt.Errorf("the answer of %s cannot be read", a.client.Service)
	}
	return nil
}

// Problem is an answer that is no yes.
type Problem struct {
	Status  int // 0 when nothing came
	Message string
}

func (p *Problem) Error() string { return p.Message }

// Problem is the answer as an error.
func (a Answer) Problem() error { return &Problem{a.Status, a.message()} }

// message says for a person what happened, without a full stop.
func (a Answer) message() string {
	name := a.client.Service
	switch {
	case !a.Sent && a.Status == 0:
		return "the request was not sent: " + Words(a.Err)
	case a.Status == 0:
		return "no answer from " + name + ": " + Words(a.Err)
	case a.Err != nil:
		return fmt.Sprintf("%s answered %d, and the answer broke off: %s", name, a.Status, Words(a.Err))
	case IsRedirect(a.Status):
		return fmt.Sprintf("%s answered %d: it has moved; set its new address", name, a.Status)
	}
	text := fmt.Sprintf("%s answered %d", name, a.Status)
	if a.client.Reason != nil && a.Status >= 400 {
		if said := strings.TrimRight(Short(a.client.Reason(a.Body), 300), " ."); said != "" {
			text += ": " + said
		}
	}
	return text
}

// Short cuts text after n bytes, at the start of a character, and makes one
// line of it.
func Short(text string, n int) string {
	text = strings.Join(strings.Fields(strings.ToValidUTF8(text, "")), " ")
	if len(text) <= n {
		return text
	}
	return strings.ToValidUTF8(text[:n], "") + "…"
}

// IsRedirect reports an answer that sends elsewhere.
func IsRedirect(status int) bool { return status >= 300 && status <= 399 }

// Outcome says what an answer proves that is not the expected one. An answer of
// 2xx that cannot be read proves nothing either.
func Outcome(status int, h http.Header, now time.Time) (sdk.Outcome, time.Duration) {
	switch {
	case status == http.StatusTooManyRequests,
		status == http.StatusForbidden && (h.Get("Retry-After") != "" || remaining(h) == "0"):
		return sdk.NotCreated, RetryAfter(h, now)
	case status == http.StatusRequestTimeout:
		return sdk.NotCreated, 0
	case IsRedirect(status), slices.Contains([]int{400, 401, 403, 404, 410, 413, 422}, status):
		return sdk.Rejected, 0
	}
	return sdk.Unknown, 0
}

// Failed is the answer to a create that did not confirm one.
func (a Answer) Failed() sdk.CreateReply {
	reply := sdk.CreateReply{Outcome: sdk.Unknown, HTTPStatus: a.Status, Message: a.message()}
	switch {
	case a.Status != 0 && (a.Err == nil || a.Status >= 300):
		reply.Outcome, reply.RetryAfter = Outcome(a.Status, a.Header, time.Now())
	case a.Status == 0 && !a.Sent:
		reply.Outcome = sdk.NotCreated
	}
	return reply
}

// Updated is the answer to a change: done when the service said yes.
func (a Answer) Updated() sdk.UpdateReply {
	if a.OK() {
		return sdk.UpdateReply{Outcome: sdk.Created, HTTPStatus: a.Status}
	}
	return Update(a.Failed())
}

// Update is a create's reply as that of a change.
func Update(r sdk.CreateReply) sdk.UpdateReply {
	return sdk.UpdateReply{Outcome: r.Outcome, URL: r.URL, Message: r.Message, HTTPStatus: r.HTTPStatus, RetryAfter: r.RetryAfter}
}

const (
	minuteAtLeast = time.Minute // what GitHub asks for when it names no time
	maxRetryAfter = time.Hour   // the primary limit of GitHub is counted by the hour
)

func remaining(h http.Header) string {
	if v := h.Get("X-RateLimit-Remaining"); v != "" {
		return v
	}
	return h.Get("RateLimit-Remaining")
}

// RetryAfter reads how long a rate limit lasts: Retry-After in seconds or as a
// date, else the reset of a limit that is used up (in seconds since 1970), else
// a minute. The result lies between one second and one hour.
func RetryAfter(h http.Header, now time.Time) time.Duration {
	wait := minuteAtLeast
	if text := strings.TrimSpace(h.Get("Retry-After")); text != "" {
		if seconds, err := strconv.ParseInt(text, 10, 32); err == nil {
			wait = time.Duration(seconds) * time.Second
		} else if at, err := http.ParseTime(text); err == nil {
			wait = at.Sub(now)
		}
	} else if remaining(h) == "0" {
		reset := h.Get("X-RateLimit-Reset")
		if reset == "" {
			reset = h.Get("RateLimit-Reset")
		}
		if at, err := strconv.ParseInt(reset, 10, 64); err == nil {
			wait = time.Unix(at, 0).Sub(now)
		}
	}
	return Bound(wait)
}

// Bound keeps a wait between one second and one hour.
func Bound(wait time.Duration) time.Duration { return min(max(wait, time.Second), maxRetryAfter) }
