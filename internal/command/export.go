package command

import (
	"encoding/csv"
	"errors"
	"fmt"

	"github.com/pocketbase/dbx"
	"github.com/spf13/cobra"

	"github.com/iterateswarm/iterateswarm/internal/records"
	"github.com/iterateswarm/iterateswarm/internal/triage"
)

// exported are the columns of an export, in their order.
var exported = []string{"id", "created", "source", "external_id", "state", "class", "severity", "confidence", "subject", "content", "permalink", "issue"}

func exportCommand(o *Options) *cobra.Command {
	app := newApp(*o)
	var project string
	c := &cobra.Command{
		Use:   "export",
		Short: "Write a project's messages to standard output as CSV",
		Long: `Write a project's messages to standard output as CSV, oldest first. A cell that a
spreadsheet would take for a formula begins with an apostrophe, so that opening
the file runs nothing. It is safe beside a running server.`,
		Example: "  iterateswarm export > feedback.csv",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, err := records.ProjectBySlug(app, project)
			if err != nil {
				return fmt.Errorf("no project %q", project)
			}
			rows, err := app.DB().Select(exported...).From(records.Feedback).
				Where(dbx.HashExp{"project": p.Id}).OrderBy("created", "id").Rows()
			if err != nil {
				return fmt.Errorf("read messages: %w", err)
			}
			defer rows.Close()
			w := csv.NewWriter(cmd.OutOrStdout())
			if err := w.Write(exported); err != nil {
				return err
			}
			for rows.Next() {
				if err := writeRow(w, rows); err != nil {
					return err
				}
			}
			w.Flush()
			return errors.Join(rows.Err(), w.Error())
		},
	}
	withApp(c, app, *o)
	c.Flags().StringVar(&project, "project", records.DefaultProject, "project, by slug")
	return c
}

func writeRow(w *csv.Writer, rows *dbx.Rows) error {
	cells := make([]string, len(exported))
	into := make([]any, len(exported))
	for i := range cells {
		into[i] = &cells[i]
	}
	if err := rows.Rows.Scan(into...); err != nil {
		return fmt.Errorf("read message: %w", err)
	}
	for i, text := range cells {
		cells[i] = triage.CSVCell(text)
	}
	return w.Write(cells)
}
