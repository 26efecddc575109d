package bench

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/types"

	"github.com/iterateswarm/iterateswarm/internal/command"
	"github.com/iterateswarm/iterateswarm/internal/config"
	"github.com/iterateswarm/iterateswarm/internal/queue"
	"github.com/iterateswarm/iterateswarm/internal/vector"
	"github.com/iterateswarm/iterateswarm/plugins"
	"github.com/iterateswarm/iterateswarm/test/texts"
)

// fill brings a stopped installation, which holds some messages that went the
// whole path, up to n: each new one is a copy of one of those, with a text, an
// issue and a place in the index of its own.
func fill(t testing.TB, dir string, n int, seed uint64) {
	t.Helper()
	ctx := context.Background()
	s, err := command.Open(ctx, command.Options{Dir: dir, Config: config.Default(), Manifests: plugins.Manifests(),
		Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close(ctx)
	var models []struct {
		ID      string `db:"id"`
		Issue   string `db:"issue"`
		Project string `db:"project"`
	}
	err = s.App.DB().NewQuery(`SELECT f.id, f.issue, f.project FROM feedback f JOIN issues i ON i.id = f.issue`).All(&models)
	if err != nil || len(models) == 0 {
		t.Fatalf("models: %d, %v", len(models), err)
	}
	have, err := s.App.CountRecords("feedback")
	if err != nil {
		t.Fatal(err)
	}
	writer := texts.New(seed)
	columns := map[string][]string{}
	begin := time.Now().Add(-90 * 24 * time.Hour)
	for at := int(have); at < n; {
		err := s.App.RunInTransaction(func(tx core.App) error {
			raw, err := queue.Tx(tx)
			if err != nil {
				return err
			}
			for to := min(at+2000, n); at < to; at++ {
				m := models[at%len(models)]
				id, issue, text := core.GenerateDefaultRandomId(), core.GenerateDefaultRandomId(), writer.Report()
				created := begin.Add(time.Duration(at) * 70 * time.Second)
				stamp, err := types.ParseDateTime(created)
				if err != nil {
					return err
				}
				for _, c := range []struct {
					table, where string
					change       dbx.Params
				}{
					{"issues", m.Issue, dbx.Params{"id": issue, "number": 1_000_000 + at, "created": stamp.String(), "report_count": 1}},
					{"feedback", m.ID, dbx.Params{"id": id, "issue": issue, "content": text, "external_id": fmt.Sprint("x", at), "created": stamp.String()}},
				} {
					if err := clone(tx, columns, c.table, "id", c.where, c.change); err != nil {
						return err
					}
				}
				for _, table := range []string{"decisions", "steps"} {
					for range 2 {
						one := dbx.Params{"id": core.GenerateDefaultRandomId(), "subject_id": id, "created": stamp.String()}
						if err := clone(tx, columns, table, "subject_id", m.ID, one); err != nil {
							return err
						}
					}
				}
				row := vector.NewRow(vector.Doc{ID: id, Project: m.Project, Group: issue, Text: text, At: created})
				if err := vector.Put(ctx, raw, row); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// clone copies one row with some columns changed. columns remembers the tables.
func clone(tx core.App, columns map[string][]string, table, by, value string, change dbx.Params) error {
	names := columns[table]
	if names == nil {
		if err := tx.DB().NewQuery(`SELECT name FROM pragma_table_info({:t})`).Bind(dbx.Params{"t": table}).Column(&names); err != nil {
			return err
		}
		columns[table] = names
	}
	values := make([]string, len(names))
	bind := dbx.Params{"by_value": value}
	for i, n := range names {
		values[i] = "`" + n + "`"
		if v, ok := change[n]; ok {
			values[i], bind[n] = "{:"+n+"}", v
		}
	}
	_, err := tx.DB().NewQuery("INSERT INTO " + table + " (`" + strings.Join(names, "`,`") + "`) SELECT " + strings.Join(values, ",") +
		" FROM " + table + " WHERE " + by + " = {:by_value} LIMIT 1").Bind(bind).Execute()
	if err != nil {
		return fmt.Errorf("clone a row of %s: %w", table, err)
	}
	return nil
}
