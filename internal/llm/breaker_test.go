package llm

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/iterateswarm/iterateswarm/internal/guard"
	"github.com/iterateswarm/iterateswarm/internal/llm/llmtest"
	"github.com/iterateswarm/iterateswarm/internal/triage"
)

// fake is an engine whose server is a function, with the real times.
func fake(t *testing.T, exchange func(context.Context) (answer, error)) *Engine {
	t.Helper()
	e, err := New(Config{Registry: Registry{Endpoint: Endpoint{Kind: Ollama}, Judge: Model{Name: "m"}}, Rate: 1_000_000})
	if err != nil {
		t.Fatal(err)
	}
	e.exchange = func(ctx context.Context, _ query, _ mode) (answer, error) { return exchange(ctx) }
	return e
}

func fine() answer {
	return answer{text: llmtest.Good(llmtest.Request{Text: crash.Text}), finish: "stop", in: 10, out: 10}
}

func TestTheBreakerOpensAfterFiveAndProbesOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var at []time.Time
		up := false
		e := fake(t, func(context.Context) (answer, error) {
			mu.Lock()
			defer mu.Unlock()
			at = append(at, time.Now())
			if up {
				return fine(), nil
			}
			return answer{}, &statusError{status: 500}
		})
		calls := func() int { mu.Lock(); defer mu.Unlock(); return len(at) }
		for range 2 {
			_, _ = e.Judge(t.Context(), crash, first)
		}
		if calls() != guard.DefaultFailures || e.State().Breaker != guard.Open {
			t.Fatalf("%d calls, breaker %s, want open after exactly 5", calls(), e.State().Breaker)
		}
		for range 30 { // 29.7 s in which nothing may be called
			if _, err := e.Judge(t.Context(), crash, first); !errors.Is(err, guard.ErrOpen) || errors.Is(err, triage.ErrNoAnswer) {
				t.Fatalf("while open: %v", err)
			}
			time.Sleep(990 * time.Millisecond)
		}
		if calls() != 5 {
			t.Errorf("%d calls while open", calls()-5)
		}
		for round, wantUp := range []bool{false, true} {
			time.Sleep(guard.DefaultOpen)
			mu.Lock()
			up = wantUp
			mu.Unlock()
			before := calls()
			var wg sync.WaitGroup
			for range 50 {
				wg.Go(func() { _, _ = e.Judge(context.Background(), crash, first) })
			}
			synctest.Wait()
			wg.Wait()
			if wantUp {
				if e.State().Breaker != guard.Closed {
					t.Errorf("breaker %s after a probe that went well", e.State().Breaker)
				}
				continue
			}
			if got := calls() - before; got != 1 || e.State().Breaker != guard.Open {
				t.Errorf("round %d: %d probes with 50 waiting, breaker %s, want one and open", round, got, e.State().Breaker)
			}
		}
	})
}

func TestWhatIsNoOutageDoesNotOpenTheBreaker(t *testing.T) {
	t.Parallel()
	cases := map[string]func() (answer, error){
		"400":       func() (answer, error) { return answer{}, &statusError{status: 400} },
		"422":       func() (answer, error) { return answer{}, &statusError{status: 422} },
		"refusal":   func() (answer, error) { return answer{refusal: "no", finish: "stop"}, nil },
		"schema":    func() (answer, error) { return answer{text: `{"class":"x"}`, finish: "stop"}, nil },
		"cancelled": func() (answer, error) { return answer{}, context.Canceled },
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				e := fake(t, func(context.Context) (answer, error) { return c() })
				for range 20 {
					if _, err := e.Judge(t.Context(), crash, first); err == nil || errors.Is(err, guard.ErrOpen) {
						t.Fatalf("Judge = %v", err)
					}
				}
				if got := e.State().Breaker; got != guard.Closed {
					t.Errorf("breaker is %s", got)
				}
			})
		})
	}
}

func TestAJudgementEndsAfterThirtySeconds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := fake(t, func(ctx context.Context) (answer, error) { <-ctx.Done(); return answer{}, ctx.Err() })
		start := time.Now()
		th, err := e.Judge(t.Context(), crash, first)
		if took := time.Since(start); took != guard.RetryTotal || !errors.Is(err, context.DeadlineExceeded) || len(th.Calls) != 2 {
			t.Errorf("Judge = %v after %v with %d calls, want the deadline after %v with 2", err, took, len(th.Calls), guard.RetryTotal)
		}
	})
}

func TestOne429MakesEverybodyWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		e := fake(t, func(context.Context) (answer, error) {
			if calls++; calls == 1 {
				return answer{}, &statusError{status: 429, after: 40 * time.Second}
			}
			return fine(), nil
		})
		for i := range 40 {
			_, err := e.Judge(t.Context(), crash, first)
			if want := 40*time.Second - time.Duration(i)*time.Second; !errors.Is(err, guard.ErrBusy) || guard.RetryAfter(err) != want {
				t.Fatalf("after %d s: %v, wait %v, want %v", i, err, guard.RetryAfter(err), want)
			}
			time.Sleep(time.Second)
		}
		if _, err := e.Judge(t.Context(), crash, first); err != nil || calls != 2 {
			t.Errorf("after the wait: %v, %d calls", err, calls)
		}
	})
}

func TestOurOwnRateTowardsTheServer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		e := fake(t, func(context.Context) (answer, error) { calls++; return fine(), nil })
		e.limit = guard.Limit{Burst: 6, Every: time.Second}
		busy := 0
		for range 600 { // a minute
			if _, err := e.Judge(t.Context(), crash, first); errors.Is(err, guard.ErrBusy) {
				busy++
			} else if err != nil {
				t.Fatal(err)
			}
			time.Sleep(100 * time.Millisecond)
		}
		if calls < 60 || calls > 66 || busy != 600-calls {
			t.Errorf("%d calls in a minute, %d refused, want 60 to 66 calls", calls, busy)
		}
	})
}

func TestTheBudgetBeginsAnewAtMidnight(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := fake(t, func(context.Context) (answer, error) { return fine(), nil })
		e.budget = newBudget(20_000, 0)
		e.Spent(triage.Account{}, 19_000, 0)
		if _, err := e.Judge(t.Context(), crash, first); !errors.Is(err, triage.ErrBudget) {
			t.Fatalf("Judge = %v", err)
		}
		st := e.State()
		time.Sleep(st.Wait)
		if _, err := e.Judge(t.Context(), crash, first); err != nil {
			t.Errorf("after %v: %v", st.Wait, err)
		}
		if got := e.State(); got.Tokens != 20 || got.Problem != "" {
			t.Errorf("state = %+v", got)
		}
	})
}

func ExamplePromptVersion() {
	fmt.Println(len(PromptVersion()))
	// Output: 17
}
