package gitlab

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/iterateswarm/iterateswarm/sdk"
	"github.com/iterateswarm/iterateswarm/sdk/rest"
)

// Update sets everything in one request.
func (t *Tracker) Update(ctx context.Context, req sdk.UpdateRequest) sdk.UpdateReply {
	path := t.path(fmt.Sprintf("issues/%d", req.Issue.Number))
	set := map[string]any{}
	if req.Title != nil {
		set["title"] = rest.Short(*req.Title, 250)
	}
	if req.Body != nil {
		set["description"] = harmless(*req.Body)
	}
	if req.State != nil {
		set["state_event"] = map[string]string{"closed": "close", "open": "reopen"}[*req.State]
	}
	var note string
	if len(req.AddLabels) > 0 {
		labels, left, failed := t.fit(ctx, req.AddLabels)
		if failed != nil {
			return rest.Update(*failed)
		}
		note = left
		set["add_labels"] = strings.Join(labels, ",")
	}
	if len(req.RemoveLabels) > 0 {
		set["remove_labels"] = strings.Join(req.RemoveLabels, ",")
	}
	if len(req.AddAssignees) > 0 { // a list that is set replaces the one there
		var now issue
		if _, err := t.api.Get(ctx, path, nil, &now); err != nil {
			return rest.Update(notAsked("read the issue", err))
		}
		ids := numbers(req.AddAssignees)
		for _, a := range now.Assignees {
			if !slices.Contains(ids, a.ID) {
				ids = append(ids, a.ID)
			}
		}
		set["assignee_ids"] = ids
	}
	if len(set) > 0 {
		if reply := t.api.Do(ctx, rest.Request{Method: http.MethodPut, Path: path, Body: set, RequestID: req.RequestID}).Updated(); reply.Outcome != sdk.Created {
			return reply
		}
	}
	return sdk.UpdateReply{Outcome: sdk.Created, URL: req.Issue.URL, Message: note}
}

type comment struct {
	ID     int64  `json:"id"`
	Body   string `json:"body"`
	Author user   `json:"author"`
}

// Comment edits the comment of the key when there is one, and writes it
// otherwise.
func (t *Tracker) Comment(ctx context.Context, req sdk.CommentRequest) sdk.UpdateReply {
	if key, ok := sdk.MarkerOf(req.Body); !ok || key != req.Key {
		return sdk.UpdateReply{Outcome: sdk.Rejected, Message: "the comment does not begin with the marker of its key"}
	}
	below := fmt.Sprintf("issues/%d/notes", req.Issue.Number)
	send := func(method, path string) sdk.UpdateReply {
		answer := t.api.Do(ctx, rest.Request{Method: method, Path: t.path(path), Body: map[string]string{"body": harmless(req.Body)}, RequestID: req.RequestID})
		reply := answer.Updated()
		var made comment
		if reply.Outcome == sdk.Created && (answer.JSON(&made) != nil || made.ID <= 0) {
			return sdk.UpdateReply{Outcome: sdk.Unknown, Message: "GitLab says done and names no comment", HTTPStatus: answer.Status}
		}
		if reply.Outcome == sdk.Created {
			reply.ID, reply.URL = strconv.FormatInt(made.ID, 10), fmt.Sprintf("%s#note_%d", req.Issue.URL, made.ID)
		}
		return reply
	}
	if id, err := strconv.ParseInt(req.PreviousID, 10, 64); err == nil && id > 0 {
		if reply := send(http.MethodPut, fmt.Sprintf("%s/%d", below, id)); reply.HTTPStatus != http.StatusNotFound {
			return reply
		}
	}
	login, err := t.whoAmI(ctx)
	var there int64
	if err == nil {
		err = pages(ctx, t, below, url.Values{}, func(c comment) bool {
			if key, ok := sdk.MarkerOf(c.Body); ok && key == req.Key && c.Author.Username == login {
				there = c.ID
			}
			return there == 0
		})
	}
	if err != nil {
		return rest.Update(notAsked("list comments", err))
	}
	if there != 0 {
		return send(http.MethodPut, fmt.Sprintf("%s/%d", below, there))
	}
	return send(http.MethodPost, below)
}
