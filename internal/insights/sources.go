package insights

import (
	"slices"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/tools/types"
)

// How a silent source is told: it has been quiet for longer than three times
// the gap that 95 of 100 of its last messages stayed under, and an hour.
const (
	lastMessages  = 200
	silentTimes   = 3
	silentAtLeast = time.Hour
	fewestGaps    = 20
)

// Source is how one source is doing.
type Source struct {
	Source   string   `json:"source"`
	Received int      `json:"received"`
	Last     string   `json:"last"`
	P50      *float64 `json:"p50_ms"` // from stored to settled, of the last 200
	P95      *float64 `json:"p95_ms"`
	Usual    *float64 `json:"usual_gap_s"` // the gap that 95 of 100 stay under
	Silent   bool     `json:"silent"`
	Status   string   `json:"status"` // of its plugin; empty when it has none
}

func (s span) sources(r *Report) error {
	r.Sources = []Source{}
	list, err := s.rows(`SELECT source AS k, sum(n) AS n FROM feedback_days WHERE project = {:p} AND day >= {:from} AND day <= {:to}
		GROUP BY source HAVING sum(n) > 0 ORDER BY 2 DESC, 1 LIMIT 50`)
	if err != nil {
		return err
	}
	var plugins []struct {
		Slug   string `db:"slug"`
		Status string `db:"status"`
	}
	err = s.app.DB().NewQuery(`SELECT slug, CASE enabled WHEN 1 THEN status ELSE 'disabled' END AS status FROM sources WHERE project = {:p}`).
		Bind(dbx.Params{"p": s.project}).All(&plugins)
	if err != nil {
		return err
	}
	status := map[string]string{}
	for _, p := range plugins {
		status[p.Slug] = p.Status
	}
	for _, c := range list {
		src := Source{Source: c.K, Received: c.N, Status: status[c.K]}
		delete(status, c.K)
		if err := s.pace(&src); err != nil {
			return err
		}
		r.Sources = append(r.Sources, src)
	}
	for _, p := range plugins {
		if _, quiet := status[p.Slug]; quiet {
			r.Sources = append(r.Sources, Source{Source: p.Slug, Status: p.Status})
		}
	}
	return nil
}

// pace reads the last messages of a source.
func (s span) pace(src *Source) error {
	var list []struct {
		Created string  `db:"created"`
		Took    float64 `db:"took_ms"`
	}
	err := s.app.DB().NewQuery(`SELECT created, took_ms FROM feedback INDEXED BY idx_feedback_source
		WHERE project = {:p} AND source = {:s} ORDER BY created DESC LIMIT {:n}`).
		Bind(dbx.Params{"p": s.project, "s": src.Source, "n": lastMessages}).All(&list)
	if err != nil || len(list) == 0 {
		return err
	}
	src.Last = list[0].Created
	var took, gaps []float64
	var newer time.Time
	for _, m := range list {
		if m.Took > 0 {
			took = append(took, m.Took)
		}
		at, err := types.ParseDateTime(m.Created)
		if err != nil {
			continue
		}
		if !newer.IsZero() {
			gaps = append(gaps, newer.Sub(at.Time()).Seconds())
		}
		newer = at.Time()
	}
	src.P50, src.P95 = quantile(took, 0.5), quantile(took, 0.95)
	if len(gaps) < fewestGaps {
		return nil
	}
	src.Usual = quantile(gaps, 0.95)
	last, _ := types.ParseDateTime(src.Last)
	quiet := s.now.Sub(last.Time())
	src.Silent = quiet > silentAtLeast && quiet.Seconds() > silentTimes**src.Usual
	return nil
}

func quantile(list []float64, q float64) *float64 {
	if len(list) == 0 {
		return nil
	}
	slices.Sort(list)
	v := list[min(int(float64(len(list))*q), len(list)-1)]
	return &v
}
