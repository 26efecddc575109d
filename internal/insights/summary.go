package insights

import (
	"fmt"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
)

// Summary is how many wait where, for the tabs of the inbox.
type Summary struct {
	Pending  int            `json:"pending"`   // drafts that wait for a person
	Held     int            `json:"held"`      // messages that wait for a person
	Auto     int            `json:"auto"`      // what rules decided in the last 7 days: joined, approved, declined
	Snoozed  int            `json:"snoozed"`   // issues
	Noise    int            `json:"noise"`     // messages
	Question int            `json:"questions"` // messages that rest
	Decided  int            `json:"decided"`   // issues: approved, filed, closed, declined
	Issues   map[string]int `json:"issues"`    // by state, without merged ones
	Degraded int            `json:"degraded"`  // messages that wait for the model
	Alerts   int            `json:"alerts"`    // open ones
}

// Summarize counts a project.
func Summarize(app core.App, project string, now time.Time) (*Summary, error) {
	s := span{app: app, project: project, from: now.UTC().AddDate(0, 0, -6).Format(day)}
	sum := &Summary{Issues: map[string]int{"draft": 0, "approved": 0, "filed": 0, "closed": 0, "declined": 0, "snoozed": 0}}
	list, err := s.rows(`SELECT state AS k, sum(n) AS n FROM issue_days WHERE project = {:p} AND merged = 0 GROUP BY state`)
	if err != nil {
		return nil, fmt.Errorf("count issues: %w", err)
	}
	for _, c := range list {
		sum.Issues[c.K] = c.N
	}
	sum.Pending, sum.Snoozed = sum.Issues["draft"], sum.Issues["snoozed"]
	sum.Decided = sum.Issues["approved"] + sum.Issues["filed"] + sum.Issues["closed"] + sum.Issues["declined"]
	if list, err = s.rows(`SELECT state AS k, sum(n) AS n FROM feedback_days WHERE project = {:p} AND state IN ('held', 'noise', 'triaged') GROUP BY state`); err != nil {
		return nil, fmt.Errorf("count messages: %w", err)
	}
	for _, c := range list {
		*map[string]*int{"held": &sum.Held, "noise": &sum.Noise, "triaged": &sum.Question}[c.K] = c.N
	}
	for what, one := range map[*int]string{
		&sum.Auto: `SELECT coalesce(sum(n), 0) FROM decision_days WHERE project = {:p} AND day >= {:from}
			AND actor_kind = 'rule' AND action IN ('join', 'approve', 'decline')`,
		&sum.Degraded: `SELECT count(*) FROM feedback INDEXED BY idx_feedback_degraded WHERE degraded = 1 AND think_at != '' AND project = {:p}`,
		&sum.Alerts:   `SELECT count(*) FROM alerts WHERE project = {:p} AND state = 'open'`,
	} {
		if err := app.DB().NewQuery(one).Bind(dbx.Params{"p": project, "from": s.from}).Row(what); err != nil {
			return nil, fmt.Errorf("count: %w", err)
		}
	}
	return sum, nil
}
