package acceptance

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
)

type stats struct {
	Breaker    string         `json:"circuit_breaker"`
	Used       *int           `json:"rate_limit_used"`
	Total      int            `json:"rate_limit_total"`
	AvgTime    string         `json:"avg_time"`
	Feedback   map[string]int `json:"feedback"`
	Issues     map[string]int `json:"issues"`
	Deliveries map[string]int `json:"deliveries"`
	Jobs       map[string]int `json:"jobs"`
}

var seconds = regexp.MustCompile(`^\d+\.\d{3}s$`)

func (p *probe) stats(at place) stats {
	var s stats
	p.json(p.get(at.URL+"/api/stats"), 200, &s)
	p.one("circuit_breaker", s.Breaker, "closed", "open", "half-open")
	if s.Used == nil || *s.Used < 0 || *s.Used > s.Total || s.Total < 1 {
		p.fault("rate_limit_used and rate_limit_total = %v, %d", s.Used, s.Total)
	}
	if !seconds.MatchString(s.AvgTime) {
		p.fault("avg_time = %q, want seconds such as 0.012s", s.AvgTime)
	}
	for what, states := range map[string][]string{
		"feedback": {"received", "triaged", "joined", "noise", "held"},
		"issues":   {"draft", "approved", "filed", "closed", "declined", "snoozed"},
	} {
		counts := map[string]map[string]int{"feedback": s.Feedback, "issues": s.Issues}[what]
		for _, state := range states {
			if _, ok := counts[state]; !ok {
				p.fault("%s has no count of %s", what, state)
			}
		}
	}
	return s
}

type readiness struct {
	Ready bool
	Parts struct {
		Database, Queue, Engine struct {
			OK     bool
			Detail string
		}
		Plugins map[string]any
	}
}

func strictHealth(p *probe) {
	p.stats(p.Frail)
	ready := func(status int) readiness {
		var r readiness
		p.json(p.get(p.Frail.URL+"/api/ready"), status, &r)
		return r
	}
	alive := func() {
		if a := p.get(p.Frail.URL + "/api/health"); a.status != 200 {
			p.fault("health = %d, want 200 while it lives", a.status)
		}
	}
	if r := ready(200); !r.Ready || !r.Parts.Database.OK || !r.Parts.Queue.OK || !r.Parts.Engine.OK {
		p.fault("not everything is ready: %+v", r)
	}
	alive()

	unlock, err := p.Lock()
	if err != nil {
		p.stop("lock the database: %v", err)
	}
	unlock = sync.OnceFunc(unlock)
	defer unlock()
	start := time.Now()
	if r := ready(503); r.Ready || r.Parts.Database.OK || !r.Parts.Engine.OK {
		p.fault("with a locked database ready says %+v", r)
	}
	if took := time.Since(start); took > 4*time.Second {
		p.fault("ready took %s to say that the database is locked; whoever asks has given up by then", took)
	}
	alive()
	unlock()
	if r := ready(200); !r.Ready {
		p.fault("not ready again: %+v", r)
	}

	if err := p.Halt(); err != nil {
		p.stop("stop the queue: %v", err)
	}
	if r := ready(503); r.Ready || r.Parts.Queue.OK || !r.Parts.Database.OK {
		p.fault("with a stopped queue ready says %+v", r)
	}
	alive()
}

func strictRateLimit(p *probe) {
	post := func(key string, i int) answer {
		return p.send(call{method: "POST", url: p.Small.URL + "/api/feedback", key: key,
			body: map[string]any{"content": fmt.Sprintf("The export fails with error %d", i), "source": "limit"}})
	}
	before := p.stats(p.Small)
	if before.Total != 20 || *before.Used != 0 {
		p.stop("the bucket is %d of %d, want 0 of 20", *before.Used, before.Total)
	}
	ids := map[string]bool{}
	taken := func(a answer) {
		var v verdict
		p.json(a, 200, &v)
		ids[v.FeedbackID] = true
	}
	for i := range 20 {
		taken(post("", i))
	}
	refused := post("", 20)
	p.problem(refused, 42901)
	wait, err := strconv.Atoi(refused.header.Get("Retry-After"))
	if err != nil || wait < 1 || wait > 3 {
		p.stop("Retry-After = %q, want a whole number of seconds from 1 to 3", refused.header.Get("Retry-After"))
	}
	if s := p.stats(p.Small); *s.Used != 20 {
		p.fault("rate_limit_used = %d, want 20", *s.Used)
	}

	// A sender that names other addresses stays the same sender.
	for i := range 5 {
		a := p.send(call{method: "POST", url: p.Small.URL + "/api/feedback", body: map[string]string{"content": "The export fails"},
			header: map[string]string{"X-Forwarded-For": fmt.Sprintf("203.0.113.%d", i), "X-Real-IP": fmt.Sprintf("198.51.100.%d", i), "Forwarded": "for=192.0.2.1"}})
		p.problem(a, 42901)
	}
	// Keys have buckets of their own, and those that say so a size of their own.
	taken(post(p.Key(0, 0), 21))
	small := p.Key(3, time.Hour)
	for i := range 3 {
		taken(post(small, 22+i))
	}
	p.problem(post(small, 25), 42901)

	time.Sleep(time.Duration(wait) * time.Second)
	taken(post("", 26))
	p.problem(post("", 27), 42901)

	if len(ids) != 25 {
		p.fault("%d ids for 25 messages", len(ids))
	}
	var list struct{ TotalItems int }
	a := p.send(call{method: "GET", url: p.Small.URL + "/api/collections/feedback/records?perPage=1&filter=" + "source%3D'limit'", token: p.Small.Admin})
	if err := decodeInto(a, &list); err != nil || list.TotalItems != 25 {
		p.fault("%d messages are stored, %v; want the 25 that were taken", list.TotalItems, err)
	}
}

func strictBreaker(p *probe) {
	p.Hub.breakDown(true)
	defer p.Hub.breakDown(false)
	post := func(text string) stored {
		a := p.send(call{method: "POST", url: p.Flaky.URL + "/api/feedback?wait=20s", body: map[string]string{"content": text, "source": "discord"}})
		var v verdict
		p.json(a, 200, &v)
		r, err := readFeedback(p.Flaky.URL, p.Flaky.Admin, v.FeedbackID)
		if err != nil {
			p.stop("%v", err)
		}
		if r.Content != text {
			p.stop("stored %q, sent %q", r.Content, text)
		}
		return r
	}
	approve := func(issue string) {
		a := p.send(call{method: "POST", url: p.Flaky.URL + "/api/issues/" + issue + "/approve", body: map[string]any{}, token: p.Flaky.Admin})
		if a.status != 200 {
			p.stop("approve: %d %s", a.status, clip(string(a.body)))
		}
	}
	until := func(what string, ok func() bool) {
		for end := time.Now().Add(5 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
			if time.Now().After(end) {
				p.stop("waited 5 s in vain for %s", what)
			}
		}
	}
	if s := p.stats(p.Flaky); s.Breaker != "closed" {
		p.stop("the breaker is %s before anything was asked", s.Breaker)
	}
	var issues []string
	for _, text := range []string{
		"The app crashes when I open the settings", "Saving a file fails with error 500", "The search throws an exception for every word",
		"Printing an invoice freezes the browser", "The calendar page is broken and shows an error", "Uploading a photo fails every time",
		"The password reset mail is broken, the link does not work", "Sorting the table by price does not work",
	} {
		r := post(text)
		if r.Issue == "" {
			p.stop("%q made no issue: %s/%s, %s", text, r.Class, r.Severity, r.State)
		}
		issues = append(issues, r.Issue)
	}
	start := time.Now()
	for i, issue := range issues[:5] {
		approve(issue)
		until(fmt.Sprintf("request %d", i+1), func() bool { return len(p.Hub.requests(start)) == i+1 })
		if s := p.stats(p.Flaky); i < 4 && s.Breaker != "closed" {
			p.fault("the breaker is %s after %d failures, want closed", s.Breaker, i+1)
		}
	}
	until("an open breaker", func() bool { return p.stats(p.Flaky).Breaker == "open" })
	opened := time.Now()
	for _, issue := range issues[5:] {
		approve(issue)
	}
	// The tracker is left alone, and messages are triaged all the same.
	if r := post("The report page crashes when I filter by month"); r.State != "joined" || r.Class != "bug" {
		p.fault("while the breaker is open a bug is %s/%s", r.Class, r.State)
	}
	for time.Since(opened) < p.Open-500*time.Millisecond {
		if s := p.stats(p.Flaky); s.Breaker != "open" {
			p.fault("the breaker is %s after %s, want open for %s", s.Breaker, time.Since(opened), p.Open)
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	if n := len(p.Hub.requests(start)); n != 5 {
		p.fault("%d requests while the breaker was to be open, want only the 5 that opened it", n)
	}
	// One probe, which fails: open again.
	until("the probe", func() bool { return len(p.Hub.requests(start)) > 5 })
	until("an open breaker again", func() bool { return p.stats(p.Flaky).Breaker == "open" })
	reopened := time.Now()
	time.Sleep(p.Open / 3)
	if n := len(p.Hub.requests(start)); n != 6 {
		p.fault("%d requests, want exactly one probe after the 5", n)
	}
	// One probe, which succeeds: closed, and what waited is filed.
	p.Hub.breakDown(false)
	until("a closed breaker", func() bool { return p.stats(p.Flaky).Breaker == "closed" })
	if waited := time.Since(reopened); waited < p.Open-500*time.Millisecond {
		p.fault("the breaker closed %s after it opened, want not before %s", waited, p.Open)
	}
	until("the issues that waited to be filed", func() bool { return p.stats(p.Flaky).Issues["filed"] >= 2 })
}

type counters struct {
	Total      int            `json:"feedback_total"`
	States     map[string]int `json:"feedback_by_state"`
	Classes    map[string]int `json:"feedback_by_class"`
	Issues     map[string]int `json:"issues_by_state"`
	Deliveries map[string]int `json:"deliveries_by_state"`
	Accuracy   *float64       `json:"classification_accuracy"`
	N          int            `json:"classification_accuracy_n"`
	Breaker    string         `json:"circuit_breaker"`
	AvgTime    string         `json:"avg_time"`
}

// strictMetrics counts on Tally, and wants every number to move by what was done.
func strictMetrics(p *probe) {
	at := p.Tally
	read := func() counters {
		var c counters
		p.json(p.get(at.URL+"/api/metrics"), 200, &c)
		return c
	}
	before := read()
	if before.Accuracy != nil || before.N != 0 {
		p.fault("accuracy = %v of n = %d before anybody decided", before.Accuracy, before.N)
	}
	classes := map[string]int{}
	drafts := map[string]string{} // issue → class
	for i, text := range []string{
		"The app crashes when I rotate the phone", "Please add an option to export as CSV", "How do I change my e-mail address?",
		"Printing the invoice crashes the browser", "Login fails with error 503", "thanks, great app",
	} {
		a := p.send(call{method: "POST", url: at.URL + "/api/feedback?wait=20s", body: map[string]string{"content": text, "source": "count"}})
		var v verdict
		p.json(a, 200, &v)
		classes[v.Classification]++
		r, err := readFeedback(at.URL, at.Admin, v.FeedbackID)
		if err != nil {
			p.stop("%v", err)
		}
		if r.Issue != "" {
			drafts[r.Issue] = r.Class
		}
		if c := read(); c.Total != before.Total+i+1 {
			p.fault("feedback_total = %d after %d more messages, was %d", c.Total, i+1, before.Total)
		}
	}
	for range 3 { // a refusal counts for nothing
		p.problem(p.send(call{method: "POST", url: at.URL + "/api/feedback", body: map[string]string{"content": ""}}), 40005)
	}
	after := read()
	if after.Total != before.Total+6 {
		p.fault("feedback_total went from %d to %d, want 6 more", before.Total, after.Total)
	}
	for class, n := range classes {
		if got := after.Classes[class] - before.Classes[class]; got != n {
			p.fault("%d more of class %s, want %d", got, class, n)
		}
	}
	if got := after.Issues["draft"] - before.Issues["draft"]; got != len(drafts) || got < 2 {
		p.stop("%d more drafts, want %d and at least 2", got, len(drafts))
	}
	// Two people agree with the engine, one does not.
	decided, agreed := 0, 0
	for issue, class := range drafts {
		if decided == 1 {
			other := map[string]string{"bug": "feature", "feature": "bug"}[class]
			a := p.send(call{method: "PATCH", url: at.URL + "/api/issues/" + issue, body: map[string]any{"class": other, "version": 1}, token: at.Admin})
			if a.status != 200 {
				p.stop("edit: %d %s", a.status, clip(string(a.body)))
			}
		} else {
			agreed++
		}
		if a := p.send(call{method: "POST", url: at.URL + "/api/issues/" + issue + "/approve", body: map[string]any{}, token: at.Admin}); a.status != 200 {
			p.stop("approve: %d %s", a.status, clip(string(a.body)))
		}
		decided++
		c := read()
		want := float64(agreed) / float64(decided)
		if c.Accuracy == nil || c.N != decided || math.Abs(*c.Accuracy-want) > 1e-9 {
			p.fault("accuracy = %v of n = %d after %d decisions, %d of them with the engine", deref(c.Accuracy), c.N, decided, agreed)
		}
	}
	if c := read(); c.Breaker != "closed" || !seconds.MatchString(c.AvgTime) || strings.HasPrefix(c.AvgTime, "-") {
		p.fault("circuit_breaker and avg_time = %q, %q", c.Breaker, c.AvgTime)
	}
}

func deref(f *float64) any {
	if f == nil {
		return nil
	}
	return *f
}
