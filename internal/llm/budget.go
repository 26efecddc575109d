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

// amount is a quantity of tokens and of money; as a limit, 0 means none.
type amount struct {
	tokens int
	cost   float64
}

// over reports whether limit does not allow a to grow by more.
func (a amount) over(limit, more amount) bool {
	return limit.tokens > 0 && a.tokens+more.tokens > limit.tokens || limit.cost > 0 && a.cost+more.cost > limit.cost
}

// budget counts what a day has used: the installation, each project, and each
// source of a project. A call reserves the most it can need before it is made,
// so that many calls at once cannot overdraw it.
type budget struct {
	limit amount // of the installation

	mu   sync.Mutex
	day  string
	used map[line]*amount
	need amount // the most that a refused call has asked for: less than that left is none
}

// line is what an amount is counted for. The empty line is the installation, one
// without a source a project.
type line struct{ project, source string }

func newBudget(tokens int, cost float64) *budget {
	return &budget{limit: amount{tokens, cost}, used: map[line]*amount{}}
}

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }

func untilMidnight(t time.Time) time.Duration {
	return t.UTC().Truncate(24 * time.Hour).Add(24 * time.Hour).Sub(t)
}

// turn begins a new day when it is one. The caller holds the lock.
func (b *budget) turn(now time.Time) {
	if d := day(now); d != b.day {
		b.day, b.used, b.need = d, map[line]*amount{}, amount{}
	}
}

// of is what a line has used. The caller holds the lock.
func (b *budget) of(l line) *amount {
	if b.used[l] == nil {
		b.used[l] = new(amount)
	}
	return b.used[l]
}

// book adds to all lines of an account. The caller holds the lock.
func (b *budget) book(a triage.Account, tokens int, cost float64) {
	lines := []line{{}}
	if a.Project != "" {
		lines = append(lines, line{a.Project, ""}, line{a.Project, a.Source})
	}
	for _, l := range lines {
		u := b.of(l)
		u.tokens += tokens
		u.cost += cost
	}
}

func (b *budget) add(now time.Time, a triage.Account, tokens int, cost float64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.turn(now)
	b.book(a, tokens, cost)
}

// reserve takes an amount, or refuses. settle corrects it after the call.
func (b *budget) reserve(now time.Time, a triage.Account, tokens int, cost float64) (settle func(tokens int, cost float64), err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.turn(now)
	more := amount{tokens, cost}
	project := amount{a.Tokens, a.Cost}
	switch whole := b.of(line{}); {
	case whole.over(b.limit, more):
		b.need = amount{max(b.need.tokens, tokens), max(b.need.cost, cost)}
		return nil, fmt.Errorf("%w: %d tokens and %.4f in money are used", triage.ErrBudget, whole.tokens, whole.cost)
	case a.Project == "":
	case b.of(line{a.Project, ""}).over(project, more):
		return nil, triage.ErrProjectBudget
	case b.of(line{a.Project, a.Source}).over(shareOf(a.Share, project, b.limit), more):
		return nil, triage.ErrSourceBudget
	}
	b.book(a, tokens, cost)
	taken := b.day
	return func(usedTokens int, usedCost float64) {
		b.mu.Lock()
		defer b.mu.Unlock()
		if b.day == taken { // else it counted for yesterday
			b.book(a, usedTokens-tokens, usedCost-cost)
		}
	}, nil
}

// shareOf is what one source may use of its project's limit, or of the
// installation's where that is lower or the project has none.
func shareOf(share float64, project, installation amount) amount {
	if share <= 0 || share >= 1 {
		return amount{}
	}
	return amount{int(share * float64(lower(project.tokens, installation.tokens))), share * lower(project.cost, installation.cost)}
}

// lower is the lower of two limits, of which 0 is none.
func lower[N int | float64](a, b N) N {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

// state returns what today has used, and whether that leaves too little for a call.
func (b *budget) state(now time.Time) (tokens int, cost float64, gone bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.turn(now)
	u := b.of(line{})
	gone = u.over(b.limit, amount{max(1, b.need.tokens), b.need.cost}) || b.limit.cost > 0 && u.cost >= b.limit.cost
	return u.tokens, u.cost, gone
}

// usedBy returns what a project has used today, or one source of it.
func (b *budget) usedBy(now time.Time, project, source string) (tokens int, cost float64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.turn(now)
	if u := b.used[line{project, source}]; u != nil {
		return u.tokens, u.cost
	}
	return 0, 0
}
