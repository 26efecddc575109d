// Package pluginhost starts plugins, watches them, and calls them. One process
// runs per enabled instance of a source or a tracker. A plugin that crashes,
// hangs, floods or lies costs its own instance and nothing else:
//
//   - a process that dies is started again after 1, 2, 4 … 60 seconds, and is
//     quarantined after more than three crashes in ten minutes;
//   - a process that does not answer a health check within five seconds is
//     killed with all its children;
//   - every call has a deadline, every message is at most 4 MiB, and what comes
//     back is checked before anybody sees it;
//   - a plugin sees none of the host's environment, and its secrets are cut out
//     of its logs;
//   - no plugin outlives the host, even one that is killed.
//
// The words of the calls (Manifest, Item, CreateReply …) are those of package
// sdk, under the same names.
package pluginhost

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"

	"github.com/iterateswarm/iterateswarm/internal/guard"
)

// Config is what Open needs.
type Config struct {
	// Manifests lists the plugins that can be started, by their manifests.
	Manifests []Manifest

	// Command returns the program that serves the named plugin, not started. It
	// runs with an allow-list of the environment, to which Cmd.Env is added. For
	// a bundled plugin it is this executable with the arguments "plugin NAME".
	Command func(plugin string) *exec.Cmd

	// Dir holds the operator's own programs; empty means that there are none.
	// Each runs only after Trust.
	Dir string

	// StateDir is the host's data directory. It only gives the private directory
	// for sockets its name, so that two hosts do not share one.
	StateDir string

	// Log receives the host's messages, and those of the plugins with an
	// attribute "plugin". Nil discards them.
	Log *slog.Logger

	// OnStatus, if set, is told of every change, in order for one instance, from
	// several goroutines. It must not call the Host's Set, Remove or Close.
	OnStatus func(Status)

	// OnBatch stores what a source's stream brings, the cursor after the
	// messages, and returns the messages that cannot be stored. It is called for
	// one batch of an instance at a time. On an error nothing is lost: the batch
	// comes again. Without OnBatch no stream is opened.
	OnBatch func(ctx context.Context, id string, b Batch) ([]Refusal, error)

	// Cursor returns the last one that OnBatch has stored, or "". It goes with
	// OnBatch.
	Cursor func(ctx context.Context, id string) (string, error)

	// Timing overrides the times; zero fields keep their defaults.
	Timing Timing
}

// Host runs plugins. Its methods may be called from any goroutine.
type Host struct {
	config Config
	runDir string // private directory for sockets, the plugins' TMPDIR
	log    *slog.Logger
	timing Timing
	bucket *guard.Limiter // of the messages of each instance's stream
	sums   sums

	mu        sync.Mutex
	closed    bool
	manifests map[string]Manifest
	pins      map[string]Pin      // of the manifests that are not bundled
	keepers   map[string]*keeper  // by instance id
	past      map[string]*history // likewise
}

var (
	// ErrNoInstance says that no instance has this id.
	ErrNoInstance = errors.New("no such instance")

	// ErrNoPlugin says that no plugin has this name.
	ErrNoPlugin = errors.New("no such plugin")

	// ErrClosed says that the host has been closed.
	ErrClosed = errors.New("plugin host is closed")

	// ErrWrongKind says that a source was called as a tracker or the other way.
	ErrWrongKind = errors.New("wrong kind of plugin")

	// ErrCannot says that the plugin does not serve the call.
	ErrCannot = errors.New("the plugin cannot do this")

	// ErrBadReply says that a plugin answered something that makes no sense.
	ErrBadReply = errors.New("plugin gave a bad reply")
)

// Open prepares a host. It starts no plugin: Set does.
func Open(config Config) (*Host, error) {
	if config.Log == nil {
		config.Log = slog.New(slog.DiscardHandler)
	}
	h := &Host{
		config:    config,
		manifests: make(map[string]Manifest),
		log:       config.Log,
		timing:    config.Timing.withDefaults(),
		keepers:   make(map[string]*keeper),
		past:      make(map[string]*history),
		pins:      make(map[string]Pin),
	}
	h.bucket = guard.NewLimiter(guard.Limit{Burst: h.timing.ItemBurst, Every: h.timing.ItemEvery}, 0)
	for _, m := range config.Manifests {
		if err := CheckManifest(&m); err != nil {
			return nil, err
		}
		if _, twice := h.manifests[m.Name]; twice {
			return nil, fmt.Errorf("plugin %s is listed twice", m.Name)
		}
		h.manifests[m.Name] = m
	}
	var err error
	if h.runDir, err = makeRunDir(config.StateDir); err != nil {
		return nil, fmt.Errorf("prepare plugin directory: %w", err)
	}
	return h, nil
}

// Manifests lists every plugin that can be started, by name.
func (h *Host) Manifests() []Manifest {
	h.mu.Lock()
	list := slices.Collect(maps.Values(h.manifests))
	h.mu.Unlock()
	slices.SortFunc(list, func(a, b Manifest) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// Manifest returns the manifest of one plugin.
func (h *Host) Manifest(plugin string) (Manifest, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	m, ok := h.manifests[plugin]
	return m, ok
}

// Close stops every plugin and returns when the last process is gone, which
// takes at most Timing.Drain + Timing.Grace and a second. Calls still running
// after Timing.Drain end with an error.
func (h *Host) Close() error {
	h.mu.Lock()
	h.closed = true
	keepers := slices.Collect(maps.Values(h.keepers))
	h.mu.Unlock()

	for _, k := range keepers {
		k.stop()
	}
	for _, k := range keepers {
		<-k.done
	}
	return os.RemoveAll(h.runDir)
}

// keeper returns the keeper of an instance of the wanted kind; empty is any.
func (h *Host) keeper(id string, want Kind) (*keeper, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	k, ok := h.keepers[id]
	switch {
	case h.closed:
		return nil, ErrClosed
	case !ok:
		return nil, fmt.Errorf("%w: %s", ErrNoInstance, id)
	case want != "" && k.manifest.Kind != want:
		return nil, fmt.Errorf("%w: %s is a %s", ErrWrongKind, k.manifest.Name, k.manifest.Kind)
	}
	return k, nil
}

// put makes k the keeper of its instance. The old one, if any, stops, and k
// waits for its end.
func (h *Host) put(k *keeper) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return ErrClosed
	}
	if old := h.keepers[k.instance.ID]; old != nil {
		k.after = old.done
		old.stop()
	}
	if h.past[k.instance.ID] == nil {
		h.past[k.instance.ID] = &history{}
	}
	k.history = h.past[k.instance.ID]
	k.log = slog.New(&tee{k.log.Handler(), &k.history.lines})
	h.keepers[k.instance.ID] = k
	ctx, stop := context.WithCancel(context.Background())
	k.stop = stop
	go k.run(ctx)
	return nil
}
