package llm

import (
	"fmt"
	"sync"
	"time"

	"github.com/iterateswarm/iterateswarm/internal/triage"
)

// bytesPerToken is a low guess, so that a reservation is a high one: English
// has about four bytes a token, other languages fewer.
const bytesPerToken = 2

// budget counts what a day has used. A call reserves the most it can need
// before it is made, so that many calls at once cannot overdraw it.
type budget struct {
	tokenLimit int
	costLimit  float64

	mu     sync.Mutex
	day    string
	tokens int
	cost   float64
	// The most that a refused call has asked for: less than that left is none.
	needTokens int
	needCost   float64
}

func newBudget(tokens int, cost float64) *budget { return &budget{tokenLimit: tokens, costLimit: cost} }

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }

func untilMidnight(t time.Time) time.Duration {
	return t.UTC().Truncate(24 * time.Hour).Add(24 * time.Hour).Sub(t)
}

// turn begins a new day when it is one. The caller holds the lock.
func (b *budget) turn(now time.Time) {
	if d := day(now); d != b.day {
		b.day, b.tokens, b.cost, b.needTokens, b.needCost = d, 0, 0, 0, 0
	}
}

func (b *budget) add(now time.Time, tokens int, cost float64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.turn(now)
	b.tokens += tokens
	b.cost += cost
}

// reserve takes an amount, or refuses. settle corrects it after the call.
func (b *budget) reserve(now time.Time, tokens int, cost float64) (settle func(tokens int, cost float64), err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.turn(now)
	if b.tokenLimit > 0 && b.tokens+tokens > b.tokenLimit {
		b.needTokens = max(b.needTokens, tokens)
		return nil, fmt.Errorf("%w: %d of %d tokens", triage.ErrBudget, b.tokens, b.tokenLimit)
	}
	if b.costLimit > 0 && b.cost+cost > b.costLimit {
		b.needCost = max(b.needCost, cost)
		return nil, fmt.Errorf("%w: %.4f of %.4f in money", triage.ErrBudget, b.cost, b.costLimit)
	}
	b.tokens += tokens
	b.cost += cost
	taken := b.day
	return func(usedTokens int, usedCost float64) {
		b.mu.Lock()
		defer b.mu.Unlock()
		if b.day != taken {
			return // it counted for yesterday
		}
		b.tokens += usedTokens - tokens
		b.cost += usedCost - cost
	}, nil
}

// state returns what today has used, and whether that leaves too little for a call.
func (b *budget) state(now time.Time) (tokens int, cost float64, gone bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.turn(now)
	gone = b.tokenLimit > 0 && b.tokens+max(1, b.needTokens) > b.tokenLimit || b.costLimit > 0 && (b.cost >= b.costLimit || b.cost+b.needCost > b.costLimit)
	return b.tokens, b.cost, gone
}
