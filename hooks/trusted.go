package hooks

import (
	"encoding/json"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/pocketbase/pocketbase/core"

	"github.com/iterateswarm/iterateswarm/internal/pipeline"
	"github.com/iterateswarm/iterateswarm/internal/records"
)

// A project's admin configures plugins that run on our machine and in our
// network. What reaches beyond the project there is for a superuser to set.

// reaching are the fields of bundled plugins that name a place on the machine
// or in the network, and the values that stay within the project.
var reaching = map[string]map[string]func(string) bool{
	"local":  {"folder": func(v string) bool { return v == "" || filepath.IsLocal(v) }},
	"github": {"base_url": isGitHub}, "github-issues": {"base_url": isGitHub},
	"slack": {"base_url": func(v string) bool { return v == "" || strings.TrimSuffix(v, "/") == "https://slack.com/api" }},
	"rss":   {"allow_private": isOff}, "kafka": {"allow_private": isOff},
	"discord": {"base_url": func(v string) bool { return v == "" || strings.TrimSuffix(v, "/") == "https://discord.com/api/v9" }},
	"gitlab":  {"base_url": func(v string) bool { return v == "" || strings.TrimSuffix(v, "/") == "https://gitlab.com" }},
	"linear":  {"base_url": func(v string) bool { return v == "" || strings.TrimSuffix(v, "/") == "https://api.linear.app" }},
	"gitea":   {"base_url": func(string) bool { return false }}, // always a server of somebody's own
	"jira":    {"base_url": isJiraCloud},
}

// isJiraCloud takes https://NAME.atlassian.net and nothing that only looks like
// it.
func isJiraCloud(v string) bool {
	name, ok := strings.CutPrefix(v, "https://")
	name, under := strings.CutSuffix(strings.TrimSuffix(name, "/"), ".atlassian.net")
	return ok && under && name != "" && strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

func isGitHub(v string) bool {
	return v == "" || strings.TrimSuffix(v, "/") == "https://api.github.com"
}

// isOff is a switch that is not set; see asText.
func isOff(v string) bool { return v == "" || v == "false" }

// asText reads text or a switch.
func asText(raw json.RawMessage) (string, bool) {
	var v any
	if json.Unmarshal(raw, &v) != nil {
		return "", false
	}
	switch v := v.(type) {
	case string:
		return v, true
	case bool:
		return strconv.FormatBool(v), true
	}
	return "", v == nil
}

// bindTrusted refuses such a value from anybody but a superuser. What a
// superuser has set may stay.
func bindTrusted(app core.App) {
	check := func(e *core.RecordRequestEvent) error {
		if e.HasSuperuserAuth() {
			return e.Next()
		}
		config, was := configOf(e.Record), configOf(e.Record.Original())
		plugin := e.Record.GetString("plugin")
		same := e.Record.Original().GetString("plugin") == plugin
		for name, v := range config {
			for field, within := range reaching[plugin] {
				text, ok := asText(v)
				switch {
				case !strings.EqualFold(name, field): // the plugin reads its fields in any case
				case ok && within(text):
				case same && string(was[name]) == string(v):
				default:
					return pipeline.Fault(pipeline.WrongRole, "Only a superuser may set %s to this: it reaches beyond the project.", field).At("config." + field)
				}
			}
		}
		return e.Next()
	}
	app.OnRecordCreateRequest(records.Sources, records.Trackers).BindFunc(check)
	app.OnRecordUpdateRequest(records.Sources, records.Trackers).BindFunc(check)
}

// configOf reads a plugin's configuration; what is no object holds nothing.
func configOf(r *core.Record) map[string]json.RawMessage {
	config := map[string]json.RawMessage{}
	_ = r.UnmarshalJSONField("config", &config) // SealConfig says what is wrong
	return config
}
