package github

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	gh "github.com/google/go-github/v62/github"

	"github.com/iterateswarm/iterateswarm/sdk"
)

const (
	margin   = 5 * time.Minute // between GitHub's clock and ours
	pageSize = 100             // the most that GitHub gives
	maxPages = 200             // 20,000 issues; more is an error, not a miss
)

// Find reads the list of issues, newest first, back to five minutes before
// req.Since. The search would be quicker and is wrong for minutes or days. An
// issue counts when the first line of its body is exactly a marker and its
// author is an account of ours. A key that is not there is looked for three
// times, the second time in everybody's list: the filter by creator has missed
// issues, and now and then a replica shows none at all.
func (t *Tracker) Find(ctx context.Context, req sdk.FindRequest) ([]sdk.Found, error) {
	login, err := t.whoAmI(ctx)
	if err != nil {
		return nil, err
	}
	ours := t.ours(login)
	looks := []string{login, everybody, login}
	if req.Key == "" {
		looks = []string{login}
		if len(ours) > 1 {
			looks = []string{everybody}
		}
	}
	var found []sdk.Found
	for _, creator := range looks {
		if found, err = t.list(ctx, creator, ours, req); err != nil {
			return nil, err
		}
		if len(found) > 0 {
			break
		}
	}
	slices.SortFunc(found, func(a, b sdk.Found) int { return cmp.Compare(b.Number, a.Number) })
	// An issue created while we turn pages shows one of the others twice.
	return slices.CompactFunc(found, func(a, b sdk.Found) bool { return a.Number == b.Number }), nil
}

// everybody is the creator that leaves the filter out.
const everybody = ""

// list reads all pages of one creator's issues.
func (t *Tracker) list(ctx context.Context, creator string, ours []string, req sdk.FindRequest) ([]sdk.Found, error) {
	from := req.Since.Add(-margin)
	options := &gh.IssueListByRepoOptions{
		State: "all", Sort: "created", Direction: "desc", Creator: creator,
		ListOptions: gh.ListOptions{PerPage: pageSize},
	}
	if !req.Since.IsZero() {
		options.Since = from.UTC().Truncate(time.Second)
	}
	var found []sdk.Found
	for range maxPages {
		page, next, err := t.announced(ctx, options)
		if err != nil {
			return nil, fmt.Errorf("list issues: %s", reason(err))
		}
		for _, issue := range page {
			if issue.GetCreatedAt().Before(from) {
				return found, nil
			}
			if f, ok := ourIssue(issue, ours); ok && (req.Key == "" || f.Key == req.Key) {
				found = append(found, f)
			}
		}
		if next == 0 {
			return found, nil
		}
		options.Page = next
	}
	return nil, fmt.Errorf("list issues: more than %d since %s", maxPages*pageSize, req.Since.Format(time.DateOnly))
}

// announced reads a page that the one before has announced. One that is empty
// comes from a replica that lags behind, and would hide all that follow; it is
// asked for again.
func (t *Tracker) announced(ctx context.Context, options *gh.IssueListByRepoOptions) (list []*gh.Issue, next int, err error) {
	for range 5 {
		list, next, err = t.page(ctx, options)
		if err != nil || len(list) > 0 || options.Page <= 1 {
			return list, next, err
		}
	}
	return nil, 0, fmt.Errorf("page %d is empty, though page %d says that it is there", options.Page, options.Page-1)
}

func (t *Tracker) page(ctx context.Context, options *gh.IssueListByRepoOptions) (list []*gh.Issue, next int, err error) {
	ctx, cancel := context.WithTimeout(ctx, t.timeout)
	defer cancel()
	list, resp, err := t.client.Issues.ListByRepo(ctx, t.config.Owner, t.config.Repo, options)
	if err != nil {
		return nil, 0, err
	}
	return list, resp.NextPage, nil
}

// ours lists the accounts whose issues are our own.
func (t *Tracker) ours(login string) []string {
	return append([]string{login}, t.config.FormerLogins...)
}

func isOneOf(logins []string, author string) bool {
	return slices.ContainsFunc(logins, func(login string) bool { return strings.EqualFold(login, author) })
}

// ourIssue reads an issue that carries our marker and comes from one of our
// accounts.
func ourIssue(issue *gh.Issue, ours []string) (sdk.Found, bool) {
	f := seen(issue)
	if f.Key == "" || issue.IsPullRequest() || !isOneOf(ours, issue.GetUser().GetLogin()) {
		return sdk.Found{}, false
	}
	return f, true
}

// seen is an issue as the host knows it.
func seen(issue *gh.Issue) sdk.Found {
	key, _ := sdk.MarkerOf(issue.GetBody())
	return sdk.Found{
		Key:     key,
		Number:  int64(issue.GetNumber()),
		NodeID:  issue.GetNodeID(),
		URL:     issue.GetHTMLURL(),
		Title:   issue.GetTitle(),
		State:   issue.GetState(),
		Created: issue.GetCreatedAt().Time,
	}
}

// whoAmI returns the account that the token acts as: from the configuration, or
// asked once from GitHub.
func (t *Tracker) whoAmI(ctx context.Context) (string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.login != "" {
		return t.login, nil
	}
	ctx, cancel := context.WithTimeout(ctx, t.timeout)
	defer cancel()
	user, resp, err := t.client.Users.Get(ctx, "")
	if err != nil && resp != nil && resp.Response != nil && resp.StatusCode == 403 {
		return "", fmt.Errorf("GitHub does not say whose token this is (%s); set login, such as my-app[bot]", reason(err))
	}
	if err != nil {
		return "", fmt.Errorf("ask whose token this is: %s", reason(err))
	}
	if user.GetLogin() == "" {
		return "", fmt.Errorf("ask whose token this is: no login in the answer")
	}
	t.login = user.GetLogin()
	return t.login, nil
}
