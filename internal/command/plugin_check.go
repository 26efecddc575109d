package command

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/iterateswarm/iterateswarm/sdk/sdktest"
)

func checkCommand(bundled Bundled) *cobra.Command {
	var config string
	var stream bool
	c := &cobra.Command{
		Use:   "check FILE",
		Short: "Check that a program keeps the plugin protocol",
		Long: `Check that a program keeps the plugin protocol, whatever it is written in. It is
started several times, as the server starts it, and never talks to its service
unless --stream is given. FILE may also be the name of a bundled plugin. Exits
with 1 when a check fails.`,
		Example: "  iterateswarm plugin check ./mailbox\n  iterateswarm plugin check ./mailbox --config mailbox.json --stream",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			program, err := programOf(bundled, args[0])
			if err != nil {
				return err
			}
			s := sdktest.Subject{Command: program, Stream: stream}
			if config != "" {
				raw, err := os.ReadFile(config)
				if err != nil {
					return fmt.Errorf("configuration: %w", err)
				}
				s.Config = string(raw)
			}
			report := sdktest.Check(cmd.Context(), s)
			failed := 0
			for _, r := range report.Results {
				took := r.Took.Round(time.Millisecond)
				switch {
				case r.Failed():
					failed++
					fmt.Fprintf(cmd.OutOrStdout(), "FAIL  %s (%v)\n      %v\n", r.Name, took, r.Err)
				case r.Skipped != "":
					fmt.Fprintf(cmd.OutOrStdout(), "skip  %s: %s\n", r.Name, r.Skipped)
				default:
					fmt.Fprintf(cmd.OutOrStdout(), "ok    %s (%v)\n", r.Name, took)
				}
			}
			if m := report.Manifest; m.Name != "" {
				fmt.Fprintf(cmd.OutOrStdout(), "\n%s %s, a %s that can %v. It starts in %v and holds %.1f MB, %.1f MB of them its own.\n", m.Name, m.Version, m.Kind,
					m.Capabilities, report.Start.Round(time.Millisecond), float64(report.Resident)/1e6, float64(report.Private)/1e6)
			}
			if failed > 0 {
				return fmt.Errorf("%d of %d checks failed", failed, len(report.Results))
			}
			return nil
		},
	}
	c.Flags().StringVar(&config, "config", "", "file with a configuration that the plugin accepts, as JSON")
	c.Flags().BoolVar(&stream, "stream", false, "let it run and bring messages; it talks to its service")
	return c
}

// programOf is the command that serves a file, or a bundled plugin.
func programOf(bundled Bundled, name string) (func() *exec.Cmd, error) {
	if info, err := os.Stat(name); err == nil && !info.IsDir() {
		path, err := filepath.Abs(name)
		return func() *exec.Cmd { return exec.Command(path) }, err
	}
	for _, m := range bundled.Manifests {
		if m.Name == name {
			o := Options{PluginCommand: bundled.Command}
			return func() *exec.Cmd { return o.command(name) }, nil
		}
	}
	return nil, fmt.Errorf("%s is neither a file nor a bundled plugin", name)
}
