package githubsource

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"

	gh "github.com/google/go-github/v62/github"

	"github.com/iterateswarm/iterateswarm/sdk"
)

const (
	pageSize = 100             // the most that GitHub gives
	maxPages = 20              // of one list in one round; the next round goes on
	overlap  = 2 * time.Minute // GitHub's lists are behind; what comes twice is stored once
)

// cursor is how far the lists have been read, by the time of the last change.
type cursor struct {
	Begun       time.Time `json:"begun"` // what was written before is not taken
	Issues      time.Time `json:"issues"`
	Comments    time.Time `json:"comments"`
	Discussions time.Time `json:"discussions"`
}

// Run asks GitHub for what is new, every poll_minutes, until ctx ends. The first
// time it takes what is written from then on. Without a token or with
// poll_minutes 0 it only waits.
func (s *Source) Run(ctx context.Context, text string, store sdk.Store) error {
	every := s.config.every()
	if every == 0 {
		<-ctx.Done()
		return ctx.Err()
	}
	var c cursor
	if json.Unmarshal([]byte(text), &c) != nil || c.Begun.IsZero() {
		now := s.now().UTC().Truncate(time.Second)
		c = cursor{now, now, now, now}
	}
	r := &round{source: s, store: store, cursor: c}
	if err := r.keep(ctx, nil); err != nil {
		return err
	}
	for {
		wait := every
		if err := r.look(ctx); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			limit := heldBack(err)
			if answer, ok := errors.AsType[*gh.ErrorResponse](err); ok && isRateLimit(answer.Response, err) {
				limit = retryAfter(answer.Response.Header, s.now())
			}
			if limit == 0 {
				return fmt.Errorf("ask GitHub: %s", reason(err))
			}
			slog.Warn("github asks to wait", "wait", limit)
			wait = max(wait, limit)
		}
		if err := s.wait(ctx, wait); err != nil {
			return err
		}
	}
}

// pause waits.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// round is one source's reading of the lists.
type round struct {
	source *Source
	store  sdk.Store
	cursor cursor
}

// keep stores messages together with the cursor.
func (r *round) keep(ctx context.Context, items []sdk.Item) error {
	b, err := json.Marshal(r.cursor)
	if err != nil {
		return err
	}
	return r.store(ctx, sdk.Batch{Items: items, Cursor: string(b)})
}

func (r *round) look(ctx context.Context) error {
	if err := r.list(ctx, "issues", &r.cursor.Issues, r.issue); err != nil {
		return err
	}
	if r.source.config.comments() {
		if err := r.list(ctx, "issues/comments", &r.cursor.Comments, r.comment); err != nil {
			return err
		}
	}
	if r.source.config.Discussions {
		return r.discussions(ctx)
	}
	return nil
}

// listed is a post with what only the lists have.
type listed struct {
	post
	Updated  time.Time `json:"updated_at"`
	IssueURL string    `json:"issue_url"`
}

// list reads all pages of a list from a little before at, the oldest change
// first, and moves at on with every page that is stored.
func (r *round) list(ctx context.Context, what string, at *time.Time, take func(context.Context, *listed) (*sdk.Item, error)) error {
	query := url.Values{"sort": {"updated"}, "direction": {"asc"}, "per_page": {strconv.Itoa(pageSize)},
		"since": {at.Add(-overlap).UTC().Format(time.RFC3339)}}
	if what == "issues" {
		query.Set("state", "all")
	}
	for page := 1; page > 0 && page <= maxPages; {
		query.Set("page", strconv.Itoa(page))
		var posts []*listed
		next, err := r.source.get(ctx, r.source.path(what)+"?"+query.Encode(), &posts)
		if err != nil {
			return err
		}
		var items []sdk.Item
		for _, p := range posts {
			if !p.Created.Before(r.cursor.Begun) {
				item, err := take(ctx, p)
				if err != nil {
					return err
				}
				if item != nil {
					items = append(items, *item)
				}
			}
			if p.Updated.After(*at) {
				*at = p.Updated
			}
		}
		if len(posts) > 0 {
			if err := r.keep(ctx, items); err != nil {
				return err
			}
		}
		page = next
	}
	return nil
}

func (r *round) issue(_ context.Context, p *listed) (*sdk.Item, error) {
	r.source.remember(p.Number, hasMarker(p.Body))
	return r.source.item(about{kind: issueKind}, &p.post), nil
}

// comment takes a comment unless its issue is ours or a pull request.
func (r *round) comment(ctx context.Context, p *listed) (*sdk.Item, error) {
	number, err := strconv.Atoi(path.Base(p.IssueURL))
	if err != nil || strings.Contains(p.HTMLURL, "/pull/") {
		return nil, nil
	}
	item := r.source.item(about{kind: issueKind, under: &post{Number: number}}, &p.post)
	if item == nil {
		return nil, nil
	}
	left, err := r.source.leaves(ctx, number)
	if err != nil || left {
		return nil, err
	}
	return item, nil
}

// maxRemembered bounds how many issues are known to be ours or not.
const maxRemembered = 10_000

func (s *Source) remember(number int, ours bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.ours) >= maxRemembered {
		clear(s.ours)
	}
	s.ours[number] = ours
}

// leaves says whether comments on an issue are left alone. GitHub does not show
// the issue together with its comments, so it is asked for once.
func (s *Source) leaves(ctx context.Context, number int) (bool, error) {
	s.mu.Lock()
	ours, known := s.ours[number]
	s.mu.Unlock()
	if known {
		return ours, nil
	}
	var p post
	if _, err := s.get(ctx, s.path(fmt.Sprintf("issues/%d", number)), &p); err != nil {
		if answer, ok := errors.AsType[*gh.ErrorResponse](err); ok && (answer.Response.StatusCode == http.StatusNotFound || answer.Response.StatusCode == http.StatusGone) {
			return true, nil // deleted since
		}
		return false, err
	}
	ours = p.PullRequest != nil || hasMarker(p.Body) || p.User != nil && s.isOurs(p.User)
	s.remember(number, ours)
	return ours, nil
}

// path is an address below the repository.
func (s *Source) path(rest string) string {
	return "repos/" + s.config.Owner + "/" + s.config.Repo + "/" + rest
}

// get reads one page and says which one is next, 0 when there is none.
func (s *Source) get(ctx context.Context, path string, into any) (int, error) {
	req, err := s.client.NewRequest(http.MethodGet, path, nil)
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	resp, err := s.client.Do(ctx, req, into)
	if err != nil {
		return 0, err
	}
	return resp.NextPage, nil
}
