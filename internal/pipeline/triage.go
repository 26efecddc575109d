package pipeline

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/pocketbase/pocketbase/core"
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
	took, err := w.p.trySettle(ctx, job.Args.ID, trialOf(job.JobRow))
	var snooze *river.JobSnoozeError
	switch {
	case errors.As(err, &snooze):
		return err
	case errors.Is(err, errGone), isGone(err):
		return river.JobCancel(err)
	case err != nil && job.Attempt >= MostFailures:
		w.p.Log.Error("message put aside", "feedback", job.Args.ID, "attempt", job.Attempt, "err", err)
		return w.p.putAside(job.Args.ID, fmt.Sprintf("Settling it failed %d times: %v", job.Attempt, err), job.Attempt)
	case err != nil:
		return fmt.Errorf("settle %s: %w", job.Args.ID, err)
	}
	w.p.waiting.settled(job.Args.ID)
	w.p.Log.Debug("feedback settled", "feedback", job.Args.ID, "job", job.ID, "request_id", rid, "took", took)
	return nil
}

// MostFailures is how often settling a message may fail before it is put aside
// for a person.
const MostFailures = 8

// errGone says that a message was erased.
var errGone = errors.New("the message is gone")

// trySettle asks the model when there is one, then settles. It takes a panic for
// an error.
func (p *Pipeline) trySettle(ctx context.Context, id string, t trial) (took time.Duration, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic: %v", v)
		}
	}()
	if err := p.deepen(ctx, id, t); err != nil {
		return 0, err
	}
	return p.settle(ctx, id, t.attempt)
}

// putAside holds a message that cannot be settled.
func (p *Pipeline) putAside(id, why string, attempt int) error {
	r, err := p.App.FindRecordById(records.Feedback, id)
	if err != nil {
		return fmt.Errorf("put aside: %w", err)
	}
	return p.rest(r, triage.Held, "quarantined", "quarantine", clip(why), time.Now(), attempt)
}

// settle moves a received message on: a bug or feature joins an issue, noise
// is put aside, a question rests, an unsure verdict waits for a person.
// Messages of one project are settled one at a time, so twins that arrive
// together meet.
func (p *Pipeline) settle(ctx context.Context, id string, attempt int) (time.Duration, error) {
	start := time.Now()
	r, err := p.received(id)
	if r == nil {
		return 0, err
	}
	defer p.lock(r.GetString("project"))()
	if r, err = p.received(id); r == nil { // as it is now: a person may have corrected it meanwhile
		return 0, err
	}
	settings, _, err := p.read(p.App, r.GetString("project"))
	if err != nil {
		return 0, err
	}
	class := triage.Class(r.GetString("class"))
	holdBelow := p.holdBelow(settings)
	byPerson, err := touchedByPerson(p.App, id)
	if err != nil {
		return 0, err
	}
	switch {
	case class == triage.Noise && settings.Level() == records.FullControl && !byPerson:
		err = p.rest(r, triage.Held, "full_control", "hold", "Judged as noise; people decide here what is put aside.", start, attempt)
	case class == triage.Noise:
		err = p.rest(r, triage.NoiseHeld, "", "noise", "Judged as noise; kept and restorable.", start, attempt)
	case r.GetFloat("confidence") < holdBelow:
		err = p.rest(r, triage.Held, "low_confidence", "hold",
			fmt.Sprintf("Confidence %.2f is under the project's %.2f.", r.GetFloat("confidence"), holdBelow), start, attempt)
	case class == triage.Question:
		err = p.rest(r, triage.Triaged, "", "rest", "A question makes no issue.", start, attempt)
	default:
		err = p.joinOrDraft(ctx, settings, r, start, attempt)
	}
	return time.Since(start), err
}

// holdBelow is the confidence under which a project's messages wait for a person.
func (p *Pipeline) holdBelow(settings records.Settings) float64 {
	if settings.HoldBelow > 0 {
		return settings.HoldBelow
	}
	return p.HoldBelow
}

// received reads a message that waits to be settled; nil without an error means
// that it is settled already.
func (p *Pipeline) received(id string) (*core.Record, error) {
	r, err := p.App.FindRecordById(records.Feedback, id)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil, fmt.Errorf("%w: %s", errGone, id)
	case err != nil || r.GetString("state") != string(triage.Received):
		return nil, err
	}
	return r, nil
}

// lock keeps everybody else from joining, merging, splitting or moving anything
// in a project until the returned function is called. It is taken before a
// transaction, never inside one.
func (p *Pipeline) lock(project string) (unlock func()) {
	proj := p.project(project)
	proj.join.Lock()
	return proj.join.Unlock
}
