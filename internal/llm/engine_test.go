package llm

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/iterateswarm/iterateswarm/internal/guard"
	"github.com/iterateswarm/iterateswarm/internal/llm/llmtest"
	"github.com/iterateswarm/iterateswarm/internal/triage"
)

// first is what the offline engine said.
var first = triage.Verdict{
	Class: triage.Question, Severity: triage.Low, Confidence: 0.4, Engine: "offline", EngineVersion: "w1",
	Probabilities: map[triage.Class]float64{triage.Bug: 0.3, triage.Question: 0.4, triage.Feature: 0.2, triage.Noise: 0.1},
	Flags:         []string{triage.FlagInjection},
}

var crash = triage.Item{Title: "Login", Text: "The app crashes when I press the login button on my phone.",
	Channel: triage.ChannelChat, Labels: []string{"bug", "crash"}}

// configOf is a fast engine towards a stand-in.
func configOf(kind string, s *llmtest.Server) Config {
	url := s.URL
	if kind == Azure {
		url = strings.TrimSuffix(url, "/v1")
	}
	return Config{
		Registry: Registry{Endpoint: Endpoint{Kind: kind, URL: url, Key: "secret-key"}, Judge: Model{Name: "m-1", PriceIn: 1, PriceOut: 2}},
		Rate:     1_000_000, Timeout: 5 * time.Second,
		Delays: []time.Duration{0, time.Millisecond, 2 * time.Millisecond, 4 * time.Millisecond},
	}
}

func newEngine(t *testing.T, s *llmtest.Server, change ...func(*Config)) *Engine {
	t.Helper()
	cfg := configOf(Compatible, s)
	for _, c := range change {
		c(&cfg)
	}
	e, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestEveryKindOfServerIsAskedInItsOwnWay(t *testing.T) {
	t.Parallel()
	cases := []struct{ kind, path, key string }{
		{OpenAI, "/responses", "secret-key"},
		{Azure, "/chat/completions", "azure:secret-key:" + DefaultAPIVersion},
		{Ollama, "/chat/completions", "secret-key"},
		{Compatible, "/chat/completions", "secret-key"},
	}
	for _, c := range cases {
		t.Run(c.kind, func(t *testing.T) {
			t.Parallel()
			s := llmtest.Start(t)
			e, err := New(configOf(c.kind, s))
			if err != nil {
				t.Fatal(err)
			}
			th, err := e.Judge(t.Context(), crash, first)
			if err != nil {
				t.Fatalf("Judge: %v, calls %+v", err, th.Calls)
			}
			v := th.Verdict
			if v.Class != triage.Bug || v.Severity != triage.High || v.Engine != "m-1" || v.EngineVersion != PromptVersion() || v.Title == "" {
				t.Errorf("verdict = %+v", v)
			}
			if len(v.Flags) != 1 {
				t.Errorf("flags = %v, want the offline engine's", v.Flags)
			}
			sum := 0.0
			for _, p := range v.Probabilities {
				sum += p
			}
			if sum < 0.999 || sum > 1.001 || v.Probabilities[triage.Bug] != v.Confidence {
				t.Errorf("probabilities = %v", v.Probabilities)
			}
			if ev := v.Evidence; len(ev) != 1 || !strings.HasPrefix(crash.Text, crash.Text[ev[0].Start:ev[0].End]) {
				t.Errorf("evidence = %+v", ev)
			}
			r := s.Requests()
			if len(r) != 1 || r[0].Path != c.path || r[0].Key != c.key || r[0].Mode != "strict" || r[0].Text != crash.Text {
				t.Errorf("requests = %+v", r)
			}
			if got := th.Calls; len(got) != 1 || got[0].Outcome != "ok" || got[0].TokensIn == 0 || got[0].Cost <= 0 || got[0].Kind != c.kind {
				t.Errorf("calls = %+v", got)
			}
			if st := e.State(); st.Mode != "strict" || st.Calls != 1 || st.Tokens != th.Calls[0].TokensIn+th.Calls[0].TokensOut {
				t.Errorf("state = %+v, call %+v", st, th.Calls[0])
			}
		})
	}
}

func TestRequestsFitOpenAIsDocument(t *testing.T) {
	t.Parallel()
	llmtest.NeedSpec(t) // Start checks every request of every test in this package
	for _, kind := range []string{OpenAI, Azure, Ollama, Compatible} {
		s := llmtest.Start(t)
		s.Respond(func(r llmtest.Request) llmtest.Reply {
			if r.Turns == 1 {
				return llmtest.Text("nonsense")
			}
			return llmtest.Text(llmtest.Good(r))
		})
		s.Lacks("strict")
		e, err := New(configOf(kind, s))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := e.Judge(t.Context(), crash, first); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
		if got := s.Calls(); got != 3 {
			t.Errorf("%s: %d calls, want strict, JSON mode and a repair", kind, got)
		}
	}
}

func TestWhatTheServerCanDoIsFoundAndRemembered(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		lacks []string
		want  string
		calls int
	}{{nil, "strict", 1}, {[]string{"strict"}, "json", 2}, {[]string{"strict", "json"}, "prompt", 3}} {
		for _, kind := range []string{OpenAI, Compatible} {
			s := llmtest.Start(t)
			s.Lacks(c.lacks...)
			e := newEngine(t, s, func(cfg *Config) { cfg.Registry.Endpoint.Kind = kind })
			for i := range 3 {
				if _, err := e.Judge(t.Context(), crash, first); err != nil {
					t.Fatalf("%s without %v: %v", kind, c.lacks, err)
				}
				if got, want := s.Calls(), c.calls+i; got != want {
					t.Errorf("%s without %v: %d calls after %d judgements, want %d", kind, c.lacks, got, i+1, want)
				}
			}
			last := s.Requests()[s.Calls()-1]
			if last.Mode != c.want || e.State().Mode != c.want {
				t.Errorf("%s without %v: mode %s, state %s, want %s", kind, c.lacks, last.Mode, e.State().Mode, c.want)
			}
			if c.want != "strict" && !strings.Contains(last.Body, "additionalProperties") {
				t.Errorf("%s in mode %s: the prompt lacks the schema", kind, c.want)
			}
		}
	}
}

func TestAnswersOfNoUseSayWhich(t *testing.T) {
	t.Parallel()
	good := func(r llmtest.Request) llmtest.Answer { return llmtest.Say(r) }
	cases := []struct {
		name  string
		reply func(llmtest.Request) llmtest.Reply
		want  error
		calls int // a repair is one more
	}{
		{"refusal", func(llmtest.Request) llmtest.Reply { return llmtest.Refusal() }, ErrRefused, 2},
		{"refusal in prose", func(llmtest.Request) llmtest.Reply { return llmtest.Text("I’m sorry, but I can’t do that.") }, ErrRefused, 2},
		{"filter", func(llmtest.Request) llmtest.Reply { return llmtest.Filtered() }, ErrRefused, 1},
		{"filter with status 400", func(llmtest.Request) llmtest.Reply {
			return llmtest.Status(400, `{"error":{"message":"filtered","code":"content_filter"}}`)
		}, ErrRefused, 1},
		{"cut off", func(r llmtest.Request) llmtest.Reply { return llmtest.Cut(good(r).JSON()[:50]) }, ErrTruncated, 2},
		{"tool call", func(llmtest.Request) llmtest.Reply { return llmtest.ToolCall() }, ErrInvalid, 2},
		{"empty", func(llmtest.Request) llmtest.Reply { return llmtest.Text(" ") }, ErrInvalid, 2},
		{"prose", func(llmtest.Request) llmtest.Reply { return llmtest.Text("It is a bug.") }, ErrInvalid, 2},
		{"wrong enum", func(r llmtest.Request) llmtest.Reply { return llmtest.Text(good(r).With("class", "Bug").JSON()) }, ErrInvalid, 2},
		{"missing field", func(r llmtest.Request) llmtest.Reply { return llmtest.Text(good(r).With("confidence", nil).JSON()) }, ErrInvalid, 2},
		{"foreign label", func(r llmtest.Request) llmtest.Reply {
			return llmtest.Text(good(r).With("labels", []string{"evil"}).JSON())
		}, ErrInvalid, 2},
		{"too long for the model", func(llmtest.Request) llmtest.Reply {
			return llmtest.Status(400, `{"error":{"message":"too long","code":"context_length_exceeded"}}`)
		}, triage.ErrNoAnswer, 1},
	}
	for _, c := range cases {
		for _, kind := range []string{OpenAI, Compatible} {
			t.Run(c.name+" "+kind, func(t *testing.T) {
				t.Parallel()
				s := llmtest.Start(t)
				s.Respond(c.reply)
				e := newEngine(t, s, func(cfg *Config) { cfg.Registry.Endpoint.Kind = kind })
				for range 6 { // more than the breaker takes
					th, err := e.Judge(t.Context(), crash, first)
					if !errors.Is(err, c.want) || !errors.Is(err, triage.ErrNoAnswer) {
						t.Fatalf("Judge = %v, want %v", err, c.want)
					}
					if len(th.Calls) != c.calls {
						t.Errorf("%d calls, want %d: %+v", len(th.Calls), c.calls, th.Calls)
					}
					if strings.Contains(err.Error(), "evil") {
						t.Errorf("the error quotes the answer: %v", err)
					}
				}
				if got := e.State().Breaker; got != guard.Closed {
					t.Errorf("breaker is %s: an answer of no use is no outage", got)
				}
			})
		}
	}
}

func TestOneRepairIsEnough(t *testing.T) {
	t.Parallel()
	s := llmtest.Start(t)
	s.Respond(func(r llmtest.Request) llmtest.Reply {
		if r.Turns == 1 {
			return llmtest.Text(llmtest.Say(r).With("severity", "huge").JSON())
		}
		if !strings.Contains(r.Body, "severity: must be one of critical, high, medium, low") {
			t.Errorf("the repair does not say what was wrong")
		}
		return llmtest.Text("```json\n" + llmtest.Good(r) + "\n```")
	})
	th, err := newEngine(t, s).Judge(t.Context(), crash, first)
	if err != nil || len(th.Calls) != 2 || th.Calls[0].Outcome != "answer not accepted" || th.Calls[1].Outcome != "ok" {
		t.Errorf("Judge = %v, calls %+v", err, th.Calls)
	}
}

func TestFaultsAreTriedAgainAndNeverMoreThanFourTimes(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		reply llmtest.Reply
		calls int
	}{
		"500": {llmtest.Status(500, "boom"), 4}, "503": {llmtest.Status(503, ""), 4}, "408": {llmtest.Status(408, ""), 4},
		"reset": {llmtest.Reset(), 4}, "broken JSON": {llmtest.Broken(), 4}, "page": {llmtest.HTML(), 4},
		"30 MB": {llmtest.Huge(), 4}, "302": {llmtest.Status(302, "", "Location", "http://169.254.169.254/"), 1},
		"401": {llmtest.Status(401, `{"error":{"message":"wrong key"}}`), 1}, "404": {llmtest.Status(404, "no such model"), 1},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := llmtest.Start(t)
			s.Respond(func(llmtest.Request) llmtest.Reply { return c.reply })
			e := newEngine(t, s)
			th, err := e.Judge(t.Context(), crash, first)
			if err == nil || s.Calls() != c.calls || len(th.Calls) != c.calls {
				t.Errorf("Judge = %v after %d calls, want %d", err, s.Calls(), c.calls)
			}
			if name == "401" || name == "404" { // a wrong setup is not asked again at once
				if _, err := e.Judge(t.Context(), crash, first); !errors.Is(err, guard.ErrOpen) || s.Calls() != 1 {
					t.Errorf("second Judge = %v after %d calls", err, s.Calls())
				}
				if st := e.State(); st.Problem == "" || st.Wait <= 0 || st.Breaker != guard.Closed {
					t.Errorf("state = %+v", st)
				}
			}
		})
	}
}

func TestAHangEndsAndLeavesTimeForAnother(t *testing.T) {
	t.Parallel()
	s := llmtest.Start(t)
	s.Respond(func(r llmtest.Request) llmtest.Reply {
		if r.Number == 1 {
			return llmtest.Hang()
		}
		return llmtest.Text(llmtest.Good(r))
	})
	start := time.Now()
	th, err := newEngine(t, s, func(c *Config) { c.Timeout = 900 * time.Millisecond }).Judge(t.Context(), crash, first)
	if err != nil || len(th.Calls) != 2 || th.Calls[0].Outcome != "no answer in time" || time.Since(start) > 15*time.Second {
		t.Errorf("Judge = %v after %v, calls %+v", err, time.Since(start), th.Calls)
	}
}

func TestA429KeepsEverybodyWaiting(t *testing.T) {
	t.Parallel()
	wait := []struct{ least, most time.Duration }{
		{900 * time.Millisecond, time.Second}, {500 * time.Millisecond, 2 * time.Second}, {4 * time.Second, busyWait},
		{4 * time.Second, busyWait}, {119 * time.Second, 120 * time.Second}, {100 * time.Millisecond, 250 * time.Millisecond},
	}
	for form, w := range wait {
		s := llmtest.Start(t)
		s.Respond(func(llmtest.Request) llmtest.Reply { return llmtest.TooMany(form) })
		e := newEngine(t, s)
		_, err := e.Judge(t.Context(), crash, first)
		if got := guard.RetryAfter(err); !errors.Is(err, guard.ErrBusy) || got < w.least-500*time.Millisecond || got > w.most {
			t.Errorf("form %d: %v, wait %v, want %v to %v", form, err, got, w.least, w.most)
		}
		if _, err = e.Judge(t.Context(), crash, first); !errors.Is(err, guard.ErrBusy) || s.Calls() != 1 {
			t.Errorf("form %d: the next judgement is %v after %d calls, want a wait and no call", form, err, s.Calls())
		}
		if st := e.State(); st.Breaker != guard.Closed || st.Wait <= 0 {
			t.Errorf("form %d: state %+v", form, st)
		}
	}
}

func TestTheBudgetIsAHardStop(t *testing.T) {
	t.Parallel()
	for name, limit := range map[string]func(*Config){
		"tokens": func(c *Config) { c.Tokens = 60_000 },
		"money":  func(c *Config) { c.Cost = 0.06 },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := llmtest.Start(t)
			e := newEngine(t, s, limit)
			var wg sync.WaitGroup
			var mu sync.Mutex
			tokens, cost, stopped := 0, 0.0, 0
			for range 8 { // many at once, so that a check before the call would not do
				wg.Go(func() {
					for range 20 {
						th, err := e.Judge(context.Background(), crash, first)
						mu.Lock()
						for _, c := range th.Calls {
							tokens, cost = tokens+c.TokensIn+c.TokensOut, cost+c.Cost
						}
						if errors.Is(err, triage.ErrBudget) {
							stopped++
						}
						mu.Unlock()
					}
				})
			}
			wg.Wait()
			if stopped == 0 || s.Calls() == 0 || name == "tokens" && tokens > 60_000 || name == "money" && cost > 0.06 {
				t.Errorf("%d tokens, %.4f money, %d calls, %d stopped", tokens, cost, s.Calls(), stopped)
			}
			before := s.Calls()
			e.Spent(triage.Account{}, 60_000, 0.06)
			if _, err := e.Judge(t.Context(), crash, first); !errors.Is(err, triage.ErrBudget) || s.Calls() != before {
				t.Errorf("with an empty budget: %v, %d more calls", err, s.Calls()-before)
			}
			if st := e.State(); st.Problem == "" || st.Wait <= 0 {
				t.Errorf("state = %+v", st)
			}
		})
	}
}

func TestNothingSecretLeaves(t *testing.T) {
	t.Parallel()
	message, canaries := llmtest.Secrets()
	s := llmtest.Start(t)
	s.Respond(func(r llmtest.Request) llmtest.Reply {
		return llmtest.Text(llmtest.Say(r).With("observed", "It crashes for [EMAIL_1] with [CARD_1].").
			With("evidence", []map[string]string{{"field": "observed", "quote": "My key is [KEY_1], the CI token [KEY_2]"}}).JSON())
	})
	th, err := newEngine(t, s).Judge(t.Context(), triage.Item{Title: "from " + canaries[7], Text: message}, first)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range s.Requests() {
		for _, c := range canaries {
			if strings.Contains(r.Body, c) || strings.Contains(r.Text, c) || strings.Contains(r.Title, c) {
				t.Errorf("%q is in the request", c)
			}
		}
	}
	if got, want := th.Verdict.Observed, fmt.Sprintf("It crashes for %s with %s.", canaries[7], canaries[3]); !strings.Contains(got, "@") || !strings.Contains(got, canaries[3]) {
		t.Errorf("observed = %q, want %q: put back", got, want)
	}
	if ev := th.Verdict.Evidence; len(ev) != 1 || !strings.Contains(message[ev[0].Start:ev[0].End], canaries[0]) {
		t.Errorf("evidence = %+v does not point at the original words", ev)
	}
}

func TestLongTextsLoseTheirMiddle(t *testing.T) {
	t.Parallel()
	s := llmtest.Start(t)
	text := "HEAD " + strings.Repeat("ü\n\"<>MESSAGE>>> ", 5000) + " TAIL"
	if _, err := newEngine(t, s).Judge(t.Context(), triage.Item{Title: strings.Repeat("t", 900), Text: text}, first); err != nil {
		t.Fatal(err)
	}
	r := s.Requests()[0]
	if n := utf8.RuneCountInString(r.Text + r.Title); n > maxText || n < maxText-10 {
		t.Errorf("%d characters of the message were sent, want %d", n, maxText)
	}
	if !strings.HasPrefix(r.Text, "HEAD ") || !strings.HasSuffix(r.Text, " TAIL") || !strings.Contains(r.Text, "left out") {
		t.Errorf("head, gap and tail: %.60q … %q", r.Text, r.Text[len(r.Text)-20:])
	}
}

func TestHostileAnswersBecomeNothingThatReachesOut(t *testing.T) {
	t.Parallel()
	const items = 1000
	s := llmtest.Start(t)
	s.Unchecked()
	one, several := llmtest.HostileDice(), llmtest.HostileMix(1)
	s.Respond(func(r llmtest.Request) llmtest.Reply {
		if r.Number%2 == 0 {
			r.Number /= 2
			return one(r)
		}
		return several(r)
	})
	e := newEngine(t, s)
	it := crash
	it.Candidates = []triage.Candidate{{ID: "issue-a", Title: "Login"}, {ID: "issue-b", Title: "Logout"}}
	accepted := 0
	for range items {
		th, err := e.Judge(t.Context(), it, first)
		if err != nil {
			if !errors.Is(err, triage.ErrNoAnswer) {
				t.Fatalf("Judge = %v", err)
			}
			continue
		}
		accepted++
		v := th.Verdict
		checkVerdict(t, v, it)
		if v.DuplicateOf != "" && v.DuplicateOf != "issue-a" && v.DuplicateOf != "issue-b" {
			t.Errorf("duplicate of %q, which was not offered", v.DuplicateOf)
		}
		all := fmt.Sprint(v.Spec, v.Reasoning, v.DuplicateWhy, v.Translation)
		for _, bad := range []string{llmtest.Canary, "@", "<img", "<!--", "![", "/approve", "/close", "#1", "GH-3", "javascript:", "\u202e", "\U000e0041", "You triage"} {
			if strings.Contains(all, bad) {
				t.Errorf("%q came through: %s", bad, all)
			}
		}
	}
	t.Logf("%d judgements of hostile answers: %d accepted, harmless", items, accepted)
}

// checkVerdict is what every verdict promises.
func checkVerdict(t *testing.T, v triage.Verdict, it triage.Item) {
	t.Helper()
	if !v.Class.Valid() || !v.Severity.Valid() || v.Confidence <= 0 || v.Confidence > 1 {
		t.Errorf("verdict = %+v", v)
	}
	if n := utf8.RuneCountInString(v.Title); n < minTitle || n > 300 || strings.Contains(v.Title, "\n") {
		t.Errorf("title of %d characters: %q", n, v.Title)
	}
	for _, l := range v.Labels {
		found := false
		for _, k := range it.Labels {
			found = found || k == l
		}
		if !found {
			t.Errorf("label %q", l)
		}
	}
	for _, e := range v.Evidence {
		text := it.Text
		if e.Part == triage.PartTitle {
			text = it.Title
		}
		if e.Start < 0 || e.End > len(text) || e.Start >= e.End || !utf8.ValidString(text[e.Start:e.End]) {
			t.Errorf("evidence %+v of %d bytes", e, len(text))
		}
	}
}

func TestSeededFaultsCostLittle(t *testing.T) {
	t.Parallel()
	const lanes, each = 10, 60
	s := llmtest.Start(t)
	s.Unchecked()
	s.Respond(llmtest.Dice(7))
	var mu sync.Mutex
	judged, busy, vain, calls, most := 0, 0, 0, 0, 0
	var wg sync.WaitGroup
	for range lanes {
		wg.Go(func() {
			for i := range each {
				// An engine of its own each time: the time to wait after a 429 and the
				// breaker have tests of their own.
				e := newEngine(t, s, func(c *Config) { c.Timeout = 3 * time.Second })
				th, err := e.Judge(t.Context(), triage.Item{Text: fmt.Sprintf("%s Number %d.", crash.Text, i), Labels: crash.Labels}, first)
				mu.Lock()
				calls, most = calls+len(th.Calls), max(most, len(th.Calls))
				switch {
				case err == nil:
					judged++
				case errors.Is(err, guard.ErrBusy):
					busy++
				default:
					vain++
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	const items = lanes * each
	mean := float64(calls) / items
	t.Logf("%d items, 30 %% faults: %d judged, %d asked to wait, %d left to the offline verdict (%.1f %%); calls an item: mean %.2f, most %d",
		items, judged, busy, vain, 100*float64(vain)/items, mean, most)
	if most > MaxCalls || mean > 1.5 || float64(vain) > 0.02*items {
		t.Errorf("mean %.2f calls (want ≤ 1.5), most %d (want ≤ %d), %d in vain", mean, most, MaxCalls, vain)
	}
}

func TestWrongRegistriesAreRefused(t *testing.T) {
	t.Parallel()
	for _, r := range []Registry{
		{}, {Endpoint: Endpoint{Kind: OpenAI, Key: "k"}}, {Endpoint: Endpoint{Kind: OpenAI}, Judge: Model{Name: "m"}},
		{Endpoint: Endpoint{Kind: Azure, Key: "k"}, Judge: Model{Name: "m"}}, {Endpoint: Endpoint{Kind: Compatible}, Judge: Model{Name: "m"}},
		{Endpoint: Endpoint{Kind: Compatible, URL: "ftp://x"}, Judge: Model{Name: "m"}}, {Endpoint: Endpoint{Kind: "bard"}, Judge: Model{Name: "m"}},
	} {
		if _, err := New(Config{Registry: r}); err == nil {
			t.Errorf("New(%+v) was accepted", r)
		}
	}
	if _, err := New(Config{Registry: Registry{Endpoint: Endpoint{Kind: Ollama}, Judge: Model{Name: "m"}}}); err != nil {
		t.Errorf("Ollama needs nothing but a model: %v", err)
	}
}
