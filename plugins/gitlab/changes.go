package gitlab

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/iterateswarm/iterateswarm/sdk"
	"github.com/iterateswarm/iterateswarm/sdk/rest"
)

// overlap is how much later than another a change may show in the list.
const overlap = 2 * time.Minute

// Changes lists our issues that have changed since the cursor, which is the time
// of the last change by GitLab's clock. It reads the list from its newest end:
// an issue that changes meanwhile then shifts the others to a later page, where
// they come twice, and none is missed.
func (t *Tracker) Changes(ctx context.Context, cursor string, since time.Time) ([]sdk.Change, string, error) {
	login, err := t.whoAmI(ctx)
	if err != nil {
		return nil, "", err
	}
	if cursor != "" {
		if since, err = time.Parse(time.RFC3339Nano, cursor); err != nil {
			return nil, "", fmt.Errorf("the cursor %q is no time", cursor)
		}
	}
	query := url.Values{"scope": {"all"}, "state": {"all"}, "order_by": {"updated_at"}, "sort": {"desc"}}
	if !since.IsZero() {
		query.Set("updated_after", since.Add(-overlap).UTC().Format(time.RFC3339Nano))
	}
	var changes []sdk.Change
	last := since
	err = pages(ctx, t, "issues", query, func(i issue) bool {
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
	return changes, last.UTC().Format(time.RFC3339Nano), nil
}

func (i issue) change() sdk.Change {
	f := i.found()
	c := sdk.Change{Issue: sdk.IssueRef{Key: f.Key, Number: f.Number, NodeID: f.NodeID, URL: f.URL}, State: f.State, At: i.Updated.UTC(), Labels: i.Labels}
	if f.State == "closed" && !i.Closed.IsZero() {
		c.At = i.Closed.UTC()
	}
	for _, a := range i.Assignees {
		c.Assignees = append(c.Assignees, strconv.FormatInt(a.ID, 10))
	}
	return c
}

// HandleChange reads a webhook about issues. Its secret is sent along and signs
// nothing, so that the body says only which issue to read.
func (t *Tracker) HandleChange(ctx context.Context, req sdk.WebhookRequest) (sdk.ChangeReply, error) {
	reply, ok := rest.Hook(req, t.config.WebhookSecret, func() bool {
		token, one := rest.Only(req.Header, "X-Gitlab-Token")
		return one && rest.Same(t.config.WebhookSecret, token)
	})
	if !ok {
		return reply, nil
	}
	var event struct {
		Kind   string `json:"object_kind"`
		Object struct {
			IID         int64  `json:"iid"`
			Description string `json:"description"`
		} `json:"object_attributes"`
	}
	if err := json.Unmarshal(req.Body, &event); err != nil {
		return sdk.ChangeReply{Status: http.StatusBadRequest}, nil
	}
	if _, marked := sdk.MarkerOf(event.Object.Description); event.Kind != "issue" || !marked || event.Object.IID <= 0 {
		return reply, nil
	}
	login, err := t.whoAmI(ctx)
	if err != nil {
		return sdk.ChangeReply{}, err
	}
	var i issue
	_, err = t.api.Get(ctx, t.path(fmt.Sprintf("issues/%d", event.Object.IID)), nil, &i)
	if p, ok := errors.AsType[*rest.Problem](err); ok && p.Status == http.StatusNotFound {
		return reply, nil // of another project, or gone
	}
	if err != nil {
		return sdk.ChangeReply{}, err
	}
	if t.isOurs(i, login) {
		reply.Changes = []sdk.Change{i.change()}
	}
	return reply, nil
}
