package pipeline

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/types"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"github.com/iterateswarm/iterateswarm/internal/guard"
	"github.com/iterateswarm/iterateswarm/internal/records"
	"github.com/iterateswarm/iterateswarm/internal/triage"
)

// How a job waits for a model that asks to wait. It costs no attempt.
const (
	shortestSnooze = 5 * time.Second
	longestSnooze  = 60          // times the shortest: 5 minutes
	snoozeWindow   = time.Hour   // then the offline verdict stands for now
	paceWindow     = time.Minute // likewise while only our own rate is used up: an import shall not wait for hours
)

// How often and when a model is asked again about one message.
const (
	vainThoughts   = 3 // answers of no use after which nobody asks again
	firstVainPause = 10 * time.Minute
	longestPause   = 10 * time.Minute // after calls that failed
)

// trial is one attempt of a job.
type trial struct {
	attempt   int
	since     time.Time // when the job was made
	snoozes   int       // how often it has waited
	requestID string
}

func trialOf(row *rivertype.JobRow) trial {
	var m jobMeta
	_ = json.Unmarshal(row.Metadata, &m) // then it has not waited
	return trial{attempt: row.Attempt, since: row.CreatedAt, snoozes: m.Snoozes, requestID: m.RequestID}
}

// expectsModel reports whether a model is to judge a message: there is one, and
// the source allows it.
func (p *Pipeline) expectsModel(r *core.Record) bool {
	return p.Model != nil && !slices.Contains(p.LocalSources, r.GetString("source"))
}

// itemOf is what engines are given of a message.
func itemOf(r *core.Record, settings records.Settings) triage.Item {
	return newItem(r.GetString("source"), r.GetString("subject"), r.GetString("content"), settings)
}

func newItem(source, subject, content string, settings records.Settings) triage.Item {
	return triage.Item{
		Title: subject, Text: content, Channel: triage.ChannelOf(source), Source: source,
		Labels: settings.Labels, Components: settings.Components, Language: settings.Language,
	}
}

// deepen lets the model judge a received message before it is settled. When
// the model cannot, the offline verdict stands and the message is marked
// degraded. The error is for River: to wait, or what broke in the database.
// Nothing is locked and no transaction is open while the model thinks.
func (p *Pipeline) deepen(ctx context.Context, id string, t trial) error {
	if p.Model == nil {
		return nil
	}
	r, err := p.App.FindRecordById(records.Feedback, id)
	if err != nil {
		return err
	}
	if r.GetString("state") != string(triage.Received) || !p.expectsModel(r) || r.GetBool("degraded") ||
		r.GetString("engine") == p.Model.State().Model {
		return nil
	}
	if touched, err := touchedByPerson(p.App, r.Id); err != nil || touched {
		return err
	}
	if err := p.embed(ctx, r, t); err != nil {
		return err
	}
	start := time.Now()
	th, thinkErr := p.thinkOver(ctx, r)
	if err := thinkAgain(ctx); err != nil && thinkErr != nil {
		return errors.Join(p.ledger(p.App, r, th.Calls, thinkErr, start, t), err)
	}
	if wait, ok := p.snoozeFor(thinkErr, t); ok {
		if len(th.Calls) > 0 {
			if err := p.ledger(p.App, r, th.Calls, thinkErr, start, t); err != nil {
				return err
			}
		}
		return river.JobSnooze(wait)
	}
	return p.App.RunInTransaction(func(tx core.App) error {
		if err := p.ledger(tx, r, th.Calls, thinkErr, start, t); err != nil {
			return err
		}
		now, err := p.stillReceived(tx, r.Id)
		if now == nil {
			return err
		}
		if thinkErr != nil {
			degrade(now, thinkErr, len(th.Calls))
			return saved(tx, now)
		}
		if touched, err := touchedByPerson(tx, r.Id); err != nil || touched {
			return err
		}
		return p.judged(tx, now, th.Verdict)
	})
}

// snoozeFor says how long a job waits for a model that cannot be asked now:
// longer each time, and never all jobs equally long.
func (p *Pipeline) snoozeFor(err error, t trial) (time.Duration, bool) {
	window := snoozeWindow
	if errors.Is(err, triage.ErrPace) {
		window = paceWindow
	}
	if !errors.Is(err, guard.ErrBusy) || time.Since(t.since) > window {
		return 0, false
	}
	wait := p.ModelWait << min(t.snoozes, 10)
	wait += rand.N(wait / 4)
	return min(max(wait, guard.RetryAfter(err)), longestSnooze*p.ModelWait), true
}

func (p *Pipeline) thinkOver(ctx context.Context, r *core.Record) (triage.Thought, error) {
	settings, _, err := p.read(p.App, r.GetString("project"))
	if err != nil {
		return triage.Thought{}, err
	}
	first, err := records.Verdict(r)
	if err != nil {
		return triage.Thought{}, err
	}
	it := itemOf(r, settings)
	if it.Account, err = p.account(r, settings); err != nil {
		return triage.Thought{}, err
	}
	if it.Candidates, err = p.offer(settings, r); err != nil {
		return triage.Thought{}, err
	}
	th, err := think(ctx, p.Model, it, first)
	if err != nil {
		return th, err
	}
	th.Verdict, err = p.adopt(first, th.Verdict, p.holdBelow(settings))
	return th, err
}

// ledger writes down what asking a model took, whatever came of it.
func (p *Pipeline) ledger(app core.App, r *core.Record, calls []triage.Call, thinkErr error, start time.Time, t trial) error {
	account, err := p.account(r, records.Settings{})
	if err != nil {
		return err
	}
	step := records.Step{Project: r.GetString("project"), SubjectID: r.Id, Name: "think", Engine: p.Model.State().Model,
		Took: time.Since(start), Attempt: t.attempt, RequestID: t.requestID}
	if thinkErr != nil {
		step.Error = clip(thinkErr.Error())
	}
	for _, c := range calls {
		step.Tokens += c.TokensIn + c.TokensOut
		step.Cost += c.Cost
		if err := records.AppendUsage(app, account, r.Id, t.requestID, c); err != nil {
			return err
		}
	}
	p.counts.changed()
	return records.AppendStep(app, step)
}

// degrade marks a message whose model did not answer, and says when to ask again.
func degrade(r *core.Record, err error, calls int) {
	r.Set("degraded", true)
	r.Set("degraded_why", whyDegraded(err))
	if calls > 0 {
		r.Set("thoughts", r.GetInt("thoughts")+1)
	}
	pause, again := pauseAfter(err, r.GetInt("thoughts"), calls)
	if !again {
		r.Set("think_at", "")
		return
	}
	r.Set("think_at", types.NowDateTime().Add(pause))
}

// pauseAfter says how long to wait before a model is asked again. A server that
// is down is not the message's fault: the sweep waits for it anyway.
func pauseAfter(err error, thoughts, calls int) (time.Duration, bool) {
	switch {
	case errors.Is(err, triage.ErrNoAnswer):
		if thoughts >= vainThoughts {
			return 0, false
		}
		return firstVainPause << (2 * max(0, thoughts-1)), true
	case errors.Is(err, triage.ErrProjectBudget), errors.Is(err, triage.ErrSourceBudget):
		// The others can still be asked, so the sweep does not wait by itself.
		now := time.Now()
		return now.UTC().Truncate(24 * time.Hour).Add(24 * time.Hour).Sub(now), true
	case calls == 0:
		return 0, true
	}
	return min(time.Second<<min(thoughts, 20), longestPause), true
}

// whyDegraded is the reason on the message, for a person to read.
func whyDegraded(err error) string {
	switch {
	case errors.Is(err, triage.ErrSourceBudget):
		return "The source has used up its share of the day's budget for the model."
	case errors.Is(err, triage.ErrProjectBudget):
		return "The project's budget for the model is used up for today."
	case errors.Is(err, triage.ErrBudget):
		return "The day's budget for the model is used up."
	case errors.Is(err, guard.ErrBusy):
		return "The model asked to wait for too long."
	case errors.Is(err, guard.ErrOpen):
		return "The model is not available."
	case errors.Is(err, triage.ErrNoAnswer):
		return "The model gave no usable answer."
	}
	return "The model did not answer."
}

// judged stores the model's verdict on a message, with its decision.
func (p *Pipeline) judged(tx core.App, r *core.Record, v triage.Verdict) error {
	before := map[string]any{"class": r.GetString("class"), "severity": r.GetString("severity"), "engine": r.GetString("engine")}
	records.SetVerdict(r, v)
	undegrade(r)
	if err := saved(tx, r); err != nil {
		return err
	}
	after := map[string]any{"class": v.Class, "severity": v.Severity, "confidence": v.Confidence, "severity_confidence": v.SeverityProbs[v.Severity]}
	if o := v.Opinions; o != nil { // a person may have asked the embedded engine alone
		after["model_class"], after["embedded_class"] = o.Model.Class, o.Embedded.Class
	}
	_, err := records.Append(tx, records.Decision{
		Project: r.GetString("project"), Subject: records.Feedback, SubjectID: r.Id,
		Action: "judge", ActorKind: records.ByEngine, Actor: v.Engine, Before: before, After: after,
		Reason: v.Reasoning, Engine: v.Engine, Prompt: v.EngineVersion,
		InputHash: inputHash(triage.Item{Title: r.GetString("subject"), Text: r.GetString("content")}),
		RequestID: r.GetString("request_id"),
	})
	return err
}

func undegrade(r *core.Record) {
	r.Set("degraded", false)
	r.Set("degraded_why", "")
	r.Set("thoughts", 0)
	r.Set("think_at", "")
}

func saved(tx core.App, r *core.Record) error {
	if err := tx.Save(r); err != nil {
		return fmt.Errorf("save feedback: %w", err)
	}
	return nil
}

// touchedByPerson reports whether a person has decided anything on a message or
// an issue. No engine writes over that.
func touchedByPerson(app core.App, id string) (bool, error) {
	var n int
	err := app.DB().NewQuery(`SELECT EXISTS(SELECT 1 FROM decisions WHERE subject_id = {:id} AND actor_kind = 'person')`).
		Bind(dbx.Params{"id": id}).Row(&n)
	if err != nil {
		return false, fmt.Errorf("look for a person's decision: %w", err)
	}
	return n == 1, nil
}

// isGone reports whether a message was erased while a job waited.
func isGone(err error) bool { return errors.Is(err, sql.ErrNoRows) }
