package acceptance

import (
	"fmt"
	"net/http"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/pocketbase/dbx"

	"github.com/iterateswarm/iterateswarm/internal/records"
	"github.com/iterateswarm/iterateswarm/internal/servertest"
)

// scrape reads /metrics: series as they stand there → value.
func scrape(t *testing.T, s *servertest.Server) map[string]float64 {
	t.Helper()
	a := must(t, call{method: "GET", url: s.URL + "/metrics"})
	if a.status != 200 {
		t.Fatalf("metrics: %d %s", a.status, a.body)
	}
	out := map[string]float64{}
	for line := range strings.Lines(string(a.body)) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		at := strings.LastIndexByte(line, ' ')
		v, err := strconv.ParseFloat(line[at+1:], 64)
		if err != nil {
			t.Fatalf("metrics line %q: %v", line, err)
		}
		out[line[:at]] = v
	}
	return out
}

// sum adds up the series of a metric whose labels hold all the given words.
func sum(series map[string]float64, name string, words ...string) float64 {
	total := 0.0
next:
	for s, v := range series {
		if s != name && !strings.HasPrefix(s, name+"{") {
			continue
		}
		for _, w := range words {
			if !strings.Contains(s, w) {
				continue next
			}
		}
		total += v
	}
	return total
}

func TestPromtoolTakesOurMetrics(t *testing.T) {
	t.Parallel()
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		missing(t, "install promtool (Debian: prometheus) to run this")
	}
	s := servertest.Start(t)
	s.Post("The app crashes when I open the settings")
	a := must(t, call{method: "GET", url: s.URL + "/metrics"})
	check := exec.Command(promtool, "check", "metrics")
	check.Stdin = strings.NewReader(string(a.body))
	if out, err := check.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("promtool check metrics: %v\n%s", err, out)
	}
	if kind := a.header.Get("Content-Type"); !strings.HasPrefix(kind, "text/plain; version=0.0.4") {
		t.Errorf("Content-Type = %q", kind)
	}
}

// Every number moves by exactly what was done.
func TestEveryNumberMovesByWhatWasDone(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	approver, key := s.User("approver"), s.Key()
	before := scrape(t, s)

	var issues []string
	texts := []string{"The app crashes when I rotate the phone", "Printing an invoice freezes the browser", "Login fails with error 503",
		"Please add an option to export as CSV", "How do I change my e-mail address?"}
	states := map[string]int{}
	for _, text := range texts {
		r := s.Record(records.Feedback, s.Post(text, "source", "tally"))
		states[r.GetString("state")]++
		if id := r.GetString("issue"); id != "" {
			issues = append(issues, id)
		}
	}
	// Another door, and the same message twice, which is one.
	for range 2 {
		must(t, call{method: "POST", url: s.URL + "/api/feedback", key: key, body: map[string]string{"content": "hello there", "source": "known", "external_id": "7"}})
	}
	must(t, call{method: "POST", url: s.URL + "/api/collections/feedback/records", key: key, body: map[string]string{"content": "hello again", "source": "records"}})
	s.Until("all to be settled", func() bool { return s.Count(records.Feedback, dbx.HashExp{"state": "received"}) == 0 })
	for range 3 {
		must(t, call{method: "POST", url: s.URL + "/api/feedback", body: map[string]string{"content": " "}})
	}
	for range 2 {
		must(t, call{method: "POST", url: s.URL + "/api/feedback", body: `{"content":`})
	}
	for range 4 {
		must(t, call{method: "GET", url: s.URL + "/api/stats"})
	}
	must(t, call{method: "GET", url: s.URL + "/api/nothing"})
	if len(issues) < 3 {
		t.Fatalf("%d issues, want at least 3", len(issues))
	}
	for _, issue := range issues[:2] {
		if _, _, err := fileIssue(s, issue, approver); err != nil {
			t.Fatal(err)
		}
	}
	after := scrape(t, s)
	moved := func(name string, words ...string) float64 {
		return sum(after, name, words...) - sum(before, name, words...)
	}
	for _, c := range []struct {
		want  int
		name  string
		words []string
	}{
		{7, "iterateswarm_http_requests_total", []string{`method="POST"`, `/api/feedback"`, `status="200"`}},
		{1, "iterateswarm_http_requests_total", []string{`method="POST"`, `records"`, `status="200"`}},
		{5, "iterateswarm_http_requests_total", []string{`method="POST"`, `/api/feedback"`, `status="400"`}},
		{4, "iterateswarm_http_requests_total", []string{`/api/stats"`, `status="200"`}},
		{1, "iterateswarm_http_requests_total", []string{`status="404"`}},
		{1, "iterateswarm_http_requests_total", []string{`/metrics"`}}, // the first scrape
		{2, "iterateswarm_http_requests_total", []string{`/api/issues/{id}/{action}"`, `status="200"`}},
		{7 + 1 + 5 + 4 + 1 + 1 + 2, "iterateswarm_http_requests_total", nil},
		{5, "iterateswarm_feedback_received_total", []string{`source="tally"`}},
		{1, "iterateswarm_feedback_received_total", []string{`source="known"`}},
		{1, "iterateswarm_feedback_received_total", []string{`source="records"`}},
		{7, "iterateswarm_feedback_received_total", nil},
		{7, "iterateswarm_feedback", nil},
		{states["joined"], "iterateswarm_feedback", []string{`state="joined"`}},
		{len(issues), "iterateswarm_issues", nil},
		{2, "iterateswarm_issues", []string{`state="filed"`}},
		{len(issues) - 2, "iterateswarm_issues", []string{`state="draft"`}},
		{2, "iterateswarm_deliveries", nil},
		{2, "iterateswarm_deliveries", []string{`state="done"`}},
		{2, "iterateswarm_decisions", []string{`agreed="yes"`}},
		{0, "iterateswarm_decisions", []string{`agreed="no"`}},
		{0, "iterateswarm_jobs", []string{`state="discarded"`}},
		{0, "iterateswarm_breaker_open", nil},
	} {
		if got := moved(c.name, c.words...); got != float64(c.want) {
			t.Errorf("%s %v moved by %v, want %d", c.name, c.words, got, c.want)
		}
	}
	if _, ok := after[`iterateswarm_feedback{state="held"}`]; !ok {
		t.Error("a state that nothing is in has no number")
	}
	if v := after["iterateswarm_settle_seconds_mean"]; v <= 0 || v > 20 {
		t.Errorf("iterateswarm_settle_seconds_mean = %v", v)
	}
}

// Strangers cannot make the server remember ever more numbers.
func TestStrangersDoNotMakeSeries(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	for i := range 150 {
		must(t, call{method: "POST", url: s.URL + "/api/feedback", body: map[string]string{"content": "hello", "source": fmt.Sprintf("stranger-%d", i)}})
		must(t, call{method: fmt.Sprintf("ODD%d", i), url: s.URL + fmt.Sprintf("/api/odd/%d", i)})
		must(t, call{method: http.MethodGet, url: s.URL + fmt.Sprintf("/api/odd/%d", i)})
	}
	n := 0
	for series := range scrape(t, s) {
		if strings.HasPrefix(series, "iterateswarm_") {
			n++
		}
	}
	if n > 120 {
		t.Errorf("%d series after 150 odd sources, methods and paths, want at most 120", n)
	}
}
