package pipeline

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/types"
	"github.com/riverqueue/river"

	"github.com/iterateswarm/iterateswarm/internal/guard"
	"github.com/iterateswarm/iterateswarm/internal/pluginhost"
	"github.com/iterateswarm/iterateswarm/internal/queue"
	"github.com/iterateswarm/iterateswarm/internal/records"
	"github.com/iterateswarm/iterateswarm/internal/triage"
)

// FileArgs names the delivery to work.
type FileArgs struct {
	ID string `json:"id"`
}

// Kind is River's name of the job.
func (FileArgs) Kind() string { return "file" }

// InsertOpts makes one unfinished job a delivery.
func (FileArgs) InsertOpts() river.InsertOpts { return river.InsertOpts{UniqueOpts: queue.Unique} }

// fileQueue is the queue of one tracker. It has one worker, so one create is in
// flight a tracker.
func fileQueue(tracker string) string { return "file_" + tracker }

type fileWorker struct {
	river.WorkerDefaults[FileArgs]
	p *Pipeline
}

// Work takes one delivery one step further. The row says when the next step is
// due; the sweep makes its job.
func (w *fileWorker) Work(ctx context.Context, job *river.Job[FileArgs]) error {
	d, err := w.p.App.FindRecordById(records.Deliveries, job.Args.ID)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return river.JobCancel(fmt.Errorf("delivery %s was withdrawn", job.Args.ID))
	case err != nil:
		return fmt.Errorf("read delivery %s: %w", job.Args.ID, err)
	}
	defer w.p.counts.changed()
	if next := d.GetDateTime("next_at"); !next.IsZero() && time.Now().Before(next.Time()) && d.GetString("state") != deliverySending {
		return nil
	}
	switch d.GetString("state") {
	case deliveryPending:
		err = w.p.send(ctx, d)
	case deliverySending: // its process died with the create on the way
		err = w.p.unsure(d, "The server stopped while the tracker was asked.")
	case deliveryUnknown:
		err = w.p.resolve(ctx, d)
	}
	if err != nil {
		return fmt.Errorf("file %s: %w", d.Id, err)
	}
	return nil
}

// filer is what the pipeline remembers of one tracker.
type filer struct {
	breaker *guard.Breaker
	mu      sync.Mutex
	last    time.Time // of the last create
}

func (p *Pipeline) filer(tracker string) *filer {
	if v, ok := p.filers.Load(tracker); ok {
		return v.(*filer)
	}
	cfg := p.Breaker
	cfg.OnChange = func(from, to string) {
		p.Log.Warn("breaker changed", "tracker", tracker, "from", from, "to", to)
		p.counts.changed()
	}
	v, _ := p.filers.LoadOrStore(tracker, &filer{breaker: guard.NewBreaker(cfg)})
	return v.(*filer)
}

// send asks the tracker once, after the intent is committed.
func (p *Pipeline) send(ctx context.Context, d *core.Record) error {
	issue, err := p.App.FindRecordById(records.Issues, d.GetString("issue"))
	if err != nil {
		return err
	}
	if issue.GetString("state") != string(triage.Approved) || issue.GetString("merged_into") != "" {
		return nil
	}
	tracker, err := p.App.FindRecordById(records.Trackers, d.GetString("tracker"))
	if err != nil {
		return err
	}
	f := p.filer(tracker.Id)
	if !tracker.GetBool("enabled") {
		return nil // the sweep finds it another tracker, or comes back
	}
	if f.breaker.State() == guard.Open {
		return p.sayOnce(d, waiting(tracker, true)) // the sweep comes back when it may be asked again
	}
	if err := f.space(ctx, p.interval(tracker)); err != nil {
		return nil // shutting down; nothing was sent
	}
	at, err := p.livesThere(issue)
	if err != nil {
		return err
	}
	if at != nil {
		return p.filedThere(d, at)
	}
	req, err := p.createRequest(d, issue)
	if err != nil {
		return err
	}
	start := time.Now()
	proceed := false
	err = p.changeDelivery(d, func(_ core.App, d *core.Record) error {
		if proceed = d.GetString("state") == deliveryPending; !proceed {
			return nil
		}
		d.Set("state", deliverySending)
		d.Set("intent_at", types.NowDateTime())
		d.Set("next_at", in(longestCreate))
		d.Set("attempts", d.GetInt("attempts")+1)
		d.Set("body_hash", hashOf(req.Title, req.Body))
		return nil
	})
	if err != nil || !proceed {
		return err
	}
	reply := p.ask(ctx, f, tracker.Id, req)
	p.Log.Info("tracker asked", "issue", issue.Id, "tracker", tracker.Id, "outcome", reply.Outcome,
		"status", reply.HTTPStatus, "request_id", req.RequestID, "took", time.Since(start))
	return p.answered(d, tracker, reply, time.Since(start))
}

// ask sends the create through the breaker. A call that the breaker leaves
// behind may still arrive, so its outcome is unknown.
func (p *Pipeline) ask(ctx context.Context, f *filer, tracker string, req pluginhost.CreateRequest) pluginhost.CreateReply {
	var called atomic.Bool
	replies := make(chan pluginhost.CreateReply, 1)
	err := f.breaker.Do(ctx, func(ctx context.Context) error {
		called.Store(true)
		reply := p.Plugins.Create(ctx, tracker, req)
		replies <- reply
		return verdictOn(reply)
	})
	select {
	case reply := <-replies:
		return reply
	default:
	}
	if called.Load() {
		return pluginhost.CreateReply{Outcome: pluginhost.Unknown, Message: err.Error()}
	}
	return pluginhost.CreateReply{Outcome: pluginhost.NotCreated, Message: err.Error(), RetryAfter: guard.RetryAfter(err)}
}

// verdictOn tells the breaker what an answer says about the tracker's health.
func verdictOn(r pluginhost.CreateReply) error {
	switch {
	case r.Outcome == pluginhost.Created:
		return nil
	case r.Outcome == pluginhost.Rejected || (r.HTTPStatus >= 400 && r.HTTPStatus < 500):
		return guard.Ignore(&refusal{r})
	}
	return &refusal{r}
}

// refusal is a tracker's answer that is no success. A time to wait in it holds
// back every other call too.
type refusal struct{ reply pluginhost.CreateReply }

// Error is what the tracker said.
func (e *refusal) Error() string { return "tracker: " + e.reply.Message }

// RetryAfter is how long the tracker asked to be left alone.
func (e *refusal) RetryAfter() time.Duration { return e.reply.RetryAfter }

// answered writes down what the tracker said.
func (p *Pipeline) answered(d, tracker *core.Record, r pluginhost.CreateReply, took time.Duration) error {
	switch {
	case r.Outcome == pluginhost.Created:
		return p.filed(d, nameOf(r.Name, r.Number), r.NodeID, r.URL, "file", took)
	case r.Outcome == pluginhost.NotCreated, retryLater(r):
		return p.changeDelivery(d, func(tx core.App, d *core.Record) error {
			wait := max(r.RetryAfter, backoff(d.GetInt("attempts")))
			d.Set("state", deliveryPending)
			d.Set("next_at", in(wait))
			d.Set("error", clip(r.Message))
			return p.say(tx, d, fmt.Sprintf("%s did not take it: %s It is tried again.", tracker.GetString("name"), sentence(r.Message)), took)
		})
	case r.Outcome == pluginhost.Rejected:
		return p.changeDelivery(d, func(tx core.App, d *core.Record) error {
			d.Set("state", deliveryRejected)
			d.Set("error", clip(r.Message))
			return p.say(tx, d, fmt.Sprintf("%s refused it: %s Reopen the issue, mend it and approve it again.", tracker.GetString("name"), sentence(r.Message)), took)
		})
	}
	return p.unsure(d, r.Message)
}

// retryLater says whether a refusal can go away when somebody mends the
// tracker's configuration or its rights.
func retryLater(r pluginhost.CreateReply) bool {
	return r.Outcome == pluginhost.Rejected && (r.HTTPStatus == 401 || r.HTTPStatus == 403 || r.HTTPStatus == 404)
}

// space waits until a create may follow the last one.
func (f *filer) space(ctx context.Context, interval time.Duration) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if wait := interval - time.Since(f.last); wait > 0 {
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	f.last = time.Now()
	return nil
}
