package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"time"

	"github.com/pocketbase/pocketbase/core"

	"github.com/iterateswarm/iterateswarm/internal/guard"
	"github.com/iterateswarm/iterateswarm/internal/pluginhost"
	"github.com/iterateswarm/iterateswarm/internal/records"
)

// startPlugins starts every enabled source and tracker. One that does not
// start says so in its status and keeps nothing else from starting.
func (p *Pipeline) startPlugins(ctx context.Context) error {
	if err := p.LoadPins(); err != nil {
		return err
	}
	for _, collection := range []string{records.Sources, records.Trackers} {
		list, err := p.App.FindAllRecords(collection)
		if err != nil {
			return fmt.Errorf("read %s: %w", collection, err)
		}
		for _, r := range list {
			p.spawn(func() { p.SetPlugin(ctx, r) })
			if collection == records.Trackers {
				if err := p.queue.Add(fileQueue(r.Id), 1); err != nil {
					return fmt.Errorf("work queue of tracker %s: %w", r.Id, err)
				}
			}
		}
	}
	return nil
}

// SetPlugin starts, restarts or stops the process of a source or tracker as its
// record says, and writes how that went.
func (p *Pipeline) SetPlugin(ctx context.Context, r *core.Record) { p.setPlugin(ctx, r, p.Plugins.Set) }

// RestartPlugin is SetPlugin that replaces the process also when nothing has
// changed.
func (p *Pipeline) RestartPlugin(ctx context.Context, r *core.Record) {
	p.setPlugin(ctx, r, p.Plugins.Restart)
}

func (p *Pipeline) setPlugin(ctx context.Context, r *core.Record, set func(context.Context, pluginhost.Instance) error) {
	in, err := p.instance(r)
	if err == nil {
		err = set(ctx, in)
	}
	var refused *pluginhost.Refused
	switch {
	case errors.As(err, &refused):
		p.setStatus(r.Collection().Name, r.Id, "misconfigured", refused.Error())
	case errors.Is(err, pluginhost.ErrNoPlugin):
		p.setStatus(r.Collection().Name, r.Id, "disabled", fmt.Sprintf("the plugin %s is not enabled", in.Plugin))
	case err != nil:
		p.Log.Warn("plugin did not start", "plugin", r.GetString("plugin"), "instance", r.Id, "err", err)
	}
}

// instance is the process that a source's or tracker's record asks for.
func (p *Pipeline) instance(r *core.Record) (pluginhost.Instance, error) {
	secrets, err := p.Vault.Open(r.GetString("secrets"))
	if err != nil {
		p.setStatus(r.Collection().Name, r.Id, "misconfigured", err.Error())
		return pluginhost.Instance{}, err
	}
	config := map[string]any{}
	if err := r.UnmarshalJSONField("config", &config); err != nil {
		return pluginhost.Instance{}, fmt.Errorf("config: %w", err)
	}
	for field, raw := range secrets {
		config[field] = json.RawMessage(raw)
	}
	raw, err := json.Marshal(config)
	if err != nil {
		return pluginhost.Instance{}, err
	}
	in := pluginhost.Instance{ID: r.Id, Plugin: r.GetString("plugin"), Config: raw, Enabled: r.GetBool("enabled")}
	if in.Plugin == "local" {
		_, slug, err := p.read(p.App, r.GetString("project"))
		if err != nil {
			return in, err
		}
		in.DataDir = filepath.Join(filepath.Dir(p.App.DataDir()), "issues", slug)
	}
	if _, own := p.Plugins.Pinned(in.Plugin); own {
		in.DataDir = p.instanceDir(r.Id)
	}
	return in, nil
}

// instanceDir is the directory of one instance of an operator's own plugin.
func (p *Pipeline) instanceDir(id string) string {
	return filepath.Join(p.App.DataDir(), "instances", id)
}

// SealConfig checks the configuration of a source or tracker against its
// plugin's schema, takes the secrets out and seals them. A secret that is not
// given keeps the value it had.
func (p *Pipeline) SealConfig(r *core.Record) error {
	m, ok := p.Plugins.Manifest(r.GetString("plugin"))
	if !ok && unchanged(r) {
		return nil // its plugin is not enabled; it may be renamed and switched off
	}
	if !ok {
		return Fault(BadConfig, "There is no plugin %q.", r.GetString("plugin")).At("plugin")
	}
	if want := map[string]pluginhost.Kind{records.Sources: pluginhost.KindSource, records.Trackers: pluginhost.KindTracker}[r.Collection().Name]; m.Kind != want {
		return Fault(BadConfig, "The plugin %s is a %s, not a %s.", m.Name, m.Kind, want).At("plugin")
	}
	config := map[string]json.RawMessage{}
	if raw := r.GetString("config"); raw != "" && raw != "null" {
		if err := r.UnmarshalJSONField("config", &config); err != nil {
			return Fault(BadConfig, "The configuration must be a JSON object.").At("config")
		}
	}
	kept := map[string]string{}
	if r.Original() != nil && r.Original().GetString("plugin") == m.Name {
		var err error
		if kept, err = p.Vault.Open(r.Original().GetString("secrets")); err != nil {
			return err
		}
	}
	for _, field := range pluginhost.SecretFields(m) {
		if v, ok := config[field]; ok {
			kept[field] = string(v)
			delete(config, field)
		}
	}
	whole := make(map[string]json.RawMessage, len(config)+len(kept))
	for k, v := range config {
		whole[k] = v
	}
	for k, v := range kept {
		whole[k] = json.RawMessage(v)
	}
	raw, err := json.Marshal(whole)
	if err != nil {
		return err
	}
	if r.GetBool("enabled") {
		for _, d := range pluginhost.CheckConfig(m, raw) {
			return Fault(BadConfig, "%s", d.String()).At("config." + d.Field)
		}
	}
	sealed, err := p.Vault.Seal(kept)
	if err != nil {
		return err
	}
	set := make([]string, 0, len(kept))
	for k := range kept {
		set = append(set, k)
	}
	sort.Strings(set)
	if r.Original() != nil && r.Original().GetString("plugin") != m.Name {
		r.Set("cursor", "") // another plugin's means nothing to this one
	}
	r.Set("config", config)
	r.Set("secrets", sealed)
	r.Set("secrets_set", set)
	return nil
}

// unchanged says that a record that exists keeps its plugin and what it is
// configured with, and is not switched on.
func unchanged(r *core.Record) bool {
	was := r.Original()
	return !r.IsNew() && was.GetString("plugin") == r.GetString("plugin") && was.GetString("config") == r.GetString("config") &&
		(!r.GetBool("enabled") || was.GetBool("enabled"))
}

// PluginChanged follows a change of a source's or tracker's record, after its
// commit: the process, the queue and what waits for it.
func (p *Pipeline) PluginChanged(r *core.Record, gone bool) {
	p.offers.forget(r.Id)
	if gone {
		p.Plugins.Remove(r.Id)
		if err := os.RemoveAll(p.instanceDir(r.Id)); err != nil {
			p.Log.Error("remove an instance's directory", "instance", r.Id, "err", err)
		}
		return
	}
	if r.Collection().Name == records.Trackers {
		if err := p.queue.Add(fileQueue(r.Id), 1); err != nil {
			p.Log.Error("work queue of tracker", "tracker", r.Id, "err", err)
		}
		_, err := p.App.DB().NewQuery(`UPDATE deliveries SET next_at = created WHERE tracker = {:t} AND state = 'pending'`).
			Bind(map[string]any{"t": r.Id}).Execute()
		if err != nil {
			p.Log.Error("wake deliveries", "tracker", r.Id, "err", err)
		}
	}
	p.spawn(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		p.SetPlugin(ctx, r)
	})
}

// PluginStatus writes an instance's state where people see it. It is the
// host's OnStatus.
func (p *Pipeline) PluginStatus(s pluginhost.Status) {
	for _, collection := range []string{records.Sources, records.Trackers} {
		if _, err := p.App.FindRecordById(collection, s.ID); err == nil {
			p.setStatus(collection, s.ID, string(s.State), s.Detail)
		}
	}
}

// setStatus saves a status past the hooks that follow a change of configuration.
func (p *Pipeline) setStatus(collection, id, state, detail string) {
	_, err := p.App.DB().Update(collection, map[string]any{"status": state, "status_detail": clip(detail)},
		dbxID(id)).Execute()
	if err != nil {
		p.Log.Error("save plugin status", "instance", id, "err", err)
	}
}

// WebhookRequest, WebhookReply and ChangeReply are what passes between a sender
// and a plugin.
type (
	WebhookRequest = pluginhost.WebhookRequest
	WebhookReply   = pluginhost.WebhookReply
	ChangeReply    = pluginhost.ChangeReply
)

// AskSource passes a request to a source. One that does not answer is a problem
// with a time to wait: the sender sends again.
func (p *Pipeline) AskSource(ctx context.Context, source *core.Record, req WebhookRequest, requestID string) (WebhookReply, error) {
	reply, err := p.Plugins.HandleWebhook(ctx, source.Id, req)
	if err != nil {
		return reply, p.deaf(err, "source", source, requestID)
	}
	return reply, nil
}

// AskTracker passes a request to a tracker, as AskSource does to a source.
func (p *Pipeline) AskTracker(ctx context.Context, tracker *core.Record, req WebhookRequest, requestID string) (ChangeReply, error) {
	reply, err := p.Plugins.HandleChange(ctx, tracker.Id, req)
	if err != nil {
		return reply, p.deaf(err, "tracker", tracker, requestID)
	}
	return reply, nil
}

// deaf is the problem of a plugin that takes no request: for now, or for good.
func (p *Pipeline) deaf(err error, what string, r *core.Record, requestID string) error {
	if errors.Is(err, pluginhost.ErrCannot) {
		return Fault(NoSource, "This %s takes no webhooks.", what)
	}
	p.Log.Error("webhook", what, r.Id, "request_id", requestID, "err", err)
	problem := Fault(PluginDown, "The %s does not answer; send it again.", what)
	problem.RetryAfter = min(max(guard.RetryAfter(err), time.Second), time.Minute)
	return problem
}
