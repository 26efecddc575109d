package acceptance

import (
	"strings"
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

// Every way down from the model is seen in the same places: the message, the
// numbers and the list of engines.
func TestDescentIsVisible(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name, state, breaker, why, lastError string
		reply                                llmtest.Reply
		change                               func(*config.LLM)
		waits                                bool // the message is not degraded: it waits
	}{
		{name: "well", state: "ready", breaker: "closed"},
		{name: "down", state: "open", breaker: "open", why: "The model did not answer.", lastError: "status 500", reply: llmtest.Status(500, "boom canary-of-the-server")},
		{name: "429", state: "waiting", breaker: "closed", lastError: "status 429", reply: llmtest.Status(429, "canary-of-the-server", "Retry-After", "90"), waits: true},
		{name: "wrong key", state: "setup", breaker: "closed", why: "The model did not answer.", lastError: "status 401", reply: llmtest.Status(401, "canary-of-the-server")},
		{name: "no budget", state: "budget", breaker: "closed", why: "The day's budget for the model is used up.", change: func(c *config.LLM) { c.DailyTokens = 100 }},
		{name: "no budget of the project", state: "ready", breaker: "closed", why: "The project's budget for the model is used up for today.", change: func(c *config.LLM) { c.ProjectTokens = 100 }},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m := llmtest.Start(t)
			if c.lastError != "" {
				m.Respond(func(llmtest.Request) llmtest.Reply { return c.reply })
			}
			s := servertest.Start(t, func(o *command.Options) {
				o.Config.LLM = config.LLM{Kind: "compatible", URL: m.URL, Model: "m-1", Class: "auto", Rate: 100_000, Timeout: 20 * time.Second}
				o.Config.Breaker.Failures = 4
				o.TuneModel = func(c *llm.Config) {
					c.Delays = []time.Duration{0, time.Millisecond, time.Millisecond, time.Millisecond}
				}
				if c.change != nil {
					c.change(&o.Config.LLM)
				}
			})
			id := s.Do("POST", "/api/feedback", map[string]any{"content": "App crashes when I click the login button"}).Map(t)["FeedbackID"].(string)
			s.Until("the model to be asked", func() bool {
				r := s.Record(records.Feedback, id)
				return r.GetString("state") != "received" || c.waits && m.Calls() > 0
			})
			if r := s.Record(records.Feedback, id); r.GetString("degraded_why") != c.why || r.GetBool("degraded") != (c.why != "") {
				t.Errorf("the message says degraded %v, %q, want %q", r.GetBool("degraded"), r.GetString("degraded_why"), c.why)
			}
			raw := s.Do("GET", "/api/engines", nil, "Authorization", s.User("admin"))
			var report struct {
				Engines []struct {
					Name, Version, State string
					Degraded             int
					Speed                struct{ N int }
					Model                struct {
						Breaker   string     `json:"breaker"`
						Since     *time.Time `json:"breaker_since"`
						NextTry   *time.Time `json:"next_try"`
						LastError string     `json:"last_error"`
						Priced    bool       `json:"priced"`
					}
				}
				Projects []struct {
					Slug     string
					Tokens   int
					Degraded map[string]int
				}
			}
			raw.JSON(t, &report)
			if raw.Status != 200 || len(report.Engines) != 2 || len(report.Projects) != 1 {
				t.Fatalf("engines: %d %s", raw.Status, raw.Body)
			}
			embedded, model := report.Engines[0], report.Engines[1]
			if embedded.Name != "offline" || embedded.State != "ready" || embedded.Version == "" || embedded.Speed.N == 0 {
				t.Errorf("embedded engine = %+v", embedded)
			}
			if model.Name != "llm" || model.State != c.state || model.Model.Breaker != c.breaker || model.Model.LastError != c.lastError || model.Model.Priced {
				t.Errorf("model = %+v, want state %s, breaker %s", model, c.state, c.breaker)
			}
			if waits := c.state != "ready"; waits != (model.Model.NextTry != nil) || (c.state == "open") != (model.Model.Since != nil) {
				t.Errorf("next try %v, breaker since %v in state %s", model.Model.NextTry, model.Model.Since, c.state)
			}
			if c.why != "" && report.Projects[0].Degraded[c.why] != 1 {
				t.Errorf("the project's degraded = %v", report.Projects[0].Degraded)
			}
			if c.state == "ready" && c.why == "" && (report.Projects[0].Tokens == 0 || model.Version == "" || model.Speed.N != 1) {
				t.Errorf("the project = %+v, version %q, speed %+v", report.Projects[0], model.Version, model.Speed)
			}
			stats, metrics := s.Do("GET", "/api/stats", nil), string(s.Do("GET", "/metrics", nil).Body)
			if !strings.Contains(string(stats.Body), `"state":"`+c.state+`"`) || !strings.Contains(metrics, `iterateswarm_llm_state{model="m-1",state="`+c.state+`"} 1`) {
				t.Errorf("stats %s", stats.Body)
			}
			if all := string(raw.Body) + string(stats.Body) + metrics; strings.Contains(all, "canary-of-the-server") {
				t.Error("what the server wrote is shown")
			}
		})
	}
}

func TestEnginesAreForAdmins(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	other := s.Save(records.Projects, map[string]any{"name": "Other", "slug": "other-one"})
	if n := s.Count(records.Projects, dbx.HashExp{"id": other.Id}); n != 1 {
		t.Fatal("no second project")
	}
	for who, c := range map[string]struct {
		token  string
		status int
	}{"nobody": {"", 401}, "viewer": {s.User("viewer"), 403}, "approver": {s.User("approver"), 403}, "stranger": {s.User(""), 403},
		"admin": {s.User("admin"), 200}, "superuser": {s.Superuser(), 200}} {
		a := s.Do("GET", "/api/engines", nil, "Authorization", c.token)
		if a.Status != c.status || strings.Contains(string(a.Body), "other-one") {
			t.Errorf("%s: %d %s, want %d and no budget without a model", who, a.Status, a.Body, c.status)
		}
	}
}
