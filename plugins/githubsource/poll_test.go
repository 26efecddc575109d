package githubsource

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/iterateswarm/iterateswarm/sdk"
)

// round runs one look from a cursor and returns what was stored and where it
// goes on.
func (h *hub) round(s *Source, from string) (ids []string, cursor string) {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.t.Context(), time.Minute)
	defer cancel()
	err := s.Run(ctx, from, func(_ context.Context, b sdk.Batch) error {
		if len(b.Items) > sdk.MaxBatch {
			h.t.Errorf("a batch of %d", len(b.Items))
		}
		for _, it := range b.Items {
			ids = append(ids, it.ExternalID)
		}
		cursor = b.Cursor
		return nil
	})
	if !errors.Is(err, errStop) {
		h.t.Fatalf("Run: %v", err)
	}
	return ids, cursor
}

var errStop = errors.New("the test has seen enough")

// stopAfter makes every round end with its first waiting.
func stopAfter(s *Source) *Source {
	s.wait = func(context.Context, time.Duration) error { return errStop }
	return s
}

func TestPolling(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	s := stopAfter(h.source(`,"discussions":true`))
	begun := time.Now()
	s.now = func() time.Time { return begun }
	old := begun.Add(-time.Hour)
	pull := h.issue(3, "ann", "User", "x", begun)
	pull["pull_request"] = map[string]any{"url": "https://x.test/1", "html_url": "https://x.test/1", "diff_url": "https://x.test/1", "patch_url": "https://x.test/1"}
	h.issues = []map[string]any{h.issue(1, "ann", "User", "written before we were here", old)}
	if ids, _ := h.round(s, ""); len(ids) != 0 {
		t.Errorf("the first look took %v", ids)
	}
	_, cursor := h.round(s, "")
	at := func(n int) time.Time { return begun.Add(time.Duration(n) * time.Second) }
	late := h.issue(1, "ann", "User", "written before we were here", old)
	late["updated_at"] = stamp(at(5))
	h.issues = []map[string]any{late, h.issue(2, "ann", "User", "new", at(1)), pull, h.issue(4, "ci[bot]", "Bot", "x", at(2)),
		h.issue(5, "swarm", "User", sdk.Marker("k")+"\nfiled", at(3))}
	h.comments = append(h.comments, h.comment(2, "bob", "User", "me too", at(4)))
	h.comments = append(h.comments, h.comment(5, "bob", "User", "on ours", at(4)))
	h.comments = append(h.comments, h.comment(1, "bob", "User", "on an old one", at(5)))
	h.comments = append(h.comments, h.comment(2, "ci[bot]", "Bot", "beep", at(5)))
	h.comments = append(h.comments, h.comment(2, "swarm", "User", sdk.Marker("k2")+"\nours", at(5)))
	h.discussions = `{"data":{"repository":{"discussions":{"pageInfo":{"hasNextPage":false,"endCursor":"x"},"nodes":[` +
		fmt.Sprintf(`{"number":9,"title":"How?","body":"How do I?","url":"https://github.test/d/9","createdAt":%q,"updatedAt":%q,"author":{"__typename":"User","login":"ann","databaseId":5},`, stamp(at(1)), stamp(at(6))) +
		fmt.Sprintf(`"comments":{"nodes":[{"databaseId":77,"body":"So.","url":"u","createdAt":%q,"author":{"__typename":"User","login":"bob","databaseId":6},"replies":{"nodes":[`, stamp(at(2))) +
		fmt.Sprintf(`{"databaseId":78,"body":"Thanks","url":"u","createdAt":%q,"author":{"__typename":"User","login":"ann","databaseId":5}},`, stamp(at(3))) +
		fmt.Sprintf(`{"databaseId":79,"body":"beep","url":"u","createdAt":%q,"author":{"__typename":"Bot","login":"ci"}},null]}},null]}},null]}}}}`, stamp(at(3)))
	ids, cursor := h.round(s, cursor)
	want := []string{"issues/2", "issues/comments/1000", "issues/comments/1002", "discussions/9", "discussions/comments/77", "discussions/comments/78"}
	if !slices.Equal(ids, want) {
		t.Errorf("stored %v, want %v", ids, want)
	}
	// A fresh process goes on from the cursor; the overlap may repeat, and what
	// is repeated has the same name.
	again, _ := h.round(stopAfter(h.source(`,"discussions":true`)), cursor)
	for _, id := range again {
		if !slices.Contains(want, id) {
			t.Errorf("a new name on the second look: %s", id)
		}
	}
	if ids, _ := h.round(stopAfter(h.source("")), strings.Replace(cursor, stamp(at(5))[:16], stamp(at(700))[:16], 2)); len(ids) != 0 {
		t.Errorf("after the cursor there is %v", ids)
	}
}

func TestPollingTurnsPages(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	begun := time.Now()
	s := stopAfter(h.source(`,"comments":false`))
	s.now = func() time.Time { return begun }
	for n := range 250 {
		h.issues = append(h.issues, h.issue(n+1, "ann", "User", "x", begun.Add(time.Duration(n)*time.Second)))
	}
	ids, _ := h.round(s, "")
	if len(ids) != 250 || ids[0] != "issues/1" || ids[249] != "issues/250" {
		t.Errorf("%d messages", len(ids))
	}
}

func TestPollingObeysRateLimits(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	h.fail = func(*http.Request) (int, http.Header, string) {
		return 403, http.Header{"Retry-After": {"1234"}}, `{"message":"You have exceeded a secondary rate limit."}`
	}
	s := h.source("")
	var waited time.Duration
	s.wait = func(_ context.Context, d time.Duration) error { waited = d; return errStop }
	h.round(s, "")
	if waited != 1234*time.Second {
		t.Errorf("waited %s, want what GitHub asks for", waited)
	}
	h.fail = func(*http.Request) (int, http.Header, string) { return 404, nil, `{"message":"Not Found"}` }
	if err := s.Run(t.Context(), "", func(context.Context, sdk.Batch) error { return nil }); err == nil || !strings.Contains(err.Error(), "404 Not Found") {
		t.Errorf("Run = %v, want GitHub's words", err)
	}
}

func TestNoPollingWithoutAToken(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, config := range []string{`"secrets":["` + secretA + `"]`, `"secrets":["` + secretA + `"],"token":"t","poll_minutes":0`} {
		err := source(t, config).Run(ctx, "", func(context.Context, sdk.Batch) error { t.Error("stored"); return nil })
		if !errors.Is(err, context.Canceled) {
			t.Errorf("Run = %v", err)
		}
	}
}
