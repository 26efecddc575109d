package github

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	gh "github.com/google/go-github/v62/github"

	"github.com/iterateswarm/iterateswarm/sdk"
)

// labelPage is one page of the list of labels as GitHub last gave it.
type labelPage struct {
	tag    string // GitHub's name for this state of it
	labels []sdk.Label
	more   bool
}

// labels lists the repository's labels. A page that has not changed costs
// nothing of the rate limit.
func (t *Tracker) labels(ctx context.Context) ([]sdk.Label, error) {
	t.labelMu.Lock()
	defer t.labelMu.Unlock()
	var all []sdk.Label
	for n := 1; n <= maxPages; n++ {
		page, err := t.labelPage(ctx, n)
		if err != nil {
			return nil, err
		}
		t.labelPages = append(t.labelPages[:n-1], page)
		all = append(all, page.labels...)
		if !page.more {
			return all, nil
		}
	}
	return all, nil
}

func (t *Tracker) labelPage(ctx context.Context, n int) (page labelPage, err error) {
	get, err := t.client.NewRequest(http.MethodGet, t.path(fmt.Sprintf("labels?per_page=%d&page=%d", pageSize, n)), nil)
	if err != nil {
		return page, err
	}
	var last labelPage
	if n <= len(t.labelPages) {
		last = t.labelPages[n-1]
		get.Header.Set("If-None-Match", last.tag)
	}
	err = t.read(ctx, func(ctx context.Context) error {
		var list []*gh.Label
		resp, err := t.client.Do(ctx, get, &list)
		if err != nil {
			return err
		}
		page.tag, page.more = resp.Header.Get("ETag"), resp.NextPage != 0
		for _, l := range list {
			page.labels = append(page.labels, sdk.Label{Name: l.GetName(), Description: l.GetDescription(), Color: l.GetColor()})
		}
		return nil
	})
	if status(err) == http.StatusNotModified {
		return last, nil
	}
	return page, err
}

// fit makes of the wanted labels those that the issue gets: each once, as the
// repository spells it. One that does not exist is made or left out, as the
// setting says; note says what was left out. When the labels cannot be read now,
// failed says so; when they cannot be read at all, the issue goes without.
func (t *Tracker) fit(ctx context.Context, want []string) (labels []string, note string, failed *sdk.CreateReply) {
	labels = []string{}
	want = slices.DeleteFunc(want, func(l string) bool { return strings.TrimSpace(l) == "" })
	if len(want) == 0 {
		return labels, "", nil
	}
	known, err := t.labels(ctx)
	if err != nil {
		if s := status(err); s >= 400 && s <= 499 && s != 429 && !isRateLimit(err) {
			return labels, "without labels, since GitHub does not list them: " + reason(err), nil
		}
		return nil, "", &sdk.CreateReply{Outcome: sdk.NotCreated, Message: "list labels: " + reason(err), HTTPStatus: status(err), RetryAfter: heldBack(err)}
	}
	var missing []string
	for i, l := range want {
		if slices.Contains(want[:i], l) {
			continue
		}
		at := slices.IndexFunc(known, func(k sdk.Label) bool { return strings.EqualFold(k.Name, l) })
		if at >= 0 {
			l = known[at].Name
		} else if !t.config.makesLabels() || !t.makeLabel(ctx, l) {
			missing = append(missing, l)
			continue
		}
		if !slices.Contains(labels, l) {
			labels = append(labels, l)
		}
	}
	if len(missing) > 0 {
		note = "the repository has no label " + strings.Join(missing, ", ")
	}
	return labels, note, nil
}

// makeLabel makes a label, and reports whether it is there now.
func (t *Tracker) makeLabel(ctx context.Context, name string) bool {
	reply := t.write(ctx, func(ctx context.Context) (*gh.Response, error) {
		_, resp, err := t.client.Issues.CreateLabel(ctx, t.config.Owner, t.config.Repo, &gh.Label{Name: &name})
		return resp, err
	})
	return reply.Outcome == sdk.Created || reply.HTTPStatus == http.StatusUnprocessableEntity && strings.Contains(reply.Message, "already_exists")
}

// Options lists labels, the people an issue can be given to, and the types that
// the organisation has.
func (t *Tracker) Options(ctx context.Context) (sdk.Options, error) {
	labels, err := t.labels(ctx)
	if err != nil {
		return sdk.Options{}, fmt.Errorf("list labels: %s", reason(err))
	}
	options := sdk.Options{Labels: labels}
	list := gh.ListOptions{PerPage: pageSize}
	for range maxPages {
		err := t.read(ctx, func(ctx context.Context) error {
			people, resp, err := t.client.Issues.ListAssignees(ctx, t.config.Owner, t.config.Repo, &list)
			if err != nil {
				return err
			}
			for _, p := range people {
				options.Assignees = append(options.Assignees, sdk.Assignee{ID: p.GetLogin(), Name: p.GetLogin()})
			}
			list.Page = resp.NextPage
			return nil
		})
		if err != nil {
			return sdk.Options{}, fmt.Errorf("list assignees: %s", reason(err))
		}
		if list.Page == 0 {
			break
		}
	}
	// A person's repository has no types, and a token may not be allowed to see
	// those of an organisation: then there are none to choose from.
	get, err := t.client.NewRequest(http.MethodGet, "orgs/"+t.config.Owner+"/issue-types", nil)
	if err != nil {
		return options, err
	}
	err = t.read(ctx, func(ctx context.Context) error {
		var types []struct {
			Name    string `json:"name"`
			Enabled *bool  `json:"is_enabled"`
		}
		if _, err := t.client.Do(ctx, get, &types); err != nil {
			return err
		}
		for _, ty := range types {
			if ty.Enabled == nil || *ty.Enabled {
				options.Types = append(options.Types, ty.Name)
			}
		}
		return nil
	})
	if s := status(err); err != nil && s != 403 && s != 404 {
		return sdk.Options{}, fmt.Errorf("list issue types: %s", reason(err))
	}
	return options, nil
}
