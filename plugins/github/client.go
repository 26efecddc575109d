package github

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"

	gh "github.com/google/go-github/v62/github"
)

// maxReply bounds one answer of GitHub, in bytes: a page of 100 issues whose
// bodies are all as long as GitHub allows has 7 MB.
const maxReply = 16 << 20

// newClient returns a client that opens a connection for every request, so that
// no request meets a dead one and every look at the list may reach another
// replica. It follows no redirect: the token is for one host.
func newClient(base *url.URL, token string) *gh.Client {
	client := gh.NewClient(&http.Client{
		Transport: &bounded{&http.Transport{
			Proxy:             http.ProxyFromEnvironment,
			DisableKeepAlives: true,
			Protocols:         http1(),
		}},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}).WithAuthToken(token)
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

func isRedirect(status int) bool { return status >= 300 && status <= 399 }

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
	if broken, ok := errors.AsType[*net.OpError](err); ok {
		return broken.Op + ": " + broken.Err.Error()
	}
	if broken, ok := errors.AsType[*url.Error](err); ok {
		return broken.Err.Error()
	}
	return err.Error()
}
