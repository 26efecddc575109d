// Package rss is the source for feeds: RSS 2.0 and 1.0, Atom and JSON Feed, such
// as the customer reviews of an app store, a status page, a forum or a blog that
// people answer on. Each feed is asked for in turn, with a conditional request,
// and what was not in it before is taken.
package rss

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/iterateswarm/iterateswarm/sdk"
)

const schema = `{
  "type": "object",
  "required": ["feeds"],
  "properties": {
    "feeds": {
      "type": "array", "title": "Feeds", "items": {"type": "string", "maxLength": 2000},
      "description": "Addresses of RSS, Atom or JSON feeds, https://…, at most 16. No other address is ever asked."
    },
    "poll_minutes": {
      "type": "integer", "title": "Minutes between two looks", "default": 15, "minimum": 1, "maximum": 1440
    },
    "backlog": {
      "type": "integer", "title": "Older entries to take at first", "default": 0, "minimum": 0, "maximum": 1000,
      "description": "How many entries of a feed are taken when it is read for the first time, the newest. 0 takes only what appears from then on."
    },
    "allow_private": {
      "type": "boolean", "title": "Feeds in the private network", "default": false,
      "description": "Lets feeds be at private addresses and at http://. Only a superuser may set it."
    }
  }
}`

const icon = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16" fill="none" stroke="currentColor" stroke-width="1.5" stroke-linecap="round"><path d="M3 3c6 0 10 4 10 10M3 7.500c3 0 5.500 2.500 5.500 5.500M3.500 12.500h.01"/></svg>`

const (
	maxFeeds     = 16
	maxEntries   = 1000 // of one feed that are looked at
	defaultEvery = 15   // minutes
)

type config struct {
	Feeds        []string `json:"feeds"`
	PollMinutes  int      `json:"poll_minutes"`
	Backlog      int      `json:"backlog"`
	AllowPrivate bool     `json:"allow_private"`
}

// Source is the plugin. Its methods may be called at once.
type Source struct {
	config config
	feeds  []*url.URL
	client *client
	now    func() time.Time
	wait   func(context.Context, time.Duration) error
}

// New returns the plugin, not configured.
func New() *Source { return &Source{now: time.Now, wait: pause} }

// pause waits.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// Manifest describes the plugin.
func (s *Source) Manifest() sdk.Manifest {
	return sdk.Manifest{
		Name:          "rss",
		Kind:          sdk.KindSource,
		Version:       "1.0.0",
		Description:   "Takes what appears in RSS, Atom and JSON feeds, such as app reviews and status pages.",
		Icon:          icon,
		ConfigSchema:  schema,
		Documentation: "https://github.com/iterateswarm/iterateswarm/blob/main/docs/sources/rss.md",
	}
}

// Configure checks the addresses; whether a feed is there is for Check.
func (s *Source) Configure(_ context.Context, c sdk.Config) []sdk.Diagnostic {
	var conf config
	if wrong := c.Decode(&conf); wrong != nil {
		return wrong
	}
	var wrong []sdk.Diagnostic
	if n := len(conf.Feeds); n == 0 || n > maxFeeds {
		d := sdk.Wrong("feeds", "has %d addresses, want 1 to %d", n, maxFeeds)
		d.Detail = "Make a second source for more."
		wrong = append(wrong, d)
	}
	var feeds []*url.URL
	for i, text := range conf.Feeds {
		u, what := address(text, conf.AllowPrivate)
		if what == "" {
			for _, other := range feeds {
				if other != nil && other.String() == u.String() {
					what = "the same address again"
				}
			}
		}
		if what != "" {
			wrong = append(wrong, sdk.Wrong("feeds", "has at position %d %s", i+1, what))
		}
		feeds = append(feeds, u)
	}
	if conf.PollMinutes == 0 {
		conf.PollMinutes = defaultEvery
	}
	if conf.PollMinutes < 1 || conf.PollMinutes > 24*60 {
		wrong = append(wrong, sdk.Wrong("poll_minutes", "is not between 1 and 1440"))
	}
	if conf.Backlog < 0 || conf.Backlog > maxEntries {
		wrong = append(wrong, sdk.Wrong("backlog", "is not between 0 and %d", maxEntries))
	}
	if len(wrong) > 0 {
		return wrong
	}
	s.config, s.feeds, s.client = conf, feeds, newClient(conf.AllowPrivate)
	return nil
}

// address reads one feed's address, or says what is wrong with it without
// repeating it: some hold a key.
func address(text string, allowPrivate bool) (*url.URL, string) {
	u, err := url.Parse(strings.TrimSpace(text))
	switch {
	case err != nil || u.Hostname() == "" || u.Opaque != "":
		return nil, "no address such as https://example.com/feed.xml"
	case u.Scheme != "https" && !(allowPrivate && u.Scheme == "http"):
		return nil, "an address that does not begin with https://"
	case u.User != nil:
		return nil, "a name or a password before the @, which is not supported"
	}
	u.Fragment = ""
	return u, ""
}

// name is what logs and messages call a feed: its query may hold a key.
func name(u *url.URL) string { return u.Host + u.Path }

// Check asks for every feed and names those that cannot be read.
func (s *Source) Check(ctx context.Context) sdk.Health {
	entries := 0
	var bad []string
	for _, u := range s.feeds {
		answer, err := s.client.fetch(ctx, u, memory{})
		var list []entry
		if err == nil {
			list, err = parse(answer.body, answer.kind)
		}
		if err != nil {
			bad = append(bad, name(u)+" "+reason(err))
		}
		entries += len(list)
	}
	if len(bad) > 0 {
		return sdk.Health{Detail: fmt.Sprintf("%d of %d feeds cannot be read: %s.", len(bad), len(s.feeds), strings.Join(bad, "; "))}
	}
	return sdk.Health{OK: true, Detail: fmt.Sprintf("All %d feeds can be read; they hold %d entries.", len(s.feeds), entries)}
}
