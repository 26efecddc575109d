package rss

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/iterateswarm/iterateswarm/sdk"
)

// hub serves feeds and remembers what it was asked.
type hub struct {
	*httptest.Server
	mu    sync.Mutex
	serve map[string]http.HandlerFunc
	asked []string
}

func newHub(t *testing.T) *hub {
	h := &hub{serve: map[string]http.HandlerFunc{}}
	h.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.mu.Lock()
		h.asked = append(h.asked, r.URL.Path+" "+r.Header.Get("If-None-Match")+r.Header.Get("If-Modified-Since"))
		f := h.serve[r.URL.Path]
		h.mu.Unlock()
		if f == nil {
			http.NotFound(w, r)
			return
		}
		f(w, r)
	}))
	t.Cleanup(h.Close)
	return h
}

func (h *hub) set(path string, f http.HandlerFunc) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.serve[path] = f
}

// feed serves entries with an ETag, and 304 to who has it.
func (h *hub) feed(path string, entries ...string) {
	body := "<rss><channel>" + strings.Join(entries, "") + "</channel></rss>"
	tag := fmt.Sprintf("%q", hash(body)[:8])
	h.set(path, func(w http.ResponseWriter, r *http.Request) {
		if w.Header().Set("Etag", tag); r.Header.Get("If-None-Match") == tag {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		_, _ = w.Write([]byte(body))
	})
}

func entryXML(id string, date time.Time) string {
	when := ""
	if !date.IsZero() {
		when = "<pubDate>" + date.Format(time.RFC1123Z) + "</pubDate>"
	}
	return "<item><guid>tag:" + id + "</guid><title>Entry " + id + "</title>" + when + "</item>"
}

func newSource(t *testing.T, config map[string]any) *Source {
	t.Helper()
	b, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	s := New()
	if wrong := s.Configure(t.Context(), sdk.Config{JSON: b}); wrong != nil {
		t.Fatal(wrong)
	}
	return s
}

var errEnough = errors.New("looked often enough")

// looks runs a source for some looks; between two of them it calls change. It
// returns the ids that were stored, and the cursor.
func looks(t *testing.T, s *Source, cursor string, times int, change func(look int)) ([]string, string) {
	t.Helper()
	var ids []string
	look := 0
	s.wait = func(context.Context, time.Duration) error {
		if look++; look == times {
			return errEnough
		}
		change(look)
		return nil
	}
	err := s.Run(t.Context(), cursor, func(_ context.Context, b sdk.Batch) error {
		if len(b.Items) > sdk.MaxBatch || len(b.Cursor) > maxCursor {
			t.Errorf("a batch of %d with a cursor of %d bytes", len(b.Items), len(b.Cursor))
		}
		for _, it := range b.Items {
			ids = append(ids, strings.TrimPrefix(it.ExternalID, "tag:"))
		}
		if b.Cursor != "" {
			cursor = b.Cursor
		}
		return nil
	})
	if !errors.Is(err, errEnough) {
		t.Fatalf("Run: %v", err)
	}
	return ids, cursor
}

func TestOnlyWhatIsNewIsTaken(t *testing.T) {
	t.Parallel()
	h, now := newHub(t), time.Now()
	old := []string{entryXML("2", now.Add(-time.Hour)), entryXML("1", time.Time{})}
	h.feed("/a", old...)
	s := newSource(t, map[string]any{"feeds": []string{h.URL + "/a"}, "allow_private": true})
	ids, cursor := looks(t, s, "", 4, func(look int) {
		switch look {
		case 1: // an undated one, one that was looked at before it appeared, one of last year that slid in again
			h.feed("/a", append([]string{entryXML("4", time.Time{}), entryXML("3", now.Add(-3*time.Hour)), entryXML("0", now.AddDate(-1, 0, 0))}, old...)...)
		case 3:
			h.feed("/a", entryXML("5", now), entryXML("4", time.Time{}))
		}
	})
	if !slices.Equal(ids, []string{"4", "3", "5"}) {
		t.Errorf("took %v, want 4 3 5", ids)
	}
	if want := h.asked[2]; !strings.Contains(want, `"`) || h.asked[0] != "/a " {
		t.Errorf("asked %q: no conditional request", h.asked)
	}
	// Another process goes on where this one was.
	h.feed("/a", entryXML("6", now), entryXML("5", now), entryXML("4", time.Time{}), entryXML("1", time.Time{}))
	if ids, _ = looks(t, newSource(t, map[string]any{"feeds": []string{h.URL + "/a"}, "allow_private": true}), cursor, 1, nil); !slices.Equal(ids, []string{"6"}) {
		t.Errorf("after a restart: %v, want 6", ids)
	}
}

func TestBacklog(t *testing.T) {
	t.Parallel()
	h, now := newHub(t), time.Now()
	h.feed("/a", entryXML("1", now.AddDate(-2, 0, 0)), entryXML("3", now.AddDate(0, -1, 0)), entryXML("2", now.AddDate(-1, 0, 0)))
	var many []string
	for n := range maxEntries + 5 {
		many = append(many, entryXML(fmt.Sprintf("m%d", n), time.Time{}))
	}
	h.feed("/b", many...)
	ids, _ := looks(t, newSource(t, map[string]any{"feeds": []string{h.URL + "/a"}, "allow_private": true, "backlog": 2}), "", 2, func(int) {})
	if !slices.Equal(ids, []string{"2", "3"}) {
		t.Errorf("backlog %v, want 2 3", ids)
	}
	ids, _ = looks(t, newSource(t, map[string]any{"feeds": []string{h.URL + "/b"}, "allow_private": true, "backlog": 1000}), "", 1, nil)
	if len(ids) != maxEntries || ids[len(ids)-1] != "m0" {
		t.Errorf("backlog of %d ending in %s", len(ids), ids[len(ids)-1])
	}
}

// Sixteen feeds of a thousand entries: the cursor stays within its limit, and
// nothing that was old becomes new.
func TestCursorIsBounded(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	var feeds []string
	publish := func(extra string) {
		for f := range maxFeeds {
			list := []string{extra}
			for n := range maxEntries - 1 {
				list = append(list, entryXML(fmt.Sprintf("%d-%d", f, n), time.Time{}))
			}
			h.feed(fmt.Sprintf("/%d", f), list...)
		}
	}
	for f := range maxFeeds {
		feeds = append(feeds, fmt.Sprintf("%s/%d", h.URL, f))
	}
	publish("")
	ids, cursor := looks(t, newSource(t, map[string]any{"feeds": feeds, "allow_private": true}), "", 2, func(int) { publish(entryXML("new", time.Time{})) })
	if len(ids) != maxFeeds { // the same global id from each: the host stores it once
		t.Errorf("took %d, want %d", len(ids), maxFeeds)
	}
	if len(cursor) > maxCursor || strings.Contains(cursor, "127.0.0.1") {
		t.Errorf("cursor of %d bytes: %.200s", len(cursor), cursor)
	}
}

func TestAFeedThatFailsStopsNoOther(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	h.feed("/good", entryXML("1", time.Now()))
	h.set("/broken", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<rss><channel><item>")) })
	h.set("/busy", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "3600")
		w.WriteHeader(http.StatusTooManyRequests)
	})
	h.set("/bomb", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		defer z.Close()
		for range 6 {
			_, _ = z.Write(make([]byte, 1<<20))
		}
	})
	h.set("/away", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "file:///etc/passwd", http.StatusFound)
	})
	h.set("/round", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/round", http.StatusFound) })
	h.set("/moved", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/good", http.StatusMovedPermanently)
	})
	var feeds []string
	for _, p := range []string{"/gone", "/broken", "/busy", "/bomb", "/away", "/round", "/moved", "/good?key=s3cret"} {
		feeds = append(feeds, h.URL+p)
	}
	s := newSource(t, map[string]any{"feeds": feeds, "allow_private": true, "backlog": 5})
	if ids, _ := looks(t, s, "", 3, func(int) {}); !slices.Equal(ids, []string{"1", "1"}) { // moved and good
		t.Errorf("took %v", ids)
	}
	busy := 0
	for _, a := range h.asked {
		if a == "/busy " {
			busy++
		}
	}
	if busy != 1 {
		t.Errorf("asked %d times a feed that asked for an hour", busy)
	}
	got := s.Check(t.Context())
	for _, want := range []string{"6 of 8 feeds", "/gone answers 404 Not Found", "/broken breaks off in line 1", "/busy answers 429", "/bomb is larger than 5 MiB", "/away redirects to an address that does not begin with https://", "/round redirects more than 5 times"} {
		if got.OK || !strings.Contains(got.Detail, want) {
			t.Errorf("Check = %+v, want %q", got, want)
		}
	}
	if strings.Contains(got.Detail, "s3cret") {
		t.Errorf("Check tells the key: %s", got.Detail)
	}
	fine := newSource(t, map[string]any{"feeds": feeds[7:], "allow_private": true})
	if got := fine.Check(t.Context()); !got.OK || got.Detail != "All 1 feeds can be read; they hold 1 entries." {
		t.Errorf("Check = %+v", got)
	}
}

// Without allow_private no packet reaches a private address.
func TestPrivateAddresses(t *testing.T) {
	t.Parallel()
	l := newHub(t)
	s := newSource(t, map[string]any{"feeds": []string{"https://" + l.Listener.Addr().String() + "/x", "https://169.254.169.254/latest", "https://localhost:1/", "https://[::ffff:7f00:1]/"}})
	if got := s.Check(t.Context()); got.OK || strings.Count(got.Detail, "at a private address") != 4 {
		t.Errorf("Check = %+v", got)
	}
	if len(l.asked) > 0 {
		t.Errorf("asked %v", l.asked)
	}
	// A redirect may not leave https either.
	if err := s.client.http.CheckRedirect(httptest.NewRequest("GET", "http://example.com/", nil), nil); err == nil || !strings.Contains(err.Error(), "https://") {
		t.Errorf("redirect to http: %v", err)
	}
}

func TestStoringThatFailsEndsTheStream(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	h.feed("/a", entryXML("1", time.Now()))
	s := newSource(t, map[string]any{"feeds": []string{h.URL + "/a"}, "allow_private": true, "backlog": 1})
	gone := errors.New("the host is gone")
	if err := s.Run(t.Context(), "not a cursor", func(context.Context, sdk.Batch) error { return gone }); !errors.Is(err, gone) {
		t.Errorf("Run = %v", err)
	}
}

func TestConfigure(t *testing.T) {
	t.Parallel()
	for config, want := range map[string]string{
		`{}`: "feeds: has 0 addresses, want 1 to 16. Make a second source for more.",
		`{"feeds":["https://a.test/","feed.xml"]}`:            "feeds: has at position 2 no address such as https://example.com/feed.xml",
		`{"feeds":["http://a.test/"]}`:                        "feeds: has at position 1 an address that does not begin with https://",
		`{"feeds":["file:///etc/passwd"]}`:                    "feeds: has at position 1 no address",
		`{"feeds":["https://u:p4ss@a.test/"]}`:                "feeds: has at position 1 a name or a password before the @",
		`{"feeds":["https://a.test/","https://a.test/#x"]}`:   "feeds: has at position 2 the same address again",
		`{"feeds":["https://a.test/"],"poll_minutes":-1}`:     "poll_minutes: is not between 1 and 1440",
		`{"feeds":["https://a.test/"],"backlog":1001}`:        "backlog: is not between 0 and 1000",
		`{"feeds":["ftp://a.test/"],"allow_private":true}`:    "does not begin with https://",
		`{"feeds":["https://a.test/"],"allow_private":"yes"}`: "allow_private: is a string, want a bool",
	} {
		wrong := New().Configure(t.Context(), sdk.Config{JSON: []byte(config)})
		if len(wrong) != 1 || !strings.Contains(wrong[0].String(), want) || strings.Contains(wrong[0].String(), "p4ss") {
			t.Errorf("%s: %v, want %q", config, wrong, want)
		}
	}
}
