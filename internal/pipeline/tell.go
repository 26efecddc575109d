package pipeline

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"github.com/riverqueue/river"

	"github.com/iterateswarm/iterateswarm/internal/queue"
	"github.com/iterateswarm/iterateswarm/internal/records"
	"github.com/iterateswarm/iterateswarm/internal/triage"
	"github.com/iterateswarm/iterateswarm/sdk"
)

// The product's own times for Config.Grace and Config.Gather.
const (
	DefaultGrace  = 30 * time.Second
	DefaultGather = time.Minute
)

// tellRows is how many reporters are told in one transaction.
const tellRows = 200

// TellArgs names an issue and what its reporters are to be told.
type TellArgs struct {
	Issue string `json:"issue"`
	What  string `json:"what"`
}

// Kind is River's name of the job.
func (TellArgs) Kind() string { return "tell" }

// InsertOpts makes one unfinished job an issue and a kind.
func (TellArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: ReplyQueue, UniqueOpts: queue.Unique}
}

type tellWorker struct {
	river.WorkerDefaults[TellArgs]
	p *Pipeline
}

// Work makes a reply for every reporter of an issue who is to be told by
// itself. What was decided may have been undone since; then nobody is told.
func (w *tellWorker) Work(_ context.Context, job *river.Job[TellArgs]) error {
	kind := sdk.ReplyKind(job.Args.What)
	issue, err := w.p.App.FindRecordById(records.Issues, job.Args.Issue)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return river.JobCancel(err)
	case err != nil:
		return fmt.Errorf("tell reporters: %w", err)
	case !stillSo(issue, kind):
		return nil
	}
	settings, _, err := w.p.read(w.p.App, issue.GetString("project"))
	if err != nil {
		return err
	}
	text := words(settings, kind, issueValues(issue, w.p.reasonOf(issue)))
	_, err = w.p.tellAll(issue, kind, text, "", func(c *channel) bool { return c.says(kind, settings) })
	return err
}

// stillSo says whether an issue is still as the reporters would be told.
func stillSo(issue *core.Record, kind sdk.ReplyKind) bool {
	state := triage.IssueState(issue.GetString("state"))
	switch kind {
	case sdk.Filed:
		return state == triage.Filed || state == triage.Closed
	case sdk.Fixed:
		return state == triage.Closed && issue.GetString("closed_as") != "not_planned"
	case sdk.Declined:
		return state == triage.Declined || state == triage.Closed && issue.GetString("closed_as") == "not_planned"
	}
	return false
}

// tellLater enqueues the telling with the decision that it is about.
func (p *Pipeline) tellLater(tx core.App, issue *core.Record, kind sdk.ReplyKind, requestID string, wait time.Duration) error {
	opts := jobOpts(ReplyQueue, requestID)
	opts.ScheduledAt = time.Now().Add(wait)
	return p.queue.Enqueue(context.Background(), tx, TellArgs{Issue: issue.Id, What: string(kind)}, opts)
}

// reasonOf is what the person who decided gave as the reason.
func (p *Pipeline) reasonOf(issue *core.Record) string {
	var reason string
	err := p.App.DB().NewQuery(`SELECT reason FROM decisions WHERE subject_id = {:i} AND action IN ('decline', 'close') ORDER BY rowid DESC LIMIT 1`).
		Bind(dbx.Params{"i": issue.Id}).Row(&reason)
	if err != nil {
		return "" // decided without a word
	}
	return reason
}

// heard is the first message of one reporter of an issue.
type heard struct {
	Feedback string `db:"feedback"`
	Reporter string `db:"reporter"`
	Handle   string `db:"handle"`
	Source   string `db:"source"`
}

// reportersOf lists who reported an issue or one merged into it, each with
// their first message, after a reporter's id.
func reportersOf(app core.App, issue, after string, limit int) ([]heard, error) {
	var rows []heard
	err := app.DB().NewQuery(`SELECT f.reporter AS reporter, (SELECT g.id FROM feedback g WHERE g.reporter = f.reporter
			AND g.issue != '' AND g.issue IN (` + below + `) ORDER BY g.created LIMIT 1) AS feedback,
			max(r.handle) AS handle, max(f.source) AS source
		FROM feedback f JOIN reporters r ON r.id = f.reporter
		WHERE f.issue != '' AND f.issue IN (` + below + `) AND f.reporter > {:after}
		GROUP BY f.reporter ORDER BY f.reporter LIMIT {:n}`).
		Bind(dbx.Params{"root": issue, "after": after, "n": limit}).All(&rows)
	if err != nil {
		return nil, fmt.Errorf("list reporters: %w", err)
	}
	return rows, nil
}

// tellAll stores one reply for each reporter whose channel is wanted, and counts
// them. A reporter who was told the same of this issue is not told again.
func (p *Pipeline) tellAll(issue *core.Record, kind sdk.ReplyKind, text, author string, wanted func(*channel) bool) (int, error) {
	told, after := 0, ""
	for {
		rows, err := reportersOf(p.App, issue.Id, after, tellRows)
		if err != nil {
			return told, err
		}
		err = p.App.RunInTransaction(func(tx core.App) error {
			for _, row := range rows {
				message, err := tx.FindRecordById(records.Feedback, row.Feedback)
				if err != nil {
					return err
				}
				c, err := p.channelOf(tx, message)
				if err != nil {
					return err
				}
				if c == nil || !wanted(c) {
					continue
				}
				_, err = p.reply(tx, newReply{kind: kind, about: issue.Id, issue: issue.Id, text: text, author: author,
					message: message, channel: c})
				if err != nil {
					return err
				}
				told++
			}
			return nil
		})
		if err != nil || len(rows) < tellRows {
			return told, err
		}
		after = rows[len(rows)-1].Reporter
	}
}

// tellAuthor tells the author of one message what became of it, as far as the
// channel wants that.
func (p *Pipeline) tellAuthor(tx core.App, r *core.Record, action string) error {
	if action == "noise" || action == "quarantine" {
		return nil
	}
	c, err := p.channelOf(tx, r)
	if c == nil || err != nil {
		return err
	}
	settings, _, err := p.read(tx, r.GetString("project"))
	if err != nil {
		return err
	}
	values := messageValues(r)
	for _, kind := range []sdk.ReplyKind{sdk.Acknowledge, sdk.Ask, annotate} {
		asks := action == "draft" && r.GetString("class") == string(triage.Bug) && values["missing"] != ""
		if !c.says(kind, settings) || kind == sdk.Ask && !asks {
			continue
		}
		_, err := p.reply(tx, newReply{kind: kind, about: r.Id, issue: r.GetString("issue"), text: words(settings, kind, values), message: r, channel: c})
		if err != nil {
			return err
		}
	}
	return nil
}
