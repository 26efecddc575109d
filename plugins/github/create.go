package github

import (
	"context"
	"net/http"
	"slices"
	"strings"

	gh "github.com/google/go-github/v62/github"

	"github.com/iterateswarm/iterateswarm/sdk"
)

// newIssue is what GitHub takes; go-github knows no type.
type newIssue struct {
	Title     string   `json:"title"`
	Body      string   `json:"body"`
	Labels    []string `json:"labels"`
	Assignees []string `json:"assignees,omitempty"`
	Type      string   `json:"type,omitempty"`
}

// Create sends one POST and waits up to 15 seconds for its answer. Nothing
// below it sends again: see rest.HTTP.
func (t *Tracker) Create(ctx context.Context, req sdk.CreateRequest) sdk.CreateReply {
	if key, ok := sdk.MarkerOf(req.Body); !ok || key != req.Key {
		return sdk.CreateReply{Outcome: sdk.Rejected, Message: "the body does not begin with the marker of its key"}
	}
	labels, note, failed := t.fit(ctx, append(slices.Clone(req.Labels), t.config.Labels...))
	if failed != nil {
		return *failed
	}
	issue := newIssue{req.Title, req.Body, labels, req.Assignees, req.Type}
	post, err := t.client.NewRequest(http.MethodPost, t.path("issues"), issue)
	if err != nil {
		return sdk.CreateReply{Outcome: sdk.Rejected, Message: err.Error()}
	}
	post.GetBody = nil
	if req.RequestID != "" {
		post.Header.Set("X-Request-ID", req.RequestID)
	}
	var made gh.Issue
	reply := t.write(ctx, func(ctx context.Context) (*gh.Response, error) { return t.client.Do(ctx, post, &made) })
	if reply.Outcome != sdk.Created {
		return reply
	}
	if reply.HTTPStatus != http.StatusCreated || made.GetNumber() <= 0 {
		reply.Outcome, reply.Message = sdk.Unknown, "GitHub says created and names no issue"
		return reply
	}
	reply.Number, reply.NodeID, reply.URL = int64(made.GetNumber()), made.GetNodeID(), made.GetHTMLURL()
	reply.Message = strings.Join(slices.DeleteFunc([]string{note, ignored(&made, issue)}, func(s string) bool { return s == "" }), "; ")
	return reply
}

// path is below the repository.
func (t *Tracker) path(below string) string {
	return "repos/" + t.config.Owner + "/" + t.config.Repo + "/" + below
}

// ignored names what GitHub has left out in silence, as it does when the token
// may not set it.
func ignored(made *gh.Issue, want newIssue) string {
	var left []string
	for _, l := range want.Labels {
		if !slices.ContainsFunc(made.Labels, func(got *gh.Label) bool { return strings.EqualFold(got.GetName(), l) }) {
			left = append(left, "the label "+l)
		}
	}
	for _, a := range want.Assignees {
		if !slices.ContainsFunc(made.Assignees, func(got *gh.User) bool { return strings.EqualFold(got.GetLogin(), a) }) {
			left = append(left, "the assignee "+a)
		}
	}
	if len(left) == 0 {
		return ""
	}
	return "GitHub did not set " + strings.Join(left, ", ") + "; the token's account needs the role Triage for that"
}
