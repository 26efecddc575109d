package github

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	gh "github.com/google/go-github/v62/github"

	"github.com/iterateswarm/iterateswarm/sdk"
	"github.com/iterateswarm/iterateswarm/sdk/rest"
)

func newClient(base *url.URL, token string) *gh.Client {
	client := gh.NewClient(rest.HTTP()).WithAuthToken(token)
	client.BaseURL = base
	client.UserAgent = "iterateswarm"
	return client
}

// read asks GitHub for something.
func (t *Tracker) read(ctx context.Context, ask func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, t.timeout)
	defer cancel()
	return ask(ctx)
}

// write sends one request, a second after the one before, and says what its
// answer proves. Created means: any answer of 2xx, read to its end.
func (t *Tracker) write(ctx context.Context, send func(context.Context) (*gh.Response, error)) sdk.CreateReply {
	if err := t.pace.Wait(ctx); err != nil {
		return sdk.CreateReply{Outcome: sdk.NotCreated, Message: "the request was not sent: " + err.Error()}
	}
	ctx, cancel := context.WithTimeout(ctx, t.timeout)
	defer cancel()
	// From GotConn on the request may have reached GitHub. WroteRequest would be
	// the closer word, but a deadline can come between the last byte and it.
	var sent atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) { sent.Store(true) },
	})
	resp, err := send(ctx)
	switch {
	case !sent.Load():
		return sdk.CreateReply{Outcome: sdk.NotCreated, Message: "the request was not sent: " + reason(err), RetryAfter: heldBack(err)}
	case resp == nil || resp.Response == nil:
		return sdk.CreateReply{Outcome: sdk.Unknown, Message: "no answer from GitHub: " + reason(err)}
	case err == nil && resp.StatusCode >= 200 && resp.StatusCode <= 299:
		return sdk.CreateReply{Outcome: sdk.Created, HTTPStatus: resp.StatusCode}
	}
	return classify(resp.Response, err, time.Now())
}

// classify says what an answer proves that is not the expected one.
func classify(resp *http.Response, err error, now time.Time) sdk.CreateReply {
	reply := sdk.CreateReply{HTTPStatus: resp.StatusCode}
	if err != nil {
		reply.Message = reason(err)
	} else {
		reply.Message = fmt.Sprintf("GitHub answered %d", resp.StatusCode)
	}
	reply.Outcome, reply.RetryAfter = rest.Outcome(resp.StatusCode, resp.Header, now)
	if isRateLimit(err) {
		reply.Outcome, reply.RetryAfter = sdk.NotCreated, rest.RetryAfter(resp.Header, now)
	}
	if rest.IsRedirect(resp.StatusCode) {
		reply.Message = "the repository has moved; set owner and repo to its new place"
	}
	return reply
}

// isRateLimit recognises the limits that GitHub announces in the body alone.
func isRateLimit(err error) bool {
	return errors.As(err, new(*gh.RateLimitError)) || errors.As(err, new(*gh.AbuseRateLimitError))
}

// heldBack is how long go-github itself refuses to send after a rate limit.
func heldBack(err error) time.Duration {
	if limit, ok := errors.AsType[*gh.RateLimitError](err); ok {
		return rest.Bound(time.Until(limit.Rate.Reset.Time))
	}
	if limit, ok := errors.AsType[*gh.AbuseRateLimitError](err); ok {
		return rest.Bound(limit.GetRetryAfter())
	}
	return 0
}

// status is what GitHub answered; 0 when it did not.
func status(err error) int {
	if answer, ok := errors.AsType[*gh.ErrorResponse](err); ok {
		return answer.Response.StatusCode
	}
	return 0
}

// reason is an error in words for a person: what GitHub said, or what went
// wrong on the way, without addresses.
func reason(err error) string {
	if answer, ok := errors.AsType[*gh.ErrorResponse](err); ok {
		text := fmt.Sprintf("%d %s", answer.Response.StatusCode, answer.Message)
		for _, e := range answer.Errors {
			text += fmt.Sprintf("; %s %s %s", e.Field, e.Code, e.Message)
		}
		return strings.TrimRight(text, " .")
	}
	if limit, ok := errors.AsType[*gh.RateLimitError](err); ok {
		return strings.TrimRight("rate limit: "+limit.Message, " .")
	}
	if limit, ok := errors.AsType[*gh.AbuseRateLimitError](err); ok {
		return strings.TrimRight("secondary rate limit: "+limit.Message, " .")
	}
	return rest.Words(err)
}
