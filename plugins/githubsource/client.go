package githubsource

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	gh "github.com/google/go-github/v62/github"

	"github.com/iterateswarm/iterateswarm/sdk"
)

// maxReply bounds one answer of GitHub, in bytes: a page of 100 issues whose
// bodies are all as long as GitHub allows has 7 MB.
const maxReply = 16 << 20

// newClient returns a client that follows no redirect: the token is for one
// host.
func newClient(base *url.URL, token string) *gh.Client {
	client := gh.NewClient(&http.Client{
		Transport:     &bounded{&http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true, Protocols: http1()}},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	})
	if token != "" {
		client = client.WithAuthToken(token)
	}
	client.BaseURL = base
	client.UserAgent = "iterateswarm"
	return client
}

// http1 leaves HTTP/2 out, which has a retry of its own.
func http1() *http.Protocols {
	p := new(http.Protocols)
	p.SetHTTP1(true)
	return p
}

// bounded cuts answers off at maxReply.
type bounded struct{ next http.RoundTripper }

func (b *bounded) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := b.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	resp.Body = struct {
		io.Reader
		io.Closer
	}{io.LimitReader(resp.Body, maxReply), resp.Body}
	return resp, nil
}

// write sends one request that changes something. Nothing below it may send
// again: the body cannot be read twice and no connection is used twice.
func (s *Source) write(ctx context.Context, method, path string, body, into any) (*gh.Response, error) {
	req, err := s.client.NewRequest(method, path, body)
	if err != nil {
		return nil, err
	}
	req.GetBody = nil
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	return s.client.Do(ctx, req, into)
}

// whoAmI is the account that the token acts as. The token of a GitHub App may
// not ask, so the first of our own accounts stands in.
func (s *Source) whoAmI(ctx context.Context) (string, *gh.Response, error) {
	s.mu.Lock()
	login := s.login
	s.mu.Unlock()
	if login != "" {
		return login, nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	user, resp, err := s.client.Users.Get(ctx, "")
	switch {
	case err == nil:
		login = user.GetLogin()
	case resp != nil && resp.Response != nil && resp.StatusCode == http.StatusForbidden && !isRateLimit(resp.Response, err) && len(s.config.OwnLogins) > 0:
		login = s.config.OwnLogins[0]
	default:
		return "", resp, err
	}
	s.mu.Lock()
	s.login = login
	s.mu.Unlock()
	return login, nil, nil
}

// classify says what an answer without success proves.
func classify(resp *gh.Response, err error, now time.Time) sdk.ReplyReply {
	if resp == nil || resp.Response == nil {
		reply := sdk.ReplyReply{Message: "no answer from GitHub: " + reason(err)}
		if wait := heldBack(err); wait > 0 {
			reply.Outcome, reply.RetryAfter = sdk.NotCreated, wait
		}
		return reply
	}
	reply := sdk.ReplyReply{Message: "GitHub says " + reason(err)}
	switch status := resp.StatusCode; {
	case isRateLimit(resp.Response, err):
		reply.Outcome, reply.RetryAfter = sdk.NotCreated, retryAfter(resp.Header, now)
	case status == http.StatusRequestTimeout:
		reply.Outcome = sdk.NotCreated
	case status >= 300 && status <= 399:
		reply.Outcome, reply.Message = sdk.Rejected, "the repository has moved; set owner and repo to its new place"
	case slices.Contains([]int{400, 401, 403, 404, 410, 413, 422}, status):
		reply.Outcome = sdk.Rejected
	}
	return reply
}

// isRateLimit recognises the primary limit (403 or 429, nothing remaining), the
// secondary one (403 or 429, Retry-After or a telling link), and a plain 429.
func isRateLimit(resp *http.Response, err error) bool {
	if resp.StatusCode == http.StatusTooManyRequests {
		return true
	}
	return resp.StatusCode == http.StatusForbidden &&
		(errors.As(err, new(*gh.RateLimitError)) || errors.As(err, new(*gh.AbuseRateLimitError)) ||
			resp.Header.Get("Retry-After") != "" || resp.Header.Get("X-RateLimit-Remaining") == "0")
}

const (
	minuteAtLeast = time.Minute // what GitHub asks for when it names no time
	maxRetryAfter = time.Hour   // the primary limit is counted by the hour
)

// retryAfter reads how long a rate limit lasts, between a second and an hour.
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

// reason is an error in words for a person, without addresses.
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
	if broken, ok := errors.AsType[*net.OpError](err); ok {
		return broken.Op + ": " + broken.Err.Error()
	}
	if broken, ok := errors.AsType[*url.Error](err); ok {
		return broken.Err.Error()
	}
	return err.Error()
}
