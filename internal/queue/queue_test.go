package queue_test

import (
	"context"
	"errors"
	"testing"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"github.com/riverqueue/river"

	"github.com/iterateswarm/iterateswarm/internal/command"
	"github.com/iterateswarm/iterateswarm/internal/pipeline"
	"github.com/iterateswarm/iterateswarm/internal/queue"
	"github.com/iterateswarm/iterateswarm/internal/servertest"
)

func TestMain(m *testing.M) { servertest.Main(m) }

// idle is a server that works no jobs, so that they can be counted.
func idle(t *testing.T) (core.App, *queue.Queue) {
	t.Helper()
	s, err := command.Open(t.Context(), servertest.Options(t.TempDir()+"/pb_data"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return s.App, s.Pipeline.Queue()
}

func jobs(t *testing.T, app core.App, state string) int {
	t.Helper()
	var n int
	if err := app.DB().NewQuery(`SELECT count(*) FROM river_job WHERE state = {:s}`).Bind(dbx.Params{"s": state}).Row(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestAJobLivesAndDiesWithItsTransaction(t *testing.T) {
	t.Parallel()
	app, q := idle(t)
	no := errors.New("no")
	err := app.RunInTransaction(func(tx core.App) error {
		if err := q.Enqueue(t.Context(), tx, pipeline.TriageArgs{ID: "aaaaaaaaaaaaaaa"}, nil); err != nil {
			t.Fatal(err)
		}
		return no
	})
	if !errors.Is(err, no) || jobs(t, app, "available") != 0 {
		t.Errorf("after a rollback: %v, %d jobs; want none", err, jobs(t, app, "available"))
	}
	err = app.RunInTransaction(func(tx core.App) error {
		return q.Enqueue(t.Context(), tx, pipeline.TriageArgs{ID: "aaaaaaaaaaaaaaa"}, nil)
	})
	if err != nil || jobs(t, app, "available") != 1 {
		t.Errorf("after a commit: %v, %d jobs; want 1", err, jobs(t, app, "available"))
	}
}

func TestAnUnfinishedJobIsNotMadeTwice(t *testing.T) {
	t.Parallel()
	app, q := idle(t)
	params := func(ids ...string) (out []river.InsertManyParams) {
		for _, id := range ids {
			out = append(out, river.InsertManyParams{Args: pipeline.TriageArgs{ID: id}})
		}
		return out
	}
	if n, err := q.EnqueueMany(t.Context(), params("a", "b")); n != 2 || err != nil {
		t.Errorf("two jobs: %d new, %v", n, err)
	}
	if n, err := q.EnqueueMany(t.Context(), params("a", "b", "c")); n != 1 || err != nil {
		t.Errorf("one more: %d new, %v", n, err)
	}
	if _, err := app.DB().NewQuery(`UPDATE river_job SET state = 'completed', finalized_at = datetime('now')`).Execute(); err != nil {
		t.Fatal(err)
	}
	if n, err := q.EnqueueMany(t.Context(), params("a")); n != 1 || err != nil {
		t.Errorf("again after it was done: %d new, %v", n, err)
	}
}

func TestLostJobsAreGivenBackOrTakenOut(t *testing.T) {
	t.Parallel()
	app, q := idle(t)
	for _, id := range []string{"good", "killer"} {
		if err := q.Enqueue(t.Context(), app, pipeline.TriageArgs{ID: id}, nil); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := app.DB().NewQuery(`UPDATE river_job SET state = 'running', attempt = 2`).Execute(); err != nil {
		t.Fatal(err)
	}
	n, err := q.Reset(func(_ core.App, job queue.Lost) (string, error) {
		if string(job.Args) == `{"id":"killer"}` {
			return "", nil
		}
		return job.Queue, nil
	})
	if n != 2 || err != nil {
		t.Fatalf("reset: %d, %v", n, err)
	}
	if a, c := jobs(t, app, "available"), jobs(t, app, "cancelled"); a != 1 || c != 1 {
		t.Errorf("%d available and %d cancelled, want 1 and 1", a, c)
	}
	counts, err := q.Counts()
	if err != nil || counts["available"] != 1 || counts["running"] != 0 {
		t.Errorf("counts = %v, %v", counts, err)
	}
}
