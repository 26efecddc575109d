package pluginhost

import (
	"context"
	"fmt"
	"os/exec"
	"slices"

	"github.com/iterateswarm/iterateswarm/sdk"
)

// Inspect starts a pinned program once, asks what it is, and ends it. The
// program gets no configuration. The error is an *Unfit when the file is not
// what was pinned or says that it is something else.
func (h *Host) Inspect(ctx context.Context, pin Pin) (Manifest, error) {
	if err := h.checkName(pin.Name); err != nil {
		return Manifest{}, &Unfit{err.Error()}
	}
	path, err := h.verify(pin)
	if err != nil {
		return Manifest{}, err
	}
	logs := newLogs(h.log.With("plugin", pin.Name), newScrubber(Manifest{}, nil))
	p, m, err := h.begin(ctx, exec.Command(path), logs)
	if err != nil {
		return Manifest{}, &Unfit{"it does not start as a plugin: " + line(err.Error())}
	}
	defer p.end(true)
	if err := CheckManifest(&m); err != nil {
		return Manifest{}, &Unfit{"its manifest is not in order: " + line(err.Error())}
	}
	if m.Name != pin.Name {
		return Manifest{}, &Unfit{fmt.Sprintf("it calls itself %q; a file is named for its plugin", m.Name)}
	}
	return m, nil
}

// Trust lets a pinned program be started as the plugin that its manifest
// describes. Instances of it that exist go on with what they run until they are
// restarted.
func (h *Host) Trust(pin Pin, m Manifest) error {
	if err := CheckManifest(&m); err != nil {
		return err
	}
	if err := h.checkName(pin.Name); err != nil {
		return err
	}
	if m.Name != pin.Name {
		return fmt.Errorf("the manifest is of %q, the file of %q", m.Name, pin.Name)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.manifests[m.Name], h.pins[m.Name] = m, pin
	return nil
}

// Distrust takes Trust back. Instances of the plugin stop and say why.
func (h *Host) Distrust(name string) {
	h.mu.Lock()
	if _, pinned := h.pins[name]; !pinned {
		h.mu.Unlock()
		return
	}
	delete(h.pins, name)
	delete(h.manifests, name)
	var of []*keeper
	for _, k := range h.keepers {
		if k.instance.Plugin == name {
			of = append(of, k)
		}
	}
	h.mu.Unlock()
	for _, k := range of {
		_ = h.put(newKeeper(h, k.manifest, k.instance)) // it finds that there is no program; put fails once the host is closed
	}
}

// Pinned returns the pin of a program that may be started.
func (h *Host) Pinned(name string) (Pin, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	pin, ok := h.pins[name]
	return pin, ok
}

// isBundled says whether a plugin comes with the server.
func (h *Host) isBundled(name string) bool {
	return slices.ContainsFunc(h.config.Manifests, func(m Manifest) bool { return m.Name == name })
}

// Forget makes the next Programs read every file again.
func (h *Host) Forget() { h.sums.forget() }

// program returns the command that serves a plugin, not started. A pinned file
// is compared with its pin before every start.
func (h *Host) program(name string) (*exec.Cmd, error) {
	if h.isBundled(name) {
		return h.config.Command(name), nil
	}
	pin, ok := h.Pinned(name)
	if !ok {
		return nil, &Unfit{fmt.Sprintf("the plugin %s is not enabled", name)}
	}
	path, err := h.verify(pin)
	if err != nil {
		return nil, err
	}
	return exec.Command(path), nil
}

// Bounds of a manifest, which everybody who configures a plugin is shown.
const (
	maxSchema  = 64 << 10 // bytes
	maxVersion = 60
)

// capabilities are those that the host knows, by kind.
var capabilities = map[Kind][]string{
	KindSource:  {sdk.CanReceive, sdk.CanRun, sdk.CanReply, sdk.CanAnnotate},
	KindTracker: {sdk.CanReceive, sdk.CanUpdate, sdk.CanComment, sdk.CanSearch, sdk.CanOffer, sdk.CanWatch, sdk.CanPropose},
}

// CheckManifest refuses a manifest that cannot be used, and takes out of it
// what nobody should see.
func CheckManifest(m *Manifest) error {
	if err := m.Check(); err != nil {
		return err
	}
	if len(m.ConfigSchema) > maxSchema {
		return fmt.Errorf("plugin %s: a config schema of %d bytes, want at most %d", m.Name, len(m.ConfigSchema), maxSchema)
	}
	if _, err := parseSchema(m.ConfigSchema); err != nil {
		return fmt.Errorf("plugin %s: config schema: %w", m.Name, err)
	}
	if len(m.Version) > maxVersion {
		return fmt.Errorf("plugin %s: a version of %d bytes", m.Name, len(m.Version))
	}
	m.Description, m.Version, m.Documentation = line(m.Description), line(m.Version), webURL(m.Documentation)
	known := capabilities[m.Kind]
	m.Capabilities = slices.DeleteFunc(slices.Clone(m.Capabilities), func(c string) bool { return !slices.Contains(known, c) })
	return nil
}
