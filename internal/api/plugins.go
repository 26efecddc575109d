package api

import (
	"encoding/json"
	"net/http"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/router"

	"github.com/iterateswarm/iterateswarm/internal/pipeline"
	"github.com/iterateswarm/iterateswarm/internal/records"
	"github.com/iterateswarm/iterateswarm/internal/triage"
)

// bindPlugins adds the routes for plugins and what is configured with them.
func (a *API) bindPlugins(r *router.Router[*core.RequestEvent]) {
	r.GET("/api/plugins", a.plugins)
	r.POST("/api/plugins/reload", a.reloadPlugins)
	r.POST("/api/plugins/{name}/enable", a.enablePlugin)
	r.POST("/api/plugins/{name}/disable", a.disablePlugin)
	for _, c := range []string{records.Sources, records.Trackers} {
		path := "/api/" + c + "/{id}/"
		r.POST(path+"restart", a.restartInstance(c))
		r.POST(path+"check", a.checkInstance(c))
		r.GET(path+"logs", a.instanceLogs(c))
		r.GET(path+"status", a.instanceStatus(c))
	}
	r.POST("/api/sources/{id}/test", a.testSource)
	r.GET("/api/trackers/{id}/options", a.trackerOptions)
}

// pluginBody is a plugin as people see it.
type pluginBody struct {
	Name          string          `json:"name"`
	Kind          string          `json:"kind"`
	Version       string          `json:"version"`
	Description   string          `json:"description"`
	Icon          string          `json:"icon"`
	Schema        json.RawMessage `json:"schema"` // null until it was enabled once
	Capabilities  []string        `json:"capabilities"`
	Documentation string          `json:"documentation"`
	Origin        string          `json:"origin"` // bundled or file
	File          string          `json:"file"`
	SHA256        string          `json:"sha256"`
	State         string          `json:"state"`
	Detail        string          `json:"detail"`
}

func bodyOf(p pipeline.Plugin) pluginBody {
	b := pluginBody{
		Name: p.Manifest.Name, Kind: string(p.Manifest.Kind), Version: p.Manifest.Version, Description: p.Manifest.Description,
		Icon: p.Manifest.Icon, Capabilities: p.Manifest.Capabilities, Documentation: p.Manifest.Documentation,
		Origin: "file", File: p.File, SHA256: p.SHA256, State: p.State, Detail: p.Detail,
	}
	if p.Bundled {
		b.Origin = "bundled"
	}
	if p.Manifest.ConfigSchema != "" {
		b.Schema = json.RawMessage(p.Manifest.ConfigSchema) // the host has parsed it
	}
	if b.Capabilities == nil {
		b.Capabilities = []string{}
	}
	return b
}

func bodiesOf(list []pipeline.Plugin) []pluginBody {
	out := make([]pluginBody, 0, len(list))
	for _, p := range list {
		out = append(out, bodyOf(p))
	}
	return out
}

// plugins is GET /api/plugins, for whoever configures some project.
func (a *API) plugins(e *core.RequestEvent) error {
	if err := signedIn(e); err != nil {
		return err
	}
	if !e.Auth.IsSuperuser() {
		n, err := e.App.CountRecords(records.Members, dbx.HashExp{"user": e.Auth.Id, "role": string(triage.Admin)})
		if err != nil {
			return err
		}
		if n == 0 {
			return pipeline.Fault(pipeline.WrongRole, "The plugins are for those who are admin of a project.")
		}
	}
	list, err := a.p.Catalog()
	if err != nil {
		return err
	}
	return e.JSON(http.StatusOK, bodiesOf(list))
}

// superuser refuses everybody else: an enabled program runs on our machine.
func superuser(e *core.RequestEvent) error {
	if err := signedIn(e); err != nil {
		return err
	}
	if !e.Auth.IsSuperuser() {
		return pipeline.Fault(pipeline.WrongRole, "Only a superuser decides which programs run on this machine.")
	}
	return nil
}

// enablePlugin is POST /api/plugins/{name}/enable.
func (a *API) enablePlugin(e *core.RequestEvent) error {
	if err := superuser(e); err != nil {
		return err
	}
	var body struct {
		SHA256 string `json:"sha256"`
	}
	if err := decode(e, &body); err != nil {
		return err
	}
	one, err := a.p.EnablePlugin(e.Request.Context(), e.Request.PathValue("name"), body.SHA256, e.Auth.Email())
	if err != nil {
		return err
	}
	return e.JSON(http.StatusOK, bodyOf(one))
}

// disablePlugin is POST /api/plugins/{name}/disable.
func (a *API) disablePlugin(e *core.RequestEvent) error {
	if err := superuser(e); err != nil {
		return err
	}
	if err := a.p.DisablePlugin(e.Request.PathValue("name"), e.Auth.Email()); err != nil {
		return err
	}
	return e.NoContent(http.StatusNoContent)
}

// reloadPlugins is POST /api/plugins/reload.
func (a *API) reloadPlugins(e *core.RequestEvent) error {
	if err := superuser(e); err != nil {
		return err
	}
	list, err := a.p.ReloadPlugins()
	if err != nil {
		return err
	}
	return e.JSON(http.StatusOK, bodiesOf(list))
}
