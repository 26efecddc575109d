package pipeline

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/types"
	"github.com/riverqueue/river"

	"github.com/iterateswarm/iterateswarm/internal/guard"
	"github.com/iterateswarm/iterateswarm/internal/pluginhost"
	"github.com/iterateswarm/iterateswarm/internal/queue"
	"github.com/iterateswarm/iterateswarm/internal/records"
	"github.com/iterateswarm/iterateswarm/internal/triage"
)

// The numbers of the delivery protocol. docs/decisions/0003-exactly-once-filing.md
// says where they come from.
const (
	CreateTimeout = 25 * time.Second // the plugin's own limit is 15 s
	FindTimeout   = 60 * time.Second
	MissesNeeded  = 2              // look-ups without a hit before a create is sent again
	MostRounds    = 2              // creates sent again before a person is asked
	MostAge       = 24 * time.Hour // after which a person is asked
	findSlack     = 5 * time.Minute
	firstBackoff  = 5 * time.Second
	mostBackoff   = 10 * time.Minute
)

// The states of a delivery.
const (
	deliveryPending    = "pending"     // not sent, or surely not created
	deliverySending    = "sending"     // the intent is committed; the create may be on its way
	deliveryUnknown    = "unknown"     // may or may not exist: look before anything is sent
	deliveryDone       = "done"        // the tracker confirmed it
	deliveryRejected   = "rejected"    // the tracker will never take it as it is
	deliveryNeedsHuman = "needs_human" // looked and sent in vain
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
	if err != nil {
		return river.JobCancel(fmt.Errorf("delivery %s is gone: %w", job.Args.ID, err))
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

// deliver makes sure that an approved issue has a delivery and a job, or says
// on the issue what it waits for.
func (p *Pipeline) deliver(tx core.App, issue *core.Record, requestID string) error {
	trackers, err := tx.FindRecordsByFilter(records.Trackers, "project = {:p} && enabled = true", "created", 1, 0,
		dbx.Params{"p": issue.GetString("project")})
	if err != nil {
		return fmt.Errorf("find tracker: %w", err)
	}
	if len(trackers) == 0 {
		issue.Set("filing", "No tracker is configured and enabled. The issue files itself as soon as one is.")
		return nil
	}
	tracker := trackers[0]
	c, err := tx.FindCachedCollectionByNameOrId(records.Deliveries)
	if err != nil {
		return err
	}
	d := core.NewRecord(c)
	d.Set("project", issue.GetString("project"))
	d.Set("issue", issue.Id)
	d.Set("tracker", tracker.Id)
	d.Set("action", "create")
	d.Set("generation", 1)
	d.Set("key", p.Vault.DeliveryKey(issue.Id, tracker.Id, "create", 1))
	d.Set("state", deliveryPending)
	d.Set("next_at", types.NowDateTime())
	d.Set("request_id", requestID)
	if p.restoredAfter(tx, issue) {
		// The backup may be older than the filing: look first.
		d.Set("state", deliveryUnknown)
		d.Set("intent_at", issue.GetDateTime("created"))
	}
	if err := tx.Save(d); err != nil {
		return fmt.Errorf("save delivery: %w", err)
	}
	issue.Set("tracker", tracker.Id)
	issue.Set("filing", fmt.Sprintf("Waiting to be filed in %s.", tracker.GetString("name")))
	return p.queue.Enqueue(context.Background(), tx, FileArgs{ID: d.Id}, jobOpts(fileQueue(tracker.Id), requestID))
}

// withdraw takes back a delivery that was never sent. Once the tracker may have
// seen it, it is too late.
func (p *Pipeline) withdraw(tx core.App, issue *core.Record) error {
	list, err := tx.FindRecordsByFilter(records.Deliveries, "issue = {:i} && state != 'done'", "", 0, 0, dbx.Params{"i": issue.Id})
	if err != nil {
		return fmt.Errorf("find deliveries: %w", err)
	}
	for _, d := range list {
		state := d.GetString("state")
		if state != deliveryRejected && (state != deliveryPending || d.GetInt("rounds") > 0) {
			return Fault(AlreadySent, "Issue %d is on its way to the tracker, or may be there already.", issue.GetInt("number"))
		}
		if err := tx.Delete(d); err != nil {
			return fmt.Errorf("withdraw delivery: %w", err)
		}
	}
	issue.Set("filing", "")
	return nil
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
	if f.breaker.State() == guard.Open || !tracker.GetBool("enabled") {
		return nil // the sweep comes back when it may be asked again
	}
	if err := f.space(ctx, p.interval(tracker)); err != nil {
		return nil // shutting down; nothing was sent
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
		d.Set("next_at", in(CreateTimeout+time.Minute))
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
		ctx, cancel := context.WithTimeout(ctx, CreateTimeout)
		defer cancel()
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
		return guard.Ignore(fmt.Errorf("tracker: %s", r.Message))
	}
	return fmt.Errorf("tracker: %s", r.Message)
}

// answered writes down what the tracker said.
func (p *Pipeline) answered(d, tracker *core.Record, r pluginhost.CreateReply, took time.Duration) error {
	switch {
	case r.Outcome == pluginhost.Created:
		return p.filed(d, strconv.FormatInt(r.Number, 10), r.NodeID, r.URL, "file", took)
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

// unsure notes that nobody knows whether the create arrived. A look is due when
// the tracker's list has had time to settle.
func (p *Pipeline) unsure(d *core.Record, why string) error {
	tracker, err := p.App.FindRecordById(records.Trackers, d.GetString("tracker"))
	if err != nil {
		return err
	}
	return p.changeDelivery(d, func(tx core.App, d *core.Record) error {
		m, _ := p.Plugins.Manifest(tracker.GetString("plugin"))
		switch {
		case p.BlindPost, m.IdempotentCreate:
			d.Set("state", deliveryPending) // the same key twice is one issue, or the control run wants the harm
			d.Set("next_at", in(backoff(d.GetInt("attempts"))))
		default:
			d.Set("state", deliveryUnknown)
			d.Set("negatives", 0)
			d.Set("next_at", types.NowDateTime().Add(p.settleTime(tracker)-time.Since(d.GetDateTime("intent_at").Time())))
		}
		d.Set("error", clip(why))
		return p.say(tx, d, fmt.Sprintf("%s may have it or not: %s It is looked up before anything is sent again.", tracker.GetString("name"), sentence(why)), 0)
	})
}

// resolve looks the key up in the tracker. A hit is final. One miss proves
// nothing; two misses, a settle time apart, allow one more create.
func (p *Pipeline) resolve(ctx context.Context, d *core.Record) error {
	tracker, err := p.App.FindRecordById(records.Trackers, d.GetString("tracker"))
	if err != nil {
		return err
	}
	f := p.filer(tracker.Id)
	if f.breaker.State() == guard.Open {
		return nil // the sweep comes back when it may be asked again
	}
	start := time.Now()
	var found []pluginhost.Found
	err = f.breaker.Do(ctx, func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, FindTimeout)
		defer cancel()
		var err error
		found, err = p.Plugins.Find(ctx, tracker.Id, pluginhost.FindRequest{Key: d.GetString("key"),
			Since: d.GetDateTime("intent_at").Time().Add(-findSlack)})
		return err
	})
	took := time.Since(start)
	for _, f := range found {
		if f.Key == d.GetString("key") {
			return p.filed(d, strconv.FormatInt(f.Number, 10), f.NodeID, f.URL, "find", took)
		}
	}
	old := time.Since(d.GetDateTime("intent_at").Time()) > MostAge && !p.restoredAfter(p.App, d)
	return p.changeDelivery(d, func(tx core.App, d *core.Record) error {
		d.Set("checked_at", types.NowDateTime())
		switch {
		case err != nil && !old:
			d.Set("next_at", in(max(backoff(d.GetInt("attempts")), guard.RetryAfter(err))))
			d.Set("error", clip(err.Error()))
			return p.say(tx, d, fmt.Sprintf("%s cannot be looked through: %s", tracker.GetString("name"), sentence(err.Error())), took)
		case err == nil && d.GetInt("negatives")+1 < MissesNeeded:
			d.Set("negatives", d.GetInt("negatives")+1)
			d.Set("next_at", in(p.settleTime(tracker)))
			return nil
		case err != nil || old || d.GetInt("rounds") >= MostRounds:
			d.Set("state", deliveryNeedsHuman)
			return p.say(tx, d, fmt.Sprintf("Look in %s whether the issue is there, then confirm or retry the delivery.", tracker.GetString("name")), took)
		}
		d.Set("state", deliveryPending)
		d.Set("rounds", d.GetInt("rounds")+1)
		d.Set("negatives", 0)
		d.Set("next_at", types.NowDateTime())
		return nil
	})
}

// filed notes that the tracker has the issue. Nothing that can fail and be
// tried again stands between the answer and this.
func (p *Pipeline) filed(d *core.Record, number, nodeID, url, how string, took time.Duration) error {
	return p.changeDelivery(d, func(tx core.App, d *core.Record) error {
		d.Set("state", deliveryDone)
		d.Set("number", number)
		d.Set("node_id", nodeID)
		d.Set("url", url)
		d.Set("error", "")
		issue, err := tx.FindRecordById(records.Issues, d.GetString("issue"))
		if err != nil {
			return err
		}
		to, err := triage.Next(triage.IssueState(issue.GetString("state")), triage.ActFile)
		if err != nil {
			return err
		}
		before := snapshot(issue)
		issue.Set("state", string(to))
		issue.Set("tracker_key", number)
		issue.Set("tracker_url", url)
		issue.Set("filing", "")
		if _, err := p.decided(tx, issue, string(triage.ActFile), before, Act{RequestID: d.GetString("request_id")}, ""); err != nil {
			return err
		}
		return p.step(tx, d, how, "", took)
	})
}

// changeDelivery reads a delivery again, changes and saves it, in one transaction.
func (p *Pipeline) changeDelivery(d *core.Record, change func(tx core.App, d *core.Record) error) error {
	return p.App.RunInTransaction(func(tx core.App) error {
		fresh, err := tx.FindRecordById(records.Deliveries, d.Id)
		if err != nil {
			return err
		}
		if err := change(tx, fresh); err != nil {
			return err
		}
		if err := tx.Save(fresh); err != nil {
			return fmt.Errorf("save delivery: %w", err)
		}
		return nil
	})
}

// say writes on the issue where its filing stands, and a step into its trace.
func (p *Pipeline) say(tx core.App, d *core.Record, text string, took time.Duration) error {
	issue, err := tx.FindRecordById(records.Issues, d.GetString("issue"))
	if err != nil {
		return err
	}
	issue.Set("filing", clip(text))
	if err := tx.Save(issue); err != nil {
		return fmt.Errorf("save issue: %w", err)
	}
	return p.step(tx, d, "file", d.GetString("error"), took)
}

func (p *Pipeline) step(tx core.App, d *core.Record, name, errText string, took time.Duration) error {
	return records.AppendStep(tx, records.Step{Project: d.GetString("project"), SubjectID: d.GetString("issue"), Name: name,
		Took: took, Attempt: d.GetInt("attempts"), Error: errText, RequestID: d.GetString("request_id")})
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

func (p *Pipeline) interval(tracker *core.Record) time.Duration {
	if ms := tracker.GetInt("interval"); ms > 0 {
		return time.Duration(ms) * time.Millisecond
	}
	m, _ := p.Plugins.Manifest(tracker.GetString("plugin"))
	return m.MinCreateInterval
}

func (p *Pipeline) settleTime(tracker *core.Record) time.Duration {
	if s := tracker.GetFloat("settle"); s > 0 {
		return time.Duration(s * float64(time.Second))
	}
	m, _ := p.Plugins.Manifest(tracker.GetString("plugin"))
	return m.Settle
}

// backoff is the wait after the n-th attempt: 5 s, doubled each time, at most 10 min.
func backoff(n int) time.Duration {
	wait := firstBackoff
	for ; n > 1 && wait < mostBackoff; n-- {
		wait *= 2
	}
	return min(wait, mostBackoff)
}

func in(d time.Duration) types.DateTime { return types.NowDateTime().Add(d) }

func hashOf(parts ...string) string {
	h := sha256.New()
	for _, s := range parts {
		fmt.Fprintf(h, "%d:%s", len(s), s)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// clip keeps an outside text short enough for its column.
func clip(s string) string {
	if r := []rune(s); len(r) > 1000 {
		return string(r[:999]) + "…"
	}
	return s
}

// sentence ends a text with a full stop.
func sentence(s string) string {
	s = clip(s)
	if s == "" {
		return ""
	}
	if last := s[len(s)-1]; last != '.' && last != '!' && last != '?' {
		s += "."
	}
	return s
}
