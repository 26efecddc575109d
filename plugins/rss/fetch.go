package rss

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/iterateswarm/iterateswarm/sdk/egress"
)

const (
	maxBody      = 5 << 20          // bytes of a feed, unpacked
	fetchTimeout = 15 * time.Second // for one feed, redirects and body included
	maxRedirects = 5
	maxWait      = 24 * time.Hour // the longest Retry-After that is honoured
	maxValidator = 256            // bytes of an ETag or a date that are kept
)

// A fault is why a feed could not be had, for a person: "answers 404 Not Found".
type fault struct {
	what  string
	after time.Duration // how long the server asks to wait
}

// Error is the sentence's end.
func (f *fault) Error() string { return f.what }

// reason is an error as the end of a sentence that begins with the feed.
func reason(err error) string {
	if f, ok := errors.AsType[*fault](err); ok {
		return f.what
	}
	if errors.Is(err, egress.ErrPrivate) {
		return "is at a private address (a superuser can set allow_private)"
	}
	if deadline, ok := errors.AsType[net.Error](err); errors.Is(err, context.DeadlineExceeded) || ok && deadline.Timeout() {
		return "does not answer in time"
	}
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		return "has a name that cannot be found (" + dns.Err + ")"
	}
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err // without the address: it may hold a key
	}
	return "cannot be read: " + err.Error()
}

// client asks for feeds, and for nothing else.
type client struct{ http *http.Client }

func newClient(allowPrivate bool) *client {
	return &client{http: &http.Client{
		Timeout: fetchTimeout,
		Transport: &http.Transport{
			DialContext:            egress.Dialer(allowPrivate).DialContext,
			ForceAttemptHTTP2:      true,
			TLSHandshakeTimeout:    fetchTimeout,
			MaxResponseHeaderBytes: 64 << 10,
			MaxIdleConns:           maxFeeds,
			IdleConnTimeout:        30 * time.Second,
		},
		CheckRedirect: func(r *http.Request, via []*http.Request) error {
			r.Header.Del("Referer") // the address before may hold a key
			switch {
			case len(via) > maxRedirects:
				return &fault{what: fmt.Sprintf("redirects more than %d times", maxRedirects)}
			case r.URL.Scheme != "https" && !(allowPrivate && r.URL.Scheme == "http"):
				return &fault{what: "redirects to an address that does not begin with https://"}
			}
			return nil
		},
	}}
}

// answer is a feed as it came. A feed that has not changed has no body.
type answer struct {
	body         []byte
	kind         string // Content-Type
	etag         string
	lastModified string
	unchanged    bool
}

// fetch asks for a feed, unless it is as m knows it.
func (c *client) fetch(ctx context.Context, u *url.URL, m memory) (answer, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return answer{}, err
	}
	req.Header.Set("User-Agent", "IterateSwarm-rss/1.0 (+https://github.com/iterateswarm/iterateswarm)")
	req.Header.Set("Accept", "application/atom+xml, application/rss+xml, application/feed+json, application/xml;q=0.9, application/json;q=0.8, */*;q=0.5")
	if m.ETag != "" {
		req.Header.Set("If-None-Match", m.ETag)
	}
	if m.Modified != "" {
		req.Header.Set("If-Modified-Since", m.Modified)
	}
	res, err := c.http.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer res.Body.Close()
	switch {
	case res.StatusCode == http.StatusNotModified && (m.ETag != "" || m.Modified != ""):
		return answer{unchanged: true}, nil
	case res.StatusCode != http.StatusOK:
		return answer{}, &fault{what: "answers " + strconv.Itoa(res.StatusCode) + " " + http.StatusText(res.StatusCode), after: retryAfter(res.Header)}
	case res.ContentLength > maxBody:
		return answer{}, tooLarge()
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, maxBody+1)) // unpacked by the transport
	if err != nil {
		return answer{}, err
	}
	if len(body) > maxBody {
		return answer{}, tooLarge()
	}
	return answer{body: body, kind: res.Header.Get("Content-Type"), etag: validator(res.Header, "Etag"), lastModified: validator(res.Header, "Last-Modified")}, nil
}

func tooLarge() error {
	return &fault{what: fmt.Sprintf("is larger than %d MiB", maxBody>>20)}
}

// validator is a header to be sent back, when it is printable and of a sensible
// length.
func validator(h http.Header, name string) string {
	v := h.Get(name)
	if len(v) > maxValidator || strings.ContainsFunc(v, func(r rune) bool { return r < ' ' || r > '~' || strings.ContainsRune("<>&", r) }) {
		return "" // those three take six bytes each in the cursor
	}
	return v
}

// retryAfter reads how long a server asks to wait; nonsense is zero.
func retryAfter(h http.Header) time.Duration {
	v := h.Get("Retry-After")
	if n, err := strconv.Atoi(v); err == nil && n > 0 {
		return time.Duration(min(n, int(maxWait/time.Second))) * time.Second
	}
	if at, err := http.ParseTime(v); err == nil {
		return max(0, min(time.Until(at), maxWait))
	}
	return 0
}
