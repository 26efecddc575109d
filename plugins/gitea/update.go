package gitea

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

// Update sets title, body, state and assignees in one request, adds labels in
// another, and takes each away in one of its own.
func (t *Tracker) Update(ctx context.Context, req sdk.UpdateRequest) sdk.UpdateReply {
	path := t.path(fmt.Sprintf("issues/%d", req.Issue.Number))
	send := func(method, path string, body any) sdk.UpdateReply {
		return t.api.Do(ctx, rest.Request{Method: method, Path: path, Body: body, RequestID: req.RequestID}).Updated()
	}
	set := map[string]any{}
	if req.Title != nil {
		set["title"] = *req.Title
	}
	if req.Body != nil {
		set["body"] = *req.Body
	}
	if req.State != nil {
		set["state"] = *req.State
	}
	if len(req.AddAssignees) > 0 || len(req.RemoveLabels) > 0 {
		answer := t.api.Do(ctx, rest.Request{Method: http.MethodGet, Path: path})
		var now issue
		if !answer.OK() || answer.JSON(&now) != nil {
			return answer.Updated()
		}
		if len(req.AddAssignees) > 0 { // a list that is set replaces the one there
			var all []string
			for _, a := range now.Assignees {
				all = append(all, a.Login)
			}
			slices.Sort(all)
			set["assignees"] = slices.Compact(append(all, slices.DeleteFunc(slices.Clone(req.AddAssignees), func(a string) bool { return slices.Contains(all, a) })...))
		}
		for _, l := range now.Labels {
			if !slices.ContainsFunc(req.RemoveLabels, func(name string) bool { return strings.EqualFold(name, l.Name) }) {
				continue
			}
			if reply := send(http.MethodDelete, path+"/labels/"+strconv.FormatInt(l.ID, 10), nil); reply.Outcome != sdk.Created {
				return reply
			}
		}
	}
	done := sdk.UpdateReply{Outcome: sdk.Created, URL: req.Issue.URL}
	if len(req.AddLabels) > 0 {
		ids, note, failed := t.fit(ctx, req.AddLabels)
		if failed != nil {
			return rest.Update(*failed)
		}
		done.Message = note
		if len(ids) > 0 {
			if reply := send(http.MethodPost, path+"/labels", map[string]any{"labels": ids}); reply.Outcome != sdk.Created {
				return reply
			}
		}
	}
	if len(set) > 0 {
		if reply := send(http.MethodPatch, path, set); reply.Outcome != sdk.Created {
			return reply
		}
	}
	return done
}

type comment struct {
	ID   int64  `json:"id"`
	URL  string `json:"html_url"`
	Body string `json:"body"`
	User user   `json:"user"`
}

// Comment edits the comment of the key when there is one, and writes it
// otherwise.
func (t *Tracker) Comment(ctx context.Context, req sdk.CommentRequest) sdk.UpdateReply {
	if key, ok := sdk.MarkerOf(req.Body); !ok || key != req.Key {
		return sdk.UpdateReply{Outcome: sdk.Rejected, Message: "the comment does not begin with the marker of its key"}
	}
	send := func(method, path string) sdk.UpdateReply {
		answer := t.api.Do(ctx, rest.Request{Method: method, Path: path, Body: map[string]string{"body": req.Body}, RequestID: req.RequestID})
		var made comment
		reply := answer.Updated()
		if reply.Outcome == sdk.Created {
			if answer.JSON(&made) != nil || made.ID <= 0 {
				return sdk.UpdateReply{Outcome: sdk.Unknown, Message: "Gitea says done and names no comment", HTTPStatus: answer.Status}
			}
			reply.ID, reply.URL = strconv.FormatInt(made.ID, 10), made.URL
		}
		return reply
	}
	if id, err := strconv.ParseInt(req.PreviousID, 10, 64); err == nil && id > 0 {
		if reply := send(http.MethodPatch, t.path(fmt.Sprintf("issues/comments/%d", id))); reply.HTTPStatus != http.StatusNotFound {
			return reply
		}
	}
	login, err := t.whoAmI(ctx)
	var list []comment
	path := t.path(fmt.Sprintf("issues/%d/comments", req.Issue.Number))
	if err == nil {
		_, err = t.api.Get(ctx, path, url.Values{}, &list) // all of them, without pages
	}
	if err != nil {
		return sdk.UpdateReply{Outcome: sdk.NotCreated, Message: "list comments: " + err.Error()}
	}
	for _, c := range list {
		if key, ok := sdk.MarkerOf(c.Body); ok && key == req.Key && strings.EqualFold(c.User.Login, login) {
			return send(http.MethodPatch, t.path(fmt.Sprintf("issues/comments/%d", c.ID)))
		}
	}
	return send(http.MethodPost, path)
}
