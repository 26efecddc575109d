package command

import (
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"github.com/spf13/cobra"

	"github.com/iterateswarm/iterateswarm/internal/records"
)

func keyCommand(o *Options) *cobra.Command {
	app := newApp(*o)
	c := &cobra.Command{Use: "key", Short: "Manage the keys that may post feedback"}
	withApp(c, app, *o)

	var project string
	var burst int
	var every time.Duration
	create := &cobra.Command{
		Use:     "create NAME",
		Short:   "Make an ingest key and print it, once",
		Example: "  iterateswarm key create website\n  iterateswarm key create import --burst 1000 --every 1ms",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := records.ProjectBySlug(app, project)
			if err != nil {
				return fmt.Errorf("no project %q", project)
			}
			col, err := app.FindCachedCollectionByNameOrId(records.Keys)
			if err != nil {
				return err
			}
			key, prefix := records.NewKey()
			r := core.NewRecord(col)
			r.Set("project", p.Id)
			r.Set("name", args[0])
			r.Set("hash", records.KeyHash(key))
			r.Set("prefix", prefix)
			r.Set("burst", burst)
			r.Set("every_ms", every.Milliseconds())
			if err := app.Save(r); err != nil {
				return fmt.Errorf("save key: %w", err)
			}
			fmt.Fprintln(cmd.OutOrStdout(), key)
			return nil
		},
	}
	create.Flags().StringVar(&project, "project", records.DefaultProject, "project that the key posts into")
	create.Flags().IntVar(&burst, "burst", 0, "messages it may send at once (0: the server's default)")
	create.Flags().DurationVar(&every, "every", 0, "time after which one more is allowed (0: the server's default)")

	list := &cobra.Command{
		Use: "list", Short: "List the keys, without their secret part", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			keys, err := app.FindRecordsByFilter(records.Keys, "", "created", 0, 0)
			if err != nil {
				return err
			}
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 4, 2, ' ', 0)
			fmt.Fprintln(w, "ID\tNAME\tBEGINS WITH\tDISABLED\tMADE")
			for _, k := range keys {
				fmt.Fprintf(w, "%s\t%s\t%s…\t%v\t%s\n", k.Id, k.GetString("name"), k.GetString("prefix"), k.GetBool("disabled"), k.GetDateTime("created"))
			}
			return w.Flush()
		},
	}

	disable := &cobra.Command{
		Use: "disable ID", Short: "Refuse a key from now on", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			k, err := app.FindFirstRecordByFilter(records.Keys, "id = {:id}", dbx.Params{"id": args[0]})
			if err != nil {
				return fmt.Errorf("no key %q; see iterateswarm key list", args[0])
			}
			k.Set("disabled", true)
			return app.Save(k)
		},
	}
	c.AddCommand(create, list, disable)
	return c
}
