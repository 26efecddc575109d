package linear

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/iterateswarm/iterateswarm/sdk"
	"github.com/iterateswarm/iterateswarm/sdk/rest"
)

const fields = ` id identifier number title url description createdAt updatedAt completedAt canceledAt
	state { type } labels(first: 50) { nodes { name } } assignee { id } attachments(first: 20) { nodes { url sourceType } } `

type issue struct {
	ID          string    `json:"id"`
	Identifier  string    `json:"identifier"`
	Number      float64   `json:"number"`
	Title       string    `json:"title"`
	URL         string    `json:"url"`
	Description string    `json:"description"`
	Created     time.Time `json:"createdAt"`
	Updated     time.Time `json:"updatedAt"`
	Completed   time.Time `json:"completedAt"`
	Canceled    time.Time `json:"canceledAt"`
	State       struct {
		Type string `json:"type"`
	} `json:"state"`
	Labels   nodes[struct{ Name string }] `json:"labels"`
	Assignee *struct {
		ID string `json:"id"`
	} `json:"assignee"`
	Attachments nodes[struct{ URL, SourceType string }] `json:"attachments"`
}

// closing says what the types of states mean; the rest is open.
var closing = map[string]string{"completed": "completed", "canceled": "not_planned", "duplicate": "duplicate"}

func (i issue) state() string {
	if closing[i.State.Type] != "" {
		return "closed"
	}
	return "open"
}

func (i issue) found() sdk.Found {
	key, ok := keyOf(i.ID, i.Description)
	if !ok {
		key = ""
	}
	return sdk.Found{Key: key, Number: int64(i.Number), Name: i.Identifier, NodeID: i.ID, URL: i.URL, Title: i.Title, State: i.state(), Created: i.Created}
}

var priorities = map[string]int{"critical": 1, "high": 2, "medium": 3, "low": 4} // Linear's: urgent, high, medium, low

// Create sends one request. When Linear answers with an error, the issue is
// looked up: it may be there from an earlier call with the same key.
func (t *Tracker) Create(ctx context.Context, req sdk.CreateRequest) sdk.CreateReply {
	if key, ok := sdk.MarkerOf(req.Body); !ok || key != req.Key {
		return sdk.CreateReply{Outcome: sdk.Rejected, Message: "the body does not begin with the marker of its key"}
	}
	team, err := t.team(ctx)
	if err != nil {
		return notAsked("find the team", err)
	}
	labels, note, err := t.fit(ctx, append(slices.Clone(req.Labels), t.config.Labels...))
	if err != nil {
		return notAsked("list labels", err)
	}
	input := map[string]any{"id": idOf(req.Key), "teamId": team, "title": req.Title, "description": req.Body, "labelIds": labels}
	if p := priorities[req.Severity]; p != 0 {
		input["priority"] = p
	}
	if len(req.Assignees) > 0 { // Linear knows one
		input["assigneeId"] = req.Assignees[0]
	}
	answer := t.send(ctx, `mutation Create($input: IssueCreateInput!) { issueCreate(input: $input) { success issue {`+fields+`} } }`,
		map[string]any{"input": input}, req.RequestID)
	var data struct {
		IssueCreate struct {
			Success bool   `json:"success"`
			Issue   *issue `json:"issue"`
		} `json:"issueCreate"`
	}
	err = read(answer, &data)
	made := data.IssueCreate.Issue
	if faultsIn(err) != nil {
		there, lookup := t.byKey(ctx, req.Key)
		if lookup == nil && there != nil {
			made, err, note = there, nil, "was there already"
		}
	}
	if err != nil || made == nil || made.ID == "" {
		return failed(answer)
	}
	return sdk.CreateReply{Outcome: sdk.Created, Number: int64(made.Number), Name: made.Identifier, NodeID: made.ID, URL: made.URL, HTTPStatus: answer.Status, Message: note}
}

// notAsked is the reply when something before the create could not be read.
func notAsked(what string, err error) sdk.CreateReply {
	reply := sdk.CreateReply{Outcome: sdk.NotCreated, Message: what + ": " + err.Error()}
	if f := faultsIn(err); err == errNoTeam || f.is("AUTHENTICATION_ERROR") || f.is("FORBIDDEN") {
		reply.Outcome = sdk.Rejected
	}
	return reply
}

type issueList struct{ Issues nodes[issue] }

// byKey looks the issue of a key up by its id; nil means that there is none.
func (t *Tracker) byKey(ctx context.Context, key string) (*issue, error) {
	var data issueList
	err := t.ask(ctx, `query ByID($id: ID!) { issues(filter: {id: {eq: $id}}, first: 1, includeArchived: true) { nodes {`+fields+`} } }`,
		map[string]any{"id": idOf(key)}, &data)
	if err != nil || len(data.Issues.Nodes) == 0 {
		return nil, err
	}
	return &data.Issues.Nodes[0], nil
}

const margin = 5 * time.Minute // between Linear's clock and ours

// Find looks for one key by its id, and for all in the list of the team's
// issues.
func (t *Tracker) Find(ctx context.Context, req sdk.FindRequest) ([]sdk.Found, error) {
	if req.Key != "" {
		i, err := t.byKey(ctx, req.Key)
		if err != nil {
			return nil, fmt.Errorf("find the issue: %w", err)
		}
		if i == nil {
			return nil, nil
		}
		f := i.found()
		f.Key = req.Key // the id is its own proof
		return []sdk.Found{f}, nil
	}
	list, err := t.list(ctx, "createdAt", req.Since.Add(-margin))
	if err != nil {
		return nil, err
	}
	var found []sdk.Found
	for _, i := range list {
		if f := i.found(); f.Key != "" {
			found = append(found, f)
		}
	}
	slices.SortFunc(found, func(a, b sdk.Found) int { return cmp.Compare(b.Number, a.Number) })
	return slices.CompactFunc(found, func(a, b sdk.Found) bool { return a.NodeID == b.NodeID }), nil
}

// list reads the team's issues created or updated since a time.
func (t *Tracker) list(ctx context.Context, by string, since time.Time) ([]issue, error) {
	team, err := t.team(ctx)
	if err != nil {
		return nil, err
	}
	if since.Year() < 2000 { // Linear is younger
		since = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	query := `query List($team: ID!, $since: DateTimeOrDuration!, $after: String) {
		issues(filter: {team: {id: {eq: $team}}, ` + by + `: {gte: $since}}, orderBy: ` + by + `, first: 50, after: $after, includeArchived: true) {
			nodes {` + fields + `} pageInfo { hasNextPage endCursor } } }`
	list, err := pages(ctx, t, query, map[string]any{"team": team, "since": since.UTC().Format(time.RFC3339Nano)}, func(d *issueList) nodes[issue] { return d.Issues })
	if err != nil {
		return nil, fmt.Errorf("list issues: %w", err)
	}
	return list, nil
}

// Search lists the team's issues by words.
func (t *Tracker) Search(ctx context.Context, query string, limit int) ([]sdk.Found, error) {
	words := rest.SearchWords(query)
	if words == "" {
		return nil, nil
	}
	team, err := t.team(ctx)
	if err != nil {
		return nil, err
	}
	var data struct{ SearchIssues nodes[issue] }
	err = t.ask(ctx, `query Search($term: String!, $team: String!, $first: Int!) { searchIssues(term: $term, teamId: $team, first: $first, includeArchived: true) { nodes {
		id identifier number title url description createdAt state { type } } } }`,
		map[string]any{"term": words, "team": team, "first": min(max(limit, 1), pageSize)}, &data)
	if err != nil {
		return nil, fmt.Errorf("search issues: %w", err)
	}
	var found []sdk.Found
	for _, i := range data.SearchIssues.Nodes {
		found = append(found, i.found())
	}
	return found, nil
}
