package api

import (
	"context"
	"embed"
	"io/fs"
	"strings"

	"github.com/pocketbase/pocketbase/apis"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/hook"
)

//go:embed console
var consoleFiles embed.FS

// BindConsole puts the operator pages into PocketBase's console, and the queue's
// own pages below it. The pages are modules of the web app, in operator/; the
// console only shows them, so that they open from /ops too.
func (a *API) BindConsole(ctx context.Context, se *core.ServeEvent) error {
	files, err := fs.Sub(consoleFiles, "console")
	if err != nil {
		return err
	}
	se.UIExtensions = append(se.UIExtensions, core.UIExtension{Name: "iterateswarm", FS: files})
	// PocketBase would let browsers keep an extension for two weeks.
	se.Router.Bind(&hook.Handler[*core.RequestEvent]{
		Id:       "iterateswarmFreshConsole",
		Priority: apis.DefaultLoadAuthTokenMiddlewarePriority + 4,
		Func: func(e *core.RequestEvent) error {
			if strings.HasPrefix(e.Request.URL.Path, "/_/extensions") {
				e.Response.Header().Set("Cache-Control", "no-cache")
			}
			return e.Next()
		},
	})
	return a.bindRiver(ctx, se)
}
