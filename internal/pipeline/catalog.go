package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"github.com/iterateswarm/iterateswarm/internal/pluginhost"
	"github.com/iterateswarm/iterateswarm/internal/records"
)

// Plugin is one that can be started, or a program that could be one.
type Plugin struct {
	Manifest pluginhost.Manifest // of a program that was never enabled only the name
	Bundled  bool
	File     string // within the plugin directory
	SHA256   string // of the file as it is now
	State    string // one of the states below
	Detail   string // why, for a person
}

// The states of a plugin.
const (
	PluginReady   = "ready"   // it can be configured and started
	PluginFound   = "found"   // a program that nobody has enabled; it has never run
	PluginChanged = "changed" // enabled, and then its file was replaced; not started
	PluginRefused = "refused" // never started, whoever enables it
)

// Catalog lists every plugin, bundled ones first, then by name.
func (p *Pipeline) Catalog() ([]Plugin, error) {
	var list []Plugin
	for _, m := range p.Plugins.Manifests() {
		if _, pinned := p.Plugins.Pinned(m.Name); !pinned {
			list = append(list, Plugin{Manifest: m, Bundled: true, State: PluginReady})
		}
	}
	programs, err := p.Plugins.Programs()
	if err != nil {
		return nil, err
	}
	there := map[string]bool{}
	var own []Plugin
	for _, f := range programs {
		one := Plugin{Manifest: pluginhost.Manifest{Name: f.Name}, File: f.File, SHA256: f.SHA256, State: PluginFound,
			Detail: "A superuser has to enable it before it runs."}
		pin, pinned := p.Plugins.Pinned(f.Name)
		if pinned {
			one.Manifest, _ = p.Plugins.Manifest(f.Name)
			there[f.Name] = there[f.Name] || pin.File == f.File
		}
		switch {
		case f.Wrong != "":
			one.State, one.Detail = PluginRefused, sentence("Never started: "+f.Wrong)
		case pinned && pin.File == f.File && pin.SHA256 == f.SHA256:
			one.State, one.Detail = PluginReady, ""
		case pinned:
			one.State = PluginChanged
			one.Detail = fmt.Sprintf("The file is not the one that was enabled, %s with SHA-256 %s…. Enable it again if that is meant.", pin.File, pin.SHA256[:12])
		}
		own = append(own, one)
	}
	for _, m := range p.Plugins.Manifests() {
		if pin, pinned := p.Plugins.Pinned(m.Name); pinned && !there[m.Name] {
			own = append(own, Plugin{Manifest: m, File: pin.File, State: PluginRefused, Detail: "The file " + pin.File + " is gone from the plugin directory."})
		}
	}
	slices.SortStableFunc(own, func(a, b Plugin) int { return strings.Compare(a.Manifest.Name, b.Manifest.Name) })
	return append(list, own...), nil
}

// pluginNamed finds a plugin of the catalogue. Of several the operator's comes first.
func (p *Pipeline) pluginNamed(name string) (Plugin, error) {
	list, err := p.Catalog()
	if err != nil {
		return Plugin{}, err
	}
	for _, one := range list {
		if one.Manifest.Name == name {
			return one, nil
		}
	}
	return Plugin{}, Fault(NoPlugin, "There is no plugin %q, bundled or in the plugin directory.", clip(name))
}

// EnablePlugin is PinPlugin, and then what is configured with the plugin starts,
// or starts anew.
func (p *Pipeline) EnablePlugin(ctx context.Context, name, sha256, by string) (Plugin, error) {
	one, err := p.PinPlugin(ctx, name, sha256, by)
	if err == nil {
		p.eachInstance(name, func(ctx context.Context, r *core.Record) { p.RestartPlugin(ctx, r) })
	}
	return one, err
}

// PinPlugin lets the operator's program of this name run from now on, if it
// still has the checksum that the superuser saw. It is started once, without
// configuration, to read its manifest. Pinning a changed file is how a plugin is
// upgraded.
func (p *Pipeline) PinPlugin(ctx context.Context, name, sha256, by string) (Plugin, error) {
	p.catalog.Lock()
	defer p.catalog.Unlock()
	p.Plugins.Forget()
	one, err := p.pluginNamed(name)
	switch {
	case err != nil:
		return one, err
	case one.Bundled:
		return one, Fault(BadValue, "%s comes with the server and is always enabled.", name)
	case one.State == PluginRefused:
		return one, Fault(RefusedPlugin, "%s cannot be enabled. %s", name, one.Detail)
	case sha256 != one.SHA256:
		return one, Fault(OtherFile, "The file %s has the SHA-256 %s now, not the one you named. Look at it, and name this one.", one.File, one.SHA256).At("sha256")
	}
	pin := pluginhost.Pin{Name: name, File: one.File, SHA256: sha256}
	m, err := p.Plugins.Inspect(ctx, pin)
	if unfit, ok := errors.AsType[*pluginhost.Unfit](err); ok {
		return one, Fault(RefusedPlugin, "%s cannot be enabled: %s.", name, strings.TrimSuffix(unfit.Why, "."))
	}
	if err != nil {
		return one, err
	}
	if err := p.Plugins.Trust(pin, m); err != nil {
		return one, Fault(RefusedPlugin, "%s cannot be enabled: %s.", name, err)
	}
	if err := records.SavePin(p.App, records.Pin{Name: name, File: pin.File, SHA256: sha256, EnabledBy: by}, m); err != nil {
		p.Plugins.Distrust(name)
		return one, err
	}
	p.Log.Info("plugin enabled", "plugin", name, "file", pin.File, "sha256", sha256, "by", by)
	return p.pluginNamed(name)
}

// DisablePlugin takes EnablePlugin back. What is configured with the plugin
// stops and says why.
func (p *Pipeline) DisablePlugin(name, by string) error {
	p.catalog.Lock()
	defer p.catalog.Unlock()
	one, err := p.pluginNamed(name)
	if err != nil {
		return err
	}
	if one.Bundled {
		return Fault(BadValue, "%s comes with the server; disable the sources or trackers that use it.", name)
	}
	if err := records.DeletePin(p.App, name); err != nil {
		return err
	}
	p.Plugins.Distrust(name)
	p.Log.Info("plugin disabled", "plugin", name, "by", by)
	return nil
}

// ReloadPlugins reads the plugin directory anew, and starts what can be started
// again.
func (p *Pipeline) ReloadPlugins() ([]Plugin, error) {
	p.catalog.Lock()
	defer p.catalog.Unlock()
	p.Plugins.Forget()
	if err := p.LoadPins(); err != nil {
		return nil, err
	}
	list, err := p.Catalog()
	for _, one := range list {
		if one.State != PluginReady || one.Bundled {
			continue
		}
		p.eachInstance(one.Manifest.Name, func(ctx context.Context, r *core.Record) { p.SetPlugin(ctx, r) })
	}
	return list, err
}

// LoadPins tells the host which programs may run.
func (p *Pipeline) LoadPins() error {
	pins, err := p.App.FindAllRecords(records.Pins)
	if err != nil {
		return fmt.Errorf("read pins: %w", err)
	}
	for _, r := range pins {
		var m pluginhost.Manifest
		err := r.UnmarshalJSONField("manifest", &m)
		if err == nil {
			err = p.Plugins.Trust(pluginhost.Pin{Name: r.GetString("name"), File: r.GetString("file"), SHA256: r.GetString("sha256")}, m)
		}
		if err != nil {
			p.Log.Error("enabled plugin not usable", "plugin", r.GetString("name"), "err", err)
		}
	}
	return nil
}

// eachInstance runs f in the background for every source and tracker with a plugin.
func (p *Pipeline) eachInstance(plugin string, f func(context.Context, *core.Record)) {
	for _, collection := range []string{records.Sources, records.Trackers} {
		list, err := p.App.FindAllRecords(collection, dbx.HashExp{"plugin": plugin})
		if err != nil {
			p.Log.Error("look for instances", "plugin", plugin, "err", err)
			continue
		}
		for _, r := range list {
			p.spawn(func() {
				ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
				defer cancel()
				f(ctx, r)
			})
		}
	}
}
