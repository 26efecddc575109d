package queue

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/riverqueue/river"
	"riverqueue.com/riverui"
)

// UI is River's own user interface under a path. It looks nobody up: whoever
// reaches it may do everything. It works until ctx ends.
func (q *Queue) UI(ctx context.Context, path string, lg *slog.Logger) (http.Handler, error) {
	h, err := riverui.NewHandler(&riverui.HandlerOpts{
		Endpoints: riverui.NewEndpoints(q.client, nil), JobListHideArgsByDefault: true, Logger: lg, Prefix: path,
	})
	if err != nil {
		return nil, fmt.Errorf("queue's user interface: %w", err)
	}
	if err := h.Start(ctx); err != nil {
		return nil, fmt.Errorf("start queue's user interface: %w", err)
	}
	return h, nil
}

// Tally is how many jobs of a kind are in a state, and since when the oldest waits.
type Tally struct {
	Kind   string `db:"kind" json:"kind"`
	Queue  string `db:"queue" json:"queue"`
	State  string `db:"state" json:"state"`
	Count  int    `db:"n" json:"count"`
	Oldest string `db:"oldest" json:"oldest"`
}

// Tallies counts the jobs that are stored, by kind, queue and state.
func (q *Queue) Tallies() ([]Tally, error) {
	list := []Tally{}
	err := q.app.DB().NewQuery(`SELECT kind, queue, state, count(*) AS n, min(scheduled_at) AS oldest FROM river_job
		GROUP BY kind, queue, state ORDER BY kind, queue, state`).All(&list)
	if err != nil {
		return nil, fmt.Errorf("count jobs: %w", err)
	}
	return list, nil
}

// Failure is a job that failed, with its last error.
type Failure struct {
	ID      int64  `db:"id" json:"id"`
	Kind    string `db:"kind" json:"kind"`
	State   string `db:"state" json:"state"`
	Attempt int    `db:"attempt" json:"attempt"`
	Error   string `db:"error" json:"error"`
	At      string `db:"at" json:"at"`
}

// Failures lists the jobs that failed last and are not done since.
func (q *Queue) Failures(limit int) ([]Failure, error) {
	list := []Failure{}
	err := q.app.DB().NewQuery(`SELECT id, kind, state, attempt, coalesce(json_extract(errors, '$[#-1].error'), '') AS error,
		coalesce(attempted_at, '') AS at FROM river_job WHERE state IN ('retryable', 'discarded', 'cancelled')
		ORDER BY attempted_at DESC LIMIT {:n}`).Bind(dbx.Params{"n": limit}).All(&list)
	if err != nil {
		return nil, fmt.Errorf("list failures: %w", err)
	}
	return list, nil
}

// Finished counts the jobs that were finished in each minute since a time.
func (q *Queue) Finished(since time.Time) (map[string]int, error) {
	var rows []struct {
		Minute string `db:"minute"`
		N      int    `db:"n"`
	}
	err := q.app.DB().NewQuery(`SELECT substr(finalized_at, 1, 16) AS minute, count(*) AS n FROM river_job
		WHERE state = 'completed' AND finalized_at >= {:t} GROUP BY minute`).
		Bind(dbx.Params{"t": since.UTC().Format("2006-01-02 15:04:05")}).All(&rows)
	if err != nil {
		return nil, fmt.Errorf("count finished jobs: %w", err)
	}
	out := make(map[string]int, len(rows))
	for _, r := range rows {
		out[r.Minute] = r.N
	}
	return out, nil
}

// Paused lists the queues that are held back.
func (q *Queue) Paused(ctx context.Context) ([]string, error) {
	list, err := q.client.QueueList(ctx, river.NewQueueListParams().First(1000))
	if err != nil {
		return nil, fmt.Errorf("list queues: %w", err)
	}
	var out []string
	for _, r := range list.Queues {
		if r.PausedAt != nil {
			out = append(out, r.Name)
		}
	}
	return out, nil
}

// allQueues is how River names every queue at once.
const allQueues = "*"

// Pause holds every queue back, or lets all go on.
func (q *Queue) Pause(ctx context.Context, paused bool) error {
	if paused {
		return q.client.QueuePause(ctx, allQueues, nil)
	}
	return q.client.QueueResume(ctx, allQueues, nil)
}

// Retry makes a job that failed run again now.
func (q *Queue) Retry(ctx context.Context, id int64) error {
	_, err := q.client.JobRetry(ctx, id)
	return err
}

// Cancel ends a job that is not done; the sweep makes a new one for a row that
// still needs it.
func (q *Queue) Cancel(ctx context.Context, id int64) error {
	_, err := q.client.JobCancel(ctx, id)
	return err
}
