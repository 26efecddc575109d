package acceptance_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"path/filepath"
	"strings"
	"testing"

	"github.com/iterateswarm/iterateswarm/internal/records"
	"github.com/iterateswarm/iterateswarm/internal/servertest"
)

func TestOperationsAreForSuperusers(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	s.Superuser() // PocketBase lets the first one be made without a login
	for _, route := range []string{"GET overview", "GET queue", "POST queue/pause", "POST jobs/1/retry", "GET audit", "GET decisions.jsonl", "POST reindex", "POST read-only", "POST queue-session"} {
		method, path, _ := strings.Cut(route, " ")
		for name, token := range map[string]string{"nobody": "", "an admin": s.User("admin")} {
			if a := s.Do(method, "/api/ops/"+path, nil, "Authorization", token); a.Status != 401 && a.Status != 403 {
				t.Errorf("%s may %s: %d %s", name, route, a.Status, a.Body)
			}
		}
	}
}

func TestAnOverviewTellsWhatIs(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	super := s.Superuser()
	before := s.Do("GET", "/api/ops/overview", nil, "Authorization", super).Map(t)["overview"].(map[string]any)
	for range 3 {
		s.Post("The export fails with an error on every report")
	}
	var all, o map[string]any
	jobs, measured := 0.0, 0
	s.Until("the jobs to be counted", func() bool { // River notes the end of jobs a little later
		all = s.Do("GET", "/api/ops/overview", nil, "Authorization", super).Map(t)
		o = all["overview"].(map[string]any)
		jobs, measured = 0, 0
		for _, m := range o["minutes"].([]any) {
			minute := m.(map[string]any)
			jobs += minute["jobs"].(float64)
			if minute["p95_ms"] != nil {
				measured++
			}
		}
		return jobs >= 3
	})
	if before["messages"] != 0.0 || o["messages"] != 3.0 || o["indexed"] != 3.0 {
		t.Errorf("messages %v then %v, indexed %v; want 0, 3 and 3", before["messages"], o["messages"], o["indexed"])
	}
	if measured == 0 || measured > 2 {
		t.Errorf("times in %d minutes; want 1 or 2", measured)
	}
	disk := all["disk"].(map[string]any)
	if disk["data"].(float64) < 4096 || disk["free"].(float64) <= 0 || all["process"].(map[string]any)["rss"].(float64) < 1<<20 || all["backup"] != nil {
		t.Errorf("disk %v, process %v, backup %v", disk, all["process"], all["backup"])
	}
	if b := s.Do("POST", "/api/backups", map[string]any{"name": "mine.zip"}, "Authorization", super); b.Status != 204 {
		t.Fatalf("backup: %d %s", b.Status, b.Body)
	}
	last := s.Do("GET", "/api/ops/overview", nil, "Authorization", super).Map(t)["backup"].(map[string]any)
	if last["name"] != "mine.zip" || last["size"].(float64) < 1000 {
		t.Errorf("last backup = %v", last)
	}
}

func TestReadOnlyRefusesAndOutlivesARestart(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "pb_data")
	var feedback string
	t.Run("before", func(t *testing.T) {
		s := servertest.StartIn(t, dir)
		feedback = s.Post("The app crashes when I click the login button")
		if a := s.Do("POST", "/api/ops/read-only", map[string]any{"on": true}, "Authorization", s.Superuser()); a.Status != 200 {
			t.Fatalf("read-only: %d %s", a.Status, a.Body)
		}
		refused(t, s, feedback)
	})
	t.Run("after", func(t *testing.T) {
		s := servertest.StartIn(t, dir)
		refused(t, s, feedback)
		if a := s.Do("POST", "/api/ops/read-only", map[string]any{"on": false}, "Authorization", s.Superuser()); a.Status != 200 {
			t.Fatalf("go on: %d %s", a.Status, a.Body)
		}
		s.Post("The app crashes when I click the login button") // waits until it is settled
	})
}

func refused(t *testing.T, s *servertest.Server, feedback string) {
	t.Helper()
	issue := s.Record(records.Feedback, feedback).GetString("issue")
	for path, token := range map[string]string{"/api/feedback": "", "/api/issues/" + issue + "/approve": s.User("approver"), "/webhooks/x": ""} {
		a := s.Do("POST", path, map[string]any{"content": "x"}, "Authorization", token)
		if a.Status != 503 || a.Map(t)["code"] != 50305.0 || a.Header.Get("Retry-After") != "60" {
			t.Errorf("%s: %d %s, Retry-After %q", path, a.Status, a.Body, a.Header.Get("Retry-After"))
		}
	}
	if a := s.Do("GET", "/api/collections/issues/records", nil, "Authorization", s.User("viewer")); a.Status != 200 {
		t.Errorf("reading: %d %s", a.Status, a.Body)
	}
	if got := s.Record(records.Issues, issue).GetString("state"); got != "draft" {
		t.Errorf("the issue is %s", got)
	}
}

func TestTheIndexIsRebuilt(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	super := s.Superuser()
	first := s.Post("The app crashes when I click the login button")
	if _, err := s.App.DB().NewQuery(`DELETE FROM vectors`).Execute(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.App.DB().NewQuery(`INSERT INTO vectors (id, project, "group", at, data) VALUES ('straystraystray', 'p', 'g', 1, x'00')`).Execute(); err != nil {
		t.Fatal(err)
	}
	if a := s.Do("POST", "/api/ops/reindex", nil, "Authorization", super); a.Status != 202 {
		t.Fatalf("reindex: %d %s", a.Status, a.Body)
	}
	s.Until("the index to be rebuilt", func() bool {
		r := s.Do("GET", "/api/ops/overview", nil, "Authorization", super).Map(t)["overview"].(map[string]any)["rebuild"].(map[string]any)
		return r["running"] == false && r["done"] == 1.0
	})
	var ids []string
	if err := s.App.DB().NewQuery(`SELECT id FROM vectors`).Column(&ids); err != nil || len(ids) != 1 || ids[0] != first {
		t.Errorf("the index holds %v, %v; want %s", ids, err, first)
	}
	second := s.Post("the app crashes when clicking the login button!!")
	if a, b := s.Record(records.Feedback, first).GetString("issue"), s.Record(records.Feedback, second).GetString("issue"); a != b {
		t.Errorf("the twin joined %s, want %s", b, a)
	}
}

func TestDecisionsAreExportedWhole(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	s.Post("The app crashes when I click the login button")
	a := s.Do("GET", "/api/ops/decisions.jsonl", nil, "Authorization", s.Superuser())
	n, err := s.App.CountRecords(records.Decisions)
	if err != nil || n < 2 {
		t.Fatalf("%d decisions, %v", n, err)
	}
	lines := int64(0)
	for sc := bufio.NewScanner(bytes.NewReader(a.Body)); sc.Scan(); lines++ {
		var d map[string]any
		if err := json.Unmarshal(sc.Bytes(), &d); err != nil || d["hash"] == "" || d["action"] == "" {
			t.Errorf("line %d: %v %v", lines, d, err)
		}
	}
	if lines != n {
		t.Errorf("%d lines of %d decisions", lines, n)
	}
	if audit := s.Do("GET", "/api/ops/audit", nil, "Authorization", s.Superuser()).Map(t); audit["whole"] != true || audit["verified"] != float64(n) {
		t.Errorf("audit = %v, want %d verified", audit, n)
	}
}

func TestTheQueuesPagesNeedASession(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	s.Post("The app crashes when I click the login button")
	super := s.Superuser()
	if a := s.Do("GET", "/_/river/api/states", nil, "Authorization", super); a.Status != 401 {
		t.Errorf("without a session: %d", a.Status)
	}
	jar, _ := cookiejar.New(nil)
	client := &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	do := func(method, path string, header ...string) *http.Response {
		t.Helper()
		req, err := http.NewRequest(method, s.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i+1 < len(header); i += 2 {
			req.Header.Set(header[i], header[i+1])
		}
		res, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { res.Body.Close() })
		return res
	}
	if res := do("GET", "/_/river/", "Accept", "text/html"); res.StatusCode != 303 {
		t.Errorf("a browser without a session: %d, want to be sent to the operator pages", res.StatusCode)
	}
	res := do("POST", "/api/ops/queue-session", "Authorization", super)
	if c := res.Header.Get("Set-Cookie"); res.StatusCode != 200 || !strings.Contains(c, "HttpOnly") || !strings.Contains(c, "SameSite=Strict") || !strings.Contains(c, "Path=/_/river") {
		t.Fatalf("session: %d %q", res.StatusCode, c)
	}
	s.Until("the job to be shown as completed", func() bool {
		res := do("GET", "/_/river/api/jobs?state=completed&limit=20")
		text, err := io.ReadAll(res.Body)
		return err == nil && res.StatusCode == 200 && strings.Contains(string(text), `"triage"`)
	})
	if res := do("PUT", "/_/river/api/queues/triage/pause"); res.StatusCode != 403 {
		t.Errorf("a change from nowhere: %d, want 403", res.StatusCode)
	}
	if res := do("PUT", "/_/river/api/queues/triage/pause", "Sec-Fetch-Site", "same-origin"); res.StatusCode != 200 {
		t.Errorf("a change from its page: %d", res.StatusCode)
	}
	if res := do("GET", "/api/settings"); res.StatusCode != 401 {
		t.Errorf("the cookie opens the settings: %d", res.StatusCode)
	}
}
