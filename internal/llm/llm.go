// Package llm is the engine that asks a language model. It deepens a verdict
// that the offline engine gave: one call does class, severity, specification
// and language.
//
// What leaves the host is redacted (redact.go), shortened and fenced as data
// (prompt.go). What comes back is treated as written by an attacker: it has to
// pass reply.go before it becomes a verdict, and a verdict is only a proposal.
// The model has no tools. Around every request stand the day's budget
// (budget.go), a rate limit, a circuit breaker and retries (call.go).
package llm

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/iterateswarm/iterateswarm/internal/config"
	"github.com/iterateswarm/iterateswarm/internal/guard"
	"github.com/iterateswarm/iterateswarm/internal/triage"
)

// MaxCalls is the most requests that one judgement makes, retries, looking for
// what the server can do and repair included.
const MaxCalls = 4

// Config is what an engine is made of.
type Config struct {
	Registry Registry
	Breaker  guard.BreakerConfig
	Rate     int           // calls a minute; 0: DefaultRate
	Timeout  time.Duration // for one judgement with everything in it; 0: guard.RetryTotal
	Delays   []time.Duration
	Busy     time.Duration // how long a 429 that does not say keeps everybody waiting; 0: busyWait
	Tokens   int           // budget a day; 0: no limit
	Cost     float64       // budget a day; 0: no limit
}

// DefaultRate is how many calls a minute are made when nothing is configured.
const DefaultRate = 60

// lockout is how long nothing is called after the server has said that the
// key, the address or the model is wrong: asking again at once changes nothing.
const lockout = time.Minute

// Engine judges with a model. It may be used by many goroutines at once.
type Engine struct {
	cfg Config
	// exchange makes one request.
	exchange func(context.Context, query, mode) (answer, error)
	embed    func(context.Context, []string) ([][]float32, int, error)
	breaker  *guard.Breaker
	// embedBreaker stands before the embeddings: judging goes on without them.
	embedBreaker *guard.Breaker
	limiter      *guard.Limiter
	limit        guard.Limit
	budget       *budget

	calls, failed atomic.Int64

	mu      sync.Mutex
	mode    mode
	known   bool // a call in mode has succeeded
	problem string
	until   time.Time // while problem lasts

	lastError  string // of a call, in our words
	lastFailed time.Time
}

// FromConfig is the configuration of the engine that the environment names, but
// for the breaker's.
func FromConfig(c config.Config) Config {
	return Config{
		Registry: Registry{
			Endpoint: Endpoint{Kind: c.LLM.Kind, URL: c.LLM.URL, Key: c.LLM.Key.Reveal(), APIVersion: c.LLM.APIVersion,
				Entra: Entra{Tenant: c.LLM.EntraTenant, Client: c.LLM.EntraClient, Secret: c.LLM.EntraSecret.Reveal(),
					AssertionFile: c.LLM.EntraAssertion, Authority: c.LLM.EntraAuthority}},
			Embed: Model{Name: c.LLM.EmbeddingModel, PriceIn: c.LLM.EmbeddingPrice}, Dimension: c.LLM.EmbeddingDimension,
			Judge: Model{Name: c.LLM.Model, PriceIn: c.LLM.PriceIn, PriceOut: c.LLM.PriceOut},
		},
		Rate: c.LLM.Rate, Timeout: c.LLM.Timeout, Tokens: c.LLM.DailyTokens, Cost: c.LLM.DailyCost,
	}
}

// New makes an engine. It calls nothing before Judge.
func New(cfg Config) (*Engine, error) {
	if cfg.Rate <= 0 {
		cfg.Rate = DefaultRate
	}
	if cfg.Timeout <= 0 {
		cfg.Timeout = guard.RetryTotal
	}
	if cfg.Busy <= 0 {
		cfg.Busy = busyWait
	}
	c, err := newClient(cfg.Registry)
	if err != nil {
		return nil, err
	}
	if cfg.Breaker.Probe <= 0 {
		cfg.Breaker.Probe = cfg.Timeout
	}
	return &Engine{
		cfg: cfg, exchange: c.exchange, embed: c.embed,
		breaker:      guard.NewBreaker(cfg.Breaker),
		embedBreaker: guard.NewBreaker(guard.BreakerConfig{Failures: cfg.Breaker.Failures, Open: cfg.Breaker.Open}),
		limiter:      guard.NewLimiter(guard.Limit{}, 1),
		// Six seconds' worth may come at once.
		limit:  guard.Limit{Burst: max(1, cfg.Rate/10), Every: time.Minute / time.Duration(cfg.Rate)},
		budget: newBudget(cfg.Tokens, cfg.Cost),
	}, nil
}

// Spent adds what the ledger says an account has used since midnight UTC, before
// the first call.
func (e *Engine) Spent(a triage.Account, tokens int, cost float64) {
	e.budget.add(time.Now(), a, tokens, cost)
}

// Used returns what a project has used since midnight UTC, or one source of it.
func (e *Engine) Used(project, source string) (tokens int, cost float64) {
	return e.budget.usedBy(time.Now(), project, source)
}

// Judge asks the model about an item. first is the offline engine's verdict; what
// the model is not asked for is kept from it.
//
// The error wraps guard.ErrBusy when the server, or our own rate, asks to wait
// (guard.RetryAfter says how long), guard.ErrOpen when the breaker is open,
// triage.ErrBudget, triage.ErrNoAnswer when the model answered in vain, and
// otherwise says what broke. The calls that were made are in the thought either way.
func (e *Engine) Judge(ctx context.Context, it triage.Item, first triage.Verdict) (triage.Thought, error) {
	ctx, cancel := context.WithTimeout(ctx, e.cfg.Timeout)
	defer cancel()
	t := &talk{engine: e, account: it.Account, hidden: newRedactor(it.Title, it.Text)}
	v, err := t.judge(ctx, it, first)
	return triage.Thought{Verdict: v, Calls: t.calls}, err
}

// JudgePatiently judges as Judge does, and waits as long as the server or our
// own rate asks for. It is for whoever has nothing else to do.
func (e *Engine) JudgePatiently(ctx context.Context, it triage.Item, first triage.Verdict) (triage.Thought, error) {
	var calls []triage.Call
	for {
		th, err := e.Judge(ctx, it, first)
		calls = append(calls, th.Calls...)
		th.Calls = calls
		if !errors.Is(err, guard.ErrBusy) || ctx.Err() != nil {
			return th, err
		}
		select {
		case <-time.After(max(guard.RetryAfter(err), 100*time.Millisecond)):
		case <-ctx.Done():
		}
	}
}

// talk is one judgement: its calls and what was hidden from the model.
type talk struct {
	engine  *Engine
	account triage.Account
	hidden  *redactor
	calls   []triage.Call
}

func (t *talk) judge(ctx context.Context, it triage.Item, first triage.Verdict) (triage.Verdict, error) {
	kind := t.engine.cfg.Registry.Endpoint.Kind
	q := question(it, t.hidden, kind == Ollama || kind == Compatible)
	v, q2, err := t.round(ctx, q, it, first)
	if err == nil || q2 == nil || len(t.calls) >= MaxCalls {
		return v, err
	}
	v, _, again := t.round(ctx, *q2, it, first)
	switch {
	case again == nil:
		return v, nil
	case errors.Is(again, triage.ErrNoAnswer):
		return triage.Verdict{}, fmt.Errorf("after a second try: %w", again)
	}
	return triage.Verdict{}, again
}

// round asks once and reads the answer. When it is of no use, next is how to
// ask once more, or nil when that is in vain.
func (t *talk) round(ctx context.Context, q query, it triage.Item, first triage.Verdict) (v triage.Verdict, next *query, err error) {
	a, err := t.ask(ctx, q)
	if err != nil {
		return triage.Verdict{}, nil, err
	}
	r, err := t.read(a, it)
	switch {
	case err == nil:
		return t.engine.verdict(r, it, first), nil, nil
	case a.finish == "content_filter":
		t.outcome("filtered")
	case errors.Is(err, ErrRefused):
		t.outcome("refused")
		next = &q
	case errors.Is(err, ErrTruncated):
		t.outcome("cut off")
		next = q.repair("", err)
	default:
		t.outcome("answer not accepted")
		next = q.repair(a.text, err)
	}
	return triage.Verdict{}, next, err
}

// read checks an answer and puts back what was hidden.
func (t *talk) read(a answer, it triage.Item) (reply, error) {
	if err := a.usable(); err != nil {
		return reply{}, err
	}
	return parseReply(a.text, it, t.hidden)
}

func (t *talk) outcome(s string) {
	if n := len(t.calls); n > 0 {
		t.calls[n-1].Outcome = s
	}
}

// State says how the engine is doing.
func (e *Engine) State() triage.ModelState {
	m := e.cfg.Registry
	s := triage.ModelState{
		Model: m.Judge.Name, Kind: m.Endpoint.Kind, Breaker: e.breaker.State(), Wait: e.breaker.Wait(),
		Calls: e.calls.Load(), Failed: e.failed.Load(), TokenLimit: e.cfg.Tokens, CostLimit: e.cfg.Cost,
		Prompt: PromptVersion(), Priced: m.Judge.PriceIn > 0 || m.Judge.PriceOut > 0,
	}
	var gone bool
	s.Tokens, s.Cost, gone = e.budget.state(time.Now())
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.known {
		s.Mode = e.mode.String()
	}
	s.LastError = e.lastError
	if !e.lastFailed.IsZero() {
		at := e.lastFailed
		s.LastFailed = &at
	}
	if since := e.breaker.Since(); !since.IsZero() {
		s.Since = &since
	}
	left := time.Until(e.until)
	s.State = "ready"
	switch {
	case gone:
		s.State = "budget"
		s.Problem = "The day's budget is used up; it begins anew at midnight UTC."
		s.Wait = max(s.Wait, untilMidnight(time.Now()))
	case left > 0:
		s.State = "setup"
		s.Problem = e.problem
		s.Wait = max(s.Wait, left)
	case s.Breaker == guard.Open:
		s.State = "open"
		s.Problem = "The model's server has failed several times in a row and is left alone for a while."
	case s.Breaker == guard.HalfOpen:
		s.State = "probing"
	case s.Wait > 0:
		s.State = "waiting"
		s.Problem = "The model's server has asked to wait."
	}
	if s.Wait > 0 {
		at := time.Now().Add(s.Wait)
		s.NextTry = &at
	}
	return s
}
