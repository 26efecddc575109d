package slack

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	api "github.com/slack-go/slack"

	"github.com/iterateswarm/iterateswarm/sdk"
)

const (
	hearEvery = 5 * time.Minute  // how often the time is noted up to which we have heard
	overlap   = 10 * time.Minute // Slack sends an event again for six minutes
	mostMiss  = 1000             // messages read of one channel's gap
)

// hear reads what was written in the chosen channels while nobody listened: at
// the start, and when Socket Mode was gone for a while. In between it notes the
// time now and then. Slack gives up on an event after six minutes; what it sent
// comes twice then and is stored once. Answers in threads are not in a channel's
// history.
func (d *desk) hear(ctx context.Context) {
	for missed := true; ; {
		at := d.now()
		d.mu.Lock()
		from, deaf := d.heard, d.deaf
		d.mu.Unlock()
		if missed && !from.IsZero() {
			for _, id := range d.config.Channels {
				if d.catchUp(ctx, id, from.Add(-overlap)) != nil {
					return
				}
			}
		}
		if !deaf {
			d.mu.Lock()
			d.heard = at.UTC().Truncate(time.Second)
			d.mu.Unlock()
			if d.keep(ctx, nil) != nil {
				return
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-d.again:
			missed = true
		case <-time.After(hearEvery):
			missed = false
		}
	}
}

// connected is told whether Socket Mode is there.
func (d *desk) connected(is bool) {
	d.mu.Lock()
	was := !d.deaf
	d.deaf = !is
	d.mu.Unlock()
	if is && !was {
		select {
		case d.again <- struct{}{}:
		default:
		}
	}
}

// catchUp stores what was written in one channel since a time. It tries until it
// is read or refused; its error is that of ctx.
func (d *desk) catchUp(ctx context.Context, channel string, from time.Time) error {
	params := &api.GetConversationHistoryParameters{ChannelID: channel, Oldest: fmt.Sprintf("%d.000000", from.Unix()), Limit: pageSize}
	read, wait := 0, time.Second
	for read < mostMiss {
		page, err := d.client.GetConversationHistoryContext(ctx, params)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			slog.Warn("slack channel cannot be read", "channel", channel, "err", reason(err))
			if codeOf(err) != "" && waitOf(err) == 0 {
				return nil // refused
			}
			if err := pause(ctx, max(wait, waitOf(err))); err != nil {
				return err
			}
			wait = min(2*wait, time.Minute)
			continue
		}
		var items []sdk.Item
		for _, m := range slices.Backward(page.Messages) { // the newest come first
			if it := d.item(d.teamID(), fromAPI(channel, &m)); it != nil {
				items = append(items, *it)
			}
		}
		for chunk := range slices.Chunk(items, sdk.MaxBatch) {
			if err := d.store(ctx, sdk.Batch{Items: chunk}); err != nil {
				return err
			}
		}
		read += len(page.Messages)
		if !page.HasMore || page.ResponseMetaData.NextCursor == "" {
			return nil
		}
		params.Cursor = page.ResponseMetaData.NextCursor
	}
	slog.Warn("slack channel has more unread messages than are read", "channel", channel, "read", mostMiss)
	return nil
}

func (s *Source) teamID() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.team
}
