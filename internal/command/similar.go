package command

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/iterateswarm/iterateswarm/internal/vector"
)

func similarCommand() *cobra.Command {
	var docs, queries string
	var o vector.SimilarOptions
	c := &cobra.Command{
		Use:   "similar --docs FILE --queries FILE",
		Short: "Rank documents by their likeness to queries, without a server",
		Long: `Rank documents by their likeness to queries, without a server. Both files are
JSON Lines: id and text, or title and body; a query {"query": ID} means one of the
documents. Writes one line a query: {"query": ID, "ranked": [{"id", "score"}, …]},
best first.`,
		Example: "  iterateswarm similar --docs docs.jsonl --queries queries.jsonl -k 20 > ranked.jsonl",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if docs == "" || queries == "" {
				return usageError{errors.New("name both files, with --docs and --queries")}
			}
			d, err := os.Open(docs)
			if err != nil {
				return fmt.Errorf("read documents: %w", err)
			}
			defer d.Close()
			q, err := os.Open(queries)
			if err != nil {
				return fmt.Errorf("read queries: %w", err)
			}
			defer q.Close()
			out := bufio.NewWriter(cmd.OutOrStdout())
			err = vector.SimilarStream(bufio.NewReader(d), bufio.NewReader(q), out, o, lineProgress(cmd.ErrOrStderr()))
			return errors.Join(err, out.Flush())
		},
	}
	c.Flags().StringVar(&docs, "docs", "", "documents, JSON Lines")
	c.Flags().StringVar(&queries, "queries", "", "queries, JSON Lines")
	c.Flags().IntVarP(&o.K, "top", "k", 20, "ids a query gets")
	c.Flags().StringVar(&o.Group, "group", "", "a query sees only documents with the same value of this field")
	c.Flags().BoolVar(&o.Before, "before", false, "a query sees only documents that came before it")
	return c
}

// lineProgress says once a second how many lines were read, when somebody watches.
func lineProgress(w io.Writer) func(what string, n int) {
	if !isTerminal(w) {
		return nil
	}
	last := time.Now()
	return func(what string, n int) {
		if time.Since(last) >= time.Second {
			last = time.Now()
			fmt.Fprintf(w, "\r%s: %d lines", what, n)
		}
	}
}
