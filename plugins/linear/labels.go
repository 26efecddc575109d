package linear

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/iterateswarm/iterateswarm/sdk"
)

type label struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	Description string `json:"description"`
	Color       string `json:"color"`
	IsGroup     bool   `json:"isGroup"`
}

// labels lists those of the team and of the workspace; a group is none.
func (t *Tracker) labels(ctx context.Context) ([]label, error) {
	team, err := t.team(ctx)
	if err != nil {
		return nil, err
	}
	type data struct{ IssueLabels nodes[label] }
	list, err := pages(ctx, t, `query Labels($team: ID!, $after: String) { issueLabels(filter: {or: [{team: {null: true}}, {team: {id: {eq: $team}}}]}, first: 50, after: $after) {
		nodes { id name description color isGroup } pageInfo { hasNextPage endCursor } } }`,
		map[string]any{"team": team}, func(d *data) nodes[label] { return d.IssueLabels })
	return slices.DeleteFunc(list, func(l label) bool { return l.IsGroup }), err
}

// fit makes of the wanted labels the ids of those that the issue gets.
func (t *Tracker) fit(ctx context.Context, want []string) (ids []string, note string, err error) {
	ids = []string{}
	want = unique(want)
	if len(want) == 0 {
		return ids, "", nil
	}
	known, err := t.labels(ctx)
	if err != nil {
		return nil, "", err
	}
	var missing []string
	for _, l := range want {
		at := slices.IndexFunc(known, func(k label) bool { return strings.EqualFold(k.Name, l) })
		if at < 0 && t.config.MissingLabels == "create" {
			if made, err := t.makeLabel(ctx, l); err == nil {
				known, at = append(known, made), len(known)
			}
		}
		if at < 0 {
			missing = append(missing, l)
		} else if !slices.Contains(ids, known[at].ID) {
			ids = append(ids, known[at].ID)
		}
	}
	if len(missing) > 0 {
		note = "the team has no label " + strings.Join(missing, ", ")
	}
	return ids, note, nil
}

func (t *Tracker) makeLabel(ctx context.Context, name string) (label, error) {
	team, err := t.team(ctx)
	if err != nil {
		return label{}, err
	}
	var data struct {
		IssueLabelCreate struct{ IssueLabel label }
	}
	err = t.ask(ctx, `mutation Label($input: IssueLabelCreateInput!) { issueLabelCreate(input: $input) { success issueLabel { id name color description isGroup } } }`,
		map[string]any{"input": map[string]any{"name": name, "teamId": team}}, &data)
	if err == nil && data.IssueLabelCreate.IssueLabel.ID == "" {
		err = fmt.Errorf("no label %s in the answer of Linear", name)
	}
	return data.IssueLabelCreate.IssueLabel, err
}

// Options lists labels and the members of the team.
func (t *Tracker) Options(ctx context.Context) (sdk.Options, error) {
	labels, err := t.labels(ctx)
	if err != nil {
		return sdk.Options{}, fmt.Errorf("list labels: %w", err)
	}
	var options sdk.Options
	for _, l := range labels {
		options.Labels = append(options.Labels, sdk.Label{Name: l.Name, Description: l.Description, Color: strings.TrimPrefix(l.Color, "#")})
	}
	team, err := t.team(ctx)
	if err != nil {
		return sdk.Options{}, err
	}
	type member struct {
		ID     string `json:"id"`
		Name   string `json:"name"`
		Active bool   `json:"active"`
	}
	type data struct {
		Team struct{ Members nodes[member] }
	}
	members, err := pages(ctx, t, `query Members($team: String!, $after: String) { team(id: $team) { members(first: 50, after: $after) { nodes { id name active } pageInfo { hasNextPage endCursor } } } }`,
		map[string]any{"team": team}, func(d *data) nodes[member] { return d.Team.Members })
	if err != nil {
		return sdk.Options{}, fmt.Errorf("list members: %w", err)
	}
	for _, m := range members {
		if m.Active {
			options.Assignees = append(options.Assignees, sdk.Assignee{ID: m.ID, Name: m.Name})
		}
	}
	return options, nil
}
