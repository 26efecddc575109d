package jira

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/iterateswarm/iterateswarm/sdk"
	"github.com/iterateswarm/iterateswarm/sdk/rest"
)

const (
	margin   = 5 * time.Minute
	pageSize = 100
	maxPages = 200 // 20,000 issues; more is an error, not a miss
)

// find reads all issues that a query names.
func (t *Tracker) find(ctx context.Context, jql string) ([]issue, error) {
	query := url.Values{"jql": {jql}, "fields": {fields}, "maxResults": {strconv.Itoa(pageSize)}}
	path := "search"
	if t.config.cloud() {
		path = "search/jql"
	}
	var all []issue
	for range maxPages {
		var page struct {
			Issues []issue `json:"issues"`
			Next   string  `json:"nextPageToken"` // cloud
			Total  int     `json:"total"`         // data center
		}
		if _, err := t.api.Get(ctx, path, query, &page); err != nil {
			return nil, err
		}
		all = append(all, page.Issues...)
		if page.Next != "" {
			query.Set("nextPageToken", page.Next)
		} else if !t.config.cloud() && len(page.Issues) > 0 && len(all) < page.Total {
			query.Set("startAt", strconv.Itoa(len(all)))
		} else {
			return all, nil
		}
	}
	return nil, fmt.Errorf("more than %d issues", maxPages*pageSize)
}

// ago is a time for a query: in minutes before now, since Jira reads a date in
// the zone of the account.
func ago(at time.Time) string {
	minutes := min(time.Since(at).Minutes(), 20*365*24*60)
	return fmt.Sprintf("-%.0fm", math.Ceil(max(minutes, 0))+1)
}

// Find asks for the label of the key, or for the label that every issue of ours
// has.
func (t *Tracker) Find(ctx context.Context, req sdk.FindRequest) ([]sdk.Found, error) {
	account, err := t.whoAmI(ctx)
	if err != nil {
		return nil, err
	}
	label := mark
	if req.Key != "" {
		if !sdk.ValidKey(req.Key) {
			return nil, errors.New("no valid key")
		}
		label = keyMark + req.Key
	}
	jql := fmt.Sprintf(`labels = "%s" AND created >= "%s" ORDER BY created DESC`, label, ago(req.Since.Add(-margin)))
	list, err := t.find(ctx, jql)
	if err != nil {
		return nil, fmt.Errorf("search issues: %w", err)
	}
	var found []sdk.Found
	for _, i := range list {
		if f := t.found(i); t.isOurs(i, account) && (req.Key == "" || f.Key == req.Key) {
			found = append(found, f)
		}
	}
	slices.SortFunc(found, func(a, b sdk.Found) int {
		return cmp.Or(b.Created.Compare(a.Created), cmp.Compare(b.Number, a.Number))
	})
	return slices.CompactFunc(found, func(a, b sdk.Found) bool { return a.NodeID == b.NodeID }), nil
}

// Search lists the project's issues by words.
func (t *Tracker) Search(ctx context.Context, query string, limit int) ([]sdk.Found, error) {
	words := rest.SearchWords(query)
	if words == "" {
		return nil, nil
	}
	path := "search"
	if t.config.cloud() {
		path = "search/jql"
	}
	var page struct{ Issues []issue }
	_, err := t.api.Get(ctx, path, url.Values{"jql": {fmt.Sprintf(`project = "%s" AND text ~ "%s" ORDER BY updated DESC`, t.config.Project, words)},
		"fields": {fields}, "maxResults": {strconv.Itoa(min(max(limit, 1), pageSize))}}, &page)
	if err != nil {
		return nil, fmt.Errorf("search issues: %w", err)
	}
	var found []sdk.Found
	for _, i := range page.Issues {
		found = append(found, t.found(i))
	}
	return found, nil
}

// Options lists labels (Data Center does not tell them), the people an issue can
// be given to, and the project's types.
func (t *Tracker) Options(ctx context.Context) (sdk.Options, error) {
	var options sdk.Options
	types, err := t.kinds(ctx)
	if err != nil {
		return options, fmt.Errorf("list issue types: %w", err)
	}
	for _, k := range types {
		if !k.Subtask {
			options.Types = append(options.Types, k.Name)
		}
	}
	if t.config.cloud() {
		var labels struct{ Values []string }
		if _, err := t.api.Get(ctx, "label", url.Values{"maxResults": {"1000"}}, &labels); err != nil {
			return options, fmt.Errorf("list labels: %w", err)
		}
		for _, l := range labels.Values {
			if !strings.HasPrefix(l, mark) {
				options.Labels = append(options.Labels, sdk.Label{Name: l})
			}
		}
	}
	var people []person
	if _, err := t.api.Get(ctx, "user/assignable/search", url.Values{"project": {t.config.Project}, "maxResults": {"1000"}}, &people); err != nil {
		return options, fmt.Errorf("list assignees: %w", err)
	}
	for _, p := range people {
		if p.Active == nil || *p.Active {
			options.Assignees = append(options.Assignees, sdk.Assignee{ID: p.id(), Name: p.Display})
		}
	}
	return options, nil
}
