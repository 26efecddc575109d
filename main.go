// Command iterateswarm turns user feedback into deduplicated issues in the
// team's tracker. It hands over to internal/command and decides nothing.
package main

import (
	"embed"
	"os"
	_ "time/tzdata" // the container has no time zones of its own

	"github.com/iterateswarm/iterateswarm/internal/command"
	"github.com/iterateswarm/iterateswarm/plugins"
)

//go:embed all:pb_public
var public embed.FS

func main() {
	os.Exit(command.Main(os.Args[1:], os.Environ(), command.Bundled{
		Manifests: plugins.Manifests(), Serve: plugins.Serve, Public: public,
	}, os.Stdout, os.Stderr))
}
