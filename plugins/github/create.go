package github

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptrace"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	gh "github.com/google/go-github/v62/github"

	"github.com/iterateswarm/iterateswarm/sdk"
)

// Create sends one POST and waits up to 15 seconds for its answer. Nothing
// below it may send again: the body cannot be read twice (GetBody is nil), there
// is no Idempotency-Key header (net/http takes one for leave to repeat a POST,
// and GitHub ignores it), and no connection is used twice.
func (t *Tracker) Create(ctx context.Context, req sdk.CreateRequest) sdk.CreateReply {
	if key, ok := sdk.MarkerOf(req.Body); !ok || key != req.Key {
		return sdk.CreateReply{Outcome: sdk.Rejected, Message: "the body does not begin with the marker of its key"}
	}
	labels := t.labels(req.Labels)
	issue := &gh.IssueRequest{Title: &req.Title, Body: &req.Body, Labels: &labels}
	post, err := t.client.NewRequest(http.MethodPost, t.issuesPath(), issue)
	if err != nil {
		return sdk.CreateReply{Outcome: sdk.Rejected, Message: err.Error()}
	}
	post.GetBody = nil
	if req.RequestID != "" {
		post.Header.Set("X-Request-ID", req.RequestID)
	}

	ctx, cancel := context.WithTimeout(ctx, t.timeout)
	defer cancel()
	// From GotConn on the request may have reached GitHub. WroteRequest would be
	// the closer word, but a deadline can come between the last byte and it.
	var sent atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) { sent.Store(true) },
	})
	var made gh.Issue
	resp, err := t.client.Do(ctx, post, &made)
	if !sent.Load() {
		return sdk.CreateReply{Outcome: sdk.NotCreated, Message: "the request was not sent: " + reason(err), RetryAfter: heldBack(err)}
	}
	if resp == nil || resp.Response == nil {
		return sdk.CreateReply{Message: "no answer from GitHub: " + reason(err)}
	}
	if err == nil && resp.StatusCode == http.StatusCreated {
		return created(&made, labels)
	}
	return classify(resp.Response, err, time.Now())
}

func (t *Tracker) issuesPath() string {
	return "repos/" + t.config.Owner + "/" + t.config.Repo + "/issues"
}

// labels joins an issue's labels with those that every issue gets.
func (t *Tracker) labels(own []string) []string {
	list := []string{}
	for _, l := range append(slices.Clone(own), t.config.Labels...) {
		if l != "" && !slices.Contains(list, l) {
			list = append(list, l)
		}
	}
	return list
}

// created reads a confirmation. One that names no issue is none.
func created(made *gh.Issue, want []string) sdk.CreateReply {
	if made.GetNumber() <= 0 {
		return sdk.CreateReply{HTTPStatus: http.StatusCreated, Message: "GitHub says created and names no issue"}
	}
	reply := sdk.CreateReply{
		Outcome:    sdk.Created,
		Number:     int64(made.GetNumber()),
		NodeID:     made.GetNodeID(),
		URL:        made.GetHTMLURL(),
		HTTPStatus: http.StatusCreated,
	}
	// GitHub drops labels in silence when the token may not set them.
	var dropped []string
	for _, l := range want {
		if !slices.ContainsFunc(made.Labels, func(got *gh.Label) bool { return strings.EqualFold(got.GetName(), l) }) {
			dropped = append(dropped, l)
		}
	}
	if len(dropped) > 0 {
		reply.Message = "GitHub did not set the labels " + strings.Join(dropped, ", ") + "; the token needs push access for that"
	}
	return reply
}

// classify says what an answer other than 201 proves.
func classify(resp *http.Response, err error, now time.Time) sdk.CreateReply {
	reply := sdk.CreateReply{HTTPStatus: resp.StatusCode}
	if err != nil {
		reply.Message = reason(err)
	} else {
		reply.Message = fmt.Sprintf("GitHub answered %d", resp.StatusCode)
	}
	switch status := resp.StatusCode; {
	case isRateLimit(resp, err):
		reply.Outcome, reply.RetryAfter = sdk.NotCreated, retryAfter(resp.Header, now)
	case status == http.StatusRequestTimeout:
		reply.Outcome = sdk.NotCreated
	case isRedirect(status):
		reply.Outcome, reply.Message = sdk.Rejected, "the repository has moved; set owner and repo to its new place"
	case slices.Contains([]int{400, 401, 403, 404, 410, 413, 422}, status):
		reply.Outcome = sdk.Rejected
	default:
		reply.Outcome = sdk.Unknown
	}
	return reply
}

// isRateLimit recognises the primary limit (403 or 429, nothing remaining), the
// secondary one (403 or 429, Retry-After or a telling link), and a plain 429.
func isRateLimit(resp *http.Response, err error) bool {
	if resp.StatusCode == http.StatusTooManyRequests {
		return true
	}
	if resp.StatusCode != http.StatusForbidden {
		return false
	}
	return errors.As(err, new(*gh.RateLimitError)) || errors.As(err, new(*gh.AbuseRateLimitError)) ||
		resp.Header.Get("Retry-After") != "" || resp.Header.Get("X-RateLimit-Remaining") == "0"
}

const (
	minuteAtLeast = time.Minute // what GitHub asks for when it names no time
	maxRetryAfter = time.Hour   // the primary limit is counted by the hour
)

// retryAfter reads how long a rate limit lasts: Retry-After in seconds or as a
// date, else the reset of the primary limit, else a minute. The result lies
// between one second and one hour.
func retryAfter(h http.Header, now time.Time) time.Duration {
	wait := minuteAtLeast
	if text := strings.TrimSpace(h.Get("Retry-After")); text != "" {
		if seconds, err := strconv.ParseInt(text, 10, 32); err == nil {
			wait = time.Duration(seconds) * time.Second
		} else if at, err := http.ParseTime(text); err == nil {
			wait = at.Sub(now)
		}
	} else if h.Get("X-RateLimit-Remaining") == "0" {
		if at, err := strconv.ParseInt(h.Get("X-RateLimit-Reset"), 10, 64); err == nil {
			wait = time.Unix(at, 0).Sub(now)
		}
	}
	return min(max(wait, time.Second), maxRetryAfter)
}

// heldBack is how long go-github itself refuses to send after a rate limit.
func heldBack(err error) time.Duration {
	var wait time.Duration
	if limit, ok := errors.AsType[*gh.RateLimitError](err); ok {
		wait = time.Until(limit.Rate.Reset.Time)
	} else if limit, ok := errors.AsType[*gh.AbuseRateLimitError](err); ok {
		wait = limit.GetRetryAfter()
	} else {
		return 0
	}
	return min(max(wait, time.Second), maxRetryAfter)
}
