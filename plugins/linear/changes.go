package linear

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/iterateswarm/iterateswarm/sdk"
	"github.com/iterateswarm/iterateswarm/sdk/rest"
)

// overlap is how much later than another a change may show in the list.
const overlap = time.Minute

// Changes lists our issues that have changed since the cursor, which is the time
// of the last change by Linear's clock.
func (t *Tracker) Changes(ctx context.Context, cursor string, since time.Time) ([]sdk.Change, string, error) {
	if cursor != "" {
		var err error
		if since, err = time.Parse(time.RFC3339Nano, cursor); err != nil {
			return nil, "", fmt.Errorf("the cursor %q is no time", cursor)
		}
	}
	list, err := t.list(ctx, "updatedAt", since.Add(-overlap))
	if err != nil {
		return nil, "", err
	}
	var changes []sdk.Change
	for _, i := range list {
		if i.Updated.After(since) {
			since = i.Updated
		}
		if c := i.change(); c.Issue.Key != "" {
			changes = append(changes, c)
		}
	}
	slices.SortFunc(changes, func(a, b sdk.Change) int { return a.At.Compare(b.At) })
	if since.IsZero() {
		return changes, "", nil
	}
	return changes, since.UTC().Format(time.RFC3339Nano), nil
}

func (i issue) change() sdk.Change {
	f := i.found()
	c := sdk.Change{Issue: sdk.IssueRef{Key: f.Key, Number: f.Number, NodeID: f.NodeID, Name: f.Name, URL: f.URL},
		State: f.State, Reason: closing[i.State.Type], At: i.Updated.UTC()}
	for _, at := range []time.Time{i.Completed, i.Canceled} {
		if f.State == "closed" && !at.IsZero() {
			c.At = at.UTC()
		}
	}
	if i.Assignee != nil {
		c.Assignees = []string{i.Assignee.ID}
	}
	for _, l := range i.Labels.Nodes {
		c.Labels = append(c.Labels, l.Name)
	}
	for _, a := range i.Attachments.Nodes {
		if a.SourceType == "github" || a.SourceType == "gitlab" {
			if strings.Contains(a.URL, "/pull/") || strings.Contains(a.URL, "/merge_requests/") {
				c.PullRequest = a.URL
			}
		}
	}
	return c
}

// tolerance is how far the time in a webhook may lie from ours.
const tolerance = 5 * time.Minute

// HandleChange reads a webhook about issues. Its body is not of the form of the
// API: lists are without nodes.
func (t *Tracker) HandleChange(_ context.Context, req sdk.WebhookRequest) (sdk.ChangeReply, error) {
	reply, ok := rest.Hook(req, t.config.WebhookSecret, func() bool {
		signature, one := rest.Only(req.Header, "Linear-Signature")
		return one && rest.Signed(t.config.WebhookSecret, req.Body, signature)
	})
	if !ok {
		return reply, nil
	}
	var event struct {
		Action    string `json:"action"`
		Type      string `json:"type"`
		URL       string `json:"url"`
		Timestamp int64  `json:"webhookTimestamp"` // in milliseconds
		Data      json.RawMessage
	}
	if err := json.Unmarshal(req.Body, &event); err != nil {
		return sdk.ChangeReply{Status: http.StatusBadRequest}, nil
	}
	if time.Since(time.UnixMilli(event.Timestamp)).Abs() > tolerance { // a replay
		return sdk.ChangeReply{Status: http.StatusBadRequest}, nil
	}
	if event.Type != "Issue" || event.Action == "remove" {
		return reply, nil
	}
	var data struct {
		issue
		Labels []struct{ Name string } `json:"labels"`
		Team   struct{ ID, Key string }
	}
	if err := json.Unmarshal(event.Data, &data); err != nil {
		return sdk.ChangeReply{Status: http.StatusBadRequest}, nil
	}
	i := data.issue
	if i.URL == "" {
		i.URL = event.URL
	}
	if i.Identifier == "" && data.Team.Key != "" {
		i.Identifier = fmt.Sprintf("%s-%d", data.Team.Key, int64(i.Number))
	}
	c := i.change()
	for _, l := range data.Labels {
		c.Labels = append(c.Labels, l.Name)
	}
	if c.Issue.Key != "" && strings.EqualFold(data.Team.Key, t.config.Team) && i.State.Type != "" {
		reply.Changes = []sdk.Change{c}
	}
	return reply, nil
}
