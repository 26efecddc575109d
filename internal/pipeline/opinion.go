package pipeline

import (
	"fmt"
	"sync"
	"time"

	"github.com/pocketbase/dbx"

	"github.com/iterateswarm/iterateswarm/internal/triage"
)

// Whose class a message gets when a model has judged it.
const (
	ClassAuto   = "auto"   // the model's once it has proved better here, see trust
	ClassAlways = "always" // the model's
	ClassNever  = "never"  // the embedded engine's; the model writes the specification
)

// When a model counts as better: it is right more often by this much, on as
// many items that people have decided.
const (
	OpinionsNeeded = 200
	GainNeeded     = 0.03
	opinionsKept   = 1000 // the latest ones
	opinionsAge    = 10 * time.Minute
)

// Opinions is how often the two engines were right where a person has said what
// is. People see one of the two first, so the other one is at a disadvantage.
type Opinions struct {
	N             int  `json:"n"`
	Needed        int  `json:"needed"`
	ModelRight    int  `json:"model_right"`
	EmbeddedRight int  `json:"embedded_right"`
	Trusted       bool `json:"trusted"` // the model's class is used for every message
}

// opinions remembers the last count.
type opinions struct {
	mu   sync.Mutex
	at   time.Time
	last Opinions
}

// Opinions compares the current model with the embedded engine.
func (p *Pipeline) Opinions() (Opinions, error) {
	o := &p.opinions
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.at.IsZero() && time.Since(o.at) < opinionsAge {
		return o.last, nil
	}
	var c struct {
		N        int `db:"n"`
		Model    int `db:"model"`
		Embedded int `db:"embedded"`
	}
	err := p.App.DB().NewQuery(decidedTwice).
		Bind(dbx.Params{"model": p.Model.State().Model, "n": opinionsKept}).One(&c)
	if err != nil {
		return Opinions{}, fmt.Errorf("compare model and engine: %w", err)
	}
	o.last = Opinions{N: c.N, Needed: OpinionsNeeded, ModelRight: c.Model, EmbeddedRight: c.Embedded}
	o.last.Trusted = p.ModelClass == ClassAlways || p.ModelClass == ClassAuto && c.N >= OpinionsNeeded &&
		float64(c.Model-c.Embedded) >= GainNeeded*float64(c.N)
	o.at = time.Now()
	return o.last, nil
}

// decidedTwice takes each message on whose class a person has spoken, by a
// correction or by approving the issue that it made, and that the model has
// judged, with the latest of both.
const decidedTwice = `WITH said AS (
	SELECT max(d.rowid) AS latest, json_extract(d.after, '$.class') AS class,
		CASE d.subject WHEN 'feedback' THEN d.subject_id
			ELSE (SELECT f.id FROM feedback f WHERE f.issue = d.subject_id AND f.issue != '' ORDER BY f.created, f.rowid LIMIT 1) END AS message
	FROM decisions d WHERE d.actor_kind = 'person' AND d.action IN ('approve', 'reclassify')
		AND NOT EXISTS (SELECT 1 FROM decisions u WHERE u.undo_of = d.id)
	GROUP BY message ORDER BY latest DESC LIMIT {:n}
), both AS (
	SELECT said.class, (SELECT j.after FROM decisions j WHERE j.subject_id = said.message AND j.action = 'judge' AND j.engine = {:model}
		ORDER BY j.rowid DESC LIMIT 1) AS judged FROM said WHERE said.message IS NOT NULL
)
SELECT count(*) AS n, coalesce(sum(class = json_extract(judged, '$.model_class')), 0) AS model,
	coalesce(sum(class = json_extract(judged, '$.embedded_class')), 0) AS embedded
FROM both WHERE json_extract(judged, '$.model_class') IS NOT NULL AND class IS NOT NULL`

// adopt makes one verdict of two: the model's specification, and the class and
// severity of whoever is trusted with them.
func (p *Pipeline) adopt(embedded, model triage.Verdict, holdBelow float64) (triage.Verdict, error) {
	v := model
	v.Assignees = embedded.Assignees
	trusted, why, err := p.trust(embedded, model, holdBelow)
	if err != nil {
		return v, err
	}
	v.Opinions = &triage.Opinions{
		Model:    triage.Opinion{Class: model.Class, Severity: model.Severity, Confidence: model.Confidence},
		Embedded: triage.Opinion{Class: embedded.Class, Severity: embedded.Severity, Confidence: embedded.Confidence},
		Used:     "model", Why: why,
	}
	if trusted {
		return v, nil
	}
	v.Opinions.Used = "embedded"
	if embedded.Class != model.Class {
		v.Reasoning = embedded.Reasoning
	}
	v.Class, v.Confidence, v.Probabilities = embedded.Class, embedded.Confidence, embedded.Probabilities
	v.Severity, v.SeverityProbs = embedded.Severity, embedded.SeverityProbs
	v.Evidence = nil
	for _, e := range embedded.Evidence {
		if e.Field == "class" || e.Field == "severity" {
			v.Evidence = append(v.Evidence, e)
		}
	}
	for _, e := range model.Evidence {
		if e.Field != "class" && e.Field != "severity" {
			v.Evidence = append(v.Evidence, e)
		}
	}
	// What the model leaves out, because it takes the message for something else.
	if v.Class == triage.Bug && len(v.Steps) == 0 {
		v.Steps = embedded.Steps
	}
	if (v.Class == triage.Bug || v.Class == triage.Feature) && len(v.Criteria) == 0 {
		v.Criteria = embedded.Criteria
	}
	return v, nil
}

// trust says whether a message gets the model's class, and why.
func (p *Pipeline) trust(embedded, model triage.Verdict, holdBelow float64) (bool, string, error) {
	switch p.ModelClass {
	case ClassAlways:
		return true, "configured", nil
	case ClassNever:
		return false, "configured", nil
	}
	o, err := p.Opinions()
	switch {
	case err != nil:
		return false, "", err
	case o.Trusted:
		return true, "the model is right more often here", nil
	case o.N >= OpinionsNeeded:
		return false, "the model is not right more often here", nil
	case model.Language != "en" && model.Language != "und":
		return true, "the embedded engine knows little of this language", nil
	case embedded.Confidence < holdBelow:
		return true, "the embedded engine was not sure", nil
	}
	return false, "the model has not proved better here yet", nil
}
