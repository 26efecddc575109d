package pluginhost

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"time"
)

// Line is one line of an instance's log: what the plugin said, or the host of
// it.
type Line struct {
	At      time.Time `json:"at"`
	Level   string    `json:"level"` // debug, info, warn or error
	Message string    `json:"message"`
}

const (
	maxLines     = 500  // kept of each instance
	maxKeptBytes = 1000 // of each line
)

// ring keeps the last lines.
type ring struct {
	mu    sync.Mutex
	lines []Line
	next  int // where the next one goes once the ring is full
}

func (r *ring) add(l Line) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.lines) < maxLines {
		r.lines = append(r.lines, l)
		return
	}
	r.lines[r.next] = l
	r.next = (r.next + 1) % maxLines
}

// last returns the last n lines, oldest first.
func (r *ring) last(n int) []Line {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := make([]Line, 0, len(r.lines))
	all = append(append(all, r.lines[r.next:]...), r.lines[:r.next]...)
	return all[max(0, len(all)-max(0, n)):]
}

// tee keeps in a ring, at every level, what it passes on.
type tee struct {
	slog.Handler
	ring *ring
}

// Enabled is true: the ring keeps what the log leaves out.
func (t *tee) Enabled(context.Context, slog.Level) bool { return true }

// Handle keeps the record and passes it on.
func (t *tee) Handle(ctx context.Context, r slog.Record) error {
	var text strings.Builder
	text.WriteString(r.Message)
	r.Attrs(func(a slog.Attr) bool {
		write(&text, a)
		return text.Len() < maxKeptBytes
	})
	message := text.String()
	if len(message) > maxKeptBytes {
		message = strings.ToValidUTF8(message[:maxKeptBytes], "") + "…"
	}
	t.ring.add(Line{At: r.Time, Level: strings.ToLower(r.Level.String()), Message: message})
	if !t.Handler.Enabled(ctx, r.Level) {
		return nil
	}
	return t.Handler.Handle(ctx, r)
}

// write appends an attribute as text, those of a group without its name.
func write(text *strings.Builder, a slog.Attr) {
	if a.Value.Kind() == slog.KindGroup {
		for _, inner := range a.Value.Group() {
			write(text, inner)
		}
		return
	}
	text.WriteString(" " + a.Key + "=" + a.Value.String())
}

// Logs returns the last n lines of an instance, oldest first.
func (h *Host) Logs(id string, n int) []Line {
	h.mu.Lock()
	past := h.past[id]
	h.mu.Unlock()
	if past == nil {
		return []Line{}
	}
	return past.lines.last(n)
}
