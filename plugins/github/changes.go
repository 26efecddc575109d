package github

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	gh "github.com/google/go-github/v62/github"

	"github.com/iterateswarm/iterateswarm/sdk"
	"github.com/iterateswarm/iterateswarm/sdk/rest"
)

const (
	changePages = 10              // bounds one call of Changes; the next goes on from there
	overlap     = 2 * time.Minute // a change may show in the list later than one that came after it
)

// Changes lists our issues in the order of their last change. The cursor is the
// time of the last one. The list is read from a little before it, so that some
// come twice and none is missed.
func (t *Tracker) Changes(ctx context.Context, cursor string, since time.Time) ([]sdk.Change, string, error) {
	login, err := t.whoAmI(ctx)
	if err != nil {
		return nil, "", err
	}
	from := since
	if cursor != "" {
		if from, err = time.Parse(time.RFC3339, cursor); err != nil {
			return nil, "", fmt.Errorf("the cursor %q is no time", cursor)
		}
	}
	options := &gh.IssueListByRepoOptions{State: "all", Sort: "updated", Direction: "asc", Creator: login,
		ListOptions: gh.ListOptions{PerPage: pageSize}}
	if !from.IsZero() {
		options.Since = from.Add(-overlap).UTC()
	}
	if len(t.config.FormerLogins) > 0 {
		options.Creator = everybody
	}
	var changes []sdk.Change
	for range changePages {
		page, next, err := t.page(ctx, options)
		if err != nil {
			return nil, "", fmt.Errorf("list issues: %s", reason(err))
		}
		for _, issue := range page {
			if _, ok := ourIssue(issue, t.ours(login)); ok {
				changes = append(changes, change(issue))
			}
		}
		var last time.Time
		if len(page) > 0 {
			last = page[len(page)-1].GetUpdatedAt().Time
		}
		if last.After(from) {
			from = last
		}
		if next == 0 {
			break
		}
		// An issue that changes meanwhile moves to the end and shifts the pages, so
		// that we go on by time; by page only within one second.
		if options.Since.Before(last) {
			options.Since, options.Page = last, 0
		} else {
			options.Page = next
		}
	}
	if from.IsZero() {
		return changes, "", nil
	}
	return changes, from.UTC().Format(time.RFC3339), nil
}

func change(issue *gh.Issue) sdk.Change {
	f := seen(issue)
	c := sdk.Change{
		Issue: sdk.IssueRef{Key: f.Key, Number: f.Number, NodeID: f.NodeID, URL: f.URL},
		State: f.State, At: issue.GetUpdatedAt().UTC(),
	}
	if f.State == "closed" {
		c.Reason = issue.GetStateReason()
		if closed := issue.GetClosedAt(); !closed.IsZero() {
			c.At = closed.UTC()
		}
	}
	for _, a := range issue.Assignees {
		c.Assignees = append(c.Assignees, a.GetLogin())
	}
	for _, l := range issue.Labels {
		c.Labels = append(c.Labels, l.GetName())
	}
	return c
}

// HandleChange reads a webhook of the event Issues. It has no time in it that is
// signed, and somebody may send an old one again: it says only which issue to
// read.
func (t *Tracker) HandleChange(ctx context.Context, req sdk.WebhookRequest) (sdk.ChangeReply, error) {
	reply, ok := rest.Hook(req, t.config.WebhookSecret, func() bool {
		signature, one := rest.Only(req.Header, "X-Hub-Signature-256")
		digest, prefixed := strings.CutPrefix(signature, "sha256=")
		return one && prefixed && rest.Signed(t.config.WebhookSecret, req.Body, digest)
	})
	if !ok || req.Header.Get("X-GitHub-Event") != "issues" {
		return reply, nil
	}
	parsed, err := gh.ParseWebHook("issues", req.Body)
	event, ok := parsed.(*gh.IssuesEvent)
	if err != nil || !ok { // null is no event and no error
		return sdk.ChangeReply{Status: http.StatusBadRequest}, nil
	}
	gone := event.GetAction() == "deleted" || event.GetAction() == "transferred"
	if gone || event.Issue == nil || !strings.EqualFold(event.GetRepo().GetFullName(), t.config.Owner+"/"+t.config.Repo) {
		return reply, nil
	}
	login, err := t.whoAmI(ctx)
	if err != nil {
		return sdk.ChangeReply{}, err
	}
	if _, ok := ourIssue(event.Issue, t.ours(login)); !ok {
		return reply, nil
	}
	var now *gh.Issue
	err = t.read(ctx, func(ctx context.Context) (err error) {
		now, _, err = t.client.Issues.Get(ctx, t.config.Owner, t.config.Repo, event.Issue.GetNumber())
		return err
	})
	if s := status(err); s == http.StatusNotFound || s == http.StatusGone || rest.IsRedirect(s) {
		return reply, nil
	}
	if err != nil {
		return sdk.ChangeReply{}, fmt.Errorf("read the issue: %s", reason(err))
	}
	if _, ok := ourIssue(now, t.ours(login)); ok {
		reply.Changes = []sdk.Change{change(now)}
	}
	return reply, nil
}
