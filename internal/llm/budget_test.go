package llm

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/iterateswarm/iterateswarm/internal/llm/llmtest"
	"github.com/iterateswarm/iterateswarm/internal/triage"
)

func TestAFloodFromOneSourceLeavesTheOthersTheirShare(t *testing.T) {
	t.Parallel()
	const flood, limit = 10_000, 400_000
	s := llmtest.Start(t)
	s.Unchecked()
	e := newEngine(t, s, func(c *Config) { c.Tokens = 2 * limit })
	from := func(project, source string) triage.Item {
		it := crash
		it.Account = triage.Account{Project: project, Source: source, Tokens: limit, Share: 0.5}
		return it
	}
	judged, refused := 0, 0
	for i := range flood {
		it := from("p1", "discord")
		it.Text = fmt.Sprintf("%s Number %d.", it.Text, i)
		switch _, err := e.Judge(t.Context(), it, first); {
		case err == nil:
			judged++
		case errors.Is(err, triage.ErrSourceBudget) && errors.Is(err, triage.ErrBudget):
			refused++
		default:
			t.Fatal(err)
		}
	}
	used, _ := e.Used("p1", "discord")
	t.Logf("%d messages from one source: %d judged with %d tokens, %d refused; the project may use %d", flood, judged, used, refused, limit)
	if used > limit/2 || used < limit/4 || judged == 0 || judged+refused != flood || s.Calls() != judged {
		t.Errorf("%d tokens used of a share of %d, %d calls", used, limit/2, s.Calls())
	}
	for _, it := range []triage.Item{from("p1", "slack"), from("p2", "discord")} {
		if _, err := e.Judge(t.Context(), it, first); err != nil {
			t.Errorf("%+v after the flood: %v", it.Account, err)
		}
	}
	if st := e.State(); st.Problem != "" {
		t.Errorf("state = %+v: one source's share is no matter of the installation", st)
	}
}

func TestAProjectHasABudgetOfItsOwn(t *testing.T) {
	t.Parallel()
	for name, account := range map[string]triage.Account{
		"tokens": {Project: "p1", Source: "a", Tokens: 40_000}, "money": {Project: "p1", Source: "a", Cost: 0.04},
	} {
		s := llmtest.Start(t)
		e := newEngine(t, s, func(c *Config) { c.Tokens, c.Cost = 10_000_000, 100 })
		it := crash
		it.Account = account
		var err error
		for range 100 {
			if _, err = e.Judge(t.Context(), it, first); err != nil {
				break
			}
		}
		tokens, cost := e.Used("p1", "")
		if !errors.Is(err, triage.ErrProjectBudget) || tokens == 0 || account.Tokens > 0 && tokens > account.Tokens || account.Cost > 0 && cost > account.Cost {
			t.Errorf("%s: %v after %d tokens and %.4f in money", name, err, tokens, cost)
		}
		it.Account.Project = "p2"
		if _, err := e.Judge(t.Context(), it, first); err != nil {
			t.Errorf("%s: another project: %v", name, err)
		}
	}
}

func TestSharesOfLimits(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ share, project, installation, want int }{ // shares in percent
		{50, 100, 0, 50}, {50, 0, 200, 100}, {50, 100, 200, 50}, {50, 300, 200, 100}, {50, 0, 0, 0}, {0, 100, 200, 0}, {100, 100, 200, 0},
	} {
		got := shareOf(float64(c.share)/100, amount{tokens: c.project}, amount{tokens: c.installation})
		if got.tokens != c.want {
			t.Errorf("%d %% of %d and %d = %d, want %d", c.share, c.project, c.installation, got.tokens, c.want)
		}
	}
}

func TestADayBeginsForEverybody(t *testing.T) {
	t.Parallel()
	b := newBudget(100, 0)
	now := time.Date(2026, 1, 2, 23, 59, 59, 0, time.UTC)
	a := triage.Account{Project: "p", Source: "s", Tokens: 50, Share: 0.5}
	settle, err := b.reserve(now, a, 20, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.reserve(now, a, 20, 0); !errors.Is(err, triage.ErrSourceBudget) {
		t.Errorf("40 of 25: %v", err)
	}
	next := now.Add(time.Second)
	if _, err := b.reserve(next, a, 20, 0); err != nil {
		t.Errorf("on the next day: %v", err)
	}
	settle(5, 0) // of yesterday
	if n, _ := b.usedBy(next, "p", "s"); n != 20 {
		t.Errorf("%d used, want 20: yesterday's call does not count", n)
	}
}
