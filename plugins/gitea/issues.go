package gitea

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/iterateswarm/iterateswarm/sdk"
	"github.com/iterateswarm/iterateswarm/sdk/rest"
)

// issue is what we read of one.
type issue struct {
	ID        int64     `json:"id"`
	Number    int64     `json:"number"`
	URL       string    `json:"html_url"`
	Title     string    `json:"title"`
	Body      string    `json:"body"`
	State     string    `json:"state"`
	Created   time.Time `json:"created_at"`
	Updated   time.Time `json:"updated_at"`
	Closed    time.Time `json:"closed_at"`
	User      user      `json:"user"`
	Assignees []user    `json:"assignees"`
	Labels    []label   `json:"labels"`
	Pull      *struct{} `json:"pull_request"`
}

type user struct {
	Login    string `json:"login"`
	FullName string `json:"full_name"`
}

// Create sends one POST. Labels are looked up before it, as Gitea takes their
// numbers.
func (t *Tracker) Create(ctx context.Context, req sdk.CreateRequest) sdk.CreateReply {
	if key, ok := sdk.MarkerOf(req.Body); !ok || key != req.Key {
		return sdk.CreateReply{Outcome: sdk.Rejected, Message: "the body does not begin with the marker of its key"}
	}
	ids, note, failed := t.fit(ctx, append(slices.Clone(req.Labels), t.config.Labels...))
	if failed != nil {
		return *failed
	}
	body := map[string]any{"title": req.Title, "body": req.Body, "labels": ids}
	if len(req.Assignees) > 0 {
		body["assignees"] = req.Assignees
	}
	answer := t.api.Do(ctx, rest.Request{Method: http.MethodPost, Path: t.path("issues"), Body: body, RequestID: req.RequestID})
	var made issue
	if !answer.OK() || answer.Status != http.StatusCreated || answer.JSON(&made) != nil || made.Number <= 0 {
		return answer.Failed()
	}
	if len(made.Labels) < len(ids) {
		note = strings.TrimPrefix(note+"; Gitea did not set the labels: the account needs write access", "; ")
	}
	return sdk.CreateReply{Outcome: sdk.Created, Number: made.Number, NodeID: made.node(), URL: made.URL, HTTPStatus: answer.Status, Message: note}
}

func (i issue) node() string { return strconv.FormatInt(i.ID, 10) }

// Find reads the list of issues, newest first, back to five minutes before
// req.Since. The search for words would be quicker; its index may lag.
func (t *Tracker) Find(ctx context.Context, req sdk.FindRequest) ([]sdk.Found, error) {
	login, err := t.whoAmI(ctx)
	if err != nil {
		return nil, err
	}
	var from time.Time
	if !req.Since.IsZero() {
		from = req.Since.Add(-margin)
	}
	var found []sdk.Found
	err = t.list(ctx, from, func(i issue) bool {
		if f := i.found(); t.isOurs(i, login) && (req.Key == "" || f.Key == req.Key) {
			found = append(found, f)
		}
		return !i.Created.Before(from)
	})
	if err != nil {
		return nil, fmt.Errorf("list issues: %w", err)
	}
	slices.SortFunc(found, func(a, b sdk.Found) int { return cmp.Compare(b.Number, a.Number) })
	return slices.CompactFunc(found, func(a, b sdk.Found) bool { return a.Number == b.Number }), nil
}

const (
	margin   = 5 * time.Minute // between the server's clock and ours
	pageSize = 50              // the most that Gitea gives unless it is told otherwise
	maxPages = 400             // 20,000 issues; more is an error, not a miss
)

// list calls each with the issues that have changed since a time, newest first,
// until it has had enough. The filter by author is left out: an account that is
// renamed would hide what it has filed.
func (t *Tracker) list(ctx context.Context, since time.Time, each func(issue) (more bool)) error {
	query := url.Values{"state": {"all"}, "type": {"issues"}, "sort": {"newest"}}
	if !since.IsZero() {
		query.Set("since", since.UTC().Format(time.RFC3339))
	}
	return pages(ctx, t, "issues", query, each)
}

// pages reads a list to its end.
func pages[T any](ctx context.Context, t *Tracker, path string, query url.Values, each func(T) bool) error {
	query.Set("limit", strconv.Itoa(pageSize))
	for n := 1; n <= maxPages; n++ {
		query.Set("page", strconv.Itoa(n))
		var list []T
		h, err := t.api.Get(ctx, t.path(path), query, &list)
		if err != nil {
			return err
		}
		for _, v := range list {
			if !each(v) {
				return nil
			}
		}
		if !strings.Contains(h.Get("Link"), `rel="next"`) {
			return nil
		}
	}
	return fmt.Errorf("more than %d pages", maxPages)
}

// isOurs knows an issue by its marker and its author.
func (t *Tracker) isOurs(i issue, login string) bool {
	_, marked := sdk.MarkerOf(i.Body)
	by := func(name string) bool { return strings.EqualFold(name, i.User.Login) }
	return marked && i.Pull == nil && (by(login) || slices.ContainsFunc(t.config.FormerLogins, by))
}

func (i issue) found() sdk.Found {
	key, _ := sdk.MarkerOf(i.Body)
	return sdk.Found{Key: key, Number: i.Number, NodeID: i.node(), URL: i.URL, Title: i.Title, State: i.State, Created: i.Created}
}

// Search lists issues by words.
func (t *Tracker) Search(ctx context.Context, query string, limit int) ([]sdk.Found, error) {
	words := rest.SearchWords(query)
	if words == "" {
		return nil, nil
	}
	var list []issue
	_, err := t.api.Get(ctx, t.path("issues"), url.Values{"q": {words}, "state": {"all"}, "type": {"issues"}, "limit": {strconv.Itoa(min(max(limit, 1), pageSize))}}, &list)
	if err != nil {
		return nil, fmt.Errorf("search issues: %w", err)
	}
	var found []sdk.Found
	for _, i := range list {
		found = append(found, i.found())
	}
	return found, nil
}
