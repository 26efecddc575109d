package gitea

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/iterateswarm/iterateswarm/sdk"
	"github.com/iterateswarm/iterateswarm/sdk/rest"
)

// Changes lists our issues that have changed since the cursor, which is the time
// of the last change by the server's clock. The server counts from it
// inclusively, so that the last one comes twice.
func (t *Tracker) Changes(ctx context.Context, cursor string, since time.Time) ([]sdk.Change, string, error) {
	login, err := t.whoAmI(ctx)
	if err != nil {
		return nil, "", err
	}
	if cursor != "" {
		if since, err = time.Parse(time.RFC3339, cursor); err != nil {
			return nil, "", fmt.Errorf("the cursor %q is no time", cursor)
		}
	}
	var changes []sdk.Change
	last := since
	err = t.list(ctx, since, func(i issue) bool {
		if i.Updated.After(last) {
			last = i.Updated
		}
		if t.isOurs(i, login) {
			changes = append(changes, i.change())
		}
		return true
	})
	if err != nil {
		return nil, "", fmt.Errorf("list issues: %w", err)
	}
	slices.SortFunc(changes, func(a, b sdk.Change) int { return a.At.Compare(b.At) })
	if last.IsZero() {
		return changes, "", nil
	}
	return changes, last.UTC().Format(time.RFC3339), nil
}

func (i issue) change() sdk.Change {
	f := i.found()
	c := sdk.Change{Issue: sdk.IssueRef{Key: f.Key, Number: f.Number, NodeID: f.NodeID, URL: f.URL}, State: i.State, At: i.Updated.UTC()}
	if i.State == "closed" && !i.Closed.IsZero() {
		c.At = i.Closed.UTC()
	}
	for _, a := range i.Assignees {
		c.Assignees = append(c.Assignees, a.Login)
	}
	for _, l := range i.Labels {
		c.Labels = append(c.Labels, l.Name)
	}
	return c
}

// HandleChange reads a webhook of the event Issues. Forgejo sends Gitea's
// headers too. There is no time in it that is signed, and somebody may send an
// old one again: it says only which issue to read.
func (t *Tracker) HandleChange(ctx context.Context, req sdk.WebhookRequest) (sdk.ChangeReply, error) {
	reply, ok := rest.Hook(req, t.config.WebhookSecret, func() bool {
		signature, one := rest.Only(req.Header, "X-Gitea-Signature")
		return one && rest.Signed(t.config.WebhookSecret, req.Body, signature)
	})
	if !ok || req.Header.Get("X-Gitea-Event") != "issues" {
		return reply, nil
	}
	var event struct {
		Action     string `json:"action"`
		Issue      *issue `json:"issue"`
		Repository struct {
			FullName string `json:"full_name"`
		} `json:"repository"`
	}
	if err := json.Unmarshal(req.Body, &event); err != nil {
		return sdk.ChangeReply{Status: http.StatusBadRequest}, nil
	}
	if event.Issue == nil || event.Action == "deleted" || !strings.EqualFold(event.Repository.FullName, t.config.Owner+"/"+t.config.Repo) {
		return reply, nil
	}
	login, err := t.whoAmI(ctx)
	if err != nil {
		return sdk.ChangeReply{}, err
	}
	if !t.isOurs(*event.Issue, login) {
		return reply, nil
	}
	var now issue
	_, err = t.api.Get(ctx, t.path(fmt.Sprintf("issues/%d", event.Issue.Number)), nil, &now)
	if p, ok := errors.AsType[*rest.Problem](err); ok && p.Status == http.StatusNotFound {
		return reply, nil
	}
	if err != nil {
		return sdk.ChangeReply{}, err
	}
	if t.isOurs(now, login) {
		reply.Changes = []sdk.Change{now.change()}
	}
	return reply, nil
}
