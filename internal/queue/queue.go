// Package queue runs River on the SQLite database that holds the records. River
// works on PocketBase's own single-writer pool, so a job is inserted in the
// transaction of the record it is about: both are committed, or neither.
//
// Jobs carry ids only. The record is the queue of record: whoever works a job
// reads the record first and does nothing when the work is done already.
package queue

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivermigrate"
	"github.com/riverqueue/river/rivertype"
)

// Config says how to work.
type Config struct {
	Workers       *river.Workers // every kind of job there is
	Queues        map[string]int // name → jobs worked at the same time
	FetchCooldown time.Duration  // least time between two fetches; throughput ≤ jobs / cooldown
	Log           *slog.Logger
}

// Queue inserts and works jobs. Its methods may be called at the same time.
type Queue struct {
	client  *river.Client[*sql.Tx]
	app     core.App
	running atomic.Bool
}

// Unique makes a job unique by its arguments among the jobs that are not
// finished yet.
var Unique = river.UniqueOpts{ByArgs: true, ByState: []rivertype.JobState{
	rivertype.JobStateAvailable, rivertype.JobStatePending, rivertype.JobStateRetryable,
	rivertype.JobStateRunning, rivertype.JobStateScheduled,
}}

// Retention of finished jobs. What they did is told by decisions and steps.
const (
	keepCompleted = time.Hour
	keepDiscarded = 7 * 24 * time.Hour
)

// Open brings River's tables up to date and returns a queue that can insert.
// Nothing is worked before Start.
func Open(ctx context.Context, app core.App, cfg Config) (*Queue, error) {
	pool, ok := app.NonconcurrentDB().(*dbx.DB)
	if !ok {
		return nil, errors.New("open queue: the app is inside a transaction")
	}
	driver := riversqlite.New(pool.DB())
	migrator, err := rivermigrate.New(driver, &rivermigrate.Config{Logger: cfg.Log})
	if err != nil {
		return nil, fmt.Errorf("open queue: %w", err)
	}
	if _, err := migrator.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return nil, fmt.Errorf("migrate queue: %w", err)
	}
	queues := make(map[string]river.QueueConfig, len(cfg.Queues))
	for name, n := range cfg.Queues {
		queues[name] = river.QueueConfig{MaxWorkers: n}
	}
	client, err := river.NewClient(driver, &river.Config{
		Queues:                      queues,
		Workers:                     cfg.Workers,
		FetchCooldown:               cfg.FetchCooldown,
		FetchPollInterval:           time.Second,
		JobTimeout:                  5 * time.Minute,
		RescueStuckJobsAfter:        15 * time.Minute,
		CompletedJobRetentionPeriod: keepCompleted,
		DiscardedJobRetentionPeriod: keepDiscarded,
		SoftStopTimeout:             4 * time.Second,
		ErrorHandler:                &failures{lg: cfg.Log},
		Logger:                      cfg.Log,
	})
	if err != nil {
		return nil, fmt.Errorf("open queue: %w", err)
	}
	return &Queue{client: client, app: app}, nil
}

// failures logs what went wrong in a job; River tries it again by itself.
type failures struct{ lg *slog.Logger }

// HandleError logs an error that a job returned.
func (f *failures) HandleError(_ context.Context, job *rivertype.JobRow, err error) *river.ErrorHandlerResult {
	f.lg.Warn("job failed", "job", job.ID, "kind", job.Kind, "attempt", job.Attempt, "err", err)
	return nil
}

// HandlePanic logs a panic inside a job.
func (f *failures) HandlePanic(_ context.Context, job *rivertype.JobRow, value any, trace string) *river.ErrorHandlerResult {
	f.lg.Error("job panicked", "job", job.ID, "kind", job.Kind, "attempt", job.Attempt, "err", value, "trace", trace)
	return nil
}

// Start works jobs until Stop.
func (q *Queue) Start(ctx context.Context) error {
	err := q.client.Start(ctx)
	q.running.Store(err == nil)
	return err
}

// Stop lets running jobs finish for a few seconds, then hands them back.
func (q *Queue) Stop(ctx context.Context) error {
	if !q.running.Swap(false) {
		return nil
	}
	return q.client.Stop(ctx)
}

// Running reports whether jobs are worked.
func (q *Queue) Running() bool { return q.running.Load() }

// Add works one more queue, or does nothing when it is worked already.
func (q *Queue) Add(name string, workers int) error {
	err := q.client.Queues().Add(name, river.QueueConfig{MaxWorkers: workers})
	var already *river.QueueAlreadyAddedError
	if errors.As(err, &already) {
		return nil
	}
	return err
}

// Enqueue inserts a job: in app's transaction when it is inside one, alone
// otherwise. The request id travels in the job's metadata.
func (q *Queue) Enqueue(ctx context.Context, app core.App, args river.JobArgs, opts *river.InsertOpts) error {
	var err error
	if app.IsTransactional() {
		var tx *sql.Tx
		if tx, err = Tx(app); err == nil {
			_, err = q.client.InsertTx(ctx, tx, args, opts)
		}
	} else {
		_, err = q.client.Insert(ctx, args, opts)
	}
	if err != nil {
		return fmt.Errorf("enqueue %s: %w", args.Kind(), err)
	}
	return nil
}

// EnqueueMany inserts jobs in one transaction and returns how many were new;
// those that exist already are skipped.
func (q *Queue) EnqueueMany(ctx context.Context, jobs []river.InsertManyParams) (int, error) {
	if len(jobs) == 0 {
		return 0, nil
	}
	res, err := q.client.InsertMany(ctx, jobs)
	if err != nil {
		return 0, fmt.Errorf("enqueue %d jobs: %w", len(jobs), err)
	}
	n := 0
	for _, r := range res {
		if !r.UniqueSkippedAsDuplicate {
			n++
		}
	}
	return n, nil
}

// Lost is a job that was running when its process died.
type Lost struct {
	Kind  string
	Queue string
	Args  []byte // JSON
}

// Reset gives the jobs of a dead process back. It must run before Start, by
// the one process that holds the data directory. For each lost job it calls
// seen inside the transaction, which answers into which queue the job goes; it
// is cancelled when that is "".
func (q *Queue) Reset(seen func(tx core.App, job Lost) (to string, err error)) (int, error) {
	n := 0
	err := q.app.RunInTransaction(func(tx core.App) error {
		var rows []struct {
			ID    int64  `db:"id"`
			Kind  string `db:"kind"`
			Queue string `db:"queue"`
			Args  string `db:"args"`
		}
		err := tx.DB().NewQuery(`SELECT id, kind, queue, json(args) AS args FROM river_job WHERE state = 'running'`).All(&rows)
		if err != nil {
			return fmt.Errorf("lost jobs: %w", err)
		}
		n = len(rows)
		for _, r := range rows {
			to, err := seen(tx, Lost{Kind: r.Kind, Queue: r.Queue, Args: []byte(r.Args)})
			if err != nil {
				return err
			}
			query := `UPDATE river_job SET state = 'available', queue = {:to} WHERE id = {:id}`
			if to == "" {
				query = `UPDATE river_job SET state = 'cancelled', finalized_at = strftime('%Y-%m-%d %H:%M:%f', 'now') WHERE id = {:id}`
			}
			if _, err := tx.DB().NewQuery(query).Bind(dbx.Params{"id": r.ID, "to": to}).Execute(); err != nil {
				return fmt.Errorf("give back job %d: %w", r.ID, err)
			}
		}
		return nil
	})
	return n, err
}

// Counts returns the number of unfinished jobs by state, and of discarded ones.
func (q *Queue) Counts() (map[string]int, error) {
	var rows []struct {
		State string `db:"state"`
		N     int    `db:"n"`
	}
	err := q.app.DB().NewQuery(`SELECT state, count(*) AS n FROM river_job
		WHERE state IN ('available','running','retryable','scheduled','pending','discarded') GROUP BY state`).All(&rows)
	if err != nil {
		return nil, fmt.Errorf("count jobs: %w", err)
	}
	out := map[string]int{"available": 0, "running": 0, "retryable": 0, "scheduled": 0, "pending": 0, "discarded": 0}
	for _, r := range rows {
		out[r.State] = r.N
	}
	return out, nil
}

// Unfinished counts the jobs of a kind that are not finished yet.
func (q *Queue) Unfinished(kind string) (int, error) {
	var n int
	err := q.app.DB().NewQuery(`SELECT count(*) FROM river_job WHERE kind = {:k}
		AND state IN ('available','running','retryable','scheduled','pending')`).Bind(dbx.Params{"k": kind}).Row(&n)
	if err != nil {
		return 0, fmt.Errorf("count jobs: %w", err)
	}
	return n, nil
}

// Tx finds the *sql.Tx under a transactional app, by dbx's public accessors.
func Tx(app core.App) (*sql.Tx, error) {
	tx, ok := app.NonconcurrentDB().(*dbx.Tx)
	if !ok {
		return nil, errors.New("not inside a transaction")
	}
	b, ok := tx.Builder.(interface{ Executor() dbx.Executor })
	if !ok {
		return nil, fmt.Errorf("no executor in %T", tx.Builder)
	}
	raw, ok := b.Executor().(*sql.Tx)
	if !ok {
		return nil, fmt.Errorf("no transaction in %T", b.Executor())
	}
	return raw, nil
}
