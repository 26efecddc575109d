package command

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/gofrs/flock"
	"github.com/pocketbase/pocketbase/core"
	"github.com/spf13/cobra"

	"github.com/iterateswarm/iterateswarm/internal/pipeline"
	"github.com/iterateswarm/iterateswarm/internal/pluginhost"
)

// pluginVerbs are the words after "plugin" that are no plugin's name.
var pluginVerbs = []string{"list", "check", "enable", "disable", "logs", "help"}

// servesPlugin says whether the arguments ask for a plugin's process.
func servesPlugin(args []string) bool {
	return len(args) == 2 && args[0] == "plugin" && pluginhost.ValidName(args[1]) && !slices.Contains(pluginVerbs, args[1])
}

func pluginCommand(o *Options, bundled Bundled) *cobra.Command {
	list := func(cmd *cobra.Command, _ []string) error { return listPlugins(cmd, *o) }
	c := &cobra.Command{
		Use:   "plugin",
		Short: "List, check, enable and disable plugins",
		Long: `List, check, enable and disable plugins.

A program in the folder plugins of the data directory can be a plugin. It runs
only after it was enabled, and only as long as its SHA-256 is the one that was
enabled. docs/plugins.md tells how to write one.

"iterateswarm plugin NAME" serves a bundled plugin; the server does so itself, in
a process of its own for every source and tracker.`,
		Args: cobra.NoArgs,
		RunE: list,
	}
	c.AddCommand(
		&cobra.Command{
			Use: "list", Short: "List the bundled plugins and the programs in the plugin folder", Args: cobra.NoArgs, RunE: list,
			Long: "List the bundled plugins and the programs in the plugin folder. Nothing is started.",
		},
		checkCommand(bundled), enableCommand(o), disableCommand(o), pluginLogsCommand(o),
	)
	return c
}

func listPlugins(cmd *cobra.Command, o Options) error {
	list := func(p *pipeline.Pipeline) error {
		plugins, err := p.Catalog()
		if err != nil {
			return err
		}
		w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 4, 2, ' ', 0)
		fmt.Fprintln(w, "NAME\tKIND\tVERSION\tSTATE\tSHA-256\tWHAT IT DOES")
		for _, one := range plugins {
			state, what := one.State, one.Manifest.Description
			if one.Bundled {
				state = "bundled"
			}
			if one.Detail != "" {
				what = one.Detail
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", one.Manifest.Name, one.Manifest.Kind, one.Manifest.Version, state, one.SHA256, what)
		}
		return w.Flush()
	}
	if !hasData(o) { // nothing can be enabled yet
		return withHost(o, nil, list)
	}
	return withCatalog(o, func(p *pipeline.Pipeline, _ core.App) error { return list(p) })
}

func enableCommand(o *Options) *cobra.Command {
	var sum string
	c := &cobra.Command{
		Use:   "enable NAME",
		Short: "Let a program in the plugin folder run",
		Long: `Let a program in the plugin folder run, as long as its SHA-256 stays what it is
now. The program is started once, without configuration, to read what it is.
Enabling a changed program is how a plugin is upgraded. A running server starts
what is configured with it at once.`,
		Example: "  iterateswarm plugin enable mailbox\n  iterateswarm plugin enable mailbox --sha256 9f86d0…",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			one, err := enablePlugin(cmd.Context(), *o, serverURL(cmd), args[0], sum)
			if err == nil {
				fmt.Fprintf(cmd.OutOrStdout(), "%s %s is enabled with the SHA-256 %s.\n", one.Name, one.Version, one.SHA256)
			}
			return err
		},
	}
	c.Flags().StringVar(&sum, "sha256", "", "refuse the program unless its SHA-256 is this one")
	addServerFlag(c)
	return c
}

func disableCommand(o *Options) *cobra.Command {
	c := &cobra.Command{
		Use:   "disable NAME",
		Short: "Let a program in the plugin folder run no more",
		Long:  "Let a program in the plugin folder run no more. A running server stops what is configured with it at once.",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if isServed(*o) {
				return askServer(cmd.Context(), *o, serverURL(cmd), "POST", "/api/plugins/"+args[0]+"/disable", nil, nil)
			}
			return withCatalog(*o, func(p *pipeline.Pipeline, _ core.App) error { return p.DisablePlugin(args[0], commandLine) })
		},
	}
	addServerFlag(c)
	return c
}

// commandLine is who enabled a plugin without a server.
const commandLine = "the command line"

// enabled is what the person is told of a plugin.
type enabled struct{ Name, Version, SHA256 string }

// enablePlugin enables a plugin in the running server, or in the data directory.
func enablePlugin(ctx context.Context, o Options, url, name, sum string) (enabled, error) {
	var one enabled
	if sum == "" {
		err := withCatalog(o, func(p *pipeline.Pipeline, _ core.App) error {
			plugins, err := p.Catalog()
			for _, each := range plugins {
				if each.Manifest.Name == name {
					sum = each.SHA256
				}
			}
			return err
		})
		if err != nil {
			return one, err
		}
	}
	if isServed(o) {
		err := askServer(ctx, o, url, "POST", "/api/plugins/"+name+"/enable", map[string]string{"sha256": sum}, &one)
		return one, err
	}
	err := withCatalog(o, func(p *pipeline.Pipeline, _ core.App) error {
		each, err := p.PinPlugin(ctx, name, sum, commandLine)
		one = enabled{each.Manifest.Name, each.Manifest.Version, each.SHA256}
		return err
	})
	return one, err
}

// isServed says whether a server works on the data directory.
func isServed(o Options) bool {
	lock := flock.New(filepath.Join(o.Dir, lockFile))
	free, err := lock.TryLock()
	if free {
		_ = lock.Unlock()
	}
	return err == nil && !free
}

// withCatalog opens the data directory beside a server, or without one, for
// work on the plugins. It starts none.
func withCatalog(o Options, f func(*pipeline.Pipeline, core.App) error) error {
	if !hasData(o) {
		return fmt.Errorf("there is no database in %s; start the server once, or name its directory with --dir", o.Dir)
	}
	app := newApp(o)
	offerSettingsKey(o)
	if err := app.Bootstrap(); err != nil {
		return bootstrapError(o, err)
	}
	defer func() { _ = app.ResetBootstrapState() }() // nothing is left to be written
	if err := app.RunAllMigrations(); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	return withHost(o, app, func(p *pipeline.Pipeline) error {
		if err := p.LoadPins(); err != nil {
			return err
		}
		return f(p, app)
	})
}

func hasData(o Options) bool {
	_, err := os.Stat(filepath.Join(o.Dir, "data.db"))
	return err == nil
}

func withHost(o Options, app core.App, f func(*pipeline.Pipeline) error) error {
	host, err := pluginhost.Open(pluginhost.Config{
		Manifests: o.Manifests, Dir: pluginDir(o.Dir), Log: slog.New(slog.DiscardHandler),
		// A directory for sockets apart from the server's.
		StateDir: fmt.Sprintf("%s command %d %d", o.Dir, os.Getpid(), time.Now().UnixNano()),
	})
	if err != nil {
		return err
	}
	err = f(pipeline.New(pipeline.Config{App: app, Plugins: host, Log: slog.New(slog.DiscardHandler)}))
	return errors.Join(plain(err), host.Close())
}

// plain is a problem as the command line says it: without its number.
func plain(err error) error {
	if problem, ok := pipeline.AsProblem(err); ok {
		return errors.New(problem.Message)
	}
	return err
}
