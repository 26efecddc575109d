package command

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/pocketbase/pocketbase/core"
	"github.com/spf13/cobra"

	"github.com/iterateswarm/iterateswarm/internal/pipeline"
	"github.com/iterateswarm/iterateswarm/internal/records"
)

func addServerFlag(c *cobra.Command) {
	c.Flags().String("url", "http://127.0.0.1:8090", "address of the server, when it runs")
}

func serverURL(c *cobra.Command) string {
	url, _ := c.Flags().GetString("url") // the flag is there
	return strings.TrimSuffix(url, "/")
}

// askServer calls the server on the data directory as one of its superusers:
// whoever can read the database can sign in as any of them.
func askServer(ctx context.Context, o Options, base, method, path string, body, answer any) error {
	var token string
	err := withCatalog(o, func(_ *pipeline.Pipeline, app core.App) error {
		who, err := app.FindFirstRecordByFilter(core.CollectionNameSuperusers, "id != ''")
		if err != nil {
			return errors.New("the server has no superuser yet; make one with: iterateswarm superuser upsert EMAIL PASSWORD")
		}
		token, err = who.NewStaticAuthToken(time.Minute)
		return err
	})
	if err != nil {
		return err
	}
	var sent io.Reader
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			return err
		}
		sent = bytes.NewReader(raw)
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, base+path, sent)
	if err != nil {
		return usageError{err}
	}
	req.Header.Set("Authorization", token)
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("the server on %s runs and is not at %s; name its address with --url: %w", o.Dir, base, err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(res.Body, 8<<20))
	if err != nil {
		return fmt.Errorf("read the server's answer: %w", err)
	}
	if res.StatusCode >= 300 {
		var problem struct{ Message string }
		if json.Unmarshal(raw, &problem) != nil || problem.Message == "" {
			return fmt.Errorf("%s answers HTTP %d; is it the server on %s?", base, res.StatusCode, o.Dir)
		}
		return errors.New(problem.Message)
	}
	if answer == nil || len(raw) == 0 {
		return nil
	}
	if err := json.Unmarshal(raw, answer); err != nil {
		return fmt.Errorf("the server's answer is not readable: %w", err)
	}
	return nil
}

func pluginLogsCommand(o *Options) *cobra.Command {
	var lines int
	c := &cobra.Command{
		Use:   "logs NAME",
		Short: "Show the last lines that a plugin has logged",
		Long: `Show the last lines of every source and tracker that is configured with a plugin,
oldest first. The running server keeps 500 lines of each.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !isServed(*o) {
				return fmt.Errorf("no server runs on %s; it is the running server that keeps the lines", o.Dir)
			}
			found := false
			for _, collection := range []string{records.Sources, records.Trackers} {
				var page struct{ Items []struct{ ID, Name string } }
				query := "?perPage=500&filter=" + url.QueryEscape("plugin='"+strings.ReplaceAll(args[0], "'", "")+"'")
				if err := askServer(cmd.Context(), *o, serverURL(cmd), "GET", "/api/collections/"+collection+"/records"+query, nil, &page); err != nil {
					return err
				}
				for _, one := range page.Items {
					found = true
					if err := printLogs(cmd, *o, collection, one.ID, one.Name, lines); err != nil {
						return err
					}
				}
			}
			if !found {
				return fmt.Errorf("nothing is configured with a plugin %q", args[0])
			}
			return nil
		},
	}
	c.Flags().IntVarP(&lines, "lines", "n", 100, "lines of each source or tracker, at most 500")
	addServerFlag(c)
	return c
}

func printLogs(cmd *cobra.Command, o Options, collection, id, name string, lines int) error {
	var log []struct {
		At             time.Time
		Level, Message string
	}
	if err := askServer(cmd.Context(), o, serverURL(cmd), "GET", fmt.Sprintf("/api/%s/%s/logs?limit=%d", collection, id, lines), nil, &log); err != nil {
		return err
	}
	for _, l := range log {
		fmt.Fprintf(cmd.OutOrStdout(), "%s  %-5s  %s  %s\n", l.At.UTC().Format(time.RFC3339), l.Level, name, l.Message)
	}
	return nil
}
