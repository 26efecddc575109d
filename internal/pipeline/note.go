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

	"github.com/iterateswarm/iterateswarm/internal/guard"
	"github.com/iterateswarm/iterateswarm/internal/queue"
	"github.com/iterateswarm/iterateswarm/internal/records"
	"github.com/iterateswarm/iterateswarm/internal/triage"
	"github.com/iterateswarm/iterateswarm/sdk"
)

// mostNotes is how often a comment is tried before it waits for the next report.
const mostNotes = 8

// NoteArgs names the comment to write.
type NoteArgs struct {
	ID string `json:"id"`
}

// Kind is River's name of the job.
func (NoteArgs) Kind() string { return "note" }

// InsertOpts makes one unfinished job a comment.
func (NoteArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{UniqueOpts: queue.Unique}
}

type noteWorker struct {
	river.WorkerDefaults[NoteArgs]
	p *Pipeline
}

// Work writes or edits the comment under one filed issue that says how many
// have reported it. The comment is edited, so doing it twice does no harm.
func (w *noteWorker) Work(ctx context.Context, job *river.Job[NoteArgs]) error {
	err := w.p.writeNote(ctx, job.Args.ID)
	if errors.Is(err, sql.ErrNoRows) {
		return river.JobCancel(fmt.Errorf("note %s is gone", job.Args.ID))
	}
	if err != nil {
		return fmt.Errorf("note %s: %w", job.Args.ID, err)
	}
	return nil
}

// wantNote notes that a filed issue has a reporter more than its tracker knows.
func (p *Pipeline) wantNote(tx core.App, issue *core.Record) error {
	if issue.GetString("state") != string(triage.Filed) || issue.GetString("tracker") == "" {
		return nil
	}
	note, err := tx.FindFirstRecordByData(records.Notes, "issue", issue.Id)
	if errors.Is(err, sql.ErrNoRows) {
		tracker, err := tx.FindRecordById(records.Trackers, issue.GetString("tracker"))
		if err != nil {
			return nil // the tracker was taken away
		}
		if m, _ := p.Plugins.Manifest(tracker.GetString("plugin")); !m.Can(sdk.CanComment) {
			return nil
		}
		c, err := tx.FindCachedCollectionByNameOrId(records.Notes)
		if err != nil {
			return err
		}
		note = core.NewRecord(c)
		note.Set("project", issue.GetString("project"))
		note.Set("issue", issue.Id)
		note.Set("tracker", tracker.Id)
	} else if err != nil {
		return fmt.Errorf("look for the note: %w", err)
	}
	note.Set("wanted", issue.GetInt("reporter_count"))
	note.Set("attempts", 0)
	if note.GetDateTime("next_at").IsZero() {
		note.Set("next_at", in(p.Gather))
	}
	if err := tx.Save(note); err != nil {
		return fmt.Errorf("save note: %w", err)
	}
	return nil
}

func (p *Pipeline) writeNote(ctx context.Context, id string) error {
	note, err := p.App.FindRecordById(records.Notes, id)
	if err != nil {
		return err
	}
	if next := note.GetDateTime("next_at"); next.IsZero() || time.Now().Before(next.Time()) {
		return nil
	}
	issue, err := p.App.FindRecordById(records.Issues, note.GetString("issue"))
	if err != nil {
		return err
	}
	tracker, err := p.App.FindRecordById(records.Trackers, note.GetString("tracker"))
	if err != nil {
		return err
	}
	f := p.filer(tracker.Id)
	if !tracker.GetBool("enabled") || f.breaker.State() == guard.Open {
		return nil // the sweep comes back
	}
	if err := f.space(ctx, p.interval(tracker)); err != nil {
		return nil // shutting down
	}
	issueRef, err := p.refOf(issue)
	if err != nil {
		return err
	}
	key := p.Vault.DeliveryKey(issue.Id, tracker.Id, "note", 1)
	people := issue.GetInt("reporter_count")
	reply := p.Plugins.Comment(ctx, tracker.Id, sdk.CommentRequest{
		Issue: issueRef, Key: key, PreviousID: note.GetString("comment_id"),
		Body: sdk.Marker(key) + "\n\n" + fmt.Sprintf("+1: %d people have reported this now, in %d messages. The last came on %s.\n",
			people, issue.GetInt("report_count"), issue.GetDateTime("last_seen").Time().UTC().Format("2006-01-02")),
	})
	return p.App.RunInTransaction(func(tx core.App) error {
		note, err := tx.FindRecordById(records.Notes, id)
		if err != nil {
			return err
		}
		note.Set("error", clip(reply.Message))
		switch {
		case reply.Outcome == sdk.Created:
			note.Set("error", "")
			note.Set("written", people)
			note.Set("attempts", 0)
			if reply.ID != "" {
				note.Set("comment_id", reply.ID)
			}
			note.Set("next_at", nil)
			if note.GetInt("wanted") > people {
				note.Set("next_at", in(p.Gather))
			}
		case reply.Outcome == sdk.Rejected || note.GetInt("attempts")+1 >= mostNotes:
			note.Set("next_at", nil)
		default:
			note.Set("attempts", note.GetInt("attempts")+1)
			note.Set("next_at", in(max(reply.RetryAfter, backoff(note.GetInt("attempts")))))
		}
		return tx.Save(note)
	})
}

// refOf names a filed issue as its tracker knows it.
func (p *Pipeline) refOf(issue *core.Record) (sdk.IssueRef, error) {
	d, err := p.App.FindFirstRecordByFilter(records.Deliveries, "issue = {:i} && state = 'done'", dbx.Params{"i": issue.Id})
	if err != nil {
		return sdk.IssueRef{}, fmt.Errorf("read delivery: %w", err)
	}
	return sdk.IssueRef{Key: d.GetString("key"), Number: number64(d.GetString("number")), Name: d.GetString("number"),
		NodeID: d.GetString("node_id"), URL: d.GetString("url")}, nil
}

// sweepNotes makes jobs for comments that are due.
func (p *Pipeline) sweepNotes(ctx context.Context) error {
	var due []struct {
		ID      string `db:"id"`
		Tracker string `db:"tracker"`
	}
	err := p.App.DB().NewQuery(`SELECT id, tracker FROM notes WHERE next_at != '' AND next_at <= {:now} ORDER BY next_at LIMIT {:n}`).
		Bind(dbx.Params{"now": types.NowDateTime().String(), "n": sweepRows}).All(&due)
	if err != nil {
		return fmt.Errorf("sweep notes: %w", err)
	}
	jobs := make([]river.InsertManyParams, len(due))
	for i, n := range due {
		jobs[i] = river.InsertManyParams{Args: NoteArgs{ID: n.ID}, InsertOpts: jobOpts(fileQueue(n.Tracker), "")}
	}
	_, err = p.queue.EnqueueMany(ctx, jobs)
	return err
}
