package discord

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bwmarrin/discordgo"

	"github.com/iterateswarm/iterateswarm/sdk"
)

const (
	pageSize = 100         // the most that Discord gives
	mostMiss = 5000        // messages read of one channel's gap
	overlap  = time.Minute // messages of two channels may come in another order than their ids
	justNow  = time.Second // the same, while listening
)

// forum is the type of a channel that has threads and no messages.
const (
	forum      = 15
	mediaForum = 16
)

// fill reads the history of every guild with a gap, oldest messages first.
func (l *listener) fill(ctx context.Context) error {
	l.mu.Lock()
	from := earlier(l.cursor, overlap)
	var todo []channel
	filled := make(map[string]bool)
	all := l.overflow
	l.overflow = false
	if all && len(l.gaps) == 0 {
		from = max(from, earlier(l.queued, justNow)) // what fitted is stored
	}
	for _, c := range l.places {
		if c.Type == forum || c.Type == mediaForum {
			continue
		}
		if all || l.gaps[c.GuildID] && snowflake(c.Last) > from {
			todo = append(todo, c)
		}
	}
	for g := range l.gaps {
		filled[g] = true
	}
	l.mu.Unlock()
	slices.SortFunc(todo, func(a, b channel) int { return cmp.Compare(snowflake(a.ID), snowflake(b.ID)) })
	for _, c := range todo {
		if err := l.catchUp(ctx, c, from); err != nil {
			return err
		}
	}
	l.mu.Lock()
	for g := range filled {
		delete(l.gaps, g)
	}
	l.mu.Unlock()
	return l.keep(ctx, nil)
}

// earlier is an id of a time before.
func earlier(id uint64, by time.Duration) uint64 {
	step := uint64(by.Milliseconds()) << 22
	return max(id, step) - step
}

// catchUp stores what was written in one channel after an id. A channel that
// may not be read is left out.
func (l *listener) catchUp(ctx context.Context, c channel, from uint64) error {
	for read := 0; read < mostMiss; {
		list, err := l.history(ctx, l.session, c.ID, fmt.Sprint(from), pageSize)
		if wait := waitOf(err); wait > 0 {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(wait):
			}
			continue
		}
		if status := statusOf(err); status >= 400 && status < 500 {
			slog.Warn("discord channel cannot be read", "channel", c.ID, "err", reason(err))
			return nil
		}
		if err != nil {
			return fmt.Errorf("read channel %s: %s", c.ID, reason(err))
		}
		var items []sdk.Item
		for _, m := range list {
			if it := item(m, c, l.myself()); it != nil {
				items = append(items, *it)
			}
			from = max(from, snowflake(m.ID))
		}
		if len(items) > 0 {
			if err := l.keep(ctx, items); err != nil {
				return err
			}
		}
		if read += len(list); len(list) < pageSize {
			return nil
		}
	}
	slog.Warn("discord channel has more unread messages than are read", "channel", c.ID, "read", mostMiss)
	return nil
}

// history is the messages of a channel after an id, the oldest first; with an
// empty id the newest ones.
func (s *Source) history(ctx context.Context, session *discordgo.Session, channel, after string, limit int) ([]*message, error) {
	query := url.Values{"limit": {strconv.Itoa(limit)}}
	if after != "" {
		query.Set("after", after)
	}
	var list []*message
	if err := s.ask(ctx, session, "GET", discordgo.EndpointChannelMessages(channel)+"?"+query.Encode(), nil, &list); err != nil {
		return nil, err
	}
	list = slices.DeleteFunc(list, func(m *message) bool { return m == nil })
	slices.SortFunc(list, func(a, b *message) int { return cmp.Compare(snowflake(a.ID), snowflake(b.ID)) })
	return list, nil
}

// reaction is somebody's mark on a message.
type reaction struct {
	UserID    string `json:"user_id"`
	ChannelID string `json:"channel_id"`
	MessageID string `json:"message_id"`
	GuildID   string `json:"guild_id"`
	Emoji     struct {
		Name string `json:"name"`
	} `json:"emoji"`
	Member *struct {
		User *user `json:"user"`
	} `json:"member"`
}

// mark queues a message that a person marked with our emoji.
func (l *listener) mark(r reaction) {
	if l.config.Emoji == "" || strings.TrimSuffix(r.Emoji.Name, "\ufe0f") != l.config.Emoji || r.UserID == l.myself() ||
		r.Member != nil && r.Member.User != nil && r.Member.User.Bot || snowflake(r.ChannelID) == 0 || snowflake(r.MessageID) == 0 {
		return
	}
	select {
	case l.marks <- r:
	default:
		slog.Warn("discord: too many marked messages at once; one is left out", "message", r.MessageID)
	}
}

// fetchMarks reads the marked messages and stores them.
func (l *listener) fetchMarks(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case r := <-l.marks:
			if err := l.fetch(ctx, r); err != nil && ctx.Err() == nil {
				slog.Warn("discord: a marked message is not taken", "message", r.MessageID, "err", reason(err))
			}
		}
	}
}

func (l *listener) fetch(ctx context.Context, r reaction) error {
	var m message
	for {
		err := l.ask(ctx, l.session, "GET", discordgo.EndpointChannelMessage(r.ChannelID, r.MessageID), nil, &m)
		wait := waitOf(err)
		if wait == 0 {
			if err != nil {
				return err
			}
			break
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(wait):
		}
	}
	l.mu.Lock()
	in, known := l.places[r.ChannelID]
	l.mu.Unlock()
	if !known {
		in = channel{ID: r.ChannelID}
	}
	in.GuildID = r.GuildID
	m.ChannelID = r.ChannelID
	it := item(&m, in, l.myself())
	if it == nil {
		return nil
	}
	return l.store(ctx, sdk.Batch{Items: []sdk.Item{*it}})
}
