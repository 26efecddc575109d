package jira

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/iterateswarm/iterateswarm/sdk"
	"github.com/iterateswarm/iterateswarm/sdk/rest"
)

// Changes lists our issues that have changed since the cursor, which is the time
// of the last change by Jira's clock.
func (t *Tracker) Changes(ctx context.Context, cursor string, since time.Time) ([]sdk.Change, string, error) {
	account, err := t.whoAmI(ctx)
	if err != nil {
		return nil, "", err
	}
	if cursor != "" {
		if since, err = time.Parse(time.RFC3339Nano, cursor); err != nil {
			return nil, "", fmt.Errorf("the cursor %q is no time", cursor)
		}
	}
	// The margin is for clocks that differ, and for an index that lags behind.
	list, err := t.find(ctx, fmt.Sprintf(`labels = "%s" AND updated >= "%s" ORDER BY updated ASC`, mark, ago(since.Add(-margin))))
	if err != nil {
		return nil, "", fmt.Errorf("search issues: %w", err)
	}
	var changes []sdk.Change
	last := since
	for _, i := range list {
		if i.Fields.Updated.After(last) {
			last = i.Fields.Updated.Time
		}
		if t.isOurs(i, account) {
			changes = append(changes, t.change(i))
		}
	}
	slices.SortFunc(changes, func(a, b sdk.Change) int { return a.At.Compare(b.At) })
	if last.IsZero() {
		return changes, "", nil
	}
	return changes, last.UTC().Format(time.RFC3339Nano), nil
}

func (t *Tracker) change(i issue) sdk.Change {
	f := t.found(i)
	c := sdk.Change{Issue: sdk.IssueRef{Key: f.Key, Number: f.Number, NodeID: f.NodeID, Name: f.Name, URL: f.URL}, State: f.State, At: i.Fields.Updated.UTC()}
	if f.State == "closed" {
		if i.Fields.Resolution != nil {
			c.Reason = reasonOf(i.Fields.Resolution.Name)
		}
		if !i.Fields.Resolved.IsZero() {
			c.At = i.Fields.Resolved.UTC()
		}
	}
	if i.Fields.Assignee != nil {
		c.Assignees = []string{i.Fields.Assignee.id()}
	}
	for _, l := range i.Fields.Labels {
		if !strings.HasPrefix(l, mark) {
			c.Labels = append(c.Labels, l)
		}
	}
	return c
}

// reasonOf reads the names that Jira comes with; others say nothing.
func reasonOf(resolution string) string {
	switch strings.ToLower(resolution) {
	case "done", "fixed", "resolved":
		return "completed"
	case "won't do", "won't fix", "wont do", "wont fix", "declined", "cannot reproduce", "known error", "incomplete":
		return "not_planned"
	case "duplicate":
		return "duplicate"
	}
	return ""
}

// HandleChange reads a webhook about issues. Somebody may send an old one again:
// it says only which issue to read.
func (t *Tracker) HandleChange(ctx context.Context, req sdk.WebhookRequest) (sdk.ChangeReply, error) {
	reply, ok := rest.Hook(req, t.config.WebhookSecret, func() bool {
		signature, one := rest.Only(req.Header, "X-Hub-Signature")
		digest, prefixed := strings.CutPrefix(signature, "sha256=")
		return one && prefixed && rest.Signed(t.config.WebhookSecret, req.Body, digest)
	})
	if !ok {
		return reply, nil
	}
	var event struct {
		Event string          `json:"webhookEvent"`
		Issue json.RawMessage `json:"issue"`
	}
	if err := json.Unmarshal(req.Body, &event); err != nil {
		return sdk.ChangeReply{Status: http.StatusBadRequest}, nil
	}
	if event.Event != "jira:issue_created" && event.Event != "jira:issue_updated" {
		return reply, nil
	}
	var i issue
	if err := json.Unmarshal(event.Issue, &i); err != nil {
		return sdk.ChangeReply{Status: http.StatusBadRequest}, nil
	}
	account, err := t.whoAmI(ctx)
	if err != nil {
		return sdk.ChangeReply{}, err
	}
	if !t.isOurs(i, account) {
		return reply, nil
	}
	var now issue
	_, err = t.api.Get(ctx, "issue/"+url.PathEscape(i.ID), url.Values{"fields": {fields}}, &now)
	if p, ok := errors.AsType[*rest.Problem](err); ok && p.Status == http.StatusNotFound {
		return reply, nil
	}
	if err != nil {
		return sdk.ChangeReply{}, err
	}
	if t.isOurs(now, account) {
		reply.Changes = []sdk.Change{t.change(now)}
	}
	return reply, nil
}
