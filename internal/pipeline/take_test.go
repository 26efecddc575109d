package pipeline_test

import (
	"context"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"github.com/iterateswarm/iterateswarm/internal/records"
	"github.com/iterateswarm/iterateswarm/internal/servertest"
	"github.com/iterateswarm/iterateswarm/sdk"
)

// box is a source that brings the texts of its configuration, one a batch.
type box struct {
	Texts []string `json:"texts"`
}

func (b *box) Manifest() sdk.Manifest {
	return sdk.Manifest{Name: "box", Kind: sdk.KindSource, Version: "1.0.0", Description: "Brings what it holds.",
		ConfigSchema: `{"type":"object","properties":{"texts":{"type":"array","items":{"type":"string"}}}}`}
}

func (b *box) Configure(_ context.Context, c sdk.Config) []sdk.Diagnostic { return c.Decode(b) }
func (b *box) Check(context.Context) sdk.Health                           { return sdk.Health{OK: true} }

func (b *box) Run(ctx context.Context, cursor string, store sdk.Store) error {
	n, _ := strconv.Atoi(cursor)
	for ; n < len(b.Texts); n++ {
		if b.Texts[n] == "long" {
			b.Texts[n] = strings.Repeat("x", 70_000)
		}
		item := sdk.Item{ExternalID: strconv.Itoa(n), Content: b.Texts[n], AuthorID: "u" + strconv.Itoa(n)}
		if err := store(ctx, sdk.Batch{Items: []sdk.Item{item}, Cursor: strconv.Itoa(n + 1)}); err != nil {
			return err
		}
	}
	<-ctx.Done()
	return ctx.Err()
}

func status(s *servertest.Server, id string) (st struct{ PID, Restarts int }) {
	for _, one := range s.Pipeline.Plugins.Status() {
		if one.ID == id {
			st.PID, st.Restarts = one.PID, one.Restarts
		}
	}
	return st
}

// What a stream brings is stored once, whatever dies; what cannot be stored is
// counted and does not hold the rest up.
func TestAStreamOfMessagesIsStoredOnce(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "pb_data")
	texts := []string{"The export hangs", "long", "Login crashes on Android", " "}
	config := func() map[string]any { return map[string]any{"texts": texts} }
	count := func(s *servertest.Server) int { return s.Count(records.Feedback, dbx.HashExp{"source": "box"}) }
	var source *core.Record
	at := func(s *servertest.Server) string { return s.Record(records.Sources, source.Id).GetString("cursor") }

	t.Run("first run", func(t *testing.T) {
		s := servertest.StartIn(t, dir, servertest.With(&box{}))
		source = s.Save(records.Sources, map[string]any{"project": s.Project(), "name": "Box", "slug": "box", "plugin": "box",
			"enabled": true, "config": config()})
		s.Until("the cursor at the end", func() bool { return at(s) == "4" })
		if n := count(s); n != 2 {
			t.Errorf("%d messages stored, want 2", n)
		}
		s.Until("the counts", func() bool {
			c := s.Pipeline.Plugins.Counts(source.Id)
			return c.Items == 2 && c.Refused == 2 && !c.LastItem.IsZero()
		})
		if !strings.Contains(s.Log(), `"msg":"messages refused"`) || !strings.Contains(s.Log(), "The text has 70000 bytes") {
			t.Error("the log does not say what was refused")
		}
		if err := syscall.Kill(status(s, source.Id).PID, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		s.Until("a new process", func() bool { return status(s, source.Id).Restarts == 1 })
		texts = append(texts, "Dark mode, please")
		r := s.Record(records.Sources, source.Id)
		r.Set("config", config())
		if err := s.App.Save(r); err != nil {
			t.Fatal(err)
		}
		s.Until("the new message", func() bool { return at(s) == "5" && count(s) == 3 })
		admin := s.User("admin")
		answer := s.Do("GET", "/api/collections/sources/records/"+source.Id, nil, "Authorization", admin)
		if _, shown := answer.Map(t)["cursor"]; answer.Status != 200 || shown {
			t.Errorf("an admin sees %s", answer.Body)
		}
	})
	t.Run("a cursor that was lost", func(t *testing.T) {
		s := servertest.StartIn(t, dir, servertest.With(&box{}))
		s.Until("the process", func() bool { return status(s, source.Id).PID != 0 })
		_, err := s.App.DB().Update(records.Sources, dbx.Params{"cursor": ""}, dbx.HashExp{"id": source.Id}).Execute()
		if err != nil {
			t.Fatal(err)
		}
		if err := syscall.Kill(status(s, source.Id).PID, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		s.Until("all of it to come again", func() bool { return at(s) == "5" })
		if n := count(s); n != 3 {
			t.Errorf("%d messages after they came again, want 3", n)
		}
	})
}
