package pipeline_test

import (
	"encoding/json"
	"flag"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"github.com/iterateswarm/iterateswarm/internal/command"
	"github.com/iterateswarm/iterateswarm/internal/llm"
	"github.com/iterateswarm/iterateswarm/internal/llm/llmtest"
	"github.com/iterateswarm/iterateswarm/internal/pipeline"
	"github.com/iterateswarm/iterateswarm/internal/records"
	"github.com/iterateswarm/iterateswarm/internal/servertest"
	"github.com/iterateswarm/iterateswarm/test/texts"
)

var faultItems = flag.Int("faults.items", 150, "messages sent to a model that fails three times in ten; 2000 takes some three minutes")

// A model with every fault there is, in three of ten answers, all times a
// twentieth: nothing is lost, hardly anything is left to the embedded engine, and
// it costs few calls. Messages come at a steady rate, as they do.
func TestFaultsOfTheModelCostLittle(t *testing.T) {
	t.Parallel()
	const scale, seed = 20, 8
	m := llmtest.Start(t)
	m.Unchecked()
	m.Respond(llmtest.FastDice(seed, scale))
	s := servertest.Start(t, withModel(m), func(o *command.Options) {
		o.Config.Breaker.Open = 30 * time.Second / scale
		o.Config.LLM.Timeout = 3 * time.Second // twice a twentieth: the machine may be slow, which is no fault of the model
		o.Config.Queue.Workers = 16
		o.TuneModel = func(c *llm.Config) {
			c.Busy = 5 * time.Second / scale
			c.Delays = []time.Duration{0, 100 * time.Millisecond, 200 * time.Millisecond, 400 * time.Millisecond}
		}
		o.Tune = func(c *pipeline.Config) { c.ModelWait = 5 * time.Second / scale }
	})
	var mu sync.Mutex
	fell := map[string]bool{} // messages that had to do with the offline verdict at some time
	s.App.OnRecordAfterUpdateSuccess(records.Feedback).BindFunc(func(e *core.RecordEvent) error {
		mu.Lock()
		defer mu.Unlock()
		if e.Record.GetBool("degraded") {
			fell[e.Record.Id] = true
		}
		return e.Next()
	})
	w, n := texts.New(seed), *faultItems
	arrive := time.NewTicker(60 * time.Millisecond)
	defer arrive.Stop()
	for range n {
		if a := s.Do("POST", "/api/feedback", map[string]any{"content": w.Report()}); a.Status != 200 {
			t.Fatalf("%d %s", a.Status, a.Body)
		}
		<-arrive.C
	}
	within(t, 5*time.Minute, "all to be settled", func() bool { return s.Count(records.Feedback, dbx.HashExp{"state": "received"}) == 0 })
	// What waits for the model because it was down is thought over; what it gave
	// no usable answer on is asked again after ten minutes, which nobody waits for.
	within(t, 5*time.Minute, "the model to be back", func() bool {
		var down int
		err := s.App.DB().NewQuery(`SELECT count(*) FROM feedback WHERE degraded = 1 AND degraded_why != 'The model gave no usable answer.'`).Row(&down)
		return err == nil && down == 0
	})

	stored := s.Count(records.Feedback, nil)
	left := s.Count(records.Feedback, dbx.HashExp{"degraded": true})
	var calls []int
	if err := s.App.DB().NewQuery(`SELECT count(*) FROM usage GROUP BY subject_id`).Column(&calls); err != nil {
		t.Fatal(err)
	}
	total := 0
	for _, c := range calls {
		total += c
	}
	var most int
	if err := s.App.DB().NewQuery(`SELECT max(attempt) FROM usage`).Row(&most); err != nil {
		t.Fatal(err)
	}
	var took []float64
	if err := s.App.DB().NewQuery(`SELECT took_ms FROM feedback ORDER BY took_ms`).Column(&took); err != nil {
		t.Fatal(err)
	}
	mean := float64(total) / float64(n)
	line, _ := json.Marshal(map[string]any{"test": "R8", "n": n, "lost": n - stored, "fell": len(fell), "left": left, "mean_calls": mean,
		"most_calls_of_a_judgement": most, "most_calls_of_a_message": slices.Max(calls), "p50_ms": took[len(took)/2], "p99_ms": took[len(took)*99/100], "seed": seed})
	t.Logf("%s", line)
	mostMean := 1.5
	if n < 1000 {
		mostMean = 1.8 // a few dice more or less
	}
	if stored != n || most > llm.MaxCalls || mean > mostMean || float64(left) > max(3, 0.02*float64(n)) {
		t.Errorf("want 0 lost, at most 2 %% left to the offline verdict, %d calls for a judgement, %.1f a message", llm.MaxCalls, mostMean)
	}
	if _, err := records.VerifyChain(s.App); err != nil {
		t.Errorf("chain of decisions: %v", err)
	}
}

// within waits for something that may take long when much was sent.
func within(t *testing.T, limit time.Duration, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(limit); !ok(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited %v in vain for %s", limit, what)
		}
	}
}
