// Package plugins lists the sources and trackers that come with IterateSwarm.
// Each lies in a package of its own that stands on the sdk alone, and runs in a
// process of its own: this executable, started again as "plugin NAME".
package plugins

import (
	"fmt"
	"strings"

	"github.com/iterateswarm/iterateswarm/plugins/discord"
	"github.com/iterateswarm/iterateswarm/plugins/email"
	"github.com/iterateswarm/iterateswarm/plugins/gitea"
	"github.com/iterateswarm/iterateswarm/plugins/github"
	"github.com/iterateswarm/iterateswarm/plugins/githubsource"
	"github.com/iterateswarm/iterateswarm/plugins/gitlab"
	"github.com/iterateswarm/iterateswarm/plugins/jira"
	"github.com/iterateswarm/iterateswarm/plugins/kafka"
	"github.com/iterateswarm/iterateswarm/plugins/linear"
	"github.com/iterateswarm/iterateswarm/plugins/local"
	"github.com/iterateswarm/iterateswarm/plugins/rss"
	"github.com/iterateswarm/iterateswarm/plugins/slack"
	"github.com/iterateswarm/iterateswarm/plugins/webhook"
	"github.com/iterateswarm/iterateswarm/sdk"
)

// All returns every bundled plugin, not configured.
func All() []sdk.Plugin {
	return []sdk.Plugin{
		webhook.New(),
		githubsource.New(),
		discord.New(),
		email.New(),
		slack.New(),
		rss.New(),
		kafka.New(),
		local.New(),
		github.New(),
		gitea.New(),
		linear.New(),
		jira.New(),
		gitlab.New(),
	}
}

// Manifests returns the manifest of every bundled plugin.
func Manifests() []sdk.Manifest {
	var list []sdk.Manifest
	for _, p := range All() {
		list = append(list, sdk.Describe(p))
	}
	return list
}

// Serve runs the named plugin until the host stops it. When there is no such
// plugin the error lists those there are.
func Serve(name string) error {
	var names []string
	for _, p := range All() {
		if p.Manifest().Name == name {
			sdk.Serve(p)
			return nil
		}
		names = append(names, p.Manifest().Name)
	}
	return fmt.Errorf("no plugin %q; bundled are %s", name, strings.Join(names, ", "))
}
