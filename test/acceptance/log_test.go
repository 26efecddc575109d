package acceptance

import (
	"bytes"
	"log/slog"
	"os"
	"os/exec"
	"sync"

	"github.com/iterateswarm/iterateswarm/internal/command"
	"github.com/iterateswarm/iterateswarm/internal/config"
	"github.com/iterateswarm/iterateswarm/plugins"
)

// lockedLog collects what several goroutines log.
type lockedLog struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write appends.
func (l *lockedLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// String is what was logged so far.
func (l *lockedLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// optionsFor are the options of a server that is opened by hand.
func optionsFor(dir string) command.Options {
	return command.Options{Dir: dir, Config: config.Default(), Log: slog.New(slog.DiscardHandler), Manifests: plugins.Manifests(),
		PluginCommand: func(name string) *exec.Cmd { return exec.Command(os.Args[0], "plugin", name) }}
}
