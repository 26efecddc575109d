package command

import (
	"errors"
	"fmt"

	"github.com/pocketbase/pocketbase/core"
	"github.com/spf13/cobra"

	"github.com/iterateswarm/iterateswarm/internal/records"
)

func verifyCommand(o *Options) *cobra.Command {
	app := newApp(*o)
	c := &cobra.Command{
		Use:   "verify",
		Short: "Check that the database is whole and that no decision was changed",
		Long: `Check that the database is whole, and walk the chain of decisions: each holds the
hash of the one before it, so that a row which was changed or removed shows. It is
safe beside a running server. Exits with 1 when something is wrong.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			whole := integrity(app)
			if whole == nil {
				fmt.Fprintln(cmd.OutOrStdout(), "The database is whole.")
			}
			n, err := records.VerifyChain(app)
			if err == nil {
				fmt.Fprintf(cmd.OutOrStdout(), "%d decisions, none changed or removed.\n", n)
			}
			return errors.Join(whole, err)
		},
	}
	withApp(c, app, *o)
	return c
}

func integrity(app core.App) error {
	var answer string
	if err := app.DB().NewQuery("PRAGMA integrity_check").Row(&answer); err != nil {
		return fmt.Errorf("check the database: %w", err)
	}
	if answer != "ok" {
		return fmt.Errorf("the database is damaged: %s; restore a backup", answer)
	}
	return nil
}
