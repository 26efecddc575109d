package slack

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	api "github.com/slack-go/slack"

	"github.com/iterateswarm/iterateswarm/sdk"
)

const (
	mostMarks = 500  // noted messages that wait to be fetched
	mostLater = 200  // confirmations and names that wait; more are left out
	mostNames = 5000 // people whose names are known
)

// desk is one Run: it does what a request could not wait for. Its cursor is the
// marked messages that are still to be fetched, so that a crash loses none, and
// the time up to which messages have been heard.
type desk struct {
	*Source
	store sdk.Store
	todo  chan news
	wake  chan struct{}
	again chan struct{} // Socket Mode is back
	pen   chan struct{} // held while the list is written: a later one must not be overtaken

	mu    sync.Mutex
	marks []mark
	heard time.Time
	deaf  bool // Socket Mode is gone
}

// cursor is what a desk keeps.
type cursor struct {
	Marks []mark    `json:"marks,omitempty"`
	Heard time.Time `json:"heard"`
}

// Run fetches marked messages, confirms shortcuts, learns names, and with an app
// token listens over Socket Mode, until ctx ends.
func (s *Source) Run(ctx context.Context, text string, store sdk.Store) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	d := &desk{Source: s, store: store, todo: make(chan news, mostLater), wake: make(chan struct{}, 1), again: make(chan struct{}, 1), pen: make(chan struct{}, 1)}
	var c cursor
	_ = json.Unmarshal([]byte(text), &c) // an unreadable cursor is an empty one
	d.marks, d.heard = c.Marks, c.Heard
	d.wake <- struct{}{}
	s.mu.Lock()
	s.desk = d
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		s.desk = nil
		s.mu.Unlock()
	}()
	failed := make(chan error, 1)
	var all sync.WaitGroup
	all.Go(func() { d.introduce(ctx) })
	all.Go(func() { d.hear(ctx) })
	all.Go(func() { d.fetchAll(ctx) })
	all.Go(func() { d.doLater(ctx) })
	if s.config.AppToken != "" {
		all.Go(func() { failed <- d.listen(ctx) })
	}
	var err error
	select {
	case <-ctx.Done():
		err = ctx.Err()
	case err = <-failed:
	}
	cancel()
	all.Wait()
	return err
}

// introduce learns who we are. Nothing depends on it but links and the filter of
// our own messages, which carry a bot's id anyway.
func (d *desk) introduce(ctx context.Context) {
	for wait := time.Second; ; wait = min(2*wait, 5*time.Minute) {
		who, err := d.client.AuthTestContext(ctx)
		if err == nil {
			d.learn(who)
			return
		}
		slog.Warn("slack does not say who the app is", "err", reason(err))
		if pause(ctx, max(wait, waitOf(err))) != nil {
			return
		}
	}
}

// note writes a marked message down, on disk.
func (d *desk) note(ctx context.Context, m mark) error {
	d.mu.Lock()
	if slices.Contains(d.marks, m) {
		d.mu.Unlock()
		return nil
	}
	if len(d.marks) >= mostMarks {
		d.mu.Unlock()
		return errors.New("too many marked messages wait")
	}
	d.marks = append(d.marks, m)
	d.mu.Unlock()
	if err := d.keep(ctx, nil); err != nil {
		d.forget(m)
		return err
	}
	select {
	case d.wake <- struct{}{}:
	default:
	}
	return nil
}

// keep stores messages and what is still to be fetched.
func (d *desk) keep(ctx context.Context, items []sdk.Item) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case d.pen <- struct{}{}:
		defer func() { <-d.pen }()
	}
	d.mu.Lock()
	b, err := json.Marshal(cursor{d.marks, d.heard})
	d.mu.Unlock()
	if err != nil {
		return err
	}
	return d.store(ctx, sdk.Batch{Items: items, Cursor: string(b)})
}

func (d *desk) forget(m mark) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.marks = slices.DeleteFunc(d.marks, func(other mark) bool { return other == m })
}

// fetchAll fetches what is noted, one after another.
func (d *desk) fetchAll(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-d.wake:
		}
		for wait := time.Second; ; {
			d.mu.Lock()
			if len(d.marks) == 0 {
				d.mu.Unlock()
				break
			}
			m := d.marks[0]
			d.mu.Unlock()
			err := d.fetch(ctx, m)
			if ctx.Err() != nil {
				return
			}
			if err != nil && codeOf(err) == "" { // not refused: try again
				slog.Warn("slack: a marked message waits", "channel", m.Channel, "err", reason(err))
				if pause(ctx, max(wait, waitOf(err))) != nil {
					return
				}
				wait = min(2*wait, time.Minute)
				continue
			}
			if wait := waitOf(err); wait > 0 {
				if pause(ctx, wait) != nil {
					return
				}
				continue
			}
			if err != nil {
				slog.Warn("slack: a marked message is not taken", "channel", m.Channel, "err", reason(err))
				d.forget(m)
				_ = d.keep(ctx, nil) // at worst it is asked for once more
			}
			wait = time.Second
		}
	}
}

// fetch stores one marked message and strikes it off the list.
func (d *desk) fetch(ctx context.Context, m mark) error {
	list, _, _, err := d.client.GetConversationRepliesContext(ctx, &api.GetConversationRepliesParameters{
		ChannelID: m.Channel, Timestamp: m.TS, Oldest: m.TS, Latest: m.TS, Inclusive: true, Limit: 1})
	if err != nil {
		return err
	}
	var items []sdk.Item
	for _, found := range list {
		if found.Timestamp == m.TS {
			d.name(ctx, found.User)
			if it := d.item(m.Team, fromAPI(m.Channel, &found)); it != nil {
				items = append(items, *it)
			}
		}
	}
	d.forget(m)
	return d.keep(ctx, items)
}

// fromAPI is a message of Slack's API as an event would show it.
func fromAPI(channel string, m *api.Message) *message {
	out := &message{Type: m.Type, Subtype: m.SubType, User: m.User, BotID: m.BotID, Channel: channel, Text: m.Text, TS: m.Timestamp, ThreadTS: m.ThreadTimestamp, Hidden: m.Hidden}
	for _, f := range m.Files {
		out.Files = append(out.Files, file{Name: f.Name, Permalink: f.Permalink, Mimetype: f.Mimetype, Size: int64(f.Size)})
	}
	return out
}

// later notes what is nice to have: a confirmation, a name.
func (d *desk) later(n news) {
	if n.confirm == "" && n.author == "" {
		return
	}
	select {
	case d.todo <- n:
	default:
	}
}

// doLater confirms shortcuts, once their message is stored for certain, and
// learns names for the next message.
func (d *desk) doLater(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case n := <-d.todo:
			d.name(ctx, n.author)
			if n.confirm == "" || d.store(ctx, sdk.Batch{Items: []sdk.Item{*n.item}}) != nil {
				continue
			}
			if err := d.confirm(ctx, n.confirm); err != nil && ctx.Err() == nil {
				slog.Warn("slack: a shortcut is not confirmed", "err", reason(err))
			}
		}
	}
}

// name learns what a person is called. An app without users:read does not.
func (d *desk) name(ctx context.Context, user string) {
	if user == "" || d.unknown(user) == "" {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	u, err := d.client.GetUserInfoContext(ctx, user)
	if err != nil && codeOf(err) == "" {
		return // the next message asks again
	}
	d.Source.mu.Lock()
	defer d.Source.mu.Unlock()
	if len(d.names) >= mostNames {
		clear(d.names)
	}
	d.names[user] = ""
	if u != nil {
		d.names[user] = cut(u.Name, maxName)
	}
}

// pause waits.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
