package gitea

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/iterateswarm/iterateswarm/sdk"
	"github.com/iterateswarm/iterateswarm/sdk/rest"
)

type pull struct {
	ID     int64  `json:"id"`
	Number int64  `json:"number"`
	URL    string `json:"html_url"`
	Head   struct {
		Ref string `json:"ref"`
	} `json:"head"`
}

func (p pull) reply() sdk.CreateReply {
	return sdk.CreateReply{Outcome: sdk.Created, Number: p.Number, NodeID: strconv.FormatInt(p.ID, 10), URL: p.URL, HTTPStatus: http.StatusCreated}
}

// Propose makes one commit on a new branch and a pull request of it that Gitea
// holds for a draft, since its title begins with "WIP:". What an earlier call
// has left is used: the pull request, or the branch.
func (t *Tracker) Propose(ctx context.Context, req sdk.ProposeRequest) sdk.CreateReply {
	if err := rest.CheckProposal(req); err != nil {
		return sdk.CreateReply{Outcome: sdk.Rejected, Message: err.Error()}
	}
	base, branch := req.Base, rest.Branch(req.Key)
	if base == "" {
		var repo struct {
			Default string `json:"default_branch"`
		}
		if _, err := t.api.Get(ctx, t.path(""), nil, &repo); err != nil {
			return notAsked("read the repository", err)
		}
		base = repo.Default
	}
	_, err := t.api.Get(ctx, t.path("branches/"+branch), nil, &struct{}{})
	problem, _ := errors.AsType[*rest.Problem](err)
	switch {
	case problem != nil && problem.Status == http.StatusNotFound:
		if failed := t.push(ctx, req, base, branch); failed != nil {
			return *failed
		}
	case err != nil:
		return notAsked("read the branch "+branch, err)
	default:
		if there, err := t.pull(ctx, branch); err != nil {
			return notAsked("list pull requests", err)
		} else if there != nil {
			return there.reply()
		}
	}
	answer := t.api.Do(ctx, rest.Request{Method: http.MethodPost, Path: t.path("pulls"),
		Body: map[string]any{"title": "WIP: " + req.Title, "body": req.Body, "head": branch, "base": base}})
	var made pull
	if answer.OK() && answer.JSON(&made) == nil && made.Number > 0 {
		return made.reply()
	}
	if answer.Status == http.StatusConflict { // another call was quicker
		if there, err := t.pull(ctx, branch); err == nil && there != nil {
			return there.reply()
		}
	}
	return answer.Failed()
}

// notAsked is the reply when something could not be read: nothing was proposed.
func notAsked(what string, err error) sdk.CreateReply {
	reply := sdk.CreateReply{Outcome: sdk.NotCreated, Message: what + ": " + err.Error()}
	if p, ok := errors.AsType[*rest.Problem](err); ok {
		reply.HTTPStatus = p.Status
		if p.Status >= 400 && p.Status <= 499 && p.Status != 408 && p.Status != 429 {
			reply.Outcome = sdk.Rejected
		}
	}
	return reply
}

// pull finds the pull request of a branch of ours, open or not; nil means that
// there is none.
func (t *Tracker) pull(ctx context.Context, branch string) (there *pull, err error) {
	err = pages(ctx, t, "pulls", url.Values{"state": {"all"}}, func(p pull) bool {
		if p.Head.Ref == branch {
			there = &p
		}
		return there == nil
	})
	return there, err
}

// push commits the files on top of base, under the branch's name, in one
// request.
func (t *Tracker) push(ctx context.Context, req sdk.ProposeRequest, base, branch string) *sdk.CreateReply {
	old := make(map[string]string) // the hash of a file, by path
	var entries []rest.Entry
	for page, more := 1, true; more; page++ {
		var tree struct {
			Truncated bool `json:"truncated"`
			Tree      []struct {
				Path string `json:"path"`
				Mode string `json:"mode"`
				SHA  string `json:"sha"`
			} `json:"tree"`
		}
		_, err := t.api.Get(ctx, t.path("git/trees/"+url.PathEscape(base)), url.Values{"recursive": {"true"}, "page": {strconv.Itoa(page)}}, &tree)
		if err != nil {
			reply := notAsked("read the files of "+base, err)
			return &reply
		}
		for _, e := range tree.Tree {
			old[e.Path] = e.SHA
			entries = append(entries, rest.Entry{Path: e.Path, Mode: e.Mode})
		}
		more = tree.Truncated && len(tree.Tree) > 0 && page < maxPages
	}
	if err := rest.CheckTree(req.Files, entries); err != nil {
		return &sdk.CreateReply{Outcome: sdk.Rejected, Message: err.Error()}
	}
	type file struct {
		Operation string `json:"operation"`
		Path      string `json:"path"`
		Content   []byte `json:"content"` // in base64
		SHA       string `json:"sha,omitempty"`
	}
	var files []file
	for _, f := range req.Files {
		operation := "create"
		if old[f.Path] != "" {
			operation = "update"
		}
		files = append(files, file{operation, f.Path, f.Content, old[f.Path]})
	}
	answer := t.api.Do(ctx, rest.Request{Method: http.MethodPost, Path: t.path("contents"),
		Body: map[string]any{"branch": base, "new_branch": branch, "message": req.Message, "files": files}})
	if answer.OK() {
		return nil
	}
	if _, err := t.api.Get(ctx, t.path("branches/"+branch), nil, &struct{}{}); err == nil { // another call was quicker, or the answer was lost
		return nil
	}
	reply := answer.Failed()
	reply.Message = "make the branch " + branch + ": " + strings.TrimSpace(reply.Message)
	return &reply
}
