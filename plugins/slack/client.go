package slack

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	api "github.com/slack-go/slack"

	"github.com/iterateswarm/iterateswarm/sdk"
)

const (
	requestTimeout = 15 * time.Second
	maxAnswer      = 8 << 20 // bytes
	maxWait        = time.Hour
)

// newHTTP returns a client that repeats nothing, follows no redirect and bounds
// what comes back.
func newHTTP() *http.Client {
	return &http.Client{
		Timeout:       requestTimeout,
		Transport:     bounded{&http.Transport{Proxy: http.ProxyFromEnvironment}},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

type bounded struct{ next http.RoundTripper }

func (b bounded) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	req.GetBody = nil
	resp, err := b.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	resp.Body = struct {
		io.Reader
		io.Closer
	}{io.LimitReader(resp.Body, maxAnswer), resp.Body}
	return resp, nil
}

// codeOf is Slack's word for why it refused, empty when it did not.
func codeOf(err error) string {
	if answer, ok := errors.AsType[api.SlackErrorResponse](err); ok {
		return answer.Err
	}
	return ""
}

// waitOf is how long Slack asks to wait, 0 when it does not.
func waitOf(err error) time.Duration {
	limit, ok := errors.AsType[*api.RateLimitedError](err)
	switch {
	case ok:
		return min(max(limit.RetryAfter, time.Second), maxWait)
	case codeOf(err) == "ratelimited" || codeOf(err) == "rate_limited":
		return time.Minute // no time is named
	}
	return 0
}

// inDoubt are refusals after which the message may exist all the same.
var inDoubt = []string{"internal_error", "fatal_error", "service_unavailable", "request_timeout", "team_added_to_org"}

// classify says what an error proves about a request that writes.
func classify(err error) sdk.ReplyReply {
	reply := sdk.ReplyReply{Message: "Slack says " + reason(err)}
	broken, isNet := errors.AsType[*net.OpError](err)
	status, isStatus := errors.AsType[api.StatusCodeError](err)
	code := codeOf(err)
	switch {
	case waitOf(err) > 0:
		reply.Outcome, reply.RetryAfter = sdk.NotCreated, waitOf(err)
	case isNet && broken.Op == "dial" || isStatus && status.Code == http.StatusRequestTimeout:
		reply.Outcome = sdk.NotCreated
	case code != "" && !slices.Contains(inDoubt, code):
		reply.Outcome = sdk.Rejected
	case isStatus && status.Code >= 400 && status.Code <= 499:
		reply.Outcome = sdk.Rejected
	}
	return reply
}

// reason is an error in words for a person. Addresses are left out: some hold a
// secret.
func reason(err error) string {
	if answer, ok := errors.AsType[api.SlackErrorResponse](err); ok {
		if answer.Needed != "" {
			return answer.Err + ": the app needs " + answer.Needed
		}
		return answer.Err
	}
	if broken, ok := errors.AsType[*net.OpError](err); ok {
		return broken.Op + ": " + broken.Err.Error()
	}
	if broken, ok := errors.AsType[*url.Error](err); ok {
		return broken.Err.Error()
	}
	return err.Error()
}

// confirm tells the one who used a shortcut that the message is stored. The
// address comes with the request; nothing but Slack's own host is asked.
func (s *Source) confirm(ctx context.Context, address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" || u.Host != "hooks.slack.com" || u.User != nil {
		return errors.New("the response_url is not at hooks.slack.com")
	}
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	const body = `{"response_type":"ephemeral","replace_original":false,"text":"Thank you. The message is taken."}`
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), strings.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := s.hooks.Do(req)
	if err != nil {
		return err
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return errors.New(resp.Status)
	}
	return nil
}
