package acceptance

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pocketbase/dbx"

	"github.com/iterateswarm/iterateswarm/internal/command"
	"github.com/iterateswarm/iterateswarm/internal/config"
	"github.com/iterateswarm/iterateswarm/internal/records"
	"github.com/iterateswarm/iterateswarm/internal/servertest"
)

// All at once, exactly as many pass as there are tokens, and those are stored.
func TestRateLimitIsExactAtOnce(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t, func(o *command.Options) {
		o.Config.API = config.Default().API
		o.Config.API.RateEvery = time.Hour // none comes back while the test runs
	})
	user := s.User("triager")
	key := func(fields map[string]any) string {
		k, prefix := records.NewKey()
		all := map[string]any{"project": s.Project(), "name": "limit", "hash": records.KeyHash(k), "prefix": prefix}
		for name, v := range fields {
			all[name] = v
		}
		s.Save(records.Keys, all)
		return k
	}
	for _, c := range []struct {
		source string
		call   call
		want   int64
	}{
		{"anonymous", call{}, 20},
		{"key", call{key: key(nil)}, 20},
		{"wide-key", call{key: key(map[string]any{"burst": 24})}, 24},
		{"narrow-key", call{key: key(map[string]any{"burst": 2})}, 2},
		{"person", call{token: user}, 20},
		{"records", call{key: key(map[string]any{"burst": 5}), url: "/api/collections/feedback/records"}, 5},
	} {
		var passed, refused atomic.Int64
		var all sync.WaitGroup
		for i := range 25 {
			all.Go(func() {
				r := c.call
				r.method = "POST"
				if r.url == "" {
					r.url = "/api/feedback"
				}
				r.url = s.URL + r.url
				r.header = map[string]string{"X-Forwarded-For": fmt.Sprintf("203.0.113.%d", i), "X-Real-Ip": fmt.Sprintf("203.0.113.%d", i)}
				r.body = map[string]string{"content": fmt.Sprintf("The export fails with error %d", i), "source": c.source}
				a, err := r.do()
				switch {
				case err != nil:
					t.Error(err)
				case a.status == 200:
					passed.Add(1)
				case a.status == 429:
					refused.Add(1)
					if n, err := strconv.Atoi(a.header.Get("Retry-After")); err != nil || n < 3500 || n > 3600 {
						t.Errorf("%s: Retry-After = %q, want about 3600", c.source, a.header.Get("Retry-After"))
					}
					if err := isProblem(a, 42901); err != nil {
						t.Errorf("%s: %v", c.source, err)
					}
				default:
					t.Errorf("%s: %d %s", c.source, a.status, clip(string(a.body)))
				}
			})
		}
		all.Wait()
		if passed.Load() != c.want || refused.Load() != 25-c.want {
			t.Errorf("%s: %d passed and %d were refused, want %d and %d", c.source, passed.Load(), refused.Load(), c.want, 25-c.want)
		}
		if n := s.Count(records.Feedback, dbx.HashExp{"source": c.source}); int64(n) != c.want {
			t.Errorf("%s: %d are stored, want %d", c.source, n, c.want)
		}
	}
	off := key(map[string]any{"disabled": true})
	if err := isProblem(must(t, call{method: "POST", url: s.URL + "/api/feedback", key: off, body: map[string]string{"content": "hello"}}), 40102); err != nil {
		t.Errorf("a disabled key: %v", err)
	}
}

// A request's id is in all that came of the request.
func TestRequestIDGoesEverywhere(t *testing.T) {
	t.Parallel()
	var log lockedLog
	s := servertest.Start(t, verbose(&log))
	h := newHub(t)
	useHub(s, h, 1)
	start := time.Now()
	post := func(id string) answer {
		return must(t, call{method: "POST", url: s.URL + "/api/feedback?wait=20s", header: map[string]string{"X-Request-ID": id},
			body: map[string]string{"content": "The app crashes when I open the settings", "source": "discord"}})
	}
	for _, id := range []string{"req-1", "a.B_c-9", strings.Repeat("x", 64)} {
		if got := post(id).header.Get("X-Request-ID"); got != id {
			t.Errorf("X-Request-ID %q came back as %q", id, got)
		}
	}
	seen := map[string]bool{}
	for _, id := range []string{"", "two words", strings.Repeat("x", 65), "<script>", `a"b`, "ünï", "a/b", "a\tb", "a;b", "{}"} {
		got := post(id).header.Get("X-Request-ID")
		if got == id || len(got) < 16 || strings.Trim(got, "abcdefghijklmnopqrstuvwxyz234567") != "" || seen[got] {
			t.Errorf("X-Request-ID %q came back as %q, want a fresh one", id, got)
		}
		seen[got] = true
	}

	a := must(t, call{method: "POST", url: s.URL + "/api/feedback?wait=20s", header: map[string]string{"X-Request-ID": "born-42"},
		body: map[string]string{"content": "Printing an invoice freezes the browser", "source": "discord"}})
	id := object(t, a)["FeedbackID"].(string)
	r := s.Record(records.Feedback, id)
	if got := r.GetString("request_id"); got != "born-42" {
		t.Errorf("the message has request id %q", got)
	}
	var meta string
	err := s.App.DB().NewQuery(`SELECT json_extract(metadata, '$.request_id') FROM river_job WHERE kind = 'triage' AND json_extract(args, '$.id') = {:id}`).
		Bind(dbx.Params{"id": id}).Row(&meta)
	if err != nil || meta != "born-42" {
		t.Errorf("the job has request id %q, %v", meta, err)
	}
	everywhere := func(collection, field, subject, want string, atLeast int) {
		t.Helper()
		list, err := s.App.FindRecordsByFilter(collection, field+" = {:s} && request_id = {:r}", "", 0, 0, dbx.Params{"s": subject, "r": want})
		if err != nil || len(list) < atLeast {
			t.Errorf("%d %s of %s have request id %s, %v; want at least %d", len(list), collection, subject, want, err, atLeast)
		}
	}
	everywhere(records.Decisions, "subject_id", id, "born-42", 2)
	everywhere(records.Steps, "subject_id", id, "born-42", 2)

	issue := r.GetString("issue")
	a = must(t, call{method: "POST", url: s.URL + "/api/issues/" + issue + "/approve", token: s.User("approver"),
		header: map[string]string{"X-Request-ID": "approve-43"}, body: map[string]any{"version": 1}})
	if a.status != 200 {
		t.Fatalf("approve: %d %s", a.status, a.body)
	}
	s.Until("the issue to be filed", func() bool { return s.Record(records.Issues, issue).GetString("state") == "filed" })
	everywhere(records.Decisions, "subject_id", issue, "approve-43", 2) // the approval and the filing
	everywhere(records.Deliveries, "issue", issue, "approve-43", 1)
	everywhere(records.Steps, "subject_id", issue, "approve-43", 1)
	if asked := h.requests(start); len(asked) != 1 || asked[0].requestID != "approve-43" {
		t.Errorf("the tracker was asked %+v, want once, with the request id", asked)
	}
	for _, want := range []string{
		`"msg":"request","method":"POST","path":"/api/feedback","status":200,"request_id":"born-42"`,
		`"msg":"feedback settled","feedback":"` + id + `"`,
		`"msg":"tracker asked","issue":"` + issue + `"`,
		`"request_id":"approve-43"`,
	} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log lacks %s", want)
		}
	}
	for line := range strings.Lines(log.String()) {
		if strings.Contains(line, "invoice") || strings.Contains(line, "crashes") {
			t.Errorf("the log tells what a message says: %s", line)
		}
	}
}
