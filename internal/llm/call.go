package llm

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/iterateswarm/iterateswarm/internal/guard"
	"github.com/iterateswarm/iterateswarm/internal/triage"
)

// ask sends a query until there is an answer: in the mode that is known to
// work, or in one after the other until one does.
func (t *talk) ask(ctx context.Context, q query) (answer, error) {
	e := t.engine
	m, known := e.currentMode()
	for {
		a, err := t.try(ctx, q, m)
		var status *statusError
		if err == nil {
			e.works(m)
			return a, nil
		}
		if m == promptOnly || !errors.As(err, &status) || !status.mayLackMode() || known && !strings.Contains(status.text, "format") {
			return a, err
		}
		if len(t.calls) >= MaxCalls {
			return a, err
		}
		m++
	}
}

// try sends a query in one mode, several times when that may help.
func (t *talk) try(ctx context.Context, q query, m mode) (a answer, err error) {
	retry := guard.Retry{Delays: t.engine.cfg.Delays, Total: t.engine.cfg.Timeout}
	err = retry.Do(ctx, func(ctx context.Context) error {
		err := t.engine.guarded(ctx, t.spending(q), func(ctx context.Context) (int, int, error) {
			var err error
			a, err = t.call(ctx, q, m)
			return a.in, a.out, err
		})
		if err != nil && (errors.Is(err, guard.ErrBusy) || len(t.calls) >= MaxCalls || t.engine.breaker.State() == guard.Open) {
			return guard.Permanent(err) // to wait here would only hold a worker
		}
		return err
	})
	return a, err
}

// spending is the most that a query can need.
func (t *talk) spending(q query) spending {
	r := t.engine.cfg.Registry
	return spending{t.account, r.Judge, q.size() / bytesPerToken, r.Endpoint.maxOutput(), t.engine.breaker}
}

// spending is what a call may use at most, who pays, and what stops it.
type spending struct {
	account triage.Account
	model   Model
	in, out int // tokens
	breaker *guard.Breaker
}

// guarded makes one call when neither a wrong setup, the budget, the rate nor
// the breaker is against it.
func (e *Engine) guarded(ctx context.Context, w spending, call func(context.Context) (in, out int, err error)) error {
	if err := e.locked(); err != nil {
		return guard.Permanent(err)
	}
	if w.breaker.State() == guard.Open {
		return guard.Permanent(&guard.Refusal{Why: guard.ErrOpen, Wait: w.breaker.Wait()}) // before anything is reserved
	}
	settle, err := e.budget.reserve(time.Now(), w.account, w.in+w.out, w.model.cost(w.in, w.out))
	if err != nil {
		return guard.Permanent(err)
	}
	var in, out int
	defer func() { settle(in+out, w.model.cost(in, out)) }()
	return w.breaker.Do(ctx, func(ctx context.Context) error {
		if ok, _, _ := e.limiter.Allow("", e.limit); !ok {
			return guard.Permanent(guard.Ignore(slow{}))
		}
		var err error
		in, out, err = call(ctx)
		return err
	})
}

// slow is our own rate towards the server: nothing was called. It says no
// RetryAfter, by which the breaker would keep everybody waiting.
type slow struct{}

func (slow) Error() string { return triage.ErrPace.Error() }

func (slow) Unwrap() []error { return []error{triage.ErrPace, guard.ErrBusy} }

// call makes one request and writes it down.
func (t *talk) call(ctx context.Context, q query, m mode) (answer, error) {
	e := t.engine
	model := e.cfg.Registry.Judge
	start := time.Now()
	a, err := e.attempt(ctx, q, m)
	e.calls.Add(1)
	var status *statusError
	switch {
	case err == nil && a.in+a.out == 0: // a server that does not count
		a.in, a.out = q.size()/bytesPerToken, len(a.text)/bytesPerToken
	case err != nil && !errors.As(err, &status):
		a.in = q.size() / bytesPerToken // sent, and perhaps charged
	}
	c := triage.Call{Model: model.Name, Kind: e.cfg.Registry.Endpoint.Kind, Mode: m.String(), Attempt: len(t.calls) + 1,
		TokensIn: a.in, TokensOut: a.out, Cost: model.cost(a.in, a.out), Took: time.Since(start), Outcome: "ok"}
	if err != nil {
		c.Outcome = outcomeOf(ctx, err)
		e.failedWith(c.Outcome)
		err = e.marked(ctx, err)
	}
	t.calls = append(t.calls, c)
	return a, err
}

// failedWith remembers what went wrong with the last call that failed.
func (e *Engine) failedWith(outcome string) {
	e.failed.Add(1)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.lastError, e.lastFailed = outcome, time.Now()
}

// attempt is one exchange with a deadline of its own, so that one that hangs
// leaves time for another.
func (e *Engine) attempt(ctx context.Context, q query, m mode) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, e.cfg.Timeout*2/3)
	defer cancel()
	return e.exchange(ctx, q, m)
}

// marked says what guard is to make of an error of the exchange.
func (e *Engine) marked(ctx context.Context, err error) error {
	var status *statusError
	if errors.As(err, &status) {
		if problem := status.wrongSetup(); problem != "" {
			e.lock(problem)
		}
		return status.mark(e.cfg.Busy)
	}
	var token *tokenError
	if errors.As(err, &token) && token.setup != "" {
		e.lock(token.setup)
		return guard.Permanent(guard.Ignore(err))
	}
	if ctx.Err() != nil {
		return fmt.Errorf("ask the model: %w", ctx.Err())
	}
	return fmt.Errorf("ask the model: %w", err)
}

// lock stops all calls for a while, with the reason in words.
func (e *Engine) lock(problem string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.problem, e.until = problem, time.Now().Add(lockout)
}

func (e *Engine) locked() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if left := time.Until(e.until); left > 0 {
		return fmt.Errorf("%s %w", e.problem, &guard.Refusal{Why: guard.ErrOpen, Wait: left})
	}
	return nil
}

// outcomeOf names what went wrong in a few words, none of them from outside.
func outcomeOf(ctx context.Context, err error) string {
	var status *statusError
	var token *tokenError
	switch {
	case errors.As(err, &token):
		return "no token from Entra"
	case errors.As(err, &status):
		return "status " + strconv.Itoa(status.status)
	case errors.Is(err, ErrDimension):
		return "embeddings of another dimension than configured"
	case errors.Is(err, ErrTooLarge):
		return "larger than 1 MiB"
	case errors.Is(err, context.Canceled), errors.Is(ctx.Err(), context.Canceled):
		return "cancelled"
	case errors.Is(err, context.DeadlineExceeded), ctx.Err() != nil:
		return "no answer in time"
	}
	return "broken connection or answer"
}

var refusalWords = regexp.MustCompile(`(?i)\b(i('m| am) (sorry|unable|not able)|i (can('|no)t|won't|must decline)|as an ai)\b`)

// usable reports what keeps an answer from being read at all.
func (a answer) usable() error {
	switch {
	case a.refusal != "", a.finish == "content_filter":
		return ErrRefused
	case a.finish == "length":
		return ErrTruncated
	case a.finish == "tool_calls", a.finish == "function_call":
		return fmt.Errorf("the model called a tool, and has none: %w", ErrInvalid)
	case strings.TrimSpace(a.text) == "":
		return fmt.Errorf("the answer is empty: %w", ErrInvalid)
	case !strings.Contains(a.text, "{") && refusalWords.MatchString(strings.ReplaceAll(a.text, "’", "'")):
		return ErrRefused // with status 200 and in prose
	}
	return nil
}
