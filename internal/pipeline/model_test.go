package pipeline_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pocketbase/dbx"

	"github.com/iterateswarm/iterateswarm/internal/command"
	"github.com/iterateswarm/iterateswarm/internal/config"
	"github.com/iterateswarm/iterateswarm/internal/llm"
	"github.com/iterateswarm/iterateswarm/internal/llm/llmtest"
	"github.com/iterateswarm/iterateswarm/internal/records"
	"github.com/iterateswarm/iterateswarm/internal/servertest"
)

// withModel connects a server to a stand-in, with short waits.
func withModel(m *llmtest.Server) func(*command.Options) {
	return func(o *command.Options) {
		o.Config.LLM = config.LLM{Kind: "compatible", URL: m.URL, Key: config.NewSecret("llm-key-canary"), Model: "m-1", Class: "always",
			Rate: 100_000, Timeout: 20 * time.Second, PriceIn: 1, PriceOut: 2}
		o.Config.Queue.SweepInterval = 100 * time.Millisecond
		o.TuneModel = func(c *llm.Config) {
			c.Delays = []time.Duration{0, time.Millisecond, 2 * time.Millisecond, 4 * time.Millisecond}
		}
	}
}

func boom(llmtest.Request) llmtest.Reply { return llmtest.Status(500, "boom") }

func good(r llmtest.Request) llmtest.Reply { return llmtest.Text(llmtest.Good(r)) }

func TestTheModelDeepensAVerdict(t *testing.T) {
	t.Parallel()
	m := llmtest.Start(t)
	s := servertest.Start(t, withModel(m), func(o *command.Options) { o.Config.LLM.SourcesLocal = []string{"email"} })
	id := s.Post("App crashes when I click the login button")
	r := s.Record(records.Feedback, id)
	if r.GetString("engine") != "m-1" || r.GetString("engine_version") != llm.PromptVersion() || r.GetBool("degraded") || r.GetString("state") != "joined" {
		t.Errorf("engine %q %q, degraded %v, state %s", r.GetString("engine"), r.GetString("engine_version"), r.GetBool("degraded"), r.GetString("state"))
	}
	if title := s.Record(records.Issues, r.GetString("issue")).GetString("title"); !strings.HasPrefix(title, "Model title") {
		t.Errorf("title of the draft = %q, want the model's", title)
	}
	if n := s.Count(records.Decisions, dbx.HashExp{"subject_id": id, "action": "judge"}); n != 2 {
		t.Errorf("%d judgements, want the offline engine's and the model's", n)
	}
	var step struct {
		Tokens int     `db:"tokens"`
		Cost   float64 `db:"cost"`
		Engine string  `db:"engine"`
	}
	if err := s.App.DB().Select("tokens", "cost", "engine").From(records.Steps).Where(dbx.HashExp{"subject_id": id, "name": "think"}).One(&step); err != nil || step.Tokens == 0 || step.Cost == 0 || step.Engine != "m-1" {
		t.Errorf("step = %+v, %v", step, err)
	}
	a := s.Do("GET", "/api/collections/usage/records", nil, "Authorization", s.User("viewer"))
	if items, _ := a.Map(t)["items"].([]any); a.Status != 200 || len(items) != 1 {
		t.Errorf("a member reads %d %s, want one row of the ledger", a.Status, a.Body)
	}
	if items, _ := s.Do("GET", "/api/collections/usage/records", nil, "Authorization", s.User("")).Map(t)["items"].([]any); len(items) != 0 {
		t.Error("a stranger reads the ledger")
	}

	local := s.Record(records.Feedback, s.Post("The export stops with an error after page three", "source", "email"))
	if local.GetString("engine") != "offline" || local.GetBool("degraded") || m.Calls() != 1 {
		t.Errorf("a source that stays here: engine %s, degraded %v, %d calls", local.GetString("engine"), local.GetBool("degraded"), m.Calls())
	}
	for path, want := range map[string]string{"/api/stats": `"tokens_today":`, "/api/metrics": `"model":"m-1"`,
		"/metrics": `iterateswarm_llm_breaker_open{model="m-1"} 0`, "/api/ready": `"configured":true`} {
		if a := s.Do("GET", path, nil); a.Status != 200 || !strings.Contains(string(a.Body), want) {
			t.Errorf("%s = %d %s, want %s in it", path, a.Status, a.Body, want)
		}
	}
	if strings.Contains(s.Log(), "llm-key-canary") || strings.Contains(s.Log(), "login button") {
		t.Error("the log holds the key or the message")
	}
	if _, err := records.VerifyChain(s.App); err != nil {
		t.Errorf("chain of decisions: %v", err)
	}
}

func TestDescentAndReturn(t *testing.T) {
	t.Parallel()
	const open = 3 * time.Second
	m := llmtest.Start(t)
	m.Respond(boom)
	s := servertest.Start(t, withModel(m), func(o *command.Options) { o.Config.Breaker.Open = open })
	breaker := func() string { return s.Do("GET", "/api/stats", nil).Map(t)["circuit_breaker"].(string) }

	var ids []string
	for i := range 2 { // four calls, then one
		ids = append(ids, s.Post(fmt.Sprintf("App crashes when I click button number %d in the settings", i)))
	}
	if got := m.Calls(); got != 5 || breaker() != "open" {
		t.Fatalf("%d calls, breaker %s, want open after exactly 5", got, breaker())
	}
	for i := range 10 {
		ids = append(ids, s.Post(fmt.Sprintf("The %d. report stops with an error when I print it", i)))
	}
	if got := m.Calls(); got != 5 {
		t.Errorf("%d calls while open, want none", got-5)
	}
	for _, id := range ids {
		r := s.Record(records.Feedback, id)
		if r.GetString("engine") != "offline" || !r.GetBool("degraded") || r.GetString("state") == "received" || r.GetString("degraded_why") == "" || r.GetString("class") != "bug" {
			t.Errorf("%s: engine %s, class %s, degraded %v, state %s", id, r.GetString("engine"), r.GetString("class"), r.GetBool("degraded"), r.GetString("state"))
		}
	}
	stats := s.Do("GET", "/api/stats", nil).Map(t)
	if n := stats["degraded"].(float64); int(n) != len(ids) {
		t.Errorf("stats say %v degraded, want %d", n, len(ids))
	}
	if a := s.Do("GET", "/api/ready", nil); a.Status != 200 || !strings.Contains(string(a.Body), `"breaker":"open"`) {
		t.Errorf("ready = %d %s, want ready without the model", a.Status, a.Body)
	}

	s.Until("the probe", func() bool { return m.Calls() > 5 })
	time.Sleep(open / 2) // the breaker has opened again; nothing may come
	if got := m.Calls(); got != 6 {
		t.Errorf("%d calls after the first half-open, want exactly one probe", got-5)
	}
	m.Respond(good)
	s.Until("everything to be thought over", func() bool {
		return s.Count(records.Feedback, dbx.HashExp{"degraded": true}) == 0
	})
	if got := breaker(); got != "closed" {
		t.Errorf("breaker is %s after the return", got)
	}
	calls := m.Requests()
	for i, least := range map[int]time.Duration{5: open, 6: open} {
		if gap := calls[i].At.Sub(calls[i-1].At); gap < least-50*time.Millisecond {
			t.Errorf("call %d came %v after the one before, want %v", i+1, gap, least)
		}
	}
	if got, want := len(calls), 6+len(ids); got != want {
		t.Errorf("%d calls in all, want %d: one for each message", got, want)
	}
	for _, id := range ids {
		r := s.Record(records.Feedback, id)
		if r.GetString("engine") != "m-1" || r.GetString("degraded_why") != "" {
			t.Errorf("%s: engine %s", id, r.GetString("engine"))
		}
		issue := s.Record(records.Issues, r.GetString("issue"))
		if issue.GetInt("report_count") == 1 && !strings.HasPrefix(issue.GetString("title"), "Model title") {
			t.Errorf("%s: the draft is still %q", id, issue.GetString("title"))
		}
	}
	if _, err := records.VerifyChain(s.App); err != nil {
		t.Errorf("chain of decisions: %v", err)
	}
}

func TestAModelThatAsksToWaitCostsNoAttempt(t *testing.T) {
	t.Parallel()
	m := llmtest.Start(t)
	m.Respond(func(r llmtest.Request) llmtest.Reply {
		if r.Number == 1 {
			return llmtest.TooMany(0)
		}
		return good(r)
	})
	s := servertest.Start(t, withModel(m))
	a := s.Do("POST", "/api/feedback", map[string]any{"content": "App crashes when I click the login button"})
	if a.Status != 200 {
		t.Fatalf("%d %s", a.Status, a.Body)
	}
	id := a.Map(t)["FeedbackID"].(string)
	s.Until("the 429", func() bool { return m.Calls() == 1 })
	time.Sleep(time.Second)
	if r := s.Record(records.Feedback, id); r.GetString("state") != "received" || r.GetBool("degraded") || m.Calls() != 1 {
		t.Errorf("while it waits: state %s, degraded %v, %d calls", r.GetString("state"), r.GetBool("degraded"), m.Calls())
	}
	s.Until("the second call", func() bool { return s.Record(records.Feedback, id).GetString("state") == "joined" })
	if r := s.Record(records.Feedback, id); r.GetString("engine") != "m-1" || r.GetBool("degraded") {
		t.Errorf("engine %s, degraded %v", r.GetString("engine"), r.GetBool("degraded"))
	}
	var attempt int
	s.Until("the job to be finished", func() bool {
		return s.App.DB().NewQuery(`SELECT attempt FROM river_job WHERE kind = 'triage' AND state = 'completed'`).Row(&attempt) == nil
	})
	if attempt != 1 {
		t.Errorf("the job is at attempt %d, want 1", attempt)
	}
}

func TestNoSecretIsInAPrompt(t *testing.T) {
	t.Parallel()
	m := llmtest.Start(t)
	s := servertest.Start(t, withModel(m))
	message, canaries := llmtest.Secrets()
	id := s.Post(message, "title", "Payment of "+canaries[7], "user_name", canaries[8], "user_id", canaries[7])
	if r := s.Record(records.Feedback, id); r.GetString("engine") != "m-1" || r.GetString("content") != message {
		t.Fatalf("engine %s", r.GetString("engine"))
	}
	for _, r := range m.Requests() {
		for _, c := range canaries {
			if strings.Contains(r.Body, c) || strings.Contains(r.Text, c) {
				t.Errorf("%q is in a prompt", c)
			}
		}
	}
	if !strings.Contains(m.Requests()[0].Text, "[CARD_1]") {
		t.Errorf("no placeholder in %q", m.Requests()[0].Text)
	}
	var args []string
	if err := s.App.DB().NewQuery(`SELECT json(args) FROM river_job`).Column(&args); err != nil {
		t.Fatal(err)
	}
	for _, c := range canaries {
		if strings.Contains(s.Log(), c) || strings.Contains(strings.Join(args, ""), c) {
			t.Errorf("%q is in the log or a job", c)
		}
	}
}

var hostileItems = flag.Int("hostile.items", 40, "messages whose verdicts a hostile model writes")

// hostileSubjects are n things that a message can be about.
func hostileSubjects(n int) []string {
	words := []string{"login", "export", "printing", "search", "billing", "sync", "upload", "calendar", "chat", "map", "camera", "backup", "import",
		"invoice", "profile", "password", "keyboard", "menu", "widget", "report", "dashboard", "timer", "editor", "player", "scanner", "gallery",
		"contacts", "weather", "notes", "wallet", "translation", "theme", "sidebar", "filter", "graph", "cursor", "toolbar", "archive", "folder", "tabs"}
	out := make([]string, n)
	for i := range out {
		if out[i] = words[i%len(words)]; i >= len(words) {
			out[i] += fmt.Sprintf("-%s-%d", words[i/len(words)%len(words)], 100+i)
		}
	}
	return out
}

func TestHostileAnswersReachNoFiledIssue(t *testing.T) {
	t.Parallel()
	m := llmtest.Start(t)
	one, several := llmtest.HostileDice(), llmtest.HostileMix(2)
	m.Respond(func(r llmtest.Request) llmtest.Reply {
		if r.Number%2 == 0 {
			r.Number /= 2
			return one(r)
		}
		return several(r)
	})
	s := servertest.Start(t, withModel(m))
	approver := s.User("approver")
	subjects := hostileSubjects(*hostileItems)
	for _, x := range subjects {
		s.Post(fmt.Sprintf("The %s crashes with an error as soon as I open the %s view", x, x))
	}
	if n := s.Count(records.Issues, nil) - s.Count(records.Issues, dbx.HashExp{"state": "draft"}); n != 0 {
		t.Fatalf("%d issues left the drafts without a person", n)
	}
	drafts, err := s.App.FindAllRecords(records.Issues)
	if err != nil || len(drafts) < 20 {
		t.Fatalf("%d drafts, %v", len(drafts), err)
	}
	allowed := map[string]bool{}
	for _, l := range records.DefaultLabels {
		allowed[l] = true
	}
	for _, d := range drafts {
		for _, l := range records.Strings(d, "labels") {
			if !allowed[l] {
				t.Errorf("label %q in a draft", l)
			}
		}
		if a := s.Do("POST", "/api/issues/"+d.Id+"/approve", map[string]any{}, "Authorization", approver); a.Status != 200 {
			t.Fatalf("approve: %d %s", a.Status, a.Body)
		}
	}
	within(t, time.Minute+time.Second*time.Duration(len(drafts)), "all to be filed", func() bool { return s.Count(records.Issues, dbx.HashExp{"state": "filed"}) == len(drafts) })
	files, err := filepath.Glob(filepath.Join(filepath.Dir(s.Dir), "issues", "default", "*.md"))
	if err != nil || len(files) != len(drafts) {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, bad := range []string{llmtest.Canary, "@everyone", "@octocat", "@dependabot", "![", "<img", "k=FORGED", "Fixes #1", "acme/app", "GH-3",
			"/approve", "/close", "<script", "<svg", "javascript:", "\u202e", "\U000e0041", "You triage user feedback", "auto-merge"} {
			if strings.Contains(string(text), bad) {
				t.Errorf("%q is in a filed issue:\n%s", bad, text)
			}
		}
	}
	model := s.Count(records.Feedback, dbx.HashExp{"engine": "m-1"})
	t.Logf("%d messages, %d calls, %d issues filed, %d verdicts of the hostile model accepted and harmless", len(subjects), m.Calls(), len(files), model)
}

func TestWhatAPersonDecidedStays(t *testing.T) {
	t.Parallel()
	m := llmtest.Start(t)
	m.Respond(boom)
	s := servertest.Start(t, withModel(m), func(o *command.Options) { o.Config.Breaker.Open = 2 * time.Second })
	triager, approver := s.User("triager"), s.User("approver")
	corrected := s.Post("App crashes when I click the login button")
	edited := s.Post("The export to CSV stops with an error after page three")
	approved := s.Post("Printing an invoice freezes the whole window for a minute")
	untouched := s.Post("The calendar shows an error when I open the month of May")
	issue := func(id string) string { return s.Record(records.Feedback, id).GetString("issue") }
	for _, a := range []servertest.Answer{
		s.Do("POST", "/api/feedback/"+corrected+"/correct", map[string]any{"class": "feature", "severity": "low"}, "Authorization", triager),
		s.Do("PATCH", "/api/issues/"+issue(edited), map[string]any{"title": "A person wrote this", "version": 1}, "Authorization", triager),
		s.Do("POST", "/api/issues/"+issue(approved)+"/approve", map[string]any{}, "Authorization", approver),
	} {
		if a.Status != 200 {
			t.Fatalf("%d %s", a.Status, a.Body)
		}
	}
	before := s.Record(records.Issues, issue(approved)).GetString("title")
	// The model is back, and would call all of them questions.
	m.Respond(func(r llmtest.Request) llmtest.Reply {
		return llmtest.Text(llmtest.Say(r).With("class", "question").With("severity", "low").With("steps", []string{}).With("criteria", []string{}).JSON())
	})
	s.Until("the untouched one to be thought over", func() bool { return s.Record(records.Feedback, untouched).GetString("engine") == "m-1" })
	s.Until("it to rest", func() bool { return s.Record(records.Feedback, untouched).GetString("state") == "triaged" })
	s.Until("the others to be left alone", func() bool {
		return s.Record(records.Feedback, approved).GetString("think_at") == ""
	})
	if r := s.Record(records.Feedback, corrected); r.GetString("class") != "feature" || r.GetString("severity") != "low" || r.GetBool("degraded") {
		t.Errorf("corrected: class %s, severity %s, degraded %v", r.GetString("class"), r.GetString("severity"), r.GetBool("degraded"))
	}
	if r := s.Record(records.Feedback, approved); r.GetString("class") != "bug" || r.GetString("issue") == "" {
		t.Errorf("approved: class %s, issue %q", r.GetString("class"), r.GetString("issue"))
	}
	if got := s.Record(records.Issues, issue(approved)).GetString("title"); got != before {
		t.Errorf("the approved issue is now %q", got)
	}
	s.Until("the edited one to be left alone", func() bool { return s.Record(records.Feedback, edited).GetString("think_at") == "" })
	if i := s.Record(records.Issues, issue(edited)); i.GetString("title") != "A person wrote this" || i.GetString("state") != "draft" || i.GetInt("report_count") != 1 {
		t.Errorf("the edited draft: %q, %s, %d reports", i.GetString("title"), i.GetString("state"), i.GetInt("report_count"))
	}
	gone, err := s.App.FindFirstRecordByFilter(records.Issues, "state = 'declined'")
	if err != nil || gone.GetInt("report_count") != 0 {
		t.Errorf("the draft that lost its only report: %v, %v", gone, err)
	}
	if _, err := records.VerifyChain(s.App); err != nil {
		t.Errorf("chain of decisions: %v", err)
	}
}

func TestTheBudgetOutlivesARestart(t *testing.T) {
	t.Parallel()
	m := llmtest.Start(t)
	dir := filepath.Join(t.TempDir(), "pb_data")
	var used float64
	limited := func(o *command.Options) { o.Config.LLM.DailyTokens = 15_000 }
	tokens := func(s *servertest.Server) float64 {
		return s.Do("GET", "/api/stats", nil).Map(t)["model"].(map[string]any)["tokens_today"].(float64)
	}
	t.Run("first", func(t *testing.T) {
		s := servertest.StartIn(t, dir, withModel(m), limited)
		var wg sync.WaitGroup
		for i := range 12 {
			wg.Go(func() { s.Post(fmt.Sprintf("App crashes when I click the login button %d", i)) })
		}
		wg.Wait()
		s.Until("the budget to be used up", func() bool {
			var running int
			err := s.App.DB().NewQuery(`SELECT count(*) FROM river_job WHERE state IN ('running', 'available')`).Row(&running)
			return err == nil && running == 0 && strings.Contains(string(s.Do("GET", "/api/ready", nil).Body), "budget is used up")
		})
		used = tokens(s)
		if n := s.Count(records.Feedback, dbx.HashExp{"degraded": true}); n == 0 || m.Calls() == 0 || used > 15_000 {
			t.Errorf("%d degraded, %d calls, %v tokens", n, m.Calls(), used)
		}
	})
	before := m.Calls()
	s := servertest.StartIn(t, dir, withModel(m), limited)
	if got := tokens(s); got != used || got == 0 {
		t.Errorf("%v tokens used after the restart, want %v", got, used)
	}
	r := s.Record(records.Feedback, s.Post("Printing an invoice freezes the whole window for a minute"+strings.Repeat(" and then it goes on", 200)))
	if !r.GetBool("degraded") || m.Calls() != before || r.GetString("degraded_why") != "The day's budget for the model is used up." {
		t.Errorf("degraded %v (%s), %d more calls", r.GetBool("degraded"), r.GetString("degraded_why"), m.Calls()-before)
	}
}

func TestAStopWhileTheModelThinksCostsNothing(t *testing.T) {
	t.Parallel()
	m := llmtest.Start(t)
	m.Respond(func(llmtest.Request) llmtest.Reply { return llmtest.Hang() })
	dir := filepath.Join(t.TempDir(), "pb_data")
	var id string
	t.Run("stop", func(t *testing.T) {
		s := servertest.StartIn(t, dir, withModel(m))
		id = s.Do("POST", "/api/feedback", map[string]any{"content": "App crashes when I click the login button"}).Map(t)["FeedbackID"].(string)
		s.Until("the call", func() bool { return m.Calls() == 1 })
	})
	m.Respond(good)
	s := servertest.StartIn(t, dir, withModel(m))
	s.Until("it to be settled", func() bool { return s.Record(records.Feedback, id).GetString("state") == "joined" })
	r := s.Record(records.Feedback, id)
	if r.GetString("engine") != "m-1" || r.GetBool("degraded") || r.GetInt("lost") != 0 {
		t.Errorf("engine %s, degraded %v, lost %d", r.GetString("engine"), r.GetBool("degraded"), r.GetInt("lost"))
	}
	var attempt int
	s.Until("the job to be finished", func() bool {
		return s.App.DB().NewQuery(`SELECT attempt FROM river_job WHERE kind = 'triage' AND state = 'completed'`).Row(&attempt) == nil
	})
	if attempt != 1 {
		t.Errorf("the job is at attempt %d, want 1", attempt)
	}
}

func TestAHangingModelBlocksNoIngest(t *testing.T) {
	t.Parallel()
	m := llmtest.Start(t)
	m.Respond(func(llmtest.Request) llmtest.Reply { return llmtest.Hang() })
	s := servertest.Start(t, withModel(m))
	viewer, approver := s.User("viewer"), s.User("approver")
	var worst time.Duration
	for i := range 60 {
		start := time.Now()
		a := s.Do("POST", "/api/feedback", map[string]any{"content": fmt.Sprintf("App crashes when I click button number %d", i)})
		worst = max(worst, time.Since(start))
		if a.Status != 200 || a.Map(t)["Classification"] != "bug" {
			t.Fatalf("%d %s", a.Status, a.Body)
		}
	}
	for _, path := range []string{"/api/stats", "/api/ready", "/metrics", "/api/collections/feedback/records"} {
		start := time.Now()
		if a := s.Do("GET", path, nil, "Authorization", viewer); a.Status != 200 {
			t.Errorf("%s: %d", path, a.Status)
		}
		worst = max(worst, time.Since(start))
	}
	start := time.Now() // a person's word needs the lock that joining holds
	if a := s.Do("POST", "/api/feedback/"+firstFeedback(t, s)+"/correct", map[string]any{"class": "feature"}, "Authorization", approver); a.Status != 200 {
		t.Errorf("correct: %d %s", a.Status, a.Body)
	}
	worst = max(worst, time.Since(start))
	t.Logf("60 messages, four pages and a correction while every worker waits for the model: the slowest took %v", worst)
	if worst > 15*time.Second { // a request that waited for the model would take 30
		t.Errorf("the slowest took %v", worst)
	}
}

func firstFeedback(t *testing.T, s *servertest.Server) string {
	t.Helper()
	r, err := s.App.FindFirstRecordByFilter(records.Feedback, "id != ''")
	if err != nil {
		t.Fatal(err)
	}
	return r.Id
}
