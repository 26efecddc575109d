package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"
)

// importFlags are the flags of import.
type importFlags struct {
	format, project, source string
	columns                 columns
	dryRun                  bool
	limit                   int
	url, key                string
}

// mostFailures is how many failed lines are named one by one.
const mostFailures = 20

func importCommand(o *Options) *cobra.Command {
	var f importFlags
	c := &cobra.Command{
		Use:   "import FILE",
		Short: "Bring in feedback from a CSV or JSON Lines file",
		Long: `Bring in feedback from a CSV or JSON Lines file, plain or gzipped; - reads
standard input. Each row goes the same way as any message: stored, judged,
joined. A row is known by its id column, or by its text when there is none, so
the same file twice adds nothing.

While a server runs on the data directory, import through it with --url and an
ingest key (iterateswarm key create import --burst 1000 --every 1ms).`,
		Example: `  iterateswarm import issues.csv --dry-run
  iterateswarm import issues.jsonl.gz --content body --title title --id id --source github
  iterateswarm import reviews.csv --url http://127.0.0.1:8090 --key isk_…`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return runImport(cmd, *o, f, args[0]) },
	}
	fl := c.Flags()
	fl.StringVar(&f.format, "format", "", "csv or jsonl (default: by the file's name)")
	fl.StringVar(&f.project, "project", "", "project, by slug (default: the default project)")
	fl.StringVar(&f.source, "source", "import", "name of the source that is written on each message")
	fl.StringVar(&f.columns.Content, "content", "", "column with the text (default: content, body, text, message, description or review)")
	fl.StringVar(&f.columns.Title, "title", "", "column with the subject (default: title, subject or summary)")
	fl.StringVar(&f.columns.ID, "id", "", "column with the source's own id (default: external_id, id, number or key)")
	fl.StringVar(&f.columns.Author, "author", "", "column with the reporter (default: user_id, author, user, from or reporter)")
	fl.StringVar(&f.columns.Link, "permalink", "", "column with a link (default: permalink, url, html_url or link)")
	fl.BoolVar(&f.dryRun, "dry-run", false, "read and check everything, store nothing")
	fl.IntVar(&f.limit, "limit", 0, "stop after this many rows (0: all)")
	fl.StringVar(&f.url, "url", "", "address of a running server to import through")
	fl.StringVar(&f.key, "key", "", "ingest key for --url")
	return c
}

func runImport(cmd *cobra.Command, o Options, f importFlags, path string) error {
	in, size, err := openInput(cmd, path)
	if err != nil {
		return err
	}
	defer in.Close()
	bar := newBar(cmd, size, filepath.Base(path))
	rows, err := newRows(&counting{r: in, bar: bar}, path, f.format)
	if err != nil {
		return err
	}
	if err := rows.pick(&f.columns); err != nil {
		return err
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "Columns: %s\n", f.columns)

	var to sink
	switch {
	case f.dryRun:
		to = dry{}
	case f.url != "":
		to = &remote{url: strings.TrimSuffix(f.url, "/"), key: f.key, project: f.project}
	default:
		if to, err = newDirect(cmd.Context(), o, f.project); errors.Is(err, ErrRunning) {
			return fmt.Errorf("the server is running on %s; import through it: --url http://127.0.0.1:8090 --key isk_… (iterateswarm key create NAME makes one)", o.Dir)
		}
		if err != nil {
			return err
		}
	}
	sum, err := copyRows(cmd.Context(), rows, f, to)
	_ = bar.Finish()
	err = errors.Join(err, to.Close())
	sum.print(cmd, f.dryRun)
	if err == nil && sum.failed > 0 {
		err = fmt.Errorf("%d rows were not stored", sum.failed)
	}
	return err
}

// summary is what became of the rows.
type summary struct {
	read, added, known, empty, failed int
	failures                          []string
}

func copyRows(ctx context.Context, rows *rows, f importFlags, to sink) (summary, error) {
	var s summary
	for f.limit == 0 || s.read < f.limit {
		if err := ctx.Err(); err != nil {
			return s, err
		}
		row, err := rows.next()
		if errors.Is(err, io.EOF) {
			return s, nil
		}
		s.read++
		if err != nil {
			if s.fail(rows.line, err); errors.Is(err, errStream) {
				return s, nil
			}
			continue
		}
		m, ok := f.columns.message(row, f.source)
		if !ok {
			s.empty++
			continue
		}
		switch isNew, err := to.put(ctx, m); {
		case errors.Is(err, errSink):
			return s, err
		case err != nil:
			s.fail(rows.line, err)
		case isNew:
			s.added++
		default:
			s.known++
		}
	}
	return s, nil
}

func (s *summary) fail(line int, err error) {
	s.failed++
	if len(s.failures) < mostFailures {
		s.failures = append(s.failures, fmt.Sprintf("line %d: %v", line, err))
	}
}

func (s *summary) print(cmd *cobra.Command, dryRun bool) {
	w := cmd.ErrOrStderr()
	for _, f := range s.failures {
		fmt.Fprintln(w, "  "+f)
	}
	if more := s.failed - len(s.failures); more > 0 {
		fmt.Fprintf(w, "  and %d more\n", more)
	}
	verb := "added"
	if dryRun {
		verb = "would be added, if they are not known"
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%d rows read: %d %s, %d known already, %d empty, %d failed\n", s.read, s.added, verb, s.known, s.empty, s.failed)
}

func openInput(cmd *cobra.Command, path string) (io.ReadCloser, int64, error) {
	if path == "-" {
		return io.NopCloser(cmd.InOrStdin()), -1, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, fmt.Errorf("read import: %w", err)
	}
	info, err := f.Stat()
	if err != nil {
		return nil, 0, fmt.Errorf("read import: %w", err)
	}
	return f, info.Size(), nil
}

func newBar(cmd *cobra.Command, size int64, name string) *progressbar.ProgressBar {
	return progressbar.NewOptions64(size, progressbar.OptionSetWriter(cmd.ErrOrStderr()), progressbar.OptionSetDescription(name),
		progressbar.OptionShowBytes(true), progressbar.OptionThrottle(200_000_000), progressbar.OptionShowCount(),
		progressbar.OptionSetPredictTime(true), progressbar.OptionClearOnFinish(), progressbar.OptionSetVisibility(isTerminal(cmd.ErrOrStderr())))
}

// isTerminal reports whether somebody watches.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// counting moves the bar as the file is read.
type counting struct {
	r   io.Reader
	bar *progressbar.ProgressBar
}

// Read reads and counts.
func (c *counting) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	_ = c.bar.Add(n)
	return n, err
}
