package linear

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/iterateswarm/iterateswarm/sdk"
	"github.com/iterateswarm/iterateswarm/sdk/rest"
)

// Update sets everything in one request.
func (t *Tracker) Update(ctx context.Context, req sdk.UpdateRequest) sdk.UpdateReply {
	input := map[string]any{}
	if req.Title != nil {
		input["title"] = *req.Title
	}
	if req.Body != nil {
		input["description"] = *req.Body
	}
	if req.State != nil {
		state, err := t.state(ctx, *req.State, req.Reason)
		if err != nil {
			return rest.Update(notAsked("list states", err))
		}
		input["stateId"] = state
	}
	if len(req.AddAssignees) > 0 {
		input["assigneeId"] = req.AddAssignees[0]
	}
	var note string
	if len(req.AddLabels)+len(req.RemoveLabels) > 0 {
		add, left, err := t.fit(ctx, req.AddLabels)
		known, err2 := t.labels(ctx)
		if err = errors.Join(err, err2); err != nil {
			return rest.Update(notAsked("list labels", err))
		}
		remove := []string{}
		for _, l := range known {
			if slices.Contains(req.RemoveLabels, l.Name) {
				remove = append(remove, l.ID)
			}
		}
		input["addedLabelIds"], input["removedLabelIds"], note = add, remove, left
	}
	if len(input) == 0 {
		return sdk.UpdateReply{Outcome: sdk.Created, URL: req.Issue.URL}
	}
	answer := t.send(ctx, `mutation Update($id: String!, $input: IssueUpdateInput!) { issueUpdate(id: $id, input: $input) { success } }`,
		map[string]any{"id": cmp.Or(req.Issue.NodeID, idOf(req.Issue.Key)), "input": input}, req.RequestID)
	var data struct{ IssueUpdate struct{ Success bool } }
	if err := read(answer, &data); err != nil || !data.IssueUpdate.Success {
		return rest.Update(failed(answer))
	}
	return sdk.UpdateReply{Outcome: sdk.Created, URL: req.Issue.URL, HTTPStatus: answer.Status, Message: note}
}

// state finds the first state of the team that means open or closed.
func (t *Tracker) state(ctx context.Context, state, reason string) (string, error) {
	team, err := t.team(ctx)
	if err != nil {
		return "", err
	}
	want := []string{"unstarted", "backlog", "started", "triage"}
	if state == "closed" {
		want = []string{"completed"}
		if reason == "not_planned" {
			want = []string{"canceled", "completed"}
		}
	}
	var data struct {
		WorkflowStates nodes[struct {
			ID, Type string
			Position float64
		}]
	}
	err = t.ask(ctx, `query States($team: ID!) { workflowStates(filter: {team: {id: {eq: $team}}}, first: 100) { nodes { id type position } } }`,
		map[string]any{"team": team}, &data)
	if err != nil {
		return "", err
	}
	list := data.WorkflowStates.Nodes
	slices.SortFunc(list, func(a, b struct {
		ID, Type string
		Position float64
	}) int {
		return cmp.Compare(a.Position, b.Position)
	})
	for _, kind := range want {
		for _, s := range list {
			if s.Type == kind {
				return s.ID, nil
			}
		}
	}
	return "", errors.New("the team has no state that means " + state)
}

// Comment writes a comment whose id is made from its key, or edits it. A comment
// that is there already answers the create with an error.
func (t *Tracker) Comment(ctx context.Context, req sdk.CommentRequest) sdk.UpdateReply {
	if key, ok := sdk.MarkerOf(req.Body); !ok || key != req.Key {
		return sdk.UpdateReply{Outcome: sdk.Rejected, Message: "the comment does not begin with the marker of its key"}
	}
	id := cmp.Or(req.PreviousID, idOf(req.Key))
	var there struct{ Comments nodes[struct{ ID string }] }
	err := t.ask(ctx, `query Comment($ids: [ID!]) { comments(filter: {id: {in: $ids}}, first: 2, includeArchived: true) { nodes { id } } }`,
		map[string]any{"ids": []string{id, idOf(req.Key)}}, &there)
	if err != nil {
		return rest.Update(notAsked("find the comment", err))
	}
	query, variables := `mutation Comment($input: CommentCreateInput!) { done: commentCreate(input: $input) { success comment { id url } } }`,
		map[string]any{"input": map[string]any{"id": idOf(req.Key), "issueId": cmp.Or(req.Issue.NodeID, idOf(req.Issue.Key)), "body": req.Body}}
	if len(there.Comments.Nodes) > 0 {
		query, variables = `mutation Edit($id: String!, $input: CommentUpdateInput!) { done: commentUpdate(id: $id, input: $input) { success comment { id url } } }`,
			map[string]any{"id": there.Comments.Nodes[0].ID, "input": map[string]any{"body": req.Body}}
	}
	answer := t.send(ctx, query, variables, req.RequestID)
	var data struct {
		Done struct {
			Success bool
			Comment struct{ ID, URL string }
		}
	}
	if err := read(answer, &data); err != nil || data.Done.Comment.ID == "" {
		return rest.Update(failed(answer))
	}
	return sdk.UpdateReply{Outcome: sdk.Created, ID: data.Done.Comment.ID, URL: data.Done.Comment.URL, HTTPStatus: answer.Status}
}
