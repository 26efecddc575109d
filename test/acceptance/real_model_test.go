package acceptance

import (
	"os"
	"slices"
	"testing"
	"time"

	"github.com/iterateswarm/iterateswarm/internal/command"
	"github.com/iterateswarm/iterateswarm/internal/config"
	"github.com/iterateswarm/iterateswarm/internal/records"
	"github.com/iterateswarm/iterateswarm/internal/servertest"
)

// modelEnv asks for the checks with the model that ITERATESWARM_LLM_… names. It
// costs what a few dozen messages cost.
const modelEnv = "ITERATESWARM_TEST_LLM"

// The original's twelve checks on a product that asks a real model, and what the
// model made of their messages.
func TestTwelveChecksWithARealModel(t *testing.T) {
	if os.Getenv(modelEnv) == "" {
		t.Skip("needs a language model: run `make e2e-llm` with ITERATESWARM_LLM_… set, see docs/llm.md")
	}
	c, err := config.FromEnviron(os.Environ())
	if err != nil {
		t.Fatal(err)
	}
	if c.LLM.Model == "" {
		t.Fatal("ITERATESWARM_LLM_MODEL is empty: name the model")
	}
	s := servertest.Start(t, webApp, func(o *command.Options) { o.Config.LLM = c.LLM })
	on := &target{Main: place{s.URL, s.User("admin")}}
	if got := passes(t, lenient, on); !slices.Equal(got, numbers(lenient)) {
		t.Errorf("passed %v, want all twelve", got)
	}
	limit := 2*time.Minute + 20*c.LLM.Timeout
	for end := time.Now().Add(limit); ; time.Sleep(200 * time.Millisecond) {
		var received int
		if err := s.App.DB().NewQuery(`SELECT count(*) FROM feedback WHERE state = 'received'`).Row(&received); err != nil {
			t.Fatal(err)
		}
		if received == 0 {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("%d messages were not settled within %v", received, limit)
		}
	}
	all, err := s.App.FindAllRecords(records.Feedback)
	if err != nil {
		t.Fatal(err)
	}
	asked, judged := 0, 0
	for _, r := range all {
		v, err := records.Verdict(r)
		if err != nil {
			t.Fatal(err)
		}
		model := "none: " + r.GetString("degraded_why")
		if o := v.Opinions; o != nil {
			judged++
			model = string(o.Model.Class) + "/" + string(o.Model.Severity)
		}
		asked++
		t.Logf("%-60.60q %s/%s, model %s, title %q", r.GetString("content"), r.GetString("class"), r.GetString("severity"), model, v.Title)
	}
	st := s.Pipeline.Model.State()
	t.Logf("%d of %d messages judged by %s in mode %q; %d calls, %d failed, %d tokens, cost %.4f (priced %v)",
		judged, asked, st.Model, st.Mode, st.Calls, st.Failed, st.Tokens, st.Cost, st.Priced)
	if judged == 0 {
		t.Errorf("the model judged none of %d messages: %s %s", asked, st.Problem, st.LastError)
	}
}
