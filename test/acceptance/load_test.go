package acceptance

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pocketbase/dbx"

	"github.com/iterateswarm/iterateswarm/internal/command"
	"github.com/iterateswarm/iterateswarm/internal/pipeline"
	"github.com/iterateswarm/iterateswarm/internal/servertest"
)

// Many who ask for the numbers share the counting, and none gets old ones.
func TestTheNumbersAreCountedTogether(t *testing.T) {
	t.Parallel()
	var counted atomic.Int64
	s := servertest.Start(t, func(o *command.Options) {
		o.Tune = func(cfg *pipeline.Config) {
			db, ok := cfg.App.ConcurrentDB().(*dbx.DB)
			if !ok {
				t.Error("the database is no *dbx.DB")
				return
			}
			db.QueryLogFunc = func(_ context.Context, _ time.Duration, query string, _ *sql.Rows, _ error) {
				if strings.Contains(query, "FROM feedback GROUP BY class") {
					counted.Add(1)
				}
			}
		}
	})
	const wanted = 40
	var asked, stored atomic.Int64
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for j := range wanted / 8 {
				a, err := (call{method: "POST", url: s.URL + "/api/feedback", body: map[string]string{"content": fmt.Sprint("The export fails ", i, j)}}).do()
				if err != nil || a.status != 200 {
					t.Errorf("post: %v %d", err, a.status)
					return
				}
				least := stored.Add(1)
				var each sync.WaitGroup
				for range 20 {
					each.Go(func() {
						n, err := s.Pipeline.Stats()
						asked.Add(1)
						if got := pipeline.Total(n.Feedback); err != nil || int64(got) < least {
							t.Errorf("%d messages are counted, %v; %d were stored before", got, err, least)
						}
						s.Pipeline.Changed() // as if something else had happened
					})
				}
				each.Wait()
			}
		})
	}
	all.Wait()
	if n := counted.Load(); n == 0 || n > asked.Load()/4 {
		t.Errorf("it was counted %d times for %d who asked, want a few for all", n, asked.Load())
	}
}

// Whoever asks whether it is ready does not keep the disk busy.
func TestReadyIsProbedOnceASecond(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	if err := s.Pipeline.Queue().Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			for range 10 {
				if a, err := (call{method: "GET", url: s.URL + "/api/ready"}).do(); err != nil || a.status != 503 {
					t.Errorf("ready with a queue that stands: %v %d", err, a.status)
					return
				}
			}
		})
	}
	all.Wait()
	most := 5 + int(time.Since(start)/time.Second) + 1
	if n := strings.Count(s.Log(), `"not ready"`); n == 0 || n > most {
		t.Errorf("200 who asked made %d probes, want at most %d", n, most)
	}
}

// What a plugin says about itself is not for strangers.
func TestPluginDetailsAreForPeople(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	for token, want := range map[string]bool{"": false, s.User(""): true, s.Superuser(): true} {
		a := must(t, call{method: "GET", url: s.URL + "/api/ready", token: token})
		if got := strings.Contains(string(a.body), `"state"`) && strings.Contains(string(a.body), `"detail"`); got != want {
			t.Errorf("signed in %t: detail shown %t: %s", token != "", got, a.body)
		}
	}
}

// Retry-After is when the limiter lets somebody through again.
func TestRetryAfterOfAPasswordReset(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	var last answer
	for range 4 {
		last = must(t, call{method: "POST", url: s.URL + "/api/collections/users/request-password-reset", body: map[string]string{"email": "nobody@example.com"}})
	}
	if last.status != 429 || last.header.Get("Retry-After") != "60" {
		t.Errorf("the fourth: %d, Retry-After %q, want 429 and 60", last.status, last.header.Get("Retry-After"))
	}
}
