package pipeline

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/types"

	"github.com/iterateswarm/iterateswarm/internal/records"
	"github.com/iterateswarm/iterateswarm/internal/triage"
	"github.com/iterateswarm/iterateswarm/internal/vector"
)

// rest moves a message to a state in which it makes no issue.
func (p *Pipeline) rest(r *core.Record, to triage.FeedbackState, held, action, reason string, start time.Time, attempt int) error {
	defer p.counts.changed()
	return p.App.RunInTransaction(func(tx core.App) error {
		r, err := p.stillReceived(tx, r.Id)
		if r == nil {
			return err
		}
		r.Set("state", string(to))
		r.Set("held_reason", held)
		return p.settled(tx, r, action, records.ByRule, reason, nil, start, attempt)
	})
}

// stillReceived reads a message again inside the transaction; nil means that
// somebody else has moved it.
func (p *Pipeline) stillReceived(tx core.App, id string) (*core.Record, error) {
	r, err := tx.FindRecordById(records.Feedback, id)
	if err != nil || r.GetString("state") != string(triage.Received) {
		return nil, err
	}
	return r, nil
}

// settled saves a message that left the state received, with its decision and step.
func (p *Pipeline) settled(tx core.App, r *core.Record, action, kind, reason string, after any, start time.Time, attempt int) error {
	r.Set("took_ms", float64(time.Since(r.GetDateTime("created").Time()).Microseconds())/1000)
	if err := tx.Save(r); err != nil {
		return fmt.Errorf("save feedback: %w", err)
	}
	if err := p.tellAuthor(tx, r, action); err != nil {
		return err
	}
	if after == nil {
		after = map[string]any{"state": r.GetString("state")}
	}
	_, err := records.Append(tx, records.Decision{
		Project: r.GetString("project"), Subject: records.Feedback, SubjectID: r.Id, Action: action,
		ActorKind: kind, Actor: "pipeline", Before: map[string]any{"state": string(triage.Received)}, After: after,
		Reason: reason, RequestID: r.GetString("request_id"),
	})
	if err != nil {
		return err
	}
	return records.AppendStep(tx, records.Step{Project: r.GetString("project"), SubjectID: r.Id, Name: action,
		Took: time.Since(start), Attempt: attempt, RequestID: r.GetString("request_id")})
}

// candidate is a similar issue that a message did not join, for a person to see.
type candidate struct {
	Issue    string   `json:"issue"`
	Number   int      `json:"number"`
	Title    string   `json:"title"`
	State    string   `json:"state"`
	Feedback string   `json:"feedback"` // the report that is alike
	Score    float64  `json:"score"`
	Shared   []string `json:"shared"`
}

// joinOrDraft links a bug or feature to the issue it is another report of, or
// drafts a new issue. The project's lock must be held.
func (p *Pipeline) joinOrDraft(ctx context.Context, settings records.Settings, r *core.Record, start time.Time, attempt int) error {
	defer p.counts.changed()

	found, err := p.search(settings, r)
	if err == nil {
		err = p.heed(settings, r, &found)
	}
	if err != nil {
		return err
	}
	restrain(settings, &found)
	var issueID string
	err = p.App.RunInTransaction(func(tx core.App) error {
		issueID = ""
		r, err := p.stillReceived(tx, r.Id)
		if r == nil {
			return err
		}
		r.Set("candidates", found.candidates)
		action, reason := "draft", found.whyNot
		var issue *core.Record
		switch {
		case found.target != nil:
			action, reason = "join", found.why
			if issue, err = tx.FindRecordById(records.Issues, found.target.ID); err != nil {
				return err
			}
			r.Set("relation", "report")
			r.Set("similarity", found.score)
			if err := p.countReport(tx, issue, r); err != nil {
				return err
			}
		case found.closed != nil:
			action = "regression"
			reason = fmt.Sprintf("Like issue %d, which is closed. %s", found.closed.Number, found.why)
			if issue, err = p.draft(tx, r, found.closed.ID); err != nil {
				return err
			}
			r.Set("relation", "regression")
			r.Set("similarity", found.score)
		default:
			if issue, err = p.draft(tx, r, ""); err != nil {
				return err
			}
			r.Set("relation", "report")
		}
		issueID = issue.Id
		r.Set("state", string(triage.Joined))
		r.Set("issue", issue.Id)
		after := map[string]any{"state": string(triage.Joined), "issue": issue.Id, "similarity": found.score}
		if err := p.settled(tx, r, action, records.ByRule, reason, after, start, attempt); err != nil {
			return err
		}
		if action == "draft" {
			if err := p.approveByRule(tx, settings, issue, r); err != nil {
				return err
			}
		}
		return putDocs(ctx, tx, r)
	})
	if err == nil && issueID != "" {
		r.Set("issue", issueID)
		p.reindex([]*core.Record{r})
	}
	return err
}

// found is what the index knows about a message.
type found struct {
	target     *peer // the open issue it joins
	closed     *peer // the closed issue it is a regression of, when it joins no open one
	score      float64
	why        string
	whyNot     string
	candidates []candidate
}

// search asks the index and decides. Nothing that a person set apart is offered.
func (p *Pipeline) search(settings records.Settings, r *core.Record) (found, error) {
	apart, err := p.apartFrom(r.Id)
	if err != nil {
		return found{}, err
	}
	own := r.GetString("issue") // empty, but for a message that is thought over again
	q := vector.Query{Project: r.GetString("project"), Title: r.GetString("subject"), Text: r.GetString("content"), K: 20,
		Skip: func(id, group string) bool {
			id = messageOf(id)
			return id == r.Id || group == "" || group == own || apart[id] || apart[group]
		}}
	if _, _, ok := p.embeds(); ok {
		q.K = meaningHits
	}
	hits := p.Index.Search(q)
	translated := p.searchTranslation(q, r)
	issues, err := p.roots(append(slices.Clip(hits), translated...))
	if err != nil {
		return found{}, err
	}
	var open, closed []vector.Hit
	for _, h := range hits {
		issue := issues[h.Group]
		switch {
		case issue == nil || apart[issue.ID] || issue.ID == own:
		case issue.State == string(triage.Closed):
			closed = append(closed, h)
		default:
			open = append(open, h)
		}
	}
	t := vector.DefaultThresholds
	if p.JoinAbove > 0 {
		t.Join = p.JoinAbove
	}
	if settings.JoinAbove > 0 {
		t.Join = settings.JoinAbove
	}
	var out found
	d := vector.Decide(q, open, t)
	dc := vector.Decide(q, closed, t)
	switch {
	case d.Join:
		out.target, out.score, out.why = issues[d.Hit.Group], d.Hit.Score, d.Why
	case dc.Join:
		out.closed, out.score, out.why = issues[dc.Hit.Group], dc.Hit.Score, dc.Why
	default:
		if out.whyNot = d.WhyNot; out.whyNot == "" {
			out.whyNot = "No stored message is like it."
		}
	}
	seen := map[string]bool{}
	suggestions := append(d.Suggestions, dc.Suggestions...)
	if near, ok, err := p.byMeaning(r.Id, hits); err != nil {
		return found{}, err
	} else if ok {
		suggestions = vector.Decide(q, near, vector.Thresholds{Join: 1, Suggest: meaningFloor, Most: t.Most}).Suggestions
	}
	for _, h := range translated { // suggested only: a translation is not the reporter's words
		if h.Score >= t.Suggest && len(suggestions) < t.Most {
			suggestions = append(suggestions, h)
		}
	}
	for _, h := range suggestions {
		issue := issues[h.Group]
		if issue == nil || seen[issue.ID] || issue == out.target || apart[issue.ID] || issue.ID == own {
			continue
		}
		seen[issue.ID] = true
		out.candidates = append(out.candidates, candidate{Issue: issue.ID, Number: issue.Number,
			Title: issue.Title, State: issue.State, Feedback: messageOf(h.ID), Score: h.Score, Shared: h.Shared})
	}
	return out, nil
}

// apartFrom lists the records that a message was set apart from, and the issues
// that those were merged into.
func (p *Pipeline) apartFrom(id string) (map[string]bool, error) {
	apart, err := records.SeparatedFrom(p.App, id)
	if err != nil || len(apart) == 0 {
		return apart, err
	}
	groups := make([]vector.Hit, 0, len(apart))
	for other := range apart {
		groups = append(groups, vector.Hit{Group: other})
	}
	roots, err := p.roots(groups)
	if err != nil {
		return nil, err
	}
	for _, root := range roots {
		apart[root.ID] = true
	}
	return apart, nil
}

// peer is what joining needs to know of an issue.
type peer struct {
	ID     string `db:"id"`
	Number int    `db:"number"`
	Title  string `db:"title"`
	State  string `db:"state"`
	Into   string `db:"merged_into"`
}

// roots maps each hit's group to the issue it leads to, following merges. A
// group that leads nowhere is not in the map.
func (p *Pipeline) roots(hits []vector.Hit) (map[string]*peer, error) {
	read := map[string]*peer{}
	var want []any
	for _, h := range hits {
		if _, ok := read[h.Group]; !ok {
			read[h.Group] = nil
			want = append(want, h.Group)
		}
	}
	groups := want
	for len(want) > 0 {
		var list []*peer
		err := p.App.DB().Select("id", "number", "title", "state", "merged_into").From(records.Issues).
			Where(dbx.In("id", want...)).All(&list)
		if err != nil {
			return nil, fmt.Errorf("read candidates: %w", err)
		}
		want = nil
		for _, issue := range list {
			read[issue.ID] = issue
			if _, ok := read[issue.Into]; !ok && issue.Into != "" {
				read[issue.Into] = nil
				want = append(want, issue.Into)
			}
		}
	}
	out := map[string]*peer{}
	for _, g := range groups {
		root := read[g.(string)]
		for i := 0; i < 100 && root != nil && root.Into != ""; i++ { // merging refuses circles; the bound is for data written by hand
			root = read[root.Into]
		}
		if root != nil && root.Into == "" {
			out[g.(string)] = root
		}
	}
	return out, nil
}

// rootOf follows the merges of an issue to the one that counts.
func rootOf(app core.App, issue *core.Record) (*core.Record, error) {
	for range 100 { // merging refuses circles; the bound is for data written by hand
		into := issue.GetString("merged_into")
		if into == "" {
			return issue, nil
		}
		next, err := app.FindRecordById(records.Issues, into)
		if err != nil {
			return nil, fmt.Errorf("issue %s is merged into %s: %w", issue.Id, into, err)
		}
		issue = next
	}
	return nil, fmt.Errorf("issue %s is merged in a circle", issue.Id)
}

// draft makes a new issue from a message's verdict, with the message as its one
// report. A person decides on it later.
func (p *Pipeline) draft(tx core.App, r *core.Record, regressionOf string) (*core.Record, error) {
	v, err := records.Verdict(r)
	if err != nil {
		return nil, err
	}
	c, err := tx.FindCachedCollectionByNameOrId(records.Issues)
	if err != nil {
		return nil, err
	}
	var number int
	err = tx.DB().NewQuery(`SELECT coalesce(max(number), 0) + 1 FROM issues WHERE project = {:p}`).
		Bind(dbx.Params{"p": r.GetString("project")}).Row(&number)
	if err != nil {
		return nil, fmt.Errorf("number the issue: %w", err)
	}
	issue := core.NewRecord(c)
	issue.Set("project", r.GetString("project"))
	issue.Set("number", number)
	specify(issue, v)
	issue.Set("class", r.GetString("class"))
	issue.Set("severity", r.GetString("severity"))
	issue.Set("state", string(triage.Draft))
	issue.Set("version", 1)
	issue.Set("regression_of", regressionOf)
	issue.Set("report_count", 1)
	issue.Set("reporter_count", 1)
	issue.Set("first_seen", r.GetDateTime("created"))
	issue.Set("last_seen", r.GetDateTime("created"))
	if err := tx.Save(issue); err != nil {
		return nil, fmt.Errorf("save issue: %w", err)
	}
	return issue, nil
}

// specify writes the specification of a verdict into an issue.
func specify(issue *core.Record, v triage.Verdict) {
	issue.Set("title", v.Title)
	issue.Set("steps", v.Steps)
	issue.Set("observed", v.Observed)
	issue.Set("expected", v.Expected)
	issue.Set("criteria", v.Criteria)
	issue.Set("labels", v.Labels)
	issue.Set("components", v.Components)
	if len(v.Assignees) > 0 {
		issue.Set("assignees", v.Assignees)
	}
	issue.Set("environment", v.Environment)
	issue.Set("missing", v.Missing)
}

// countReport adds one message to an issue's counts, without walking the others.
func (p *Pipeline) countReport(tx core.App, issue, r *core.Record) error {
	known, err := reported(tx, issue.Id, r.GetString("reporter"))
	if err != nil {
		return err
	}
	issue.Set("report_count", issue.GetInt("report_count")+1)
	if !known {
		issue.Set("reporter_count", issue.GetInt("reporter_count")+1)
	}
	at := r.GetDateTime("created")
	if first := issue.GetDateTime("first_seen"); first.IsZero() || at.Before(first) {
		issue.Set("first_seen", at)
	}
	if at.After(issue.GetDateTime("last_seen")) {
		issue.Set("last_seen", at)
	}
	if err := tx.Save(issue); err != nil {
		return fmt.Errorf("save issue: %w", err)
	}
	if known {
		return nil
	}
	return p.wantNote(tx, issue)
}

// reported reports whether a reporter wrote to an issue, or to one that was
// merged into it.
func reported(tx core.App, issue, reporter string) (bool, error) {
	var n int
	err := tx.DB().NewQuery(`SELECT EXISTS(SELECT 1 FROM feedback WHERE reporter = {:r} AND issue != '' AND issue IN (` + below + `))`).
		Bind(dbx.Params{"root": issue, "r": reporter}).Row(&n)
	if err != nil {
		return false, fmt.Errorf("look for the reporter: %w", err)
	}
	return n == 1, nil
}

// below selects an issue and all that were merged into it, at any depth.
const below = `WITH RECURSIVE tree(id) AS (
	SELECT {:root} UNION SELECT i.id FROM issues i JOIN tree t ON i.merged_into = t.id AND i.merged_into != ''
) SELECT id FROM tree`

// recount sets an issue's counts from its reports and those of the issues
// merged into it.
func (p *Pipeline) recount(tx core.App, issue *core.Record) error {
	var c struct {
		Reports   int    `db:"reports"`
		Reporters int    `db:"reporters"`
		First     string `db:"first"`
		Last      string `db:"last"`
	}
	err := tx.DB().NewQuery(`SELECT count(*) AS reports, count(DISTINCT reporter) AS reporters,
		coalesce(min(created), '') AS first, coalesce(max(created), '') AS last
		FROM feedback WHERE issue != '' AND issue IN (` + below + `)`).
		Bind(dbx.Params{"root": issue.Id}).One(&c)
	if err != nil {
		return fmt.Errorf("recount issue %s: %w", issue.Id, err)
	}
	issue.Set("report_count", c.Reports)
	issue.Set("reporter_count", c.Reporters)
	if c.First != "" {
		first, _ := types.ParseDateTime(c.First)
		last, _ := types.ParseDateTime(c.Last)
		issue.Set("first_seen", first)
		issue.Set("last_seen", last)
	}
	return nil
}
