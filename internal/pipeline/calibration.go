package pipeline

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/pocketbase/dbx"

	"github.com/iterateswarm/iterateswarm/internal/offline"
)

// Calibration is what a project's confidence has been worth so far: what
// messages were judged with, against what people decided.
type Calibration struct {
	Sources   []SourceCalibration `json:"sources"`
	Curve     []CurvePoint        `json:"curve"`      // empty until somebody has decided
	CurveFrom string              `json:"curve_from"` // "decisions" or "none"
	N         int                 `json:"n"`          // messages that people have decided on
}

// SourceCalibration is one source of a project: its confidence in the class,
// and beside it that in the severity.
type SourceCalibration struct {
	Source string `json:"source"`
	FieldCalibration
	Severity FieldCalibration `json:"severity"`
}

// FieldCalibration is what the confidence in one field has been worth.
type FieldCalibration struct {
	N          int     `json:"n"`          // messages that people have decided on
	Needed     int     `json:"needed"`     // so many, before the confidence is fitted to the source
	Calibrated bool    `json:"calibrated"` // it is fitted
	Agreed     float64 `json:"agreed"`     // share that people left as it was
	ECE        float64 `json:"ece"`        // expected calibration error, ten bins
}

// CurvePoint is what happens at one threshold: how many messages reach it, and
// how many of those were judged right.
type CurvePoint struct {
	Threshold float64 `json:"threshold"`
	Coverage  float64 `json:"coverage"`
	Precision float64 `json:"precision"`
	N         int     `json:"n"` // messages at or above the threshold
}

// thresholds are where the curve is computed.
var thresholds = []float64{0, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 0.97, 0.99}

// judgedAndDecided takes each message on whose class, or severity, a person has
// spoken, with the last word, and the last verdict from before the first word.
func judgedAndDecided(field, confidence string) string {
	return strings.NewReplacer("FIELD", field, "CONFIDENCE", confidence).Replace(judgedAndDecidedSQL)
}

const judgedAndDecidedSQL = `WITH counted AS (
	SELECT d.rowid AS r, d.subject, d.subject_id, d.after ` + peopleAfter + ` AND NOT ` + void + `
		AND json_extract(d.after, '$.said.FIELD') IS NOT NULL
), said AS (
	SELECT r, subject_id AS item, json_extract(after, '$.said.FIELD') AS value FROM counted WHERE subject = 'feedback'
	UNION ALL
	SELECT r, j.value, json_extract(after, '$.said.FIELD') FROM counted, json_each(after, '$.reports') j WHERE subject = 'issues'
), ends AS (
	SELECT item, value, max(r) AS last FROM said GROUP BY item
), firsts AS (
	SELECT item, min(r) AS first FROM said GROUP BY item
)
SELECT f.source, ends.value AS truth, json_extract(g.after, '$.FIELD') AS value, json_extract(g.after, '$.CONFIDENCE') AS confidence
FROM ends JOIN firsts ON firsts.item = ends.item JOIN feedback f ON f.id = ends.item
JOIN decisions g ON g.rowid = (SELECT max(x.rowid) FROM decisions x WHERE x.subject_id = ends.item AND x.action = 'judge' AND x.rowid < firsts.first)
WHERE json_extract(g.after, '$.CONFIDENCE') > 0 ORDER BY ends.last`

// decidedItem is one message on which people have decided.
type decidedItem struct {
	Source     string  `db:"source"`
	Truth      string  `db:"truth"`
	Value      string  `db:"value"`
	Confidence float64 `db:"confidence"`
}

func (d decidedItem) right() bool { return d.Value == d.Truth }

// Calibration measures a project's confidence on what its people have decided
// since the learning was last reset.
func (p *Pipeline) Calibration(project string) (Calibration, error) {
	out := Calibration{Sources: []SourceCalibration{}, Curve: []CurvePoint{}, CurveFrom: "none"}
	reset, err := p.lastReset(project)
	if err != nil {
		return out, err
	}
	layer := p.project(project).pupil.layer.Load()
	byField := [...]map[string][]decidedItem{offline.ClassField: {}, offline.SeverityField: {}}
	var all []decidedItem
	for f, names := range [...][2]string{offline.ClassField: {"class", "confidence"}, offline.SeverityField: {"severity", "severity_confidence"}} {
		var items []decidedItem
		err = p.App.DB().NewQuery(judgedAndDecided(names[0], names[1])).Bind(dbx.Params{"p": project, "through": reset}).All(&items)
		if err != nil {
			return out, fmt.Errorf("calibration: %w", err)
		}
		for _, d := range items {
			byField[f][d.Source] = append(byField[f][d.Source], d)
		}
		if f == int(offline.ClassField) {
			all = items
		}
	}
	of := func(source string, f offline.Field) FieldCalibration {
		list := byField[f][source]
		_, ok := layer.Calibrated(source, f)
		return FieldCalibration{N: len(list), Needed: offline.CalibratedFrom, Calibrated: ok, Agreed: agreed(list), ECE: calibrationError(list)}
	}
	for source := range byField[offline.ClassField] {
		out.Sources = append(out.Sources, SourceCalibration{source, of(source, offline.ClassField), of(source, offline.SeverityField)})
	}
	slices.SortFunc(out.Sources, func(a, b SourceCalibration) int { return cmp.Or(b.N-a.N, cmp.Compare(a.Source, b.Source)) })
	if out.N = len(all); out.N > 0 {
		out.CurveFrom, out.Curve = "decisions", curve(all)
	}
	return out, nil
}

func agreed(list []decidedItem) float64 {
	n := 0
	for _, d := range list {
		if d.right() {
			n++
		}
	}
	return round(float64(n) / float64(max(1, len(list))))
}

// calibrationError is the mean distance between confidence and agreement, over
// ten bins of equal width, weighted by their items.
func calibrationError(list []decidedItem) float64 {
	var sure, right [10]float64
	for _, d := range list {
		b := min(9, int(d.Confidence*10))
		sure[b] += d.Confidence
		if d.right() {
			right[b]++
		}
	}
	sum := 0.0
	for b := range sure {
		sum += math.Abs(sure[b] - right[b])
	}
	return round(sum / float64(max(1, len(list))))
}

func curve(items []decidedItem) []CurvePoint {
	out := make([]CurvePoint, 0, len(thresholds))
	for _, t := range thresholds {
		var at []decidedItem
		for _, d := range items {
			if d.Confidence >= t {
				at = append(at, d)
			}
		}
		if len(at) > 0 {
			out = append(out, CurvePoint{Threshold: t, Coverage: round(float64(len(at)) / float64(len(items))), Precision: agreed(at), N: len(at)})
		}
	}
	return out
}

func round(x float64) float64 { return math.Round(x*1e4) / 1e4 }
