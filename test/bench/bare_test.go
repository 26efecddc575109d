package bench

import (
	"fmt"
	"io"
	"net"
	"os"

	"github.com/pocketbase/pocketbase/apis"
	"github.com/pocketbase/pocketbase/core"
	_ "github.com/pocketbase/pocketbase/migrations" // its system collections
	"github.com/pocketbase/pocketbase/tools/types"
)

// serveBare is a PocketBase as it comes, with one collection that everybody may
// create records in: no hook, no queue, and commits that are not synced.
func serveBare(dir string) error {
	core.AppMigrations = core.MigrationsList{} // the product's; this binary holds them too
	app := core.NewBaseApp(core.BaseAppConfig{DataDir: dir})
	if err := app.Bootstrap(); err != nil {
		return err
	}
	if err := app.RunAllMigrations(); err != nil {
		return err
	}
	c := core.NewBaseCollection("feedback")
	c.Fields.Add(&core.TextField{Name: "content", Max: 64 << 10, Required: true}, &core.TextField{Name: "source"},
		&core.TextField{Name: "user_id"}, &core.AutodateField{Name: "created", OnCreate: true})
	c.CreateRule = types.Pointer("")
	if err := app.Save(c); err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	app.OnServe().BindFunc(func(e *core.ServeEvent) error {
		e.InstallerFunc = nil
		e.Listener = listener
		fmt.Printf("  Web app   http://%s/\n", listener.Addr())
		return e.Next()
	})
	go func() { // it ends with the test
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	return apis.Serve(app, apis.ServeConfig{HttpAddr: "127.0.0.1:0"})
}
