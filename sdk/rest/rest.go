// Package rest is what a tracker's plugin needs to speak to a service over HTTP
// without doing anything twice: a client that sends a request once, what the
// answer proves, the check of a webhook's signature, and the check of a proposed
// change.
package rest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"
	"unicode"
)

// maxReply bounds one answer, in bytes: a page of 100 issues whose bodies are
// all as long as GitHub allows has 7 MB.
const maxReply = 16 << 20

// Timeout is how long one request may take, unless the client says otherwise.
const Timeout = 15 * time.Second

// Client calls one service. Its fields are set before the first call; Do may be
// called at once.
type Client struct {
	Service string              // for messages: "Gitea"
	Base    *url.URL            // ends with a slash
	Header  http.Header         // of every request: the credentials
	Timeout time.Duration       // of one request; 0 means Timeout
	Pace    *Pace               // between two writes; nil means none
	Reason  func([]byte) string // what an answer of 400 or more says, for a person; nil means nothing
	HTTP    *http.Client        // nil means HTTP()
}

// Request is one call.
type Request struct {
	Method    string
	Path      string // below Base, escaped
	Query     url.Values
	Body      any    // sent as JSON; nil sends none
	RequestID string // sent on as X-Request-ID
	Header    http.Header
}

// HTTP returns a client that opens a connection for every request, so that no
// request meets a dead one (net/http would send it again) and every look at a
// list may reach another replica. It speaks HTTP/1.1, since HTTP/2 has a retry
// of its own, and follows no redirect: credentials are for one host.
func HTTP() *http.Client {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &http.Client{
		Transport: &bounded{&http.Transport{
			Proxy:             http.ProxyFromEnvironment,
			DisableKeepAlives: true,
			Protocols:         protocols,
		}},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// bounded cuts answers off at maxReply, and takes away what lets net/http send
// a body twice.
type bounded struct{ next http.RoundTripper }

func (b *bounded) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.GetBody != nil {
		req = req.WithContext(req.Context()) // a copy: the request is the caller's
		req.GetBody = nil
	}
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

// Do sends a request once and waits for its answer. Nothing below it may send
// again: the body cannot be read twice (GetBody is nil), there is no
// Idempotency-Key header (net/http takes one for leave to repeat a POST), and no
// connection is used twice.
func (c *Client) Do(ctx context.Context, r Request) Answer {
	a := Answer{client: c}
	var body io.Reader = http.NoBody
	if r.Body != nil {
		var b bytes.Buffer
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		if a.Err = e.Encode(r.Body); a.Err != nil {
			return a
		}
		body = &b
	}
	timeout := c.Timeout
	if timeout == 0 {
		timeout = Timeout
	}
	if r.Method != http.MethodGet && c.Pace != nil {
		if a.Err = c.Pace.Wait(ctx); a.Err != nil {
			return a
		}
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	// From GotConn on the request may have reached the service. WroteRequest
	// would be the closer word, but a deadline can come between the last byte
	// and it.
	var sent atomic.Bool
	traced := httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) { sent.Store(true) },
	})
	address := c.Base.String() + r.Path
	if len(r.Query) > 0 {
		address += "?" + r.Query.Encode()
	}
	var req *http.Request
	if req, a.Err = http.NewRequestWithContext(traced, r.Method, address, body); a.Err != nil {
		return a
	}
	req.GetBody = nil
	maps.Copy(req.Header, c.Header)
	maps.Copy(req.Header, r.Header)
	req.Header.Set("User-Agent", "iterateswarm")
	if req.Header.Get("Accept") == "" {
		req.Header.Set("Accept", "application/json")
	}
	if r.Body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if r.RequestID != "" {
		req.Header.Set("X-Request-ID", r.RequestID)
	}
	client := c.HTTP
	if client == nil {
		client = HTTP()
	}
	resp, err := client.Do(req)
	a.Sent = sent.Load()
	if err != nil {
		a.Err = err
		return a
	}
	defer resp.Body.Close()
	a.Status, a.Header = resp.StatusCode, resp.Header
	if a.Body, a.Err = io.ReadAll(resp.Body); a.Err == nil && len(a.Body) == maxReply {
		a.Err = fmt.Errorf("the answer is longer than %d bytes", maxReply)
	}
	return a
}

// Get reads something. The error is a *Problem when the service has answered.
func (c *Client) Get(ctx context.Context, path string, query url.Values, v any) (http.Header, error) {
	a := c.Do(ctx, Request{Method: http.MethodGet, Path: path, Query: query})
	if !a.OK() {
		return a.Header, a.Problem()
	}
	return a.Header, a.JSON(v)
}

// Words is an error in words for a person, without addresses.
func Words(err error) string {
	if broken, ok := errors.AsType[*net.OpError](err); ok {
		return broken.Op + ": " + broken.Err.Error()
	}
	if broken, ok := errors.AsType[*url.Error](err); ok {
		return broken.Err.Error()
	}
	return err.Error()
}

// Address reads the address of a service. Credentials go there, so it is https,
// except on this machine. wrong says in words that follow the field's name what
// is not right about it, or is empty. The result ends with a slash.
func Address(text string) (base *url.URL, wrong string) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, "is not an address such as https://HOST/"
	}
	ip := net.ParseIP(u.Hostname())
	local := u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
	if u.Scheme != "https" && !(u.Scheme == "http" && local) {
		return nil, "does not begin with https://"
	}
	return u.JoinPath("/"), ""
}

// SearchWords takes out of a query what search languages read as syntax, and
// keeps at most ten words of it.
func SearchWords(query string) string {
	words := strings.FieldsFunc(query, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '_' })
	words = slices.DeleteFunc(words, func(w string) bool { return w == "AND" || w == "OR" || w == "NOT" || len(w) > 60 })
	return strings.Join(words[:min(len(words), 10)], " ")
}
