package discord

import (
	"bytes"
	"context"
	"encoding/json"
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

	"github.com/bwmarrin/discordgo"

	"github.com/iterateswarm/iterateswarm/sdk"
)

const (
	requestTimeout = 15 * time.Second
	maxReply       = 8 << 20 // bytes of one answer: a page of 100 messages has far less
	maxWait        = time.Hour
)

// newSession returns a client of Discord that repeats nothing by itself and
// keeps no state: the rate limits it does keep.
func (s *Source) newSession() *discordgo.Session {
	session, _ := discordgo.New("Bot " + s.config.Token) // its error is always nil
	session.Client = &http.Client{
		Timeout:       requestTimeout,
		Transport:     &transport{s.base, &http.Transport{Proxy: http.ProxyFromEnvironment}},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	session.UserAgent = "DiscordBot (https://github.com/iterateswarm/iterateswarm, 1.0)"
	session.MaxRestRetries = 0
	session.ShouldRetryOnRateLimit = false
	session.StateEnabled = false
	return session
}

// transport sends what discordgo means for discord.com to the configured
// address, and bounds what comes back.
type transport struct {
	base *url.URL
	next http.RoundTripper
}

func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	u := *t.base
	rest, ok := strings.CutPrefix(req.URL.String(), strings.TrimSuffix(discordgo.EndpointAPI, "/"))
	if !ok {
		return nil, errors.New("not an address of the API")
	}
	whole, err := url.Parse(strings.TrimSuffix(u.String(), "/") + rest)
	if err != nil {
		return nil, errors.New("not an address of the API")
	}
	req = req.Clone(req.Context())
	req.URL, req.Host, req.GetBody = whole, whole.Host, nil
	resp, err := t.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	body := resp.Body
	resp.Body = struct {
		io.Reader
		io.Closer
	}{io.LimitReader(body, maxReply), body}
	if resp.StatusCode == http.StatusTooManyRequests && !strings.HasPrefix(resp.Header.Get("Content-Type"), "application/json") {
		// A proxy before Discord answers in HTML, which discordgo cannot read.
		seconds, err := strconv.ParseFloat(resp.Header.Get("Retry-After"), 64)
		if err != nil || !(seconds > 0 && seconds < maxWait.Seconds()) {
			seconds = 60
		}
		text := fmt.Sprintf(`{"message":"rate limited","retry_after":%f}`, seconds)
		resp.Body = struct {
			io.Reader
			io.Closer
		}{bytes.NewBufferString(text), body}
	}
	return resp, nil
}

// busy is a wait that the rate limiter would make us sleep through.
type busy time.Duration

func (b busy) Error() string { return "the rate limit is used up for " + time.Duration(b).String() }

// patience is how long a request may wait for its turn.
const patience = 5 * time.Second

// ask sends one request and reads the answer into v.
func (s *Source) ask(ctx context.Context, session *discordgo.Session, method, address string, body, v any) error {
	bucket := session.Ratelimiter.GetBucket(strings.SplitN(address, "?", 2)[0])
	bucket.Lock()
	wait := session.Ratelimiter.GetWaitTime(bucket, 1)
	bucket.Unlock()
	if wait > patience {
		return busy(wait)
	}
	raw, err := session.Request(method, address, body, discordgo.WithContext(ctx))
	if err != nil || v == nil {
		return err
	}
	if err := json.Unmarshal(raw, v); err != nil {
		return fmt.Errorf("the answer of Discord cannot be read: %w", err)
	}
	return nil
}

// statusOf is the HTTP status that Discord refused with, 0 when it did not.
func statusOf(err error) int {
	if answer, ok := errors.AsType[*discordgo.RESTError](err); ok && answer.Response != nil {
		return answer.Response.StatusCode
	}
	return 0
}

// codeOf is Discord's own number of an error.
func codeOf(err error) int {
	if answer, ok := errors.AsType[*discordgo.RESTError](err); ok && answer.Message != nil {
		return answer.Message.Code
	}
	return 0
}

// waitOf is how long Discord asks to wait, 0 when it does not.
func waitOf(err error) time.Duration {
	var wait time.Duration
	if limit, ok := errors.AsType[*discordgo.RateLimitError](err); ok {
		wait = limit.RetryAfter
	} else if b, ok := errors.AsType[busy](err); ok {
		wait = time.Duration(b)
	} else {
		return 0
	}
	return min(max(wait, time.Second), maxWait)
}

// classify says what an error proves about a request that writes.
func classify(err error) sdk.ReplyReply {
	reply := sdk.ReplyReply{Message: "Discord says " + reason(err)}
	status := statusOf(err)
	broken, isNet := errors.AsType[*net.OpError](err)
	switch {
	case waitOf(err) > 0:
		reply.Outcome, reply.RetryAfter = sdk.NotCreated, waitOf(err)
	case status == http.StatusRequestTimeout || isNet && broken.Op == "dial":
		reply.Outcome = sdk.NotCreated
	case slices.Contains([]int{400, 401, 403, 404, 405, 410, 413, 422}, status):
		reply.Outcome = sdk.Rejected
	}
	return reply
}

// reason is an error in words for a person. Addresses are left out: some hold a
// token.
func reason(err error) string {
	if answer, ok := errors.AsType[*discordgo.RESTError](err); ok && answer.Response != nil {
		text := strconv.Itoa(answer.Response.StatusCode)
		if answer.Message != nil && answer.Message.Message != "" {
			text += " " + answer.Message.Message
		}
		return strings.TrimRight(text, " .")
	}
	if waitOf(err) > 0 {
		return "wait: the rate limit is used up"
	}
	if broken, ok := errors.AsType[*net.OpError](err); ok {
		return broken.Op + ": " + broken.Err.Error()
	}
	if broken, ok := errors.AsType[*url.Error](err); ok {
		return broken.Err.Error()
	}
	if strings.HasPrefix(err.Error(), "Exceeded Max retries") {
		return "502"
	}
	return err.Error()
}
