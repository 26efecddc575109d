package pipeline

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/iterateswarm/iterateswarm/internal/guard"
	"github.com/iterateswarm/iterateswarm/internal/triage"
)

// StatsAge is how old numbers from the database may be at most. They are
// counted anew as soon as anything has changed, so they are never stale.
const StatsAge = 30 * time.Second

// Stats is what the product counts about itself.
type Stats struct {
	Feedback   map[string]int // by state
	Classes    map[string]int // of all messages
	Issues     map[string]int // by state, without merged ones
	Deliveries map[string]int // by state
	Jobs       map[string]int // by River's state
	Agreed     int            // decisions of people that left the engine's class
	Decided    int            // decisions of people on a class that an engine gave
	AvgTook    time.Duration  // mean time from stored to settled of the last 100 messages
	Degraded   int            // messages that wait to be thought over by the model
	Breaker    string         // the worst state of any breaker, the model's included
	Model      *triage.ModelState
}

// Total sums a map of counts.
func Total(counts map[string]int) int {
	n := 0
	for _, c := range counts {
		n += c
	}
	return n
}

// counter remembers the last Stats and whether anything has changed since.
type counter struct {
	writes atomic.Int64
	mu     sync.Mutex
	last   Stats
	at     time.Time     // when counting ended
	took   time.Duration // that counting took
	seen   int64         // writes when counting began
}

// Counting takes at most a twentieth of the time, and a count that is slow runs
// at most once a second: whoever asks sooner waits and shares the next one.
const (
	restAfter   = 20 // times as long as the count took
	longestRest = time.Second
)

func (c *counter) changed() { c.writes.Add(1) }

// Changed says that something was written that the numbers count.
func (p *Pipeline) Changed() { p.counts.changed() }

// Stats counts, or returns the last count when nothing has changed since. What
// was written before the call is in it.
func (p *Pipeline) Stats() (Stats, error) {
	c := &p.counts
	asked := c.writes.Load()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.seen >= asked && time.Since(c.at) < StatsAge && !c.at.IsZero() {
		s := c.last
		s.Breaker, s.Model = p.breakerState(), p.modelState()
		return s, nil
	}
	time.Sleep(min(c.took*restAfter, longestRest) - time.Since(c.at))
	writes, start := c.writes.Load(), time.Now()
	s, err := p.countAll()
	if err != nil {
		return Stats{}, err
	}
	c.last, c.at, c.took, c.seen = s, time.Now(), time.Since(start), writes
	return s, nil
}

func (p *Pipeline) countAll() (Stats, error) {
	var s Stats
	var err error
	group := func(query string, keys ...string) map[string]int {
		out := map[string]int{}
		for _, k := range keys {
			out[k] = 0
		}
		var rows []struct {
			K string `db:"k"`
			N int    `db:"n"`
		}
		if e := p.App.DB().NewQuery(query).All(&rows); e != nil && err == nil {
			err = fmt.Errorf("count: %w", e)
		}
		for _, r := range rows {
			out[r.K] = r.N
		}
		return out
	}
	s.Feedback = group(`SELECT state AS k, count(*) AS n FROM feedback GROUP BY state`, "received", "triaged", "joined", "noise", "held")
	s.Classes = group(`SELECT class AS k, count(*) AS n FROM feedback GROUP BY class`, "bug", "feature", "question", "noise")
	s.Issues = group(`SELECT state AS k, count(*) AS n FROM issues WHERE merged_into = '' GROUP BY state`,
		"draft", "approved", "filed", "closed", "declined", "snoozed")
	s.Deliveries = group(`SELECT state AS k, count(*) AS n FROM deliveries GROUP BY state`,
		"pending", "sending", "unknown", "done", "rejected", "needs_human")
	if err != nil {
		return s, err
	}
	if s.Jobs, err = p.queue.Counts(); err != nil {
		return s, err
	}
	var agree struct {
		N int `db:"n"`
		A int `db:"a"`
	}
	err = p.App.DB().NewQuery(`SELECT count(*) AS n, coalesce(sum(json_extract(after, '$.class') = json_extract(after, '$.engine_class')), 0) AS a
		FROM decisions d WHERE actor_kind = 'person' AND action IN ('approve', 'reclassify')
		AND json_extract(after, '$.engine_class') IS NOT NULL
		AND NOT EXISTS (SELECT 1 FROM decisions u WHERE u.undo_of = d.id)`).One(&agree)
	if err != nil {
		return s, fmt.Errorf("count agreement: %w", err)
	}
	s.Agreed, s.Decided = agree.A, agree.N
	var avg float64
	err = p.App.DB().NewQuery(`SELECT coalesce(avg(took_ms), 0) FROM (SELECT took_ms FROM feedback WHERE took_ms > 0 ORDER BY rowid DESC LIMIT 100)`).Row(&avg)
	if err != nil {
		return s, fmt.Errorf("mean time: %w", err)
	}
	s.AvgTook = time.Duration(avg * float64(time.Millisecond))
	err = p.App.DB().NewQuery(`SELECT count(*) FROM feedback WHERE degraded = 1 AND think_at != ''`).Row(&s.Degraded)
	if err != nil {
		return s, fmt.Errorf("count degraded: %w", err)
	}
	s.Breaker, s.Model = p.breakerState(), p.modelState()
	return s, nil
}

// modelState is how the model is doing; nil when there is none.
func (p *Pipeline) modelState() *triage.ModelState {
	if p.Model == nil {
		return nil
	}
	s := p.Model.State()
	return &s
}

// breakerState is the worst state of the breakers of trackers and model.
func (p *Pipeline) breakerState() string {
	worst := guard.Closed
	seen := func(state string) {
		switch {
		case state == guard.Open:
			worst = guard.Open
		case state == guard.HalfOpen && worst == guard.Closed:
			worst = guard.HalfOpen
		}
	}
	p.filers.Range(func(_, v any) bool {
		seen(v.(*filer).breaker.State())
		return true
	})
	if p.Model != nil {
		seen(p.Model.State().Breaker)
	}
	return worst
}
