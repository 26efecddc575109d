package gitea

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/iterateswarm/iterateswarm/sdk"
	"github.com/iterateswarm/iterateswarm/sdk/rest"
)

type label struct {
	ID          int64  `json:"id"`
	Name        string `json:"name"`
	Description string `json:"description"`
	Color       string `json:"color"`
}

// labels lists those of the repository and of its organisation.
func (t *Tracker) labels(ctx context.Context) ([]label, error) {
	var all []label
	err := pages(ctx, t, "labels", url.Values{}, func(l label) bool {
		all = append(all, l)
		return true
	})
	if err != nil {
		return nil, err
	}
	var shared []label
	_, err = t.api.Get(ctx, "orgs/"+t.config.Owner+"/labels", url.Values{"limit": {"50"}}, &shared)
	// A person has no such labels, and the token may not see those of others.
	if p, ok := errors.AsType[*rest.Problem](err); ok && (p.Status == http.StatusNotFound || p.Status == http.StatusForbidden) {
		return all, nil
	}
	return append(all, shared...), err
}

// fit makes of the wanted labels the numbers of those that the issue gets. One
// that does not exist is made or left out, as the setting says; note says what
// was left out.
func (t *Tracker) fit(ctx context.Context, want []string) (ids []int64, note string, failed *sdk.CreateReply) {
	ids = []int64{}
	want = slices.DeleteFunc(want, func(l string) bool { return strings.TrimSpace(l) == "" })
	if len(want) == 0 {
		return ids, "", nil
	}
	known, err := t.labels(ctx)
	if err != nil {
		failed := notAsked("list labels", err)
		if failed.Outcome == sdk.NotCreated {
			return nil, "", &failed
		}
		return ids, "without labels, since Gitea does not list them: " + err.Error(), nil
	}
	var missing []string
	for i, l := range want {
		if slices.Contains(want[:i], l) {
			continue
		}
		at := slices.IndexFunc(known, func(k label) bool { return strings.EqualFold(k.Name, l) })
		if at < 0 && t.config.MissingLabels == "create" {
			if made, ok := t.makeLabel(ctx, l); ok {
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
		note = "the repository has no label " + strings.Join(missing, ", ")
	}
	return ids, note, nil
}

func (t *Tracker) makeLabel(ctx context.Context, name string) (made label, ok bool) {
	answer := t.api.Do(ctx, rest.Request{Method: http.MethodPost, Path: t.path("labels"), Body: map[string]string{"name": name, "color": "#ededed"}})
	return made, answer.OK() && answer.JSON(&made) == nil && made.ID > 0
}

// Options lists labels and the people an issue can be given to. There are no
// types.
func (t *Tracker) Options(ctx context.Context) (sdk.Options, error) {
	labels, err := t.labels(ctx)
	if err != nil {
		return sdk.Options{}, fmt.Errorf("list labels: %w", err)
	}
	var options sdk.Options
	for _, l := range labels {
		options.Labels = append(options.Labels, sdk.Label{Name: l.Name, Description: l.Description, Color: strings.TrimPrefix(l.Color, "#")})
	}
	var people []user
	if _, err := t.api.Get(ctx, t.path("assignees"), nil, &people); err != nil {
		return sdk.Options{}, fmt.Errorf("list assignees: %w", err)
	}
	for _, p := range people {
		name := p.Login
		if p.FullName != "" {
			name = p.FullName + " (" + p.Login + ")"
		}
		options.Assignees = append(options.Assignees, sdk.Assignee{ID: p.Login, Name: name})
	}
	return options, nil
}
