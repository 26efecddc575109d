package insights

import (
	"fmt"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
)

// RowHours is how many hours a row's sparkline shows.
const RowHours = 24

// Row is what a list shows of an issue beside its record. Issues merged into it
// count.
type Row struct {
	Sources    map[string]int `json:"sources"`    // reports by source
	Hours      []int          `json:"hours"`      // reports in each of the last 24 hours, the oldest first
	Confidence float64        `json:"confidence"` // of the verdict on the first report
	Engine     string         `json:"engine"`     // that gave it
	Degraded   bool           `json:"degraded"`   // it waits for the model
	Similar    int            `json:"similar"`    // issues that the first report may belong to instead
}

// Rows reads the rows of issues. ids is checked by the caller: they are records
// of one project that may be read.
func Rows(app core.App, ids []string, now time.Time) (map[string]*Row, error) {
	out := make(map[string]*Row, len(ids))
	for _, id := range ids {
		out[id] = &Row{Sources: map[string]int{}, Hours: make([]int, RowHours)}
	}
	if len(ids) == 0 {
		return out, nil
	}
	params := dbx.Params{"now": stamp(now), "since": stamp(now.Add(-RowHours * time.Hour))}
	tree := forest(ids)
	var sources []struct {
		Root, Source string
		N            int
	}
	err := app.DB().NewQuery(tree + ` SELECT t.root, f.source, count(*) AS n FROM tree t CROSS JOIN feedback f ON f.issue = t.id AND f.issue != '' GROUP BY 1, 2`).Bind(params).All(&sources)
	if err != nil {
		return nil, fmt.Errorf("sources of issues: %w", err)
	}
	for _, s := range sources {
		out[s.Root].Sources[s.Source] = s.N
	}
	var hours []struct {
		Root   string
		Age, N int
	}
	err = app.DB().NewQuery(tree + ` SELECT t.root, (unixepoch({:now}) - unixepoch(f.created)) / 3600 AS age, count(*) AS n
		FROM tree t CROSS JOIN feedback f INDEXED BY idx_feedback_seen ON f.issue = t.id AND f.issue != '' AND f.created > {:since} GROUP BY 1, 2`).Bind(params).All(&hours)
	if err != nil {
		return nil, fmt.Errorf("hours of issues: %w", err)
	}
	for _, h := range hours {
		out[h.Root].Hours[RowHours-1-min(max(h.Age, 0), RowHours-1)] += h.N
	}
	var first []struct {
		Root, Engine string
		At           string
		Confidence   float64
		Degraded     bool
		Similar      int
	}
	// SQLite takes the other columns from the row that has the minimum.
	err = app.DB().NewQuery(tree + ` SELECT t.root, min(f.created) AS at, f.engine, f.confidence, f.degraded,
		CASE WHEN json_valid(f.candidates) AND json_type(f.candidates) = 'array' THEN json_array_length(f.candidates) ELSE 0 END AS similar
		FROM tree t CROSS JOIN feedback f ON f.issue = t.id AND f.issue != '' GROUP BY 1`).Bind(params).All(&first)
	if err != nil {
		return nil, fmt.Errorf("first reports of issues: %w", err)
	}
	for _, f := range first {
		r := out[f.Root]
		r.Confidence, r.Engine, r.Degraded, r.Similar = f.Confidence, f.Engine, f.Degraded, f.Similar
	}
	return out, nil
}
