package pipeline

import (
	"fmt"
	"sort"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/tools/types"
)

// Overview is how the installation is doing, for whoever runs it.
type Overview struct {
	Queue    map[string]int `json:"queue"`
	Waiting  float64        `json:"waiting_s"` // age of the oldest job that could be worked
	Messages int            `json:"messages"`
	Indexed  int            `json:"indexed"`
	Plugins  []PluginState  `json:"plugins"`
	Minutes  []Minute       `json:"minutes"`
	ReadOnly bool           `json:"read_only"`
	Rebuild  Rebuild        `json:"rebuild"`
}

// PluginState is one source or tracker.
type PluginState struct {
	Kind    string `db:"kind" json:"kind"`
	ID      string `db:"id" json:"id"`
	Name    string `db:"name" json:"name"`
	Plugin  string `db:"plugin" json:"plugin"`
	Enabled bool   `db:"enabled" json:"enabled"`
	Status  string `db:"status" json:"status"`
	Detail  string `db:"status_detail" json:"detail"`
}

// Minute is what happened in one minute (UTC).
type Minute struct {
	At     string   `json:"at"` // 2026-11-22 20:31
	Jobs   int      `json:"jobs"`
	P95    *float64 `json:"p95_ms"` // from stored to settled; nil: no message
	Tokens int      `json:"tokens"`
}

// overviewMinutes is how far back an overview looks; the queue keeps finished
// jobs for an hour.
const overviewMinutes = 60

// Overview asks everything now.
func (p *Pipeline) Overview() (Overview, error) {
	o := Overview{Plugins: []PluginState{}, ReadOnly: p.ReadOnly(), Rebuild: p.Rebuilding()}
	var err error
	if o.Queue, err = p.queue.Counts(); err != nil {
		return o, err
	}
	db := p.App.DB()
	err = db.NewQuery(`SELECT coalesce(max(0, (julianday('now') - julianday(min(scheduled_at))) * 86400), 0) FROM river_job
		WHERE state = 'available'`).Row(&o.Waiting)
	if err == nil {
		err = db.NewQuery(`SELECT count(*) FROM feedback`).Row(&o.Messages)
	}
	if err == nil {
		err = db.NewQuery(`SELECT count(*) FROM vectors`).Row(&o.Indexed)
	}
	if err == nil {
		err = db.NewQuery(`SELECT 'source' AS kind, id, name, plugin, enabled, status, status_detail FROM sources
			UNION ALL SELECT 'tracker', id, name, plugin, enabled, status, status_detail FROM trackers ORDER BY kind, name`).All(&o.Plugins)
	}
	if err != nil {
		return o, fmt.Errorf("overview: %w", err)
	}
	o.Minutes, err = p.minutes()
	return o, err
}

// minutes are the last hour's, oldest first.
func (p *Pipeline) minutes() ([]Minute, error) {
	start := time.Now().UTC().Add(-(overviewMinutes - 1) * time.Minute).Truncate(time.Minute)
	since := start.Format(types.DefaultDateLayout)
	jobs, err := p.queue.Finished(start)
	if err != nil {
		return nil, err
	}
	var settled []struct {
		Minute string  `db:"minute"`
		Took   float64 `db:"took_ms"`
	}
	err = p.App.DB().NewQuery(`SELECT substr(created, 1, 16) AS minute, took_ms FROM feedback WHERE created >= {:t} AND took_ms > 0
		LIMIT 100000`).Bind(dbx.Params{"t": since}).All(&settled)
	if err != nil {
		return nil, fmt.Errorf("times of settling: %w", err)
	}
	took := map[string][]float64{}
	for _, s := range settled {
		took[s.Minute] = append(took[s.Minute], s.Took)
	}
	var spent []struct {
		Minute string `db:"minute"`
		Tokens int    `db:"tokens"`
	}
	err = p.App.DB().NewQuery(`SELECT substr(created, 1, 16) AS minute, sum(tokens_in + tokens_out) AS tokens FROM usage WHERE created >= {:t}
		GROUP BY minute`).Bind(dbx.Params{"t": since}).All(&spent)
	if err != nil {
		return nil, fmt.Errorf("tokens spent: %w", err)
	}
	tokens := map[string]int{}
	for _, s := range spent {
		tokens[s.Minute] = s.Tokens
	}
	out := make([]Minute, overviewMinutes)
	for i := range out {
		at := start.Add(time.Duration(i) * time.Minute).Format("2006-01-02 15:04")
		out[i] = Minute{At: at, Jobs: jobs[at], P95: p95(took[at]), Tokens: tokens[at]}
	}
	return out, nil
}

// p95 is the value that 95 of 100 are not above, or nil of none.
func p95(v []float64) *float64 {
	if len(v) == 0 {
		return nil
	}
	sort.Float64s(v)
	return &v[(len(v)*95+99)/100-1]
}
