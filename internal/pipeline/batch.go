package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"github.com/riverqueue/river"

	"github.com/iterateswarm/iterateswarm/internal/queue"
	"github.com/iterateswarm/iterateswarm/internal/records"
	"github.com/iterateswarm/iterateswarm/internal/triage"
)

// BatchQueue works batches, one at a time: each is hundreds of transactions.
const BatchQueue = "batch"

// BatchAtOnce is how many items a request works itself. More go into a run.
const BatchAtOnce = 20

// BatchMost is how many items one batch may name.
const BatchMost = 5000

// batchSave is after how many items a run says how far it is.
const batchSave = 10

// Batch is one act on many issues or many messages. Each item stands alone.
type Batch struct {
	Of       string          `json:"of"` // records.Issues or records.Feedback
	Action   string          `json:"action"`
	Items    []BatchItem     `json:"items"`
	Reason   string          `json:"reason,omitempty"`
	Until    time.Time       `json:"until,omitzero"`
	Into     string          `json:"into,omitempty"`
	Add      []string        `json:"add,omitempty"`    // labels or assignees to add
	Remove   []string        `json:"remove,omitempty"` // likewise
	Class    triage.Class    `json:"class,omitempty"`
	Severity triage.Severity `json:"severity,omitempty"`
	Issue    string          `json:"issue,omitempty"`
	Engine   string          `json:"engine,omitempty"`
}

// BatchItem names one thing, and the version of it that was seen.
type BatchItem struct {
	ID      string `json:"id"`
	Version *int   `json:"version,omitempty"`
}

// Done is what came of one item.
type Done struct {
	ID       string
	Record   *core.Record
	Decision string
	Problem  *Problem
}

// BatchArgs names the run to work. Args hold ids only.
type BatchArgs struct {
	ID string `json:"id"`
}

// Kind is River's name of the job.
func (BatchArgs) Kind() string { return "batch" }

// InsertOpts makes one unfinished job a run.
func (BatchArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: BatchQueue, UniqueOpts: queue.Unique}
}

type batchWorker struct {
	river.WorkerDefaults[BatchArgs]
	p *Pipeline
}

// Timeout lets a large batch end.
func (w *batchWorker) Timeout(*river.Job[BatchArgs]) time.Duration { return time.Hour }

// Work goes on with a run where it stopped.
func (w *batchWorker) Work(ctx context.Context, job *river.Job[BatchArgs]) error {
	err := w.p.workRun(ctx, job.Args.ID, requestIDOf(job.Metadata))
	if isGone(err) {
		return river.JobCancel(err)
	}
	return err
}

// StartRun stores a batch as a run and queues it, in one transaction.
func (p *Pipeline) StartRun(project string, b Batch, by *core.Record, requestID string) (*core.Record, error) {
	if err := p.May(p.App, by, project, triage.Triager, NoProject); err != nil {
		return nil, err
	}
	c, err := p.App.FindCachedCollectionByNameOrId(records.Runs)
	if err != nil {
		return nil, err
	}
	run := core.NewRecord(c)
	run.Set("project", project)
	run.Set("kind", b.Of)
	run.Set("state", "running")
	run.Set("total", len(b.Items))
	run.Set("detail", b.Action)
	run.Set("actor", by.Collection().Name+"/"+by.Id)
	run.Set("input", b)
	err = p.App.RunInTransaction(func(tx core.App) error {
		if err := tx.Save(run); err != nil {
			return fmt.Errorf("save run: %w", err)
		}
		return p.queue.Enqueue(context.Background(), tx, BatchArgs{ID: run.Id}, jobOpts(BatchQueue, requestID))
	})
	return run, err
}

// CancelRun stops a run before its next item.
func (p *Pipeline) CancelRun(id string, by *core.Record) (*core.Record, error) {
	run, err := p.App.FindRecordById(records.Runs, id)
	if err != nil {
		return nil, Fault(NoRun, "There is no run %q.", id)
	}
	if err := p.May(p.App, by, run.GetString("project"), triage.Triager, NoRun); err != nil {
		return nil, err
	}
	if run.GetString("state") != "running" {
		return nil, Fault(IllegalMove, "The run is %s.", run.GetString("state"))
	}
	run.Set("state", "cancelled")
	return run, p.App.Save(run)
}

// failure is one item that was refused, as a run keeps it.
type failure struct {
	ID      string `json:"id"`
	Code    int    `json:"code"`
	Message string `json:"message"`
}

// outcome is what a run keeps of its work.
type outcome struct {
	OK        int       `json:"ok"`
	Failed    []failure `json:"failed"`
	Decisions []string  `json:"decisions"`
}

func (p *Pipeline) workRun(ctx context.Context, id, requestID string) error {
	run, err := p.App.FindRecordById(records.Runs, id)
	if err != nil || run.GetString("state") != "running" {
		return err
	}
	var b Batch
	if err := run.UnmarshalJSONField("input", &b); err != nil {
		return fmt.Errorf("run %s: %w", id, err)
	}
	out := outcome{Failed: []failure{}, Decisions: []string{}}
	_ = run.UnmarshalJSONField("result", &out) // a run that starts has none
	by, err := p.actorOf(run.GetString("actor"))
	if err != nil {
		run.Set("state", "failed")
		run.Set("detail", "Who started it is gone.")
		return p.App.Save(run)
	}
	for n := run.GetInt("done"); n < len(b.Items); n++ {
		if ctx.Err() != nil {
			return ctx.Err() // the next start goes on
		}
		done := p.One(b, b.Items[n], by, requestID)
		if done.Problem != nil {
			out.Failed = append(out.Failed, failure{ID: done.ID, Code: done.Problem.Code, Message: done.Problem.Message})
		} else {
			out.OK++
			if done.Decision != "" {
				out.Decisions = append(out.Decisions, done.Decision)
			}
		}
		if (n+1)%batchSave != 0 && n+1 < len(b.Items) {
			continue
		}
		fresh, err := p.App.FindRecordById(records.Runs, id)
		if err != nil {
			return err
		}
		fresh.Set("done", n+1)
		fresh.Set("result", out)
		if n+1 == len(b.Items) && fresh.GetString("state") == "running" {
			fresh.Set("state", "done")
		}
		if err := p.App.Save(fresh); err != nil {
			return fmt.Errorf("save run: %w", err)
		}
		if fresh.GetString("state") == "cancelled" {
			return nil
		}
	}
	return nil
}

func (p *Pipeline) actorOf(actor string) (*core.Record, error) {
	for _, collection := range []string{records.Users, core.CollectionNameSuperusers} {
		if id, ok := strings.CutPrefix(actor, collection+"/"); ok {
			return p.App.FindRecordById(collection, id)
		}
	}
	return nil, errGone
}

// CheckBatch refuses what no item could fulfil.
func CheckBatch(b Batch) error {
	if n := len(b.Items); n == 0 || n > BatchMost {
		return Fault(BadValue, "Name 1 to %d items, in ids or, with the versions you saw, in items.", BatchMost).At("ids")
	}
	known := []string{"approve", "decline", "snooze", "reopen", "close", "merge", "unmerge", "label", "assign"}
	if b.Of == records.Feedback {
		known = []string{"correct", "noise", "retriage", "join"}
	}
	if !slices.Contains(known, b.Action) {
		return Fault(BadValue, "action is one of %s.", sentenceList(known)).At("action")
	}
	if (b.Action == "label" || b.Action == "assign") && len(b.Add)+len(b.Remove) == 0 {
		return Fault(BadValue, "Say what to add or to remove.").At("add")
	}
	return nil
}

// One does a batch's act on one item.
func (p *Pipeline) One(b Batch, it BatchItem, by *core.Record, requestID string) Done {
	out := Done{ID: it.ID}
	var err error
	a := Act{By: by, Version: it.Version, Reason: b.Reason, RequestID: requestID, Until: b.Until, Into: b.Into}
	issue := map[string]func(string, Act) (Outcome, error){
		"approve": p.Approve, "decline": p.Decline, "snooze": p.Snooze, "reopen": p.Reopen, "close": p.Close,
		"merge": p.Merge, "unmerge": p.Unmerge,
		"label":  func(id string, a Act) (Outcome, error) { return p.editList(id, "labels", b, a) },
		"assign": func(id string, a Act) (Outcome, error) { return p.editList(id, "assignees", b, a) },
	}
	switch {
	case b.Of == records.Issues:
		var o Outcome
		o, err = issue[b.Action](it.ID, a)
		out.Record, out.Decision = o.Issue, o.Decision
	case b.Action == "noise":
		out.Record, err = p.Correct(it.ID, Correction{By: by, Class: triage.Noise, Reason: b.Reason, RequestID: requestID})
	case b.Action == "correct":
		out.Record, err = p.Correct(it.ID, Correction{By: by, Class: b.Class, Severity: b.Severity, Reason: b.Reason, RequestID: requestID})
	case b.Action == "join":
		out.Record, err = p.Join(it.ID, b.Issue, by, b.Reason, requestID)
	case b.Action == "retriage":
		out.Record, err = p.Retriage(it.ID, b.Engine, by, requestID)
	}
	if err != nil {
		var known bool
		if out.Problem, known = AsProblem(err); !known {
			p.Log.Error("batch", "action", b.Action, "id", it.ID, "request_id", requestID, "err", err)
			out.Problem = Fault(Broken, "Something broke on our side. The log has it under request id %s.", requestID)
		}
	}
	return out
}

// editList adds to and removes from a list of an issue, as it is now.
func (p *Pipeline) editList(id, field string, b Batch, a Act) (Outcome, error) {
	issue, err := p.App.FindRecordById(records.Issues, id)
	if err != nil {
		return Outcome{}, Fault(NoIssue, "There is no issue %q.", id)
	}
	if a.Version == nil {
		version := issue.GetInt("version")
		a.Version = &version
	}
	var now []any
	for _, v := range append(records.Strings(issue, field), b.Add...) {
		if !slices.Contains(b.Remove, v) && !slices.Contains(now, any(v)) {
			now = append(now, v)
		}
	}
	if now == nil {
		now = []any{}
	}
	a.Edit = map[string]any{field: now}
	return p.Edit(id, a)
}

// ProjectOf is the project that all items of a batch belong to.
func (p *Pipeline) ProjectOf(b Batch) (string, error) {
	seen := map[string]bool{}
	for at := 0; at < len(b.Items); at += 500 {
		var ids []any
		for _, it := range b.Items[at:min(at+500, len(b.Items))] {
			ids = append(ids, it.ID)
		}
		var projects []string
		if err := p.App.DB().Select("project").Distinct(true).From(b.Of).Where(dbx.In("id", ids...)).Column(&projects); err != nil {
			return "", err
		}
		for _, id := range projects {
			seen[id] = true
		}
	}
	if len(seen) != 1 {
		return "", Fault(BadValue, "A batch of more than %d items is about one project, and about things that exist.", BatchAtOnce).At("ids")
	}
	for id := range seen {
		return id, nil
	}
	return "", errors.New("no project")
}

func sentenceList(words []string) string {
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " and " + words[last]
}
