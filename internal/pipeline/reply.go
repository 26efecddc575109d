package pipeline

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/types"
	"github.com/riverqueue/river"

	"github.com/iterateswarm/iterateswarm/internal/queue"
	"github.com/iterateswarm/iterateswarm/internal/records"
	"github.com/iterateswarm/iterateswarm/sdk"
)

// The states of a reply. The row is the queue of record, as with deliveries.
const (
	replyPending = "pending"
	replySending = "sending" // the intent is committed; it may be on its way
	replySent    = "sent"
	replyFailed  = "failed" // refused, given up, or nobody knows; a person can send it again
)

// ReplyKind is why somebody is told something.
type ReplyKind = sdk.ReplyKind

// annotate is the kind of reply that shows the verdict where the message is. It
// is no kind of the protocol: a source has a call of its own for it.
const annotate sdk.ReplyKind = "annotate"

// ReplyQueue is the queue of jobs that tell people something.
const ReplyQueue = "reply"

// replyAge is how long a reply is tried. Later nobody waits for it.
const replyAge = 24 * time.Hour

// ReplyArgs names the reply to send.
type ReplyArgs struct {
	ID string `json:"id"`
}

// Kind is River's name of the job.
func (ReplyArgs) Kind() string { return "reply" }

// InsertOpts makes one unfinished job a reply.
func (ReplyArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: ReplyQueue, UniqueOpts: queue.Unique}
}

type replyWorker struct {
	river.WorkerDefaults[ReplyArgs]
	p *Pipeline
}

// Work sends one reply. Working it twice sends nothing twice.
func (w *replyWorker) Work(ctx context.Context, job *river.Job[ReplyArgs]) error {
	err := w.p.sendReply(ctx, job.Args.ID)
	if errors.Is(err, sql.ErrNoRows) {
		return river.JobCancel(fmt.Errorf("reply %s is gone", job.Args.ID))
	}
	if err != nil {
		return fmt.Errorf("reply %s: %w", job.Args.ID, err)
	}
	return nil
}

// channel is where a message came from, when people can be told something there.
type channel struct {
	source   *core.Record
	manifest sdk.Manifest
	loop     records.Loop
}

// channelOf returns nil when the message's channel takes no replies.
func (p *Pipeline) channelOf(app core.App, r *core.Record) (*channel, error) {
	source, err := app.FindFirstRecordByData(records.Sources, "slug", r.GetString("source"))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil || source.GetString("project") != r.GetString("project") {
		return nil, err
	}
	m, _ := p.Plugins.Manifest(source.GetString("plugin"))
	loop, err := records.LoopOf(source)
	if err != nil || (!m.Can(sdk.CanReply) && !m.Can(sdk.CanAnnotate)) {
		return nil, err
	}
	return &channel{source: source, manifest: m, loop: loop}, nil
}

// says reports whether a kind of reply goes out by itself on the channel.
func (c *channel) says(kind sdk.ReplyKind, settings records.Settings) bool {
	need := sdk.CanReply
	if kind == annotate {
		need = sdk.CanAnnotate
	}
	return c != nil && c.source.GetBool("enabled") && c.manifest.Can(need) && c.loop.On(string(kind), settings.Loop)
}

// newReply is one reply to be stored.
type newReply struct {
	kind    sdk.ReplyKind
	about   string // the record that the reply is told of once: an issue, a message, or the reply's own id
	issue   string
	text    string
	author  string
	message *core.Record
	channel *channel
	wait    time.Duration
}

// reply stores a reply with its job, unless the reporter was told already.
func (p *Pipeline) reply(tx core.App, n newReply) (*core.Record, error) {
	key := p.Vault.DeliveryKey(n.about, n.message.GetString("reporter"), string(n.kind), 1)
	known, err := tx.FindFirstRecordByData(records.Replies, "key", key)
	if err == nil {
		return known, nil
	}
	if !errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("look for the reply: %w", err)
	}
	c, err := tx.FindCachedCollectionByNameOrId(records.Replies)
	if err != nil {
		return nil, err
	}
	r := core.NewRecord(c)
	for field, v := range map[string]any{
		"project": n.message.GetString("project"), "feedback": n.message.Id, "issue": n.issue, "source": n.channel.source.Id,
		"reporter": n.message.GetString("reporter"), "kind": string(n.kind), "text": n.text, "state": replyPending,
		"key": key, "author": n.author, "next_at": in(n.wait),
	} {
		r.Set(field, v)
	}
	if err := tx.Save(r); err != nil {
		return nil, fmt.Errorf("save reply: %w", err)
	}
	if n.wait > 0 {
		return r, nil // the sweep makes its job
	}
	return r, p.queue.Enqueue(context.Background(), tx, ReplyArgs{ID: r.Id}, jobOpts(ReplyQueue, n.message.GetString("request_id")))
}

// sendReply takes one reply a step further.
func (p *Pipeline) sendReply(ctx context.Context, id string) error {
	r, err := p.App.FindRecordById(records.Replies, id)
	if err != nil {
		return err
	}
	if next := r.GetDateTime("next_at"); r.GetString("state") != replyPending || time.Now().Before(next.Time()) {
		return nil
	}
	message, err := p.App.FindRecordById(records.Feedback, r.GetString("feedback"))
	if err != nil {
		return err
	}
	target, err := p.target(message)
	if err != nil {
		return err
	}
	proceed := false
	err = p.changeReply(r, func(r *core.Record) {
		if proceed = r.GetString("state") == replyPending; proceed {
			r.Set("state", replySending)
			r.Set("attempts", r.GetInt("attempts")+1)
		}
	})
	if err != nil || !proceed {
		return err
	}
	start := time.Now()
	answer := p.askChannel(ctx, r, message, target)
	p.Log.Info("reporter told", "feedback", message.Id, "kind", r.GetString("kind"), "source", r.GetString("source"),
		"outcome", answer.Outcome, "took", time.Since(start))
	return p.told(r, answer)
}

// askChannel hands a reply to its source, or to our own mail.
func (p *Pipeline) askChannel(ctx context.Context, r, message *core.Record, target sdk.Target) sdk.ReplyReply {
	if r.GetString("kind") == string(annotate) {
		return p.Plugins.Annotate(ctx, r.GetString("source"), sdk.AnnotateRequest{Key: r.GetString("key"), Target: target,
			Labels: suggested(message), Text: r.GetString("text"), PreviousID: r.GetString("external_id")})
	}
	answer := p.Plugins.Reply(ctx, r.GetString("source"), sdk.ReplyRequest{Key: r.GetString("key"),
		Kind: sdk.ReplyKind(r.GetString("kind")), Target: target, Text: r.GetString("text"), PreviousID: r.GetString("external_id")})
	if answer.Mail != nil {
		return p.mail(*answer.Mail)
	}
	return answer
}

// told writes down what became of a reply.
func (p *Pipeline) told(r *core.Record, answer sdk.ReplyReply) error {
	return p.changeReply(r, func(r *core.Record) {
		r.Set("error", clip(answer.Message))
		switch {
		case answer.Outcome == sdk.Created:
			r.Set("state", replySent)
			r.Set("external_id", answer.ID)
			r.Set("url", answer.URL)
			r.Set("sent_at", types.NowDateTime())
			r.Set("error", "")
		case answer.Outcome == sdk.NotCreated && time.Since(r.GetDateTime("created").Time()) < replyAge:
			r.Set("state", replyPending)
			r.Set("next_at", in(max(answer.RetryAfter, backoff(r.GetInt("attempts")))))
		case answer.Outcome == sdk.Unknown:
			r.Set("state", replyFailed)
			r.Set("error", clip("It may have arrived or not: "+sentence(answer.Message)+" Look there before you send it again."))
		default:
			r.Set("state", replyFailed)
		}
	})
}

// changeReply reads a reply again, changes and saves it, in one transaction.
func (p *Pipeline) changeReply(r *core.Record, change func(r *core.Record)) error {
	return p.App.RunInTransaction(func(tx core.App) error {
		fresh, err := tx.FindRecordById(records.Replies, r.Id)
		if err != nil {
			return err
		}
		change(fresh)
		if err := tx.Save(fresh); err != nil {
			return fmt.Errorf("save reply: %w", err)
		}
		return nil
	})
}

// target is a message as its source knows it.
func (p *Pipeline) target(r *core.Record) (sdk.Target, error) {
	t := sdk.Target{ExternalID: r.GetString("external_id"), ContextJSON: r.GetString("context"),
		Permalink: r.GetString("permalink"), Title: r.GetString("subject")}
	if id := r.GetString("reporter"); id != "" {
		reporter, err := p.App.FindRecordById(records.Reporters, id)
		if err != nil {
			return t, fmt.Errorf("read reporter: %w", err)
		}
		t.AuthorID, t.AuthorHandle = reporter.GetString("external_id"), reporter.GetString("handle")
	}
	return t, nil
}

// suggested are a message's class, severity and labels with how sure the engine is.
func suggested(r *core.Record) []sdk.SuggestedLabel {
	v, err := records.Verdict(r)
	if err != nil {
		return nil
	}
	var out []sdk.SuggestedLabel
	for _, l := range v.Labels {
		out = append(out, sdk.SuggestedLabel{Name: l, Confidence: r.GetFloat("confidence"), Rationale: r.GetString("reasoning")})
	}
	return out
}

// sweepReplies makes jobs for replies that are due, and says of those whose
// process died on the way that nobody knows.
func (p *Pipeline) sweepReplies(ctx context.Context) error {
	var due []string
	err := p.App.DB().NewQuery(`SELECT id FROM replies WHERE state = 'pending' AND next_at <= {:now} ORDER BY next_at LIMIT {:n}`).
		Bind(dbx.Params{"now": types.NowDateTime().String(), "n": sweepRows}).Column(&due)
	if err != nil {
		return fmt.Errorf("sweep replies: %w", err)
	}
	jobs := make([]river.InsertManyParams, len(due))
	for i, id := range due {
		jobs[i] = river.InsertManyParams{Args: ReplyArgs{ID: id}, InsertOpts: jobOpts(ReplyQueue, "")}
	}
	_, err = p.queue.EnqueueMany(ctx, jobs)
	return err
}

// recoverReplies settles replies that were on their way when a process died.
func (p *Pipeline) recoverReplies() error {
	sending, err := p.App.FindRecordsByFilter(records.Replies, "state = 'sending'", "", 0, 0)
	if err != nil {
		return fmt.Errorf("recover replies: %w", err)
	}
	for _, r := range sending {
		if err := p.told(r, sdk.ReplyReply{Message: "the server stopped while it was sent"}); err != nil {
			return fmt.Errorf("recover reply %s: %w", r.Id, err)
		}
	}
	return nil
}
