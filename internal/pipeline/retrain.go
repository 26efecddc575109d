package pipeline

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"github.com/riverqueue/river"

	"github.com/iterateswarm/iterateswarm/internal/queue"
	"github.com/iterateswarm/iterateswarm/internal/records"
	"github.com/iterateswarm/iterateswarm/internal/triage"
)

// RetrainQueue is the queue of retrainings; one is worked at a time.
const RetrainQueue = "retrain"

// retrainKind is the kind of a run that retrains.
const retrainKind = "retrain"

// RetrainArgs names the run that a retraining reports to. Args hold ids only.
type RetrainArgs struct {
	ID string `json:"id"`
}

// Kind is River's name of the job.
func (RetrainArgs) Kind() string { return "retrain" }

// InsertOpts makes one unfinished job a run.
func (RetrainArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: RetrainQueue, UniqueOpts: queue.Unique}
}

type retrainWorker struct {
	river.WorkerDefaults[RetrainArgs]
	p *Pipeline
}

// Work learns a project's decisions anew. A job whose process died begins again.
func (w *retrainWorker) Work(ctx context.Context, job *river.Job[RetrainArgs]) error {
	err := w.p.retrain(ctx, job.Args.ID)
	switch {
	case isGone(err):
		return river.JobCancel(err)
	case err != nil && ctx.Err() != nil:
		return river.JobSnooze(0) // the server stops; the next start begins again
	case err != nil && job.Attempt >= MostFailures:
		return errors.Join(w.p.endRun(job.Args.ID, "failed", clip(err.Error()), nil), river.JobCancel(err))
	}
	return err
}

// Retrain starts to learn a project's decisions anew, and returns the run that
// tells how far it is. One that runs already is returned as it is.
func (p *Pipeline) Retrain(project string, by *core.Record, requestID string) (*core.Record, error) {
	if err := p.May(p.App, by, project, triage.Admin, NoProject); err != nil {
		return nil, err
	}
	c, err := p.App.FindCachedCollectionByNameOrId(records.Runs)
	if err != nil {
		return nil, err
	}
	run := core.NewRecord(c)
	err = p.App.RunInTransaction(func(tx core.App) error {
		running, err := tx.FindFirstRecordByFilter(records.Runs, "project = {:p} && kind = {:k} && state = 'running'",
			dbx.Params{"p": project, "k": retrainKind})
		if err == nil {
			run = running
			return nil
		}
		if !isGone(err) {
			return err
		}
		total, err := p.decisionsToLearn(tx, project)
		if err != nil {
			return err
		}
		run.Load(map[string]any{"project": project, "kind": retrainKind, "state": "running", "total": total,
			"actor": by.Collection().Name + "/" + by.Id})
		if err := tx.Save(run); err != nil {
			return fmt.Errorf("save run: %w", err)
		}
		return p.queue.Enqueue(context.Background(), tx, RetrainArgs{ID: run.Id}, jobOpts(RetrainQueue, requestID))
	})
	return run, err
}

func (p *Pipeline) decisionsToLearn(app core.App, project string) (n int, err error) {
	reset, err := p.lastReset(project)
	if err != nil {
		return 0, err
	}
	err = app.DB().NewQuery(`SELECT count(*) ` + peopleAfter).Bind(dbx.Params{"p": project, "through": reset}).Row(&n)
	return n, wrap("count decisions", err)
}

// errCancelled says that a person has cancelled a run.
var errCancelled = errors.New("the run was cancelled")

// progressEvery is how often a retraining says how far it is.
const progressEvery = 250 * time.Millisecond

func (p *Pipeline) retrain(ctx context.Context, id string) error {
	run, err := p.App.FindRecordById(records.Runs, id)
	if err != nil || run.GetString("state") != "running" {
		return err
	}
	project, done, last, start := run.GetString("project"), 0, time.Now(), time.Now()
	before := p.Learning(project)
	err = p.learnAnew(ctx, project, func(n int) error {
		done += n
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if time.Since(last) < progressEvery {
			return nil
		}
		last = time.Now()
		return p.App.RunInTransaction(func(tx core.App) error { // a cancel between reading and saving must not be lost
			now, err := tx.FindRecordById(records.Runs, id)
			if err != nil {
				return err
			}
			if now.GetString("state") != "running" {
				return errCancelled
			}
			now.Set("done", min(done, now.GetInt("total")))
			return tx.Save(now)
		})
	})
	if errors.Is(err, errCancelled) {
		return nil
	}
	if err != nil {
		return err
	}
	after := p.Learning(project)
	return p.endRun(id, "done", "", map[string]any{"examples": after.Examples, "took_ms": time.Since(start).Milliseconds(),
		"effect": after.Effect, "before": before.Effect, "version": after.Version})
}

// endRun writes what came of a run, unless a person has cancelled it.
func (p *Pipeline) endRun(id, state, detail string, result any) error {
	return p.App.RunInTransaction(func(tx core.App) error {
		run, err := tx.FindRecordById(records.Runs, id)
		if err != nil || run.GetString("state") != "running" {
			return err
		}
		run.Set("state", state)
		run.Set("detail", detail)
		run.Set("result", result)
		if state == "done" {
			run.Set("done", run.GetInt("total"))
		}
		return tx.Save(run)
	})
}

// failLostRuns ends the retrainings that say they run and have no job.
func (p *Pipeline) failLostRuns() error {
	var ids []string
	err := p.App.DB().NewQuery(`SELECT id FROM runs WHERE state = 'running' AND kind = {:k} AND NOT EXISTS (SELECT 1 FROM river_job j
		WHERE j.kind = {:k} AND j.state IN ('available','running','retryable','scheduled','pending') AND json_extract(j.args, '$.id') = runs.id)`).
		Bind(dbx.Params{"k": retrainKind}).Column(&ids)
	if err != nil {
		return fmt.Errorf("look for lost runs: %w", err)
	}
	for _, id := range ids {
		if err := p.endRun(id, "failed", "The server stopped while it ran. Start it again.", nil); err != nil {
			return err
		}
	}
	return nil
}
