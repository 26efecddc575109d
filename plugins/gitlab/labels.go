package gitlab

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/iterateswarm/iterateswarm/sdk"
	"github.com/iterateswarm/iterateswarm/sdk/rest"
)

type label struct {
	Name        string `json:"name"`
	Description string `json:"description"`
	Color       string `json:"color"`
}

func (t *Tracker) labels(ctx context.Context) (all []label, err error) {
	err = pages(ctx, t, "labels", url.Values{}, func(l label) bool {
		all = append(all, l)
		return true
	})
	return all, err
}

// fit makes of the wanted labels those that the issue gets. GitLab makes a label
// by using it, so that one that does not exist is left out here.
func (t *Tracker) fit(ctx context.Context, want []string) (labels []string, note string, failed *sdk.CreateReply) {
	want = slices.DeleteFunc(want, func(l string) bool { return strings.TrimSpace(l) == "" || strings.Contains(l, ",") })
	if len(want) == 0 {
		return nil, "", nil
	}
	known, err := t.labels(ctx)
	if err != nil {
		reply := notAsked("list labels", err)
		if reply.Outcome == sdk.NotCreated {
			return nil, "", &reply
		}
		return nil, "without labels, since GitLab does not list them: " + err.Error(), nil
	}
	var missing []string
	for i, l := range want {
		if slices.Contains(want[:i], l) {
			continue
		}
		if at := slices.IndexFunc(known, func(k label) bool { return strings.EqualFold(k.Name, l) }); at >= 0 {
			l = known[at].Name
		} else if t.config.MissingLabels != "create" {
			missing = append(missing, l)
			continue
		}
		if !slices.Contains(labels, l) {
			labels = append(labels, l)
		}
	}
	if len(missing) > 0 {
		note = "the project has no label " + strings.Join(missing, ", ")
	}
	return labels, note, nil
}

// notAsked is the reply when something before a write could not be read.
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

// Options lists labels, members and the types that every project has.
func (t *Tracker) Options(ctx context.Context) (sdk.Options, error) {
	options := sdk.Options{Types: []string{"issue", "incident"}}
	labels, err := t.labels(ctx)
	if err != nil {
		return options, fmt.Errorf("list labels: %w", err)
	}
	for _, l := range labels {
		options.Labels = append(options.Labels, sdk.Label{Name: l.Name, Description: l.Description, Color: strings.TrimPrefix(l.Color, "#")})
	}
	err = pages(ctx, t, "members/all", url.Values{}, func(u user) bool {
		options.Assignees = append(options.Assignees, sdk.Assignee{ID: strconv.FormatInt(u.ID, 10), Name: u.Name + " (" + u.Username + ")"})
		return true
	})
	if err != nil {
		return options, fmt.Errorf("list members: %w", err)
	}
	return options, nil
}
