package pluginhost

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/iterateswarm/iterateswarm/sdk"
)

// Instance is one configured source or tracker.
type Instance struct {
	ID      string // the record's id
	Plugin  string // the plugin's name
	Config  []byte // a JSON object, secrets included; empty means {}
	DataDir string // a directory of this instance alone, made when missing; may be empty
	Enabled bool
}

func (in Instance) equal(other Instance) bool {
	return in.ID == other.ID && in.Plugin == other.Plugin && in.DataDir == other.DataDir &&
		in.Enabled == other.Enabled && bytes.Equal(in.Config, other.Config)
}

// Refused says that a configuration cannot be used, and why.
type Refused struct{ Diagnostics []Diagnostic }

// Error lists the diagnostics of severity Error.
func (r *Refused) Error() string {
	var list []string
	for _, d := range r.Diagnostics {
		if d.Severity == sdk.Error {
			list = append(list, d.String())
		}
	}
	return "configuration refused: " + strings.Join(list, "; ")
}

// Set starts an instance, or restarts it when anything about it has changed, or
// stops it when it is not enabled. An instance in quarantine starts afresh; one
// that runs with the same configuration goes on undisturbed.
//
// Set returns when the first start has succeeded or failed, or ctx ends; the
// host goes on trying in the background. The error is ErrNoPlugin, a *Refused
// or an *Unfit, which are not tried again, a *Down after a crash, or ctx's.
func (h *Host) Set(ctx context.Context, in Instance) error { return h.set(ctx, in, false) }

// Restart is Set that replaces the process also when nothing has changed.
func (h *Host) Restart(ctx context.Context, in Instance) error { return h.set(ctx, in, true) }

func (h *Host) set(ctx context.Context, in Instance, anyway bool) error {
	manifest, ok := h.Manifest(in.Plugin)
	if !ok {
		return fmt.Errorf("%w: %s", ErrNoPlugin, in.Plugin)
	}
	if len(in.Config) == 0 {
		in.Config = []byte("{}")
	}
	if in.DataDir != "" {
		abs, err := filepath.Abs(in.DataDir)
		if err != nil {
			return fmt.Errorf("data directory of %s: %w", in.ID, err)
		}
		in.DataDir = abs
	}
	if k, err := h.keeper(in.ID, ""); err == nil && !anyway && k.instance.equal(in) && k.trying() {
		return k.started(ctx)
	}
	k := newKeeper(h, manifest, in)
	if err := h.put(k); err != nil {
		return err
	}
	return k.started(ctx)
}

// Remove stops an instance and forgets it. It returns when the process is gone.
// Removing an id that is not there does nothing.
func (h *Host) Remove(id string) {
	h.mu.Lock()
	k, ok := h.keepers[id]
	delete(h.keepers, id)
	delete(h.past, id)
	h.mu.Unlock()
	if ok {
		k.stop()
		<-k.done
	}
}
