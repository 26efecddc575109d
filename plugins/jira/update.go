package jira

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"

	"github.com/iterateswarm/iterateswarm/sdk"
	"github.com/iterateswarm/iterateswarm/sdk/rest"
)

// Update sets the fields in one request. The state is not a field: there is a
// transition to it, or there is none.
func (t *Tracker) Update(ctx context.Context, req sdk.UpdateRequest) sdk.UpdateReply {
	path := "issue/" + url.PathEscape(cmp.Or(req.Issue.NodeID, req.Issue.Name))
	set, change := map[string]any{}, map[string]any{}
	if req.Title != nil {
		set["summary"] = rest.Short(*req.Title, 250)
	}
	if req.Body != nil {
		set["description"] = t.text(*req.Body)
	}
	if len(req.AddAssignees) > 0 {
		set["assignee"] = t.assignee(req.AddAssignees[0])
	}
	var labels []map[string]string
	for _, l := range labelsOf(req.AddLabels) {
		labels = append(labels, map[string]string{"add": l})
	}
	for _, l := range labelsOf(req.RemoveLabels) {
		labels = append(labels, map[string]string{"remove": l})
	}
	if len(labels) > 0 {
		change["labels"] = labels
	}
	if len(set)+len(change) > 0 {
		reply := t.api.Do(ctx, rest.Request{Method: http.MethodPut, Path: path, RequestID: req.RequestID, Body: map[string]any{"fields": set, "update": change}}).Updated()
		if reply.Outcome != sdk.Created {
			return reply
		}
	}
	if req.State != nil {
		if reply := t.move(ctx, path, *req.State, req.RequestID); reply.Outcome != sdk.Created {
			return reply
		}
	}
	return sdk.UpdateReply{Outcome: sdk.Created, URL: req.Issue.URL}
}

// move takes the first transition that leads to a status of the wanted kind.
func (t *Tracker) move(ctx context.Context, path, state, requestID string) sdk.UpdateReply {
	var now issue
	if _, err := t.api.Get(ctx, path, url.Values{"fields": {"status"}}, &now); err != nil {
		return rest.Update(notAsked("read the status", err))
	}
	if now.state() == state {
		return sdk.UpdateReply{Outcome: sdk.Created}
	}
	var data struct {
		Transitions []struct {
			ID string `json:"id"`
			To struct {
				Category struct {
					Key string `json:"key"`
				} `json:"statusCategory"`
			} `json:"to"`
		} `json:"transitions"`
	}
	if _, err := t.api.Get(ctx, path+"/transitions", nil, &data); err != nil {
		return rest.Update(notAsked("list transitions", err))
	}
	want := []string{"new", "indeterminate"}
	if state == "closed" {
		want = []string{"done"}
	}
	for _, category := range want {
		for _, tr := range data.Transitions {
			if tr.To.Category.Key == category {
				return t.api.Do(ctx, rest.Request{Method: http.MethodPost, Path: path + "/transitions", RequestID: requestID,
					Body: map[string]any{"transition": map[string]string{"id": tr.ID}}}).Updated()
			}
		}
	}
	return sdk.UpdateReply{Outcome: sdk.Rejected, Message: "the workflow has no transition from here to a status that means " + state}
}

// property is where a comment keeps its key: its text has no place for it that
// nobody sees.
const property = "iterateswarm"

type comment struct {
	ID         string `json:"id"`
	Author     person `json:"author"`
	Properties []struct {
		Key   string `json:"key"`
		Value struct {
			K string `json:"k"`
		} `json:"value"`
	} `json:"properties"`
}

// Comment edits the comment of the key when there is one, and writes it
// otherwise.
func (t *Tracker) Comment(ctx context.Context, req sdk.CommentRequest) sdk.UpdateReply {
	if key, ok := sdk.MarkerOf(req.Body); !ok || key != req.Key {
		return sdk.UpdateReply{Outcome: sdk.Rejected, Message: "the comment does not begin with the marker of its key"}
	}
	name := cmp.Or(req.Issue.NodeID, req.Issue.Name)
	path := "issue/" + url.PathEscape(name) + "/comment"
	body := map[string]any{"body": t.text(req.Body), "properties": []any{map[string]any{"key": property, "value": map[string]string{"k": req.Key}}}}
	send := func(method, path string) sdk.UpdateReply {
		answer := t.api.Do(ctx, rest.Request{Method: method, Path: path, Body: body, RequestID: req.RequestID})
		reply := answer.Updated()
		var made comment
		if reply.Outcome == sdk.Created && (answer.JSON(&made) != nil || made.ID == "") {
			return sdk.UpdateReply{Outcome: sdk.Unknown, Message: "Jira says done and names no comment", HTTPStatus: answer.Status}
		}
		if reply.Outcome == sdk.Created {
			reply.ID = made.ID
			reply.URL = fmt.Sprintf("%s?focusedCommentId=%s", t.browse(cmp.Or(req.Issue.Name, name)), made.ID)
		}
		return reply
	}
	if req.PreviousID != "" {
		if reply := send(http.MethodPut, path+"/"+url.PathEscape(req.PreviousID)); reply.HTTPStatus != http.StatusNotFound {
			return reply
		}
	}
	account, err := t.whoAmI(ctx)
	var page struct{ Comments []comment }
	if err == nil {
		_, err = t.api.Get(ctx, path, url.Values{"orderBy": {"-created"}, "maxResults": {"1000"}, "expand": {"properties"}}, &page)
	}
	if err != nil {
		return rest.Update(notAsked("list comments", err))
	}
	for _, c := range page.Comments {
		for _, p := range c.Properties {
			if p.Key == property && p.Value.K == req.Key && c.Author.id() == account {
				return send(http.MethodPut, path+"/"+url.PathEscape(c.ID))
			}
		}
	}
	return send(http.MethodPost, path)
}
