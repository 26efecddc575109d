package gitlab

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

type issue struct {
	ID          int64     `json:"id"`
	IID         int64     `json:"iid"`
	URL         string    `json:"web_url"`
	Title       string    `json:"title"`
	Description string    `json:"description"`
	State       string    `json:"state"` // opened or closed
	Created     time.Time `json:"created_at"`
	Updated     time.Time `json:"updated_at"`
	Closed      time.Time `json:"closed_at"`
	Author      user      `json:"author"`
	Assignees   []user    `json:"assignees"`
	Labels      []string  `json:"labels"`
}

type user struct {
	ID       int64  `json:"id"`
	Username string `json:"username"`
	Name     string `json:"name"`
}

// Create sends one POST.
func (t *Tracker) Create(ctx context.Context, req sdk.CreateRequest) sdk.CreateReply {
	if key, ok := sdk.MarkerOf(req.Body); !ok || key != req.Key {
		return sdk.CreateReply{Outcome: sdk.Rejected, Message: "the body does not begin with the marker of its key"}
	}
	labels, note, failed := t.fit(ctx, append(slices.Clone(req.Labels), t.config.Labels...))
	if failed != nil {
		return *failed
	}
	set := map[string]any{"title": rest.Short(req.Title, 250), "description": harmless(req.Body), "labels": strings.Join(labels, ",")}
	if ids := numbers(req.Assignees); len(ids) > 0 {
		set["assignee_ids"] = ids
	}
	if req.Type != "" {
		set["issue_type"] = req.Type
	}
	answer := t.api.Do(ctx, rest.Request{Method: http.MethodPost, Path: t.path("issues"), Body: set, RequestID: req.RequestID})
	var made issue
	if !answer.OK() || answer.Status != http.StatusCreated || answer.JSON(&made) != nil || made.IID <= 0 {
		return answer.Failed()
	}
	if len(made.Labels) < len(labels) {
		note = strings.TrimPrefix(note+"; GitLab did not set the labels: the token needs the role Reporter", "; ")
	}
	return sdk.CreateReply{Outcome: sdk.Created, Number: made.IID, NodeID: strconv.FormatInt(made.ID, 10), URL: made.URL, HTTPStatus: answer.Status, Message: note}
}

// harmless quotes a slash at the start of a line: outside of code GitLab would
// carry out "/close" or "/assign".
func harmless(body string) string {
	lines := strings.Split(body, "\n")
	fence := ""
	for i, line := range lines {
		text := strings.TrimLeft(line, " \t>")
		run := len(text) - len(strings.TrimLeft(text, "`"))
		if run == 0 {
			run = len(text) - len(strings.TrimLeft(text, "~"))
		}
		switch {
		case fence != "":
			if strings.HasPrefix(text, fence) && strings.Trim(text, fence[:1]+" \t\r") == "" {
				fence = ""
			}
		case run >= 3:
			fence = text[:run]
		case strings.HasPrefix(text, "/"):
			lines[i] = line[:len(line)-len(text)] + `\` + text
		}
	}
	return strings.Join(lines, "\n")
}

// numbers are the ids that Options gave.
func numbers(ids []string) []int64 {
	var list []int64
	for _, id := range ids {
		if n, err := strconv.ParseInt(id, 10, 64); err == nil {
			list = append(list, n)
		}
	}
	return list
}

const (
	margin   = 5 * time.Minute // between GitLab's clock and ours
	pageSize = 100
	maxPages = 200 // 20,000 issues; more is an error, not a miss
)

// pages reads a list until it ends or each has had enough.
func pages[T any](ctx context.Context, t *Tracker, path string, query url.Values, each func(T) (more bool)) error {
	query.Set("per_page", strconv.Itoa(pageSize))
	for page := "1"; ; {
		query.Set("page", page)
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
		next := h.Get("X-Next-Page")
		if next == "" {
			return nil
		}
		if len(list) == 0 {
			return fmt.Errorf("page %s is empty, though another follows", page) // a copy that lags behind
		}
		if n, err := strconv.Atoi(next); err != nil || n > maxPages {
			return fmt.Errorf("more than %d pages", maxPages)
		}
		page = next
	}
}

// Find reads the list of issues, newest first, back to five minutes before
// req.Since. The search for words would be quicker; its index may lag.
func (t *Tracker) Find(ctx context.Context, req sdk.FindRequest) ([]sdk.Found, error) {
	login, err := t.whoAmI(ctx)
	if err != nil {
		return nil, err
	}
	query := url.Values{"scope": {"all"}, "state": {"all"}, "order_by": {"created_at"}, "sort": {"desc"}}
	if !req.Since.IsZero() {
		query.Set("created_after", req.Since.Add(-margin).UTC().Format(time.RFC3339))
	}
	var found []sdk.Found
	err = pages(ctx, t, "issues", query, func(i issue) bool {
		if f := i.found(); t.isOurs(i, login) && (req.Key == "" || f.Key == req.Key) {
			found = append(found, f)
		}
		return true
	})
	if err != nil {
		return nil, fmt.Errorf("list issues: %w", err)
	}
	slices.SortFunc(found, func(a, b sdk.Found) int { return cmp.Compare(b.Number, a.Number) })
	return slices.CompactFunc(found, func(a, b sdk.Found) bool { return a.Number == b.Number }), nil
}

// isOurs knows an issue by its marker and its author.
func (t *Tracker) isOurs(i issue, login string) bool {
	_, marked := sdk.MarkerOf(i.Description)
	return marked && (i.Author.Username == login || slices.Contains(t.config.FormerLogins, i.Author.Username))
}

func (i issue) found() sdk.Found {
	key, _ := sdk.MarkerOf(i.Description)
	state := "open"
	if i.State == "closed" {
		state = "closed"
	}
	return sdk.Found{Key: key, Number: i.IID, NodeID: strconv.FormatInt(i.ID, 10), URL: i.URL, Title: i.Title, State: state, Created: i.Created}
}

// Search lists issues by words.
func (t *Tracker) Search(ctx context.Context, query string, limit int) ([]sdk.Found, error) {
	words := rest.SearchWords(query)
	if words == "" {
		return nil, nil
	}
	var list []issue
	_, err := t.api.Get(ctx, t.path("issues"), url.Values{"search": {words}, "in": {"title,description"}, "scope": {"all"}, "state": {"all"},
		"per_page": {strconv.Itoa(min(max(limit, 1), pageSize))}}, &list)
	if err != nil {
		return nil, fmt.Errorf("search issues: %w", err)
	}
	var found []sdk.Found
	for _, i := range list {
		found = append(found, i.found())
	}
	return found, nil
}
