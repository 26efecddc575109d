// Package insights counts: what came in, what was decided, how sure the engine
// was and how right, what rises. Every number comes from a query over the
// records or their tallies; what was not measured is nil.
package insights

import (
	"fmt"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
)

// MostDays is the longest time that can be looked at.
const MostDays = 366

// Share is how many of how many.
type Share struct {
	Share float64 `json:"share"` // 0..1
	N     int     `json:"n"`
	Of    int     `json:"of"`
}

func share(n, of int) *Share {
	if of == 0 {
		return nil
	}
	return &Share{Share: float64(n) / float64(of), N: n, Of: of}
}

// Waited is how long issues waited for a person.
type Waited struct {
	Median float64 `json:"median_s"`
	N      int     `json:"n"`
}

// Cost is what asking a model took, in the currency of the configured prices.
type Cost struct {
	Amount float64 `json:"amount"`
	Calls  int     `json:"calls"`
	Failed int     `json:"failed"`
	Tokens int     `json:"tokens"`
}

// Volume is one day's messages by class.
type Volume struct {
	Day      string `json:"day"`
	Bug      int    `json:"bug"`
	Feature  int    `json:"feature"`
	Question int    `json:"question"`
	Noise    int    `json:"noise"`
}

// Week is one week's bugs and features by severity. Start is its Monday.
type Week struct {
	Start    string `json:"start"`
	Critical int    `json:"critical"`
	High     int    `json:"high"`
	Medium   int    `json:"medium"`
	Low      int    `json:"low"`
}

// EngineDay is what one engine did on one day.
type EngineDay struct {
	Day    string  `json:"day"`
	Engine string  `json:"engine"`
	N      int     `json:"n"`     // messages whose verdict is this engine's
	Calls  int     `json:"calls"` // of a model, repeated ones included
	Cost   float64 `json:"cost"`
}

// Report is everything that the Insights screen shows.
type Report struct {
	Days        int          `json:"days"`
	From        string       `json:"from"` // the first day, UTC
	To          string       `json:"to"`
	Received    int          `json:"received"`
	Before      int          `json:"received_before"` // in the time of the same length before
	AutoApplied *Share       `json:"auto_applied"`    // of what rules settled: joined, rested and put aside without a person
	Decision    *Waited      `json:"decision_time"`   // from drafted to a person's first word, of the last 1,000
	Duplicates  *Share       `json:"duplicates"`      // of the messages in issues: joined one that was known
	Overrides   *Share       `json:"overrides"`       // of the classes that people decided on: changed the engine's
	Cost        *Cost        `json:"cost"`
	Volume      []Volume     `json:"volume"`
	Severity    []Week       `json:"severity"`
	Clusters    []Cluster    `json:"clusters"`
	Calibration *Calibration `json:"calibration"`
	Engines     []EngineDay  `json:"engines"`
	Sources     []Source     `json:"sources"`
	SpikeRule   string       `json:"spike_rule"`
}

const day = "2006-01-02"

// span is the project and the days that are looked at.
type span struct {
	app      core.App
	project  string
	now      time.Time
	from, to string // first and last day
	before   string // first day of the time before
	days     int
}

func (s span) params() dbx.Params {
	return dbx.Params{"p": s.project, "from": s.from, "to": s.to, "before": s.before}
}

// Of counts the last days of a project.
func Of(app core.App, project string, days int, now time.Time) (*Report, error) {
	now = now.UTC()
	s := span{app: app, project: project, now: now, days: days, to: now.Format(day),
		from: now.AddDate(0, 0, 1-days).Format(day), before: now.AddDate(0, 0, 1-2*days).Format(day)}
	r := &Report{Days: days, From: s.from, To: s.to, SpikeRule: SpikeRule}
	for what, fill := range map[string]func(*Report) error{
		"volume": s.volume, "severity": s.severity, "rules": s.rules, "people": s.people, "cost": s.cost,
		"engines": s.engines, "clusters": s.clusters, "sources": s.sources,
	} {
		if err := fill(r); err != nil {
			return nil, fmt.Errorf("count %s: %w", what, err)
		}
	}
	return r, nil
}

// row is one line of a tally, under the names its query gives.
type row struct {
	Day  string  `db:"day"`
	K    string  `db:"k"`
	N    int     `db:"n"`
	M    int     `db:"m"`
	X    float64 `db:"x"`
	Last string  `db:"last"`
}

func (s span) rows(query string) ([]row, error) {
	var list []row
	err := s.app.DB().NewQuery(query).Bind(s.params()).All(&list)
	return list, err
}

func (s span) volume(r *Report) error {
	list, err := s.rows(`SELECT day, class AS k, sum(n) AS n, sum(n * again) AS m, sum(n * (state = 'joined')) AS x
		FROM feedback_days WHERE project = {:p} AND day >= {:before} GROUP BY day, class`)
	if err != nil {
		return err
	}
	at := map[string]int{}
	first, _ := time.Parse(day, s.from)
	for i := range s.days {
		d := first.AddDate(0, 0, i).Format(day)
		at[d] = i
		r.Volume = append(r.Volume, Volume{Day: d})
	}
	again, joined := 0, 0
	for _, c := range list {
		i, in := at[c.Day]
		switch {
		case c.Day < s.from:
			r.Before += c.N
		case in:
			r.Received += c.N
			again += c.M
			joined += int(c.X)
			v := &r.Volume[i]
			*map[string]*int{"bug": &v.Bug, "feature": &v.Feature, "question": &v.Question, "noise": &v.Noise, "": new(int)}[c.K] += c.N
		}
	}
	r.Duplicates = share(again, joined)
	return nil
}

func (s span) severity(r *Report) error {
	list, err := s.rows(`SELECT day, severity AS k, sum(n) AS n FROM feedback_days
		WHERE project = {:p} AND day >= {:from} AND day <= {:to} AND class IN ('bug', 'feature') GROUP BY day, severity`)
	if err != nil {
		return err
	}
	first, _ := time.Parse(day, s.from)
	monday := first.AddDate(0, 0, -(int(first.Weekday())+6)%7)
	at := map[string]int{}
	for d := monday; d.Format(day) <= s.to; d = d.AddDate(0, 0, 7) {
		at[d.Format(day)] = len(r.Severity)
		r.Severity = append(r.Severity, Week{Start: d.Format(day)})
	}
	for _, c := range list {
		d, err := time.Parse(day, c.Day)
		if err != nil {
			continue // a date written by hand
		}
		w := &r.Severity[at[d.AddDate(0, 0, -(int(d.Weekday())+6)%7).Format(day)]]
		*map[string]*int{"critical": &w.Critical, "high": &w.High, "medium": &w.Medium, "low": &w.Low, "": new(int)}[c.K] += c.N
	}
	return nil
}

// settledBy are the rules' own decisions: which of them left nothing for a person.
var settledBy = map[string]bool{"join": true, "rest": true, "noise": true, "approve": true, "decline": true,
	"draft": false, "regression": false, "hold": false}

func (s span) rules(r *Report) error {
	list, err := s.rows(`SELECT action AS k, sum(n) AS n FROM decision_days
		WHERE project = {:p} AND day >= {:from} AND day <= {:to} AND actor_kind = 'rule' GROUP BY action`)
	if err != nil {
		return err
	}
	applied, all := 0, 0
	for _, c := range list {
		auto, counted := settledBy[c.K]
		if counted {
			all += c.N
		}
		if auto {
			applied += c.N
		}
	}
	r.AutoApplied = share(applied, all)
	return nil
}

func (s span) cost(r *Report) error {
	list, err := s.rows(`SELECT sum(calls) AS n, sum(tokens) AS m, sum(cost) AS x, cast(sum(failed) AS TEXT) AS k FROM usage_days
		WHERE project = {:p} AND day >= {:from} AND day <= {:to} GROUP BY project`)
	if err != nil || len(list) == 0 {
		return err
	}
	r.Cost = &Cost{Amount: list[0].X, Calls: list[0].N, Tokens: list[0].M}
	_, err = fmt.Sscan(list[0].K, &r.Cost.Failed)
	return err
}

func (s span) engines(r *Report) error {
	r.Engines = []EngineDay{}
	list, err := s.rows(`SELECT day, engine AS k, sum(n) AS n, 0 AS m, 0.0 AS x FROM feedback_days
		WHERE project = {:p} AND day >= {:from} AND day <= {:to} GROUP BY day, engine HAVING sum(n) > 0
		UNION ALL SELECT day, model, 0, calls, cost FROM usage_days WHERE project = {:p} AND day >= {:from} AND day <= {:to} ORDER BY 1, 2`)
	if err != nil {
		return err
	}
	for _, c := range list {
		if last := len(r.Engines) - 1; last >= 0 && r.Engines[last].Day == c.Day && r.Engines[last].Engine == c.K {
			e := &r.Engines[last]
			e.N, e.Calls, e.Cost = e.N+c.N, e.Calls+c.M, e.Cost+c.X
			continue
		}
		r.Engines = append(r.Engines, EngineDay{Day: c.Day, Engine: c.K, N: c.N, Calls: c.M, Cost: c.X})
	}
	return nil
}
