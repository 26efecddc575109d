package pipeline_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pocketbase/dbx"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/iterateswarm/iterateswarm/internal/command"
	"github.com/iterateswarm/iterateswarm/internal/llm/llmtest"
	"github.com/iterateswarm/iterateswarm/internal/records"
	"github.com/iterateswarm/iterateswarm/internal/servertest"
)

// A flood over the open door, under many names, uses its share of the budget
// and no more; a configured source is judged by the model after it, and a restart
// remembers.
func TestAFloodUnderManyNamesUsesOneShare(t *testing.T) {
	t.Parallel()
	const limit = 60_000
	m := llmtest.Start(t)
	dir := filepath.Join(t.TempDir(), "pb_data")
	shared := func(o *command.Options) {
		o.Config.LLM.DailyTokens, o.Config.LLM.ProjectTokens, o.Config.LLM.SourceShare = 10*limit, limit, 0.5
	}
	used := func(s *servertest.Server, source string) int {
		n, _ := s.Pipeline.Model.Used(s.Project(), source)
		return n
	}
	t.Run("first", func(t *testing.T) {
		s := servertest.StartIn(t, dir, withModel(m), shared)
		var wg sync.WaitGroup
		for i := range 60 {
			wg.Go(func() {
				s.Post(fmt.Sprintf("App crashes when I click button number %d of the flood", i), "source", fmt.Sprintf("name-%d", i))
			})
		}
		wg.Wait()
		if n := used(s, "other"); n == 0 || n > limit/2 {
			t.Errorf("the flood used %d tokens, its share is %d", n, limit/2)
		}
		degraded := s.Count(records.Feedback, dbx.HashExp{"degraded": true})
		if degraded == 0 || degraded == 60 {
			t.Errorf("%d of 60 degraded, want some of each", degraded)
		}
		r, err := s.App.FindFirstRecordByFilter(records.Feedback, "degraded = true")
		if err != nil {
			t.Fatal(err)
		}
		midnight := time.Now().UTC().Truncate(24 * time.Hour).Add(24 * time.Hour)
		if at := r.GetDateTime("think_at").Time(); at.Before(midnight.Add(-time.Minute)) || at.After(midnight.Add(25*time.Hour)) ||
			!strings.Contains(r.GetString("degraded_why"), "source has used up its share") {
			t.Errorf("asked again at %v because %q, want at midnight", at, r.GetString("degraded_why"))
		}
	})
	s := servertest.StartIn(t, dir, withModel(m), shared)
	if used(s, "other") == 0 {
		t.Error("the restart has forgotten what the flood used")
	}
	more := 0
	for ; more < 60; more++ { // what was reserved and not used is left for a few
		r := s.Record(records.Feedback, s.Post(fmt.Sprintf("Printing invoice %d freezes the whole window for a minute", more), "source", "yet-another"))
		if r.GetBool("degraded") {
			break
		}
	}
	if n := used(s, "other"); more == 60 || n > limit/2 {
		t.Errorf("%d more of the flood, %d tokens, its share is %d", more, n, limit/2)
	}
	id := configuredSource(t, s, "Saving a note while offline loses the whole note")
	if got := s.Record(records.Feedback, id); got.GetString("engine") != "m-1" || got.GetBool("degraded") {
		t.Errorf("a configured source after the flood: engine %s, degraded %v (%s)", got.GetString("engine"), got.GetBool("degraded"), got.GetString("degraded_why"))
	}
	if n := used(s, "support"); n == 0 {
		t.Error("nothing is charged to the configured source")
	}
}

// configuredSource sends a message through a source that an admin has set up,
// and returns its id once it is settled.
func configuredSource(t *testing.T, s *servertest.Server, content string) string {
	t.Helper()
	const secret = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
	source := s.Save(records.Sources, map[string]any{"project": s.Project(), "name": "Support", "slug": "support", "plugin": "webhook",
		"enabled": true, "config": map[string]any{"secrets": []string{secret}}})
	s.Until("the source to run", func() bool { return s.Record(records.Sources, source.Id).GetString("status") == "running" })
	signer, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	body, now := fmt.Sprintf(`{"content":%q}`, content), time.Now()
	sign, err := signer.Sign("m1", now, []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	a := s.Do("POST", "/webhooks/support", body, "Content-Type", "application/json", "webhook-id", "m1",
		"webhook-timestamp", fmt.Sprint(now.Unix()), "webhook-signature", sign)
	if a.Status != 200 {
		t.Fatalf("webhook: %d %s", a.Status, a.Body)
	}
	var id string
	s.Until("the message to be settled", func() bool {
		return s.App.DB().Select("id").From(records.Feedback).Where(dbx.HashExp{"source": "support", "state": "joined"}).Row(&id) == nil
	})
	return id
}
