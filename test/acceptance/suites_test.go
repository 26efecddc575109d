package acceptance

import (
	"context"
	"database/sql"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/iterateswarm/iterateswarm/internal/command"
	"github.com/iterateswarm/iterateswarm/internal/config"
	"github.com/iterateswarm/iterateswarm/internal/records"
	"github.com/iterateswarm/iterateswarm/internal/servertest"
)

// product starts the real product in all four parts of a target.
func product(t *testing.T) *target {
	t.Helper()
	const open = 2 * time.Second
	main := servertest.Start(t, webApp)
	small := servertest.Start(t, func(o *command.Options) { o.Config.API = config.Default().API })
	tally := servertest.Start(t)
	frail := servertest.Start(t)
	flaky := servertest.Start(t, func(o *command.Options) {
		o.Config.Breaker.Open = open
		o.Config.Queue.SweepInterval = 50 * time.Millisecond
	})
	h := newHub(t)
	useHub(flaky, h, 60) // a look between two creates would count as a failure too

	labels := []string{"bug", "enhancement", "question", "login", "mobile", "export"}
	project := main.Record(records.Projects, main.Project())
	project.Set("settings", records.Settings{Labels: labels})
	if err := main.App.Save(project); err != nil {
		t.Fatal(err)
	}
	at := func(s *servertest.Server) place { return place{s.URL, s.User("admin")} }
	token := main.User("approver")
	return &target{
		Main: at(main), Small: at(small), Tally: at(tally), Flaky: at(flaky), Frail: at(frail),
		Labels: labels, Hub: h, Open: open,
		Key: func(burst int, every time.Duration) string {
			key, prefix := records.NewKey()
			small.Save(records.Keys, map[string]any{"project": small.Project(), "name": "check", "hash": records.KeyHash(key),
				"prefix": prefix, "burst": burst, "every_ms": every.Milliseconds()})
			return key
		},
		File: func(issue string) (string, string, error) { return fileIssue(main, issue, token) },
		Lock: func() (func(), error) { return lock(filepath.Join(frail.Dir, "data.db")) },
		Halt: func() error { return frail.Pipeline.Queue().Stop(context.Background()) },
	}
}

// useHub makes the stand-in GitHub the only tracker of a server's project. It
// is asked as fast as it answers, and an unclear answer is looked up after so many seconds.
func useHub(s *servertest.Server, h *hub, settle int) {
	local, err := s.App.FindFirstRecordByFilter(records.Trackers, "plugin = 'local'")
	if err == nil {
		err = s.App.Delete(local)
	}
	if err != nil {
		panic(err)
	}
	tracker := s.Save(records.Trackers, map[string]any{"project": s.Project(), "name": "GitHub", "plugin": "github", "enabled": true,
		"settle": settle, "interval": 1,
		"config": map[string]any{"token": "ghp_test", "owner": "acme", "repo": "web", "base_url": h.URL + "/", "login": "swarm-bot"}})
	s.Until("the tracker to run", func() bool {
		return s.Record(records.Trackers, tracker.Id).GetString("status") == "running"
	})
}

// lock takes a database's write lock from outside.
func lock(path string) (unlock func(), err error) {
	db, err := sql.Open("sqlite", path+"?_pragma=busy_timeout(5000)")
	if err != nil {
		return nil, err
	}
	c, err := db.Conn(context.Background())
	if err == nil {
		_, err = c.ExecContext(context.Background(), "BEGIN IMMEDIATE")
	}
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", filepath.Base(path), err)
	}
	return func() {
		_, _ = c.ExecContext(context.Background(), "ROLLBACK")
		_ = c.Close()
		_ = db.Close()
	}, nil
}

// wordy answers every request with everything that the suites look for, in the
// shape of every route at once. Only work is missing.
const wordy = `{"FeedbackID":"r3c0rd1d0000001","Classification":"bug","Severity":"critical","Confidence":0.99,
"Reasoning":"crash on login; could be a feature or a question of high, medium or low severity","Title":"Bug: login crash",
"ReproductionSteps":["Click"],"AcceptanceCriteria":["It works"],"SuggestedLabels":["bug"],"ProcessingTime":"0.012s",
"AffectedComponents":["auth"],"Engine":"offline","DuplicateOf":"",
"id":"r3c0rd1d0000001","content":"App crashes when I click the login button","class":"bug","severity":"critical","state":"joined",
"issue":"1ssue0000000001","verdict":{"evidence":[{"start":0,"end":3}]},"items":[],"totalItems":25,
"circuit_breaker":"closed","rate_limit_used":0,"rate_limit_total":20,"avg_time":"0.012s",
"feedback":{"received":0,"triaged":0,"joined":1,"noise":0,"held":0},
"issues":{"draft":1,"approved":0,"filed":1,"closed":0,"declined":0,"snoozed":0},
"deliveries":{},"jobs":{},"feedback_total":6,"feedback_by_state":{},"feedback_by_class":{"bug":6},"issues_by_state":{"draft":6},
"classification_accuracy":0.94,"classification_accuracy_n":18,
"ready":true,"parts":{"database":{"ok":true},"queue":{"ok":true},"engine":{"ok":true},"plugins":{}},
"code":42901,"message":"This is a sentence that helps.","help":"docs/errors.md#42901","status":200,"data":{}}`

// stub answers every request with the same status and body.
func stub(t *testing.T, status int, body string) (url string, asked *atomic.Int64) {
	asked = &atomic.Int64{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}))
	t.Cleanup(s.Close)
	return s.URL, asked
}

// passes asks every check of a target and returns the numbers of those that
// find nothing wrong.
func passes(t *testing.T, suite []check, on *target) []int {
	t.Helper()
	type result struct {
		faults []string
		took   time.Duration
	}
	results := make([]result, len(suite))
	var beside sync.WaitGroup
	for i, c := range suite {
		ask := func() {
			start := time.Now()
			results[i] = result{run(c, on), time.Since(start)}
		}
		if c.waits {
			beside.Go(ask)
		} else {
			ask()
		}
	}
	beside.Wait()
	var passed []int
	for i, c := range suite {
		word := "pass"
		if r := results[i]; len(r.faults) > 0 {
			word = "FAIL"
		} else {
			passed = append(passed, c.number)
		}
		t.Logf("%s  %2d %-16s %6.2f s", word, c.number, c.name, results[i].took.Seconds())
		for _, f := range results[i].faults {
			t.Logf("         %s", f)
		}
	}
	return passed
}

func numbers(suite []check) []int {
	var out []int
	for _, c := range suite {
		out = append(out, c.number)
	}
	return out
}

// The product passes the original's checks and the harder ones; a server that
// does no work passes the former and none of the latter but "is it alive".
func TestTwelveChecks(t *testing.T) {
	t.Parallel()
	real := product(t)
	constant, asked := stub(t, http.StatusOK, wordy)
	closed, askedClosed := stub(t, http.StatusUnauthorized, `{"code":40101,"message":"Sign in first.","help":"docs/errors.md#40101"}`)
	for _, c := range []struct {
		name  string
		suite []check
		on    *target
		want  []int
	}{
		{"lenient, on the product", lenient, real, numbers(lenient)},
		{"lenient, on constant answers", lenient, real.at(constant), numbers(lenient)},
		{"lenient, on nothing but 401", lenient, real.at(closed), []int{1, 7, 8, 9, 11}},
		{"strict, on constant answers", strict, real.at(constant), []int{0}},
		{"strict, on nothing but 401", strict, real.at(closed), []int{0}},
		{"strict, on the product", strict, real, numbers(strict)}, // last: it stops one server's queue
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := passes(t, c.suite, c.on); !slices.Equal(got, c.want) {
				t.Errorf("passed %v, want %v", got, c.want)
			}
		})
	}
	if asked.Load() < 20 || askedClosed.Load() < 20 {
		t.Errorf("the stubs were asked %d and %d times: the suites did not reach them", asked.Load(), askedClosed.Load())
	}
}
