package pluginhost

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"strings"
	"sync"
	"time"
)

const (
	maxLogLine  = 16 << 10 // bytes; what is longer is cut
	maxLogLines = 100      // per second and plugin; more are counted and dropped
)

// logs forwards what a plugin writes to standard error, or prints.
type logs struct {
	log   *slog.Logger
	scrub scrubber

	mu      sync.Mutex
	last    string
	second  time.Time // start of the second being counted
	lines   int       // in it
	dropped int
}

func newLogs(log *slog.Logger, scrub scrubber) *logs { return &logs{log: log, scrub: scrub} }

// read forwards lines until r ends.
func (l *logs) read(r io.Reader) {
	in := bufio.NewReaderSize(r, maxLogLine)
	for {
		line, more, err := in.ReadLine()
		if err != nil {
			return
		}
		l.forward(line, time.Now())
		for more && err == nil {
			_, more, err = in.ReadLine()
		}
	}
}

// Write forwards what came over the connection: go-plugin puts a pipe of its
// own into the plugin's os.Stdout and os.Stderr.
func (l *logs) Write(p []byte) (int, error) {
	for line := range bytes.Lines(p) {
		l.forward(line, time.Now())
	}
	return len(p), nil
}

func (l *logs) forward(line []byte, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.admit(now) {
		return
	}
	level, message, attrs := parseLog(line)
	if message = l.scrub.line(message); message == "" {
		return
	}
	for i := range attrs {
		attrs[i] = slog.String(attrs[i].Key, l.scrub.line(attrs[i].Value.String()))
	}
	l.last = message
	l.log.LogAttrs(context.Background(), level, message, slog.GroupAttrs("said", attrs...))
}

// admit lets maxLogLines through in a second.
func (l *logs) admit(now time.Time) bool {
	if now.Sub(l.second) >= time.Second {
		if l.dropped > 0 {
			l.log.Warn("plugin log lines dropped", "count", l.dropped)
		}
		l.second, l.lines, l.dropped = now, 0, 0
	}
	if l.lines++; l.lines > maxLogLines {
		l.dropped++
		return false
	}
	return true
}

// lastLine is the last message of the plugin, for the one who wonders why it
// died.
func (l *logs) lastLine() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.last
}

// parseLog reads a line of hclog's JSON. Any other line is its own message, at
// debug level, or at error level when Go says that it dies.
func parseLog(line []byte) (slog.Level, string, []slog.Attr) {
	var fields map[string]any
	if json.Unmarshal(line, &fields) != nil {
		text := string(line)
		if strings.HasPrefix(text, "panic: ") || strings.HasPrefix(text, "fatal error: ") {
			return slog.LevelError, text, nil
		}
		return slog.LevelDebug, text, nil
	}
	message, _ := fields["@message"].(string)
	name, _ := fields["@level"].(string)
	level := map[string]slog.Level{"info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError}[name]
	if name == "" || name == "debug" || name == "trace" {
		level = slog.LevelDebug
	}
	var attrs []slog.Attr
	for key, v := range fields {
		if strings.HasPrefix(key, "@") || len(attrs) == 20 {
			continue
		}
		text, ok := v.(string)
		if !ok {
			b, _ := json.Marshal(v)
			text = string(b)
		}
		attrs = append(attrs, slog.String(key, text))
	}
	return level, message, attrs
}
