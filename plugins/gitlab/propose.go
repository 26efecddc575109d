package gitlab

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"

	"github.com/iterateswarm/iterateswarm/sdk"
	"github.com/iterateswarm/iterateswarm/sdk/rest"
)

type merge struct {
	ID  int64  `json:"id"`
	IID int64  `json:"iid"`
	URL string `json:"web_url"`
}

func (m merge) reply() sdk.CreateReply {
	return sdk.CreateReply{Outcome: sdk.Created, Number: m.IID, NodeID: strconv.FormatInt(m.ID, 10), URL: m.URL, HTTPStatus: http.StatusCreated}
}

// Propose makes one commit on a new branch and a merge request of it that GitLab
// holds for a draft, since its title begins with "Draft:". What an earlier call
// has left is used: the merge request, or the branch.
func (t *Tracker) Propose(ctx context.Context, req sdk.ProposeRequest) sdk.CreateReply {
	if err := rest.CheckProposal(req); err != nil {
		return sdk.CreateReply{Outcome: sdk.Rejected, Message: err.Error()}
	}
	base, branch := req.Base, rest.Branch(req.Key)
	if there, err := t.merge(ctx, branch); err != nil {
		return notAsked("list merge requests", err)
	} else if there != nil {
		return there.reply()
	}
	if base == "" {
		var place struct {
			Default string `json:"default_branch"`
		}
		if _, err := t.api.Get(ctx, t.path(""), nil, &place); err != nil {
			return notAsked("read the project", err)
		}
		base = place.Default
	}
	if there, err := t.hasBranch(ctx, branch); err != nil {
		return notAsked("read the branch "+branch, err)
	} else if !there {
		if failed := t.push(ctx, req, base, branch); failed != nil {
			return *failed
		}
	}
	answer := t.api.Do(ctx, rest.Request{Method: http.MethodPost, Path: t.path("merge_requests"),
		Body: map[string]any{"title": "Draft: " + rest.Short(req.Title, 240), "description": harmless(req.Body), "source_branch": branch, "target_branch": base}})
	var made merge
	if answer.OK() && answer.JSON(&made) == nil && made.IID > 0 {
		return made.reply()
	}
	if answer.Status == http.StatusConflict { // another call was quicker
		if there, err := t.merge(ctx, branch); err == nil && there != nil {
			return there.reply()
		}
	}
	return answer.Failed()
}

// merge finds the merge request of a branch of ours, open or not; nil means that
// there is none.
func (t *Tracker) merge(ctx context.Context, branch string) (*merge, error) {
	var list []merge
	if _, err := t.api.Get(ctx, t.path("merge_requests"), url.Values{"source_branch": {branch}, "state": {"all"}}, &list); err != nil || len(list) == 0 {
		return nil, err
	}
	return &list[0], nil
}

func (t *Tracker) hasBranch(ctx context.Context, branch string) (bool, error) {
	_, err := t.api.Get(ctx, t.path("repository/branches/"+url.PathEscape(branch)), nil, &struct{}{})
	if p, ok := errors.AsType[*rest.Problem](err); ok && p.Status == http.StatusNotFound {
		return false, nil
	}
	return err == nil, err
}

// push commits the files on top of base, under the branch's name, in one
// request.
func (t *Tracker) push(ctx context.Context, req sdk.ProposeRequest, base, branch string) *sdk.CreateReply {
	there := make(map[string]bool)
	var entries []rest.Entry
	err := pages(ctx, t, "repository/tree", url.Values{"ref": {base}, "recursive": {"true"}}, func(e struct{ Path, Mode string }) bool {
		there[e.Path] = true
		entries = append(entries, rest.Entry{Path: e.Path, Mode: e.Mode})
		return true
	})
	if err != nil {
		reply := notAsked("read the files of "+base, err)
		return &reply
	}
	if err := rest.CheckTree(req.Files, entries); err != nil {
		return &sdk.CreateReply{Outcome: sdk.Rejected, Message: err.Error()}
	}
	var actions []map[string]string
	for _, f := range req.Files {
		action := "create"
		if there[f.Path] {
			action = "update"
		}
		actions = append(actions, map[string]string{"action": action, "file_path": f.Path, "content": string(f.Content)})
	}
	answer := t.api.Do(ctx, rest.Request{Method: http.MethodPost, Path: t.path("repository/commits"),
		Body: map[string]any{"branch": branch, "start_branch": base, "commit_message": req.Message, "actions": actions}})
	if answer.OK() {
		return nil
	}
	if there, err := t.hasBranch(ctx, branch); err == nil && there { // another call was quicker, or the answer was lost
		return nil
	}
	reply := answer.Failed()
	reply.Message = "make the branch " + branch + ": " + reply.Message
	return &reply
}
