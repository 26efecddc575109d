package pipeline

import (
	"context"
	"time"

	"github.com/pocketbase/pocketbase/core"

	"github.com/iterateswarm/iterateswarm/internal/guard"
	"github.com/iterateswarm/iterateswarm/internal/records"
	"github.com/iterateswarm/iterateswarm/internal/triage"
)

// The engines that a person may ask to judge a message again.
const (
	EngineOffline = "offline"
	EngineLLM     = "llm"
)

// Try asks an engine about a message and changes nothing. What a model's calls
// cost is in the ledger.
func (p *Pipeline) Try(ctx context.Context, id, engine string, by *core.Record, requestID string) (triage.Thought, error) {
	r, err := p.App.FindRecordById(records.Feedback, id)
	if err != nil {
		return triage.Thought{}, Fault(NoFeedback, "There is no message %q.", id)
	}
	if err := p.May(p.App, by, r.GetString("project"), triage.Triager, NoFeedback); err != nil {
		return triage.Thought{}, err
	}
	if r.GetString("erased") != "" {
		return triage.Thought{}, Fault(IllegalMove, "The text of this message was erased; there is nothing to judge.")
	}
	switch engine {
	case EngineOffline:
		settings, _, err := p.read(p.App, r.GetString("project"))
		if err != nil {
			return triage.Thought{}, err
		}
		return triage.Thought{Verdict: p.judge(r.GetString("project"), itemOf(r, settings))}, nil
	case EngineLLM:
	default:
		return triage.Thought{}, Fault(BadValue, "engine is offline or llm.").At("engine")
	}
	if p.Model == nil {
		return triage.Thought{}, Fault(NoModel, "No model is configured; docs/llm.md says how.")
	}
	if !p.expectsModel(r) {
		return triage.Thought{}, Fault(NoModel, "The texts of %s never leave this host.", r.GetString("source"))
	}
	start := time.Now()
	th, thinkErr := p.thinkOver(ctx, r)
	if len(th.Calls) > 0 {
		if err := p.ledger(p.App, r, th.Calls, thinkErr, start, trial{attempt: 1, requestID: requestID}); err != nil {
			return th, err
		}
	}
	if thinkErr != nil {
		problem := Fault(ModelDown, "%s", whyDegraded(thinkErr))
		problem.RetryAfter = max(guard.RetryAfter(thinkErr), time.Second)
		return th, problem
	}
	return th, nil
}

// Retriage judges a message again with the named engine and does what the new
// verdict leads to, unless a person has decided on the message or its issue.
func (p *Pipeline) Retriage(id, engine string, by *core.Record, requestID string) (*core.Record, error) {
	ctx, cancel := context.WithTimeout(context.Background(), tryTimeout)
	defer cancel()
	th, err := p.Try(ctx, id, engine, by, requestID)
	if err != nil {
		return nil, err
	}
	r, err := p.App.FindRecordById(records.Feedback, id)
	if err != nil {
		return nil, Fault(NoFeedback, "There is no message %q.", id)
	}
	defer p.lock(r.GetString("project"))()
	defer p.counts.changed()
	var left *core.Record
	err = p.App.RunInTransaction(func(tx core.App) error {
		left = nil
		if r, err = tx.FindRecordById(records.Feedback, id); err != nil {
			return err
		}
		open, err := p.stillOpen(tx, r)
		if err != nil {
			return err
		}
		if !open || r.GetString("state") == string(triage.Received) {
			return Fault(IllegalMove, "A person has decided on this message or its issue, or it is being judged now. Correct it instead.")
		}
		left, err = p.obey(tx, r, th.Verdict)
		return err
	})
	if err != nil {
		return nil, err
	}
	if left != nil {
		p.reindex([]*core.Record{left})
	}
	p.Log.Info("judged again", "feedback", id, "engine", th.Verdict.Engine, "by", by.Id, "request_id", requestID)
	return r, nil
}

// tryTimeout is how long a person waits for an engine.
const tryTimeout = 60 * time.Second
