package insights

import (
	"slices"
)

// How many of the latest decisions are read one by one.
const (
	timedDecisions  = 1000
	judgedDecisions = 500
)

// Bin is one range of confidence: how often people left the engine's class as
// it was, there.
type Bin struct {
	From   float64 `json:"from"`
	To     float64 `json:"to"`
	N      int     `json:"n"`
	Agreed int     `json:"agreed"`
}

// Calibration compares the engine's confidence with what people said.
type Calibration struct {
	Bins []Bin `json:"bins"`
	N    int   `json:"n"`
}

// people fills what persons' decisions tell: how long issues waited, how often
// the engine's class was changed, and how that goes with its confidence.
func (s span) people(r *Report) error {
	var waits []float64
	err := s.app.DB().NewQuery(`SELECT (julianday(d.created) - julianday(i.created)) * 86400 FROM (
			SELECT subject_id, min(created) AS created FROM (
				SELECT subject_id, created FROM decisions INDEXED BY idx_decisions_acts
				WHERE project = {:p} AND actor_kind = 'person' AND created >= {:from} AND subject = 'issues' AND undo_of = ''
				ORDER BY created DESC LIMIT {:most}) GROUP BY subject_id) d
		JOIN issues i ON i.id = d.subject_id`).Bind(with(s.params(), "most", timedDecisions)).Column(&waits)
	if err != nil {
		return err
	}
	if len(waits) > 0 {
		slices.Sort(waits)
		r.Decision = &Waited{Median: waits[len(waits)/2], N: len(waits)}
	}
	return s.overrides(r)
}

func (s span) overrides(r *Report) error {
	var list []struct {
		Agreed     int     `db:"agreed"`
		Confidence float64 `db:"confidence"`
	}
	// What the engine said first of the message, or of the first report.
	err := s.app.DB().NewQuery(`SELECT agreed, coalesce(json_extract((SELECT j.after FROM decisions j WHERE j.subject_id = first
			AND j.action = 'judge' ORDER BY j.rowid DESC LIMIT 1), '$.confidence'), 0) AS confidence FROM (
		SELECT json_extract(d.after, '$.class') = json_extract(d.after, '$.engine_class') AS agreed,
			CASE d.subject WHEN 'feedback' THEN d.subject_id ELSE
				(SELECT f.id FROM feedback f WHERE f.issue = d.subject_id AND f.issue != '' ORDER BY f.created LIMIT 1) END AS first
		FROM decisions d INDEXED BY idx_decisions_acts WHERE d.project = {:p} AND d.actor_kind = 'person' AND d.created >= {:from}
		AND d.action IN ('approve', 'reclassify') AND json_extract(d.after, '$.engine_class') IS NOT NULL
		AND NOT EXISTS (SELECT 1 FROM decisions u WHERE u.undo_of = d.id AND u.undo_of != '')
		ORDER BY d.created DESC LIMIT {:most})`).Bind(with(s.params(), "most", judgedDecisions)).All(&list)
	if err != nil || len(list) == 0 {
		return err
	}
	c := &Calibration{N: len(list)}
	for i := range 10 {
		c.Bins = append(c.Bins, Bin{From: float64(i) / 10, To: float64(i+1) / 10})
	}
	changed := 0
	for _, d := range list {
		b := &c.Bins[min(max(int(d.Confidence*10), 0), 9)]
		b.N++
		b.Agreed += d.Agreed
		changed += 1 - d.Agreed
	}
	c.Bins = slices.DeleteFunc(c.Bins, func(b Bin) bool { return b.N == 0 })
	r.Calibration = c
	r.Overrides = share(changed, len(list))
	return nil
}

func with(p map[string]any, name string, value any) map[string]any {
	p[name] = value
	return p
}
