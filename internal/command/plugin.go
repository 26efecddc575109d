package command

import (
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"
)

func pluginCommand(bundled Bundled) *cobra.Command {
	c := &cobra.Command{
		Use:   "plugin [NAME]",
		Short: "List the plugins, or serve one",
		Long: `List the plugins that come with this binary. With a name it serves that plugin;
the server does so itself, in a process of its own for every source and tracker.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, _ []string) error {
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 4, 2, ' ', 0)
			fmt.Fprintln(w, "NAME\tKIND\tVERSION\tWHAT IT DOES")
			for _, m := range bundled.Manifests {
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", m.Name, m.Kind, m.Version, m.Description)
			}
			return w.Flush()
		},
	}
	return c
}
