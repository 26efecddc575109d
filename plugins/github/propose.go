package github

import (
	"context"
	"fmt"
	"net/http"

	gh "github.com/google/go-github/v62/github"

	"github.com/iterateswarm/iterateswarm/sdk"
	"github.com/iterateswarm/iterateswarm/sdk/rest"
)

// Propose makes one commit on a new branch and a draft pull request of it. What
// an earlier call has left is used: the pull request, or the branch.
func (t *Tracker) Propose(ctx context.Context, req sdk.ProposeRequest) sdk.CreateReply {
	if err := rest.CheckProposal(req); err != nil {
		return sdk.CreateReply{Outcome: sdk.Rejected, Message: err.Error()}
	}
	branch := rest.Branch(req.Key)
	if pull, failed := t.pull(ctx, branch); pull != nil || failed != nil {
		return *either(pull, failed)
	}
	base := req.Base
	if base == "" {
		err := t.read(ctx, func(ctx context.Context) error {
			repo, _, err := t.client.Repositories.Get(ctx, t.config.Owner, t.config.Repo)
			base = repo.GetDefaultBranch()
			return err
		})
		if err != nil {
			return notAsked("read the repository", err)
		}
	}
	if _, err := t.ref(ctx, branch); status(err) == http.StatusNotFound {
		if failed := t.push(ctx, req, base, branch); failed != nil {
			return *failed
		}
	} else if err != nil {
		return notAsked("read the branch "+branch, err)
	}
	draft := true
	var made *gh.PullRequest
	reply := t.write(ctx, func(ctx context.Context) (resp *gh.Response, err error) {
		made, resp, err = t.client.PullRequests.Create(ctx, t.config.Owner, t.config.Repo,
			&gh.NewPullRequest{Title: &req.Title, Body: &req.Body, Head: &branch, Base: &base, Draft: &draft})
		return resp, err
	})
	if reply.HTTPStatus == http.StatusUnprocessableEntity { // it may be there already
		if pull, _ := t.pull(ctx, branch); pull != nil {
			return *pull
		}
	}
	if reply.Outcome == sdk.Created {
		return proposed(made)
	}
	return reply
}

func either(pull, failed *sdk.CreateReply) *sdk.CreateReply {
	if pull != nil {
		return pull
	}
	return failed
}

// notAsked is the reply when something could not be read: nothing was proposed.
func notAsked(what string, err error) sdk.CreateReply {
	reply := sdk.CreateReply{Outcome: sdk.NotCreated, Message: what + ": " + reason(err), HTTPStatus: status(err), RetryAfter: heldBack(err)}
	if s := reply.HTTPStatus; s >= 400 && s <= 499 && s != 408 && s != 429 && !isRateLimit(err) {
		reply.Outcome = sdk.Rejected
	}
	return reply
}

func proposed(pull *gh.PullRequest) sdk.CreateReply {
	reply := sdk.CreateReply{Outcome: sdk.Created, Number: int64(pull.GetNumber()), NodeID: pull.GetNodeID(), URL: pull.GetHTMLURL(), HTTPStatus: http.StatusCreated}
	if reply.Number <= 0 {
		reply.Outcome, reply.Message = sdk.Unknown, "GitHub says created and names no pull request"
	}
	return reply
}

// pull finds the pull request of a branch of ours, open or not.
func (t *Tracker) pull(ctx context.Context, branch string) (pull, failed *sdk.CreateReply) {
	err := t.read(ctx, func(ctx context.Context) error {
		list, _, err := t.client.PullRequests.List(ctx, t.config.Owner, t.config.Repo,
			&gh.PullRequestListOptions{State: "all", Head: t.config.Owner + ":" + branch})
		if err == nil && len(list) > 0 && list[0].GetHead().GetRef() == branch {
			reply := proposed(list[0])
			reply.Message = "was there already"
			pull = &reply
		}
		return err
	})
	if err != nil {
		reply := notAsked("list pull requests", err)
		return nil, &reply
	}
	return pull, nil
}

func (t *Tracker) ref(ctx context.Context, branch string) (sha string, err error) {
	err = t.read(ctx, func(ctx context.Context) error {
		ref, _, err := t.client.Git.GetRef(ctx, t.config.Owner, t.config.Repo, "heads/"+branch)
		sha = ref.GetObject().GetSHA()
		return err
	})
	return sha, err
}

// push commits the files on top of base and gives the commit the branch's name.
func (t *Tracker) push(ctx context.Context, req sdk.ProposeRequest, base, branch string) *sdk.CreateReply {
	failed := func(r sdk.CreateReply) *sdk.CreateReply { return &r }
	parent, err := t.ref(ctx, base)
	if err != nil {
		return failed(notAsked("read the branch "+base, err))
	}
	var old *gh.Tree
	err = t.read(ctx, func(ctx context.Context) (err error) {
		old, _, err = t.client.Git.GetTree(ctx, t.config.Owner, t.config.Repo, parent, true)
		return err
	})
	if err != nil {
		return failed(notAsked("read the files", err))
	}
	if old.GetTruncated() {
		return failed(sdk.CreateReply{Outcome: sdk.Rejected, Message: "the repository has too many files to check that none of those changed is a link"})
	}
	modes := make(map[string]string)
	var entries []rest.Entry
	for _, e := range old.Entries {
		modes[e.GetPath()] = e.GetMode()
		entries = append(entries, rest.Entry{Path: e.GetPath(), Mode: e.GetMode()})
	}
	if err := rest.CheckTree(req.Files, entries); err != nil {
		return failed(sdk.CreateReply{Outcome: sdk.Rejected, Message: err.Error()})
	}
	var files []*gh.TreeEntry
	for _, f := range req.Files {
		mode := "100644"
		if modes[f.Path] != "" {
			mode = modes[f.Path] // a script stays one
		}
		files = append(files, &gh.TreeEntry{Path: &f.Path, Mode: &mode, Type: gh.String("blob"), Content: gh.String(string(f.Content))})
	}
	var tree *gh.Tree
	reply := t.write(ctx, func(ctx context.Context) (resp *gh.Response, err error) {
		tree, resp, err = t.client.Git.CreateTree(ctx, t.config.Owner, t.config.Repo, old.GetSHA(), files)
		return resp, err
	})
	if reply.Outcome != sdk.Created {
		return &reply
	}
	var commit *gh.Commit
	reply = t.write(ctx, func(ctx context.Context) (resp *gh.Response, err error) {
		commit, resp, err = t.client.Git.CreateCommit(ctx, t.config.Owner, t.config.Repo,
			&gh.Commit{Message: &req.Message, Tree: &gh.Tree{SHA: tree.SHA}, Parents: []*gh.Commit{{SHA: &parent}}}, nil)
		return resp, err
	})
	if reply.Outcome != sdk.Created {
		return &reply
	}
	reply = t.write(ctx, func(ctx context.Context) (*gh.Response, error) {
		_, resp, err := t.client.Git.CreateRef(ctx, t.config.Owner, t.config.Repo,
			&gh.Reference{Ref: gh.String("refs/heads/" + branch), Object: &gh.GitObject{SHA: commit.SHA}})
		return resp, err
	})
	if reply.Outcome == sdk.Created {
		return nil
	}
	if _, err := t.ref(ctx, branch); err == nil { // another call was quicker, or the answer was lost
		return nil
	}
	reply.Message = fmt.Sprintf("make the branch %s: %s", branch, reply.Message)
	return &reply
}
