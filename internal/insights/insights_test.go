package insights_test

import (
	"fmt"
	"math"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/pocketbase/dbx"

	"github.com/iterateswarm/iterateswarm/internal/insights"
	"github.com/iterateswarm/iterateswarm/internal/records"
	"github.com/iterateswarm/iterateswarm/internal/servertest"
)

func TestMain(m *testing.M) { servertest.Main(m) }

// tallied reads a tally and the same counts from the rows themselves.
func tallied(t *testing.T, s *servertest.Server, tally, truth string) (got, want []string) {
	t.Helper()
	for query, into := range map[string]*[]string{tally: &got, truth: &want} {
		if err := s.App.DB().NewQuery(query).Column(into); err != nil {
			t.Fatal(err)
		}
	}
	return got, want
}

// Whatever happens to messages and issues, the tallies say what the rows say.
func TestTalliesFollowTheRows(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	admin := s.User("admin")
	var ids []string
	for i, text := range []string{
		"App crashes when I click the login button", "Please add dark mode to the settings page", "Thanks!",
		"App crashes when I click the login button", "The export to CSV hangs on page three", "How do I change the colour?",
	} {
		ids = append(ids, s.Post(text, "user_id", fmt.Sprint("u", i), "source", []string{"discord", "email"}[i%2]))
	}
	issue := s.Record(records.Feedback, ids[0]).GetString("issue")
	other := s.Record(records.Feedback, ids[4]).GetString("issue")
	for path, body := range map[string]any{
		"/api/issues/" + other + "/merge":                                                   map[string]any{"into": issue},
		"/api/feedback/" + ids[1] + "/correct":                                              map[string]any{"class": "bug", "severity": "critical"},
		"/api/issues/" + s.Record(records.Feedback, ids[1]).GetString("issue") + "/decline": map[string]any{},
	} {
		if a := s.Do("POST", path, body, "Authorization", admin); a.Status != 200 {
			t.Fatalf("%s: %d %s", path, a.Status, a.Body)
		}
	}
	if err := s.App.Delete(s.Record(records.Feedback, ids[2])); err != nil {
		t.Fatal(err)
	}
	s.Until("everything to be settled", func() bool { return s.Count(records.Feedback, dbx.HashExp{"state": "received"}) == 0 })
	for name, q := range map[string][2]string{
		"messages": {`SELECT project || day || source || class || severity || engine || state || again || ' ' || n FROM feedback_days WHERE n != 0 ORDER BY 1`,
			`SELECT project || substr(created, 1, 10) || source || class || severity || engine || state || (relation = 'report' AND similarity > 0)
			|| ' ' || count(*) FROM feedback GROUP BY project, substr(created, 1, 10), source, class, severity, engine, state, relation = 'report' AND similarity > 0 ORDER BY 1`},
		"issues": {`SELECT project || day || state || merged || ' ' || n FROM issue_days WHERE n != 0 ORDER BY 1`,
			`SELECT project || substr(created, 1, 10) || state || (merged_into != '') || ' ' || count(*) FROM issues
			GROUP BY project, substr(created, 1, 10), state, merged_into != '' ORDER BY 1`},
		"decisions": {`SELECT project || day || actor_kind || action || ' ' || n FROM decision_days ORDER BY 1`,
			`SELECT project || substr(created, 1, 10) || actor_kind || action || ' ' || count(*) FROM decisions
			GROUP BY project, substr(created, 1, 10), actor_kind, action ORDER BY 1`},
	} {
		got, want := tallied(t, s, q[0], q[1])
		if len(want) == 0 {
			t.Errorf("%s: nothing to compare", name)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s (-rows +tally):\n%s", name, d)
		}
	}
	r, err := insights.Of(s.App, s.Project(), 30, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if r.Received != 5 || len(r.Volume) != 30 || r.Volume[29].Bug+r.Volume[29].Feature+r.Volume[29].Question+r.Volume[29].Noise != 5 {
		t.Errorf("received %d, today %+v; want 5 messages", r.Received, r.Volume[len(r.Volume)-1])
	}
	if r.Duplicates == nil || r.Duplicates.N != 1 {
		t.Errorf("duplicates = %+v, want the second of the twins", r.Duplicates)
	}
	if r.Overrides == nil || r.Overrides.N < 1 || r.Calibration == nil || r.Decision == nil || r.Decision.N == 0 {
		t.Errorf("overrides %+v, calibration %+v, decisions %+v; want the correction of a feature to a bug", r.Overrides, r.Calibration, r.Decision)
	}
	if r.Cost != nil {
		t.Errorf("cost = %+v without a model, want not measured", r.Cost)
	}
	if len(r.Clusters) == 0 || r.Clusters[0].Issue != issue || r.Clusters[0].N != 3 {
		t.Errorf("clusters = %+v, want the merged issue with 3 reports first", r.Clusters)
	}
	if sum, err := insights.Summarize(s.App, s.Project(), time.Now()); err != nil || sum.Issues["declined"] != 1 {
		t.Errorf("summary = %+v, %v; want one declined issue", sum, err)
	}
}

// An empty project has no number that was not measured.
func TestNothingMeasuredIsNil(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	r, err := insights.Of(s.App, s.Project(), 90, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if r.AutoApplied != nil || r.Decision != nil || r.Duplicates != nil || r.Overrides != nil || r.Cost != nil || r.Calibration != nil {
		t.Errorf("an empty project has numbers: %+v", r)
	}
}

func TestChanceIsThePoissonTail(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		k    int
		mean float64
		want float64 // from tables of the distribution
	}{{0, 3, 1}, {1, 1, 0.6321206}, {5, 0.5, 0.000172116}, {5, 2, 0.0526530}, {20, 10, 0.0034543}, {100, 100, 0.5132988}} {
		if got := insights.Chance(c.k, c.mean); math.Abs(got-c.want) > 1e-6 {
			t.Errorf("Chance(%d, %g) = %.7f, want %.7f", c.k, c.mean, got, c.want)
		}
	}
}

// A cluster that rises makes one alert, which follows its numbers; what was
// acknowledged stays so; when it is over it says so and can rise again.
func TestASpikeIsOneAlert(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	triager := s.User("triager")
	text := "The login button crashes the app on Android version 4.2.1"
	for i := range 6 {
		s.Post(text, "user_id", fmt.Sprint("u", i))
	}
	now := time.Now()
	look := func(at time.Time) []map[string]any {
		t.Helper()
		if err := insights.Watch(s.App, at); err != nil {
			t.Fatal(err)
		}
		var list struct{ Items []map[string]any }
		s.Do("GET", "/api/collections/alerts/records", nil, "Authorization", triager).JSON(t, &list)
		return list.Items
	}
	got := look(now)
	if len(got) != 1 || got[0]["kind"] != "cluster" || got[0]["count"] != 6.0 || got[0]["reporters"] != 6.0 || got[0]["state"] != "open" {
		t.Fatalf("alerts = %v, want one of 6 messages by 6 reporters", got)
	}
	if got[0]["factor"] != "version 4.2.1" {
		t.Errorf("in common: %v, want the version", got[0]["factor"])
	}
	id := got[0]["id"].(string)
	if a := s.Do("POST", "/api/alerts/"+id+"/acknowledge", nil, "Authorization", triager); a.Status != 200 {
		t.Fatalf("acknowledge: %d %s", a.Status, a.Body)
	}
	s.Post(text, "user_id", "u9")
	if got = look(now.Add(time.Second)); len(got) != 1 || got[0]["count"] != 7.0 || got[0]["state"] != "acknowledged" {
		t.Errorf("after one more: %v, want 7 messages, acknowledged", got)
	}
	if got = look(now.Add(48 * time.Hour)); got[0]["state"] != "over" {
		t.Errorf("two days later: %v, want over", got[0]["state"])
	}
	if a := s.Do("POST", "/api/alerts/"+id+"/mute", map[string]any{"until": now.Add(time.Hour)}, "Authorization", triager); a.Status != 200 {
		t.Fatalf("mute: %d %s", a.Status, a.Body)
	}
	if got = look(now.Add(2 * time.Second)); got[0]["state"] != "muted" {
		t.Errorf("muted: %v", got[0]["state"])
	}
	if got = look(now.Add(2 * time.Hour)); got[0]["state"] != "open" {
		t.Errorf("after the mute: %v, want open again", got[0]["state"])
	}
	if a := s.Do("POST", "/api/alerts/"+id+"/acknowledge", nil, "Authorization", s.User("viewer")); a.Status != 403 {
		t.Errorf("a viewer acknowledges: %d", a.Status)
	}
}

// fill writes n messages over 120 days behind the pipeline, with issues and
// decisions.
func fill(t testing.TB, s *servertest.Server, n int) {
	t.Helper()
	p := s.Project()
	for _, q := range []string{
		`WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < {:n} / 3)
		INSERT INTO issues (id, project, number, title, class, severity, state, version, report_count, reporter_count, first_seen, last_seen, created, updated, merged_into)
		SELECT printf('i%014d', i), {:p}, i + 10, 'Issue ' || i, 'bug', 'high', CASE i % 5 WHEN 0 THEN 'draft' WHEN 1 THEN 'filed' WHEN 2 THEN 'closed' WHEN 3 THEN 'declined' ELSE 'snoozed' END,
		1, 3, 3, at, at, at, at, '' FROM (SELECT i, strftime('%Y-%m-%d %H:%M:%fZ', 'now', '-' || (i * 120.0 / ({:n} / 3)) || ' days') AS at FROM c)`,
		`WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < {:n})
		INSERT INTO feedback (id, project, source, external_id, reporter, content, class, severity, confidence, title, engine, state, issue, relation, similarity, took_ms, created, updated, verdict)
		SELECT printf('f%014d', i), {:p}, CASE i % 4 WHEN 0 THEN 'discord' WHEN 1 THEN 'slack' WHEN 2 THEN 'email' ELSE 'web' END, 'e' || i, printf('r%014d', i % 5000),
		'Message ' || i, CASE i % 7 WHEN 0 THEN 'feature' WHEN 1 THEN 'question' WHEN 2 THEN 'noise' ELSE 'bug' END,
		CASE i % 4 WHEN 0 THEN 'critical' WHEN 1 THEN 'high' WHEN 2 THEN 'medium' ELSE 'low' END, (i % 100) / 100.0, 'Message', 'offline',
		CASE i % 7 WHEN 1 THEN 'triaged' WHEN 2 THEN 'noise' ELSE 'joined' END, CASE WHEN i % 7 IN (1, 2) THEN '' ELSE printf('i%014d', 1 + i / 3 % ({:n} / 3)) END,
		'report', (i % 3) / 3.0, 5 + i % 50, at, at, '{}' FROM (SELECT i, strftime('%Y-%m-%d %H:%M:%fZ', 'now', '-' || (i * 120.0 / {:n}) || ' days') AS at FROM c)`,
		`WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < {:n})
		INSERT INTO decisions (id, project, subject, subject_id, action, actor_kind, actor, before, after, created)
		SELECT printf('j%014d', i), {:p}, 'feedback', printf('f%014d', i), 'judge', 'engine', 'offline', 'null', '{"class":"bug","confidence":0.8}',
		strftime('%Y-%m-%d %H:%M:%fZ', 'now', '-' || (i * 120.0 / {:n}) || ' days') FROM c`,
		`WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < {:n} / 3)
		INSERT INTO decisions (id, project, subject, subject_id, action, actor_kind, actor, before, after, created)
		SELECT printf('d%014d', i), {:p}, 'issues', printf('i%014d', i), 'approve', 'person', 'users/x', 'null', '{"class":"bug","engine_class":"bug"}',
		strftime('%Y-%m-%d %H:%M:%fZ', 'now', '-' || (i * 120.0 / ({:n} / 3)) || ' days', '+1 hours') FROM c`,
		`ANALYZE`,
	} {
		if _, err := s.App.NonconcurrentDB().NewQuery(q).Bind(dbx.Params{"n": n, "p": p}).Execute(); err != nil {
			t.Fatal(err)
		}
	}
}

// The numbers of a large project, timed: ITERATESWARM_BENCH_LARGE=1 for 100,000
// messages.
func TestNumbersOfALargeProject(t *testing.T) {
	t.Parallel()
	n := 3000
	if os.Getenv("ITERATESWARM_BENCH_LARGE") == "1" {
		n = 100_000
	}
	s := servertest.Start(t)
	fill(t, s, n)
	viewer := s.User("viewer")
	for _, path := range []string{
		"/api/projects/" + s.Project() + "/summary", "/api/insights?project=" + s.Project() + "&days=90", "/api/insights?project=" + s.Project() + "&days=30",
		"/api/projects/" + s.Project() + "/series?issues=i00000000000001,i00000000000002,i00000000000003",
		"/api/search?project=" + s.Project() + "&q=issue+1234",
		"/api/search?project=" + s.Project() + "&q=message+crash+is:noise",
		"/api/collections/issues/records?skipTotal=1&perPage=50&sort=-reporter_count&filter=project%3D'" + s.Project() + "'%26%26merged_into%3D''",
	} {
		best := time.Hour
		for range 5 {
			start := time.Now()
			if a := s.Do("GET", path, nil, "Authorization", viewer); a.Status != 200 {
				t.Fatalf("%s: %d %s", path, a.Status, a.Body)
			}
			best = min(best, time.Since(start))
		}
		t.Logf("%d messages: %s in %s", n, path, best.Round(100*time.Microsecond))
	}
	start := time.Now()
	if err := insights.Watch(s.App, time.Now()); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d messages: looking for spikes in %s", n, time.Since(start).Round(100*time.Microsecond))
	s.Save(records.Reporters, map[string]any{"id": "r00000000000007", "project": s.Project(), "source": "discord", "external_id": "gone"})
	start = time.Now()
	if a := s.Do("POST", "/api/reporters/r00000000000007/erase", nil, "Authorization", s.User("admin")); a.Status != 200 {
		t.Fatalf("erase: %d %s", a.Status, a.Body)
	}
	t.Logf("%d messages: erasing a reporter of %d in %s", n, max(1, n/5000), time.Since(start).Round(time.Millisecond))
	r, err := insights.Of(s.App, s.Project(), 90, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if want := n * 3 / 4; r.Received < want*95/100 || r.Received > want*105/100 {
		t.Errorf("received %d of %d in 90 of 120 days, want about %d", r.Received, n, want)
	}
}
