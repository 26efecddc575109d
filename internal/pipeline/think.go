package pipeline

import (
	"context"

	"github.com/riverqueue/river"

	"github.com/iterateswarm/iterateswarm/internal/triage"
)

// Model is an engine that asks a language model. It deepens a verdict that the
// offline engine gave. Its methods may be called at the same time.
type Model interface {
	// Judge may take as long as ctx allows. The calls that were made are in the
	// thought also when there is an error.
	Judge(ctx context.Context, it triage.Item, first triage.Verdict) (triage.Thought, error)
	// State says how it is doing, without calling anything.
	State() triage.ModelState
	// Embeds names the model that makes embeddings; empty: none does.
	Embeds() (model string, dimension int)
	// Embed turns texts into vectors. The call is nil when none was made.
	Embed(ctx context.Context, a triage.Account, texts []string) ([][]float32, *triage.Call, error)
	// Used is what a project has used since midnight UTC, or one source of it.
	Used(project, source string) (tokens int, cost float64)
}

// ThinkQueue is the queue of messages that are thought over again.
const ThinkQueue = "think"

// RethinkArgs names a message that has only its offline verdict although a
// model was expected. Args hold ids only.
type RethinkArgs struct {
	ID string `json:"id"`
}

// Kind is River's name of the job.
func (RethinkArgs) Kind() string { return "rethink" }

// think asks the model and returns what came of it. It touches no record.
func think(ctx context.Context, m Model, it triage.Item, first triage.Verdict) (triage.Thought, error) {
	th, err := m.Judge(ctx, it, first)
	if err == nil && !th.Verdict.Class.Valid() {
		err = triage.ErrNoAnswer
	}
	return th, err
}

// thinkAgain reports whether an error in a job is our own process stopping.
func thinkAgain(ctx context.Context) error {
	if ctx.Err() == nil {
		return nil
	}
	return river.JobSnooze(0)
}
