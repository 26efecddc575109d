package pipeline

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/riverqueue/river"

	"github.com/iterateswarm/iterateswarm/internal/queue"
	"github.com/iterateswarm/iterateswarm/internal/records"
	"github.com/iterateswarm/iterateswarm/internal/triage"
)

// The queues of triage jobs. A message whose process died goes on as a suspect:
// suspects are worked one at a time, so that the one that kills is found and
// those that ran beside it are not put aside with it.
const (
	TriageQueue  = "triage"
	SuspectQueue = "triage_suspect"
)

// TriageArgs names the message to settle. Args hold ids only.
type TriageArgs struct {
	ID string `json:"id"`
}

// Kind is River's name of the job.
func (TriageArgs) Kind() string { return "triage" }

// InsertOpts makes one unfinished job a message.
func (TriageArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: TriageQueue, UniqueOpts: queue.Unique}
}

type triageWorker struct {
	river.WorkerDefaults[TriageArgs]
	p *Pipeline
}

// Work settles one message. Working it twice changes nothing.
func (w *triageWorker) Work(ctx context.Context, job *river.Job[TriageArgs]) error {
	rid := requestIDOf(job.Metadata)
	took, err := w.p.settle(ctx, job.Args.ID, job.Attempt)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return river.JobCancel(fmt.Errorf("feedback %s is gone: %w", job.Args.ID, err))
	case err != nil:
		return fmt.Errorf("settle %s: %w", job.Args.ID, err)
	}
	w.p.waiting.settled(job.Args.ID)
	w.p.Log.Debug("feedback settled", "feedback", job.Args.ID, "job", job.ID, "request_id", rid, "took", took)
	return nil
}

// settle moves a received message on: a bug or feature joins an issue, noise
// is put aside, a question rests, an unsure verdict waits for a person.
// Messages of one project are settled one at a time, so twins that arrive
// together meet.
func (p *Pipeline) settle(ctx context.Context, id string, attempt int) (time.Duration, error) {
	start := time.Now()
	r, err := p.App.FindRecordById(records.Feedback, id)
	if err != nil {
		return 0, err
	}
	if r.GetString("state") != string(triage.Received) {
		return 0, nil
	}
	proj, err := p.project(p.App, r.GetString("project"))
	if err != nil {
		return 0, err
	}
	class := triage.Class(r.GetString("class"))
	holdBelow := p.HoldBelow
	if proj.settings.HoldBelow > 0 {
		holdBelow = proj.settings.HoldBelow
	}
	switch {
	case class == triage.Noise:
		err = p.rest(r, triage.NoiseHeld, "", "noise", "Judged as noise; kept and restorable.", start, attempt)
	case r.GetFloat("confidence") < holdBelow:
		err = p.rest(r, triage.Held, "low_confidence", "hold",
			fmt.Sprintf("Confidence %.2f is under the project's %.2f.", r.GetFloat("confidence"), holdBelow), start, attempt)
	case class == triage.Question:
		err = p.rest(r, triage.Triaged, "", "rest", "A question makes no issue.", start, attempt)
	default:
		err = p.joinOrDraft(ctx, proj, r, start, attempt)
	}
	return time.Since(start), err
}
