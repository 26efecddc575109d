package api

import (
	"io/fs"
	"strings"

	"github.com/pocketbase/pocketbase/apis"
	"github.com/pocketbase/pocketbase/core"

	"github.com/iterateswarm/iterateswarm/internal/pipeline"
)

// contentPolicy lets the web app load its own files and nothing else.
const contentPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

// BindPublic serves the web app. Any address that is no file and no API is the
// app's own; what looks like an API and is none answers 404.
func (a *API) BindPublic(se *core.ServeEvent, files fs.FS) {
	static := apis.Static(files, true)
	se.Router.GET("/{path...}", func(e *core.RequestEvent) error {
		path := e.Request.URL.Path
		for _, prefix := range []string{"/api/", "/webhooks/", "/_/"} {
			if strings.HasPrefix(path, prefix) {
				return pipeline.Fault(pipeline.NoRoute, "There is nothing at this address.")
			}
		}
		h := e.Response.Header()
		h.Set("Content-Security-Policy", contentPolicy)
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cache-Control", "no-cache")
		return static(e)
	}).Bind(apis.Gzip())
}
