package github

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	gh "github.com/google/go-github/v62/github"

	"github.com/iterateswarm/iterateswarm/sdk"
	"github.com/iterateswarm/iterateswarm/sdk/rest"
)

// Update sets title, body and state in one request, and adds and takes away
// labels and assignees in one each.
func (t *Tracker) Update(ctx context.Context, req sdk.UpdateRequest) sdk.UpdateReply {
	number := int(req.Issue.Number)
	done := sdk.CreateReply{Outcome: sdk.Created, URL: req.Issue.URL}
	var note string
	step := func(send func(context.Context) (*gh.Response, error)) bool {
		reply := t.write(ctx, send)
		if reply.Outcome != sdk.Created {
			done = reply
		}
		return reply.Outcome == sdk.Created
	}
	if req.Title != nil || req.Body != nil || req.State != nil {
		edit := &gh.IssueRequest{Title: req.Title, Body: req.Body, State: req.State}
		if req.State != nil && *req.State == "closed" && req.Reason != "" {
			edit.StateReason = &req.Reason
		}
		if !step(func(ctx context.Context) (*gh.Response, error) {
			_, resp, err := t.client.Issues.Edit(ctx, t.config.Owner, t.config.Repo, number, edit)
			return resp, err
		}) {
			return rest.Update(done)
		}
	}
	if len(req.AddLabels) > 0 {
		labels, left, failed := t.fit(ctx, req.AddLabels)
		if failed != nil {
			return rest.Update(*failed)
		}
		note = left
		// go-github would send a bare list, which GitHub's document does not allow.
		if len(labels) > 0 && !step(t.send(http.MethodPost, fmt.Sprintf("issues/%d/labels", number), map[string][]string{"labels": labels})) {
			return rest.Update(done)
		}
	}
	for _, l := range req.RemoveLabels {
		path := fmt.Sprintf("issues/%d/labels/%s", number, url.PathEscape(l))
		if !step(t.send(http.MethodDelete, path, nil)) && done.HTTPStatus != http.StatusNotFound { // 404: it has no such label
			return rest.Update(done)
		} else if done.HTTPStatus == http.StatusNotFound {
			done = sdk.CreateReply{Outcome: sdk.Created, URL: req.Issue.URL}
		}
	}
	if len(req.AddAssignees) > 0 && !step(t.send(http.MethodPost, fmt.Sprintf("issues/%d/assignees", number),
		map[string][]string{"assignees": req.AddAssignees})) {
		return rest.Update(done)
	}
	done.Message = note
	return rest.Update(done)
}

// send is a request below the repository whose answer is not read.
func (t *Tracker) send(method, path string, body any) func(context.Context) (*gh.Response, error) {
	return func(ctx context.Context) (*gh.Response, error) {
		req, err := t.client.NewRequest(method, t.path(path), body)
		if err != nil {
			return nil, err
		}
		return t.client.Do(ctx, req, nil)
	}
}

// Comment edits the comment of the key when there is one, and writes it
// otherwise. When the outcome of a write is Unknown, the next call finds it by
// its marker.
func (t *Tracker) Comment(ctx context.Context, req sdk.CommentRequest) sdk.UpdateReply {
	if key, ok := sdk.MarkerOf(req.Body); !ok || key != req.Key {
		return sdk.UpdateReply{Outcome: sdk.Rejected, Message: "the comment does not begin with the marker of its key"}
	}
	comment := &gh.IssueComment{Body: &req.Body}
	edit := func(id int64) sdk.UpdateReply {
		reply := t.write(ctx, func(ctx context.Context) (*gh.Response, error) {
			made, resp, err := t.client.Issues.EditComment(ctx, t.config.Owner, t.config.Repo, id, comment)
			if err == nil {
				comment = made
			}
			return resp, err
		})
		return commented(reply, id, comment)
	}
	if id, err := strconv.ParseInt(req.PreviousID, 10, 64); err == nil && id > 0 {
		if reply := edit(id); reply.HTTPStatus != http.StatusNotFound {
			return reply
		}
	}
	id, err := t.findComment(ctx, int(req.Issue.Number), req.Key)
	if err != nil {
		return sdk.UpdateReply{Outcome: sdk.NotCreated, Message: "list comments: " + reason(err), RetryAfter: heldBack(err)}
	}
	if id > 0 {
		return edit(id)
	}
	reply := t.write(ctx, func(ctx context.Context) (*gh.Response, error) {
		made, resp, err := t.client.Issues.CreateComment(ctx, t.config.Owner, t.config.Repo, int(req.Issue.Number), comment)
		if err == nil {
			comment = made
		}
		return resp, err
	})
	return commented(reply, comment.GetID(), comment)
}

func commented(reply sdk.CreateReply, id int64, comment *gh.IssueComment) sdk.UpdateReply {
	done := rest.Update(reply)
	if done.Outcome == sdk.Created {
		done.ID, done.URL = strconv.FormatInt(id, 10), comment.GetHTMLURL()
	}
	if done.Outcome == sdk.Created && id <= 0 {
		done.Outcome, done.Message = sdk.Unknown, "GitHub says created and names no comment"
	}
	return done
}

// findComment returns the comment of ours that carries the key's marker; 0 means
// that there is none.
func (t *Tracker) findComment(ctx context.Context, number int, key string) (id int64, err error) {
	login, err := t.whoAmI(ctx)
	if err != nil {
		return 0, err
	}
	options := &gh.IssueListCommentsOptions{ListOptions: gh.ListOptions{PerPage: pageSize}}
	for range maxPages {
		err := t.read(ctx, func(ctx context.Context) error {
			list, resp, err := t.client.Issues.ListComments(ctx, t.config.Owner, t.config.Repo, number, options)
			if err != nil {
				return err
			}
			for _, c := range list {
				if k, ok := sdk.MarkerOf(c.GetBody()); ok && k == key && isOneOf(t.ours(login), c.GetUser().GetLogin()) {
					id = c.GetID()
				}
			}
			options.Page = resp.NextPage
			return nil
		})
		if err != nil || id > 0 || options.Page == 0 {
			return id, err
		}
	}
	return 0, fmt.Errorf("more than %d comments", maxPages*pageSize)
}

// Search lists issues by words.
func (t *Tracker) Search(ctx context.Context, query string, limit int) (found []sdk.Found, err error) {
	words := rest.SearchWords(query)
	if words == "" {
		return nil, nil
	}
	err = t.read(ctx, func(ctx context.Context) error {
		result, _, err := t.client.Search.Issues(ctx, words+" repo:"+t.config.Owner+"/"+t.config.Repo+" is:issue",
			&gh.SearchOptions{ListOptions: gh.ListOptions{PerPage: min(max(limit, 1), pageSize)}})
		if err != nil {
			return err
		}
		for _, issue := range result.Issues {
			found = append(found, seen(issue))
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("search issues: %s", reason(err))
	}
	return found, nil
}
