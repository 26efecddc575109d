package rss

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"log/slog"
	"net/url"
	"slices"
	"time"

	"github.com/iterateswarm/iterateswarm/sdk"
)

const (
	maxCursor  = 64 << 10       // bytes, of all feeds
	headSize   = 1200           // bytes that a feed's memory takes at most, beside the ids
	idSize     = 8              // bytes that the cursor keeps of an id: 48 bits in base64
	late       = 48 * time.Hour // how long after its date an entry may appear: reviews are looked at first
	batchBytes = 1 << 20        // of texts in a batch; a message over gRPC has at most 4 MiB
)

// memory is what is kept of a feed between two looks. The cursor is a JSON
// object of these; the keys are hashes of the addresses.
type memory struct {
	ETag     string    `json:"etag,omitempty"`
	Modified string    `json:"modified,omitempty"`
	Begun    time.Time `json:"begun"`          // when the feed was read first
	Seen     string    `json:"seen,omitempty"` // idSize bytes of each id, the latest first
}

// Run looks at every feed in turn, every poll_minutes, until ctx ends. A feed
// that cannot be read is named in the log and does not keep the others from
// being read.
func (s *Source) Run(ctx context.Context, cursor string, store sdk.Store) error {
	r := &round{Source: s, store: store, feed: map[string]memory{}, pauses: map[string]time.Time{}, trouble: map[string]string{}}
	known := map[string]memory{}
	_ = json.Unmarshal([]byte(cursor), &known) // what cannot be read is a first start
	for _, u := range s.feeds {
		if m, ok := known[key(u)]; ok {
			r.feed[key(u)] = m
		}
	}
	for {
		for _, u := range s.feeds {
			if s.now().Before(r.pauses[key(u)]) {
				continue
			}
			if err := r.look(ctx, u); err != nil {
				return err
			}
		}
		if err := s.wait(ctx, time.Duration(s.config.PollMinutes)*time.Minute); err != nil {
			return err
		}
	}
}

// key names a feed in the cursor and before ids that are its own.
func key(u *url.URL) string {
	h := sha256.Sum256([]byte(u.String()))
	return base64.RawURLEncoding.EncodeToString(h[:9])
}

// round is one stream's reading.
type round struct {
	*Source
	store   sdk.Store
	feed    map[string]memory
	pauses  map[string]time.Time // until when a feed asked to be left alone
	trouble map[string]string    // what the log has about a feed
}

// look reads one feed and stores what is new. Its error is that of storing.
func (r *round) look(ctx context.Context, u *url.URL) error {
	m := r.feed[key(u)]
	a, err := r.client.fetch(ctx, u, m)
	var list []entry
	if err == nil && !a.unchanged {
		list, err = parse(a.body, a.kind)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	r.report(u, err, len(list))
	if err != nil || a.unchanged {
		return nil
	}
	fresh := r.fresh(u, list, &m)
	m.ETag, m.Modified = a.etag, a.lastModified
	return r.keep(ctx, u, m, fresh)
}

// report writes into the log what has changed about a feed.
func (r *round) report(u *url.URL, err error, entries int) {
	k, what := key(u), ""
	if err != nil {
		what = reason(err)
		if f, ok := errors.AsType[*fault](err); ok && f.after > 0 {
			r.pauses[k] = r.now().Add(f.after)
		}
	}
	was, again := r.trouble[k]
	switch {
	case what != "" && what != was:
		slog.Warn("feed cannot be read", "feed", name(u), "err", what)
	case what == "" && was != "":
		slog.Info("feed can be read again", "feed", name(u))
	}
	if r.trouble[k] = what; entries == maxEntries && !again {
		slog.Warn("feed has more entries than are looked at", "feed", name(u), "looked_at", maxEntries)
	}
}

// fresh returns what the feed had not before, the oldest first, and remembers
// it. The first time that is the backlog. An entry is old when its id is known,
// or when its date lies well before the first look.
func (r *round) fresh(u *url.URL, list []entry, m *memory) []sdk.Item {
	window := min(maxEntries, (maxCursor-64-len(r.feeds)*headSize)/len(r.feeds)/idSize)
	seen := map[string]bool{}
	var order []string
	remember := func(id string) {
		if !seen[id] {
			seen[id] = true
			order = append(order, id)
		}
	}
	known := map[string]bool{}
	for at := 0; at+idSize <= len(m.Seen); at += idSize {
		known[m.Seen[at:at+idSize]] = true
	}
	first := m.Begun.IsZero()
	if first {
		m.Begun = r.now().UTC().Truncate(time.Second)
	}
	var items []sdk.Item
	for i, e := range list {
		it, ok := item(u, e)
		id := shortID(it.ExternalID)
		if !ok || seen[id] {
			continue
		}
		old := known[id] || !it.Created.IsZero() && it.Created.Before(m.Begun.Add(-late))
		if i >= window { // not remembered: only its date tells
			old = it.Created.Before(m.Begun)
		} else {
			remember(id)
		}
		if first || !old {
			items = append(items, it)
		}
	}
	for at := 0; at+idSize <= len(m.Seen); at += idSize {
		remember(m.Seen[at : at+idSize])
	}
	var b bytes.Buffer
	for _, id := range order[:min(len(order), window)] {
		b.WriteString(id)
	}
	m.Seen = b.String()
	slices.Reverse(items) // feeds have the newest first
	slices.SortStableFunc(items, func(a, b sdk.Item) int {
		if a.Created.IsZero() || b.Created.IsZero() {
			return cmp.Compare(boolInt(!a.Created.IsZero()), boolInt(!b.Created.IsZero()))
		}
		return a.Created.Compare(b.Created)
	})
	if first {
		items = items[len(items)-min(len(items), r.config.Backlog):]
	}
	return items
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// shortID is what the cursor keeps of an id.
func shortID(id string) string {
	h := sha256.Sum256([]byte(id))
	return base64.RawURLEncoding.EncodeToString(h[:idSize*6/8])
}

// keep stores messages in batches; the last one carries the cursor.
func (r *round) keep(ctx context.Context, u *url.URL, m memory, items []sdk.Item) error {
	for len(items) > 0 {
		n, size := 0, 0
		for n < len(items) && n < sdk.MaxBatch && (n == 0 || size+len(items[n].Content) <= batchBytes) {
			size += len(items[n].Content)
			n++
		}
		if n == len(items) {
			break
		}
		if err := r.store(ctx, sdk.Batch{Items: items[:n]}); err != nil {
			return err
		}
		items = items[n:]
	}
	r.feed[key(u)] = m
	b, err := json.Marshal(r.feed)
	if err != nil {
		return err
	}
	return r.store(ctx, sdk.Batch{Items: items, Cursor: string(b)})
}
