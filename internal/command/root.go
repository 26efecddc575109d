// Package command is the command line: it reads flags and environment, wires
// the product and runs what was asked. One command a file.
package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/pocketbase/pocketbase/cmd"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/plugins/migratecmd"
	"github.com/spf13/cobra"

	"github.com/iterateswarm/iterateswarm/internal/config"
	"github.com/iterateswarm/iterateswarm/internal/pluginhost"
)

// Version is set by the build: -ldflags "-X …/internal/command.Version=1.2.3".
var Version = "dev"

// Bundled is what the binary brings along: its plugins, and how one is served.
type Bundled struct {
	Manifests []pluginhost.Manifest
	Serve     func(name string) error
	Command   func(name string) *exec.Cmd // nil: this executable
	Public    fs.FS                       // holds pb_public, the web app
}

// Main runs the command line and returns the exit code: 0, 1 when the command
// failed, 2 when it was not understood.
func Main(args []string, environ []string, bundled Bundled, stdout, stderr io.Writer) int {
	return MainIn(os.Stdin, args, environ, bundled, stdout, stderr)
}

// MainIn is Main with another standard input.
func MainIn(stdin io.Reader, args []string, environ []string, bundled Bundled, stdout, stderr io.Writer) int {
	if servesPlugin(args) {
		// A plugin's process: no database, no settings, standard output is the protocol's.
		if err := bundled.Serve(args[1]); err != nil {
			fmt.Fprintln(stderr, "iterateswarm:", err)
			return 1
		}
		return 0
	}
	cfg, err := config.FromEnviron(environ)
	if err != nil {
		fmt.Fprintf(stderr, "iterateswarm: the environment has mistakes:\n%s\n", indent(err.Error()))
		return 2
	}
	o := Options{Config: cfg, Manifests: bundled.Manifests, PluginCommand: bundled.Command, Public: bundled.Public, Log: newLogger(cfg.Log, stderr)}
	dir, dev := globalFlags(args)
	if o.Dir, err = filepath.Abs(dir); err != nil {
		fmt.Fprintln(stderr, "iterateswarm:", err)
		return 1
	}
	o.Dev = dev
	root := rootCommand(&o, bundled)
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err = root.ExecuteContext(context.Background())
	var usage usageError
	switch {
	case errors.As(err, &usage):
		fmt.Fprintf(stderr, "iterateswarm: %v\nSee iterateswarm --help.\n", err)
		return 2
	case err != nil:
		fmt.Fprintf(stderr, "iterateswarm: %v\n", err)
		return 1
	}
	return 0
}

// usageError is a command line that was not understood.
type usageError struct{ error }

func indent(s string) string { return "  " + strings.ReplaceAll(s, "\n", "\n  ") }

func newLogger(c config.Log, w io.Writer) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(c.Level)) // config has checked it
	opts := &slog.HandlerOptions{Level: level}
	if c.Format == "text" {
		return slog.New(slog.NewTextHandler(w, opts))
	}
	return slog.New(slog.NewJSONHandler(w, opts))
}

// globalFlags reads --dir and --dev before the commands exist: PocketBase's own
// commands are made for an app, and an app for a directory.
func globalFlags(args []string) (dir string, dev bool) {
	probe := &cobra.Command{FParseErrWhitelist: cobra.FParseErrWhitelist{UnknownFlags: true}}
	addGlobalFlags(probe, &dir, &dev)
	_ = probe.ParseFlags(args) // mistakes are reported by the real parse
	return dir, dev
}

func addGlobalFlags(c *cobra.Command, dir *string, dev *bool) {
	c.PersistentFlags().StringVar(dir, "dir", "pb_data", "data directory")
	c.PersistentFlags().BoolVar(dev, "dev", false, "print PocketBase's logs and every SQL statement")
}

func rootCommand(o *Options, bundled Bundled) *cobra.Command {
	root := &cobra.Command{
		Use:   "iterateswarm",
		Short: "Turns user feedback into deduplicated issues in your tracker",
		Long: `IterateSwarm turns user feedback into deduplicated issues in your tracker.
A person approves; the issue is filed exactly once; the reporter hears back.

Settings are environment variables; docs/configuration.md lists them.`,
		Version:           Version,
		SilenceErrors:     true,
		SilenceUsage:      true,
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: true},
	}
	var dir string
	var dev bool
	addGlobalFlags(root, &dir, &dev)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })

	app := newApp(*o)
	super := cmd.NewSuperuserCommand(app)
	withApp(super, app, *o)
	root.AddCommand(serveCommand(o), importCommand(o), keyCommand(o), healthCommand(), pluginCommand(o, bundled), similarCommand(), judgeCommand(o), exportCommand(o), verifyCommand(o), super)
	migratecmd.MustRegister(app, root, migratecmd.Config{Dir: "migrations", TemplateLang: migratecmd.TemplateLangGo})
	for _, c := range root.Commands() {
		if c.Name() == "migrate" {
			c.Short = "Run, take back or create schema migrations"
			withApp(c, app, *o)
		}
	}
	strict(root)
	return root
}

// strict makes an unknown subcommand or a missing argument a usage error. A
// command that only has subcommands shows its help.
func strict(c *cobra.Command) {
	if c.HasSubCommands() && !c.Runnable() {
		c.Args = cobra.ArbitraryArgs
		c.RunE = func(c *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usageError{fmt.Errorf("unknown command %q for %q", args[0], c.CommandPath())}
			}
			return c.Help()
		}
		c.PersistentPreRunE, c.PersistentPostRunE = onlyBelow(c, c.PersistentPreRunE), onlyBelow(c, c.PersistentPostRunE)
	}
	if check := c.Args; check != nil {
		c.Args = func(c *cobra.Command, args []string) error {
			if err := check(c, args); err != nil {
				return usageError{err}
			}
			return nil
		}
	}
	for _, sub := range c.Commands() {
		strict(sub)
	}
}

// onlyBelow runs a hook for the subcommands of c, not for c itself.
func onlyBelow(c *cobra.Command, hook func(*cobra.Command, []string) error) func(*cobra.Command, []string) error {
	if hook == nil {
		return nil
	}
	return func(ran *cobra.Command, args []string) error {
		if ran == c {
			return nil
		}
		return hook(ran, args)
	}
}

// withApp opens the database around PocketBase's own commands. They write one
// row each, which is safe beside a running server.
func withApp(c *cobra.Command, app core.App, o Options) {
	c.PersistentPreRunE = func(*cobra.Command, []string) error {
		if err := os.MkdirAll(app.DataDir(), 0o700); err != nil {
			return fmt.Errorf("data directory: %w", err)
		}
		offerSettingsKey(o)
		if err := app.Bootstrap(); err != nil {
			return bootstrapError(o, err)
		}
		if c.Name() == "migrate" {
			return nil
		}
		return app.RunAllMigrations()
	}
	c.PersistentPostRunE = func(*cobra.Command, []string) error { return app.ResetBootstrapState() }
	c.SilenceUsage = true
}
