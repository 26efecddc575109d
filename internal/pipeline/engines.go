package pipeline

import (
	"fmt"
	"slices"
	"time"

	"github.com/pocketbase/dbx"

	"github.com/iterateswarm/iterateswarm/internal/records"
	"github.com/iterateswarm/iterateswarm/internal/triage"
)

// EngineReport is how the engines are doing and what the model may still use.
type EngineReport struct {
	Engines  []EngineStatus  `json:"engines"` // the embedded one, then the model when there is one
	Projects []ProjectBudget `json:"projects"`
}

// EngineStatus is one engine.
type EngineStatus struct {
	Name     string             `json:"name"`    // "offline" or "llm"
	Version  string             `json:"version"` // of the weights, or of the prompt
	State    string             `json:"state"`   // the embedded engine is always ready
	Speed    Speed              `json:"speed"`
	Degraded int                `json:"degraded"` // messages that wait for it
	Model    *triage.ModelState `json:"model,omitempty"`
	Rule     string             `json:"class_rule,omitempty"` // ClassAuto, ClassAlways or ClassNever
	Opinions *Opinions          `json:"opinions,omitempty"`
}

// Speed is how long an engine took lately.
type Speed struct {
	N   int     `json:"n"`
	P50 float64 `json:"p50_ms"`
	P95 float64 `json:"p95_ms"`
}

// ProjectBudget is what one project has used of the model since midnight UTC.
type ProjectBudget struct {
	Project     string         `json:"project"`
	Slug        string         `json:"slug"`
	Tokens      int            `json:"tokens"`
	TokenLimit  int            `json:"tokens_limit"` // 0: as many as the installation
	Cost        float64        `json:"cost"`
	CostLimit   float64        `json:"cost_limit"`
	SourceShare float64        `json:"source_share"`
	Sources     []records.Used `json:"sources"`
	Degraded    map[string]int `json:"degraded"` // messages that wait for the model, by the reason
}

// Engines reports on all engines, and on the budgets of the given projects.
func (p *Pipeline) Engines(projects []string) (EngineReport, error) {
	var out EngineReport
	s, err := p.Stats()
	if err != nil {
		return out, err
	}
	embedded := EngineStatus{Name: "offline", Version: p.Engine.Judge(triage.Item{Text: "ok"}).EngineVersion, State: "ready"}
	if embedded.Speed, err = p.speed(`SELECT ms FROM steps WHERE name = 'judge' ORDER BY rowid DESC LIMIT 500`, nil); err != nil {
		return out, err
	}
	out.Engines, out.Projects = []EngineStatus{embedded}, []ProjectBudget{}
	if p.Model == nil {
		return out, nil
	}
	m := EngineStatus{Name: "llm", Version: s.Model.Prompt, State: s.Model.State, Degraded: s.Degraded, Model: s.Model, Rule: p.ModelClass}
	m.Speed, err = p.speed(`SELECT ms FROM usage WHERE model = {:m} ORDER BY rowid DESC LIMIT 500`, dbx.Params{"m": s.Model.Model})
	if err != nil {
		return out, err
	}
	opinions, err := p.Opinions()
	if err != nil {
		return out, err
	}
	m.Opinions = &opinions
	out.Engines = append(out.Engines, m)
	out.Projects, err = p.budgets(projects)
	return out, err
}

// speed takes the middle and the slow end of what a query says, in milliseconds.
func (p *Pipeline) speed(query string, params dbx.Params) (Speed, error) {
	var ms []float64
	if err := p.App.DB().NewQuery(query).Bind(params).Column(&ms); err != nil {
		return Speed{}, fmt.Errorf("speed of an engine: %w", err)
	}
	if len(ms) == 0 {
		return Speed{}, nil
	}
	slices.Sort(ms)
	return Speed{N: len(ms), P50: ms[len(ms)/2], P95: ms[len(ms)*95/100]}, nil
}

// budgets lists what projects have used of the model today.
func (p *Pipeline) budgets(projects []string) ([]ProjectBudget, error) {
	used, err := records.UsedSince(p.App, time.Now().UTC().Truncate(24*time.Hour))
	if err != nil {
		return nil, err
	}
	var waiting []struct {
		Project string `db:"project"`
		Why     string `db:"why"`
		N       int    `db:"n"`
	}
	err = p.App.DB().NewQuery(`SELECT project, degraded_why AS why, count(*) AS n FROM feedback WHERE degraded = 1 GROUP BY project, degraded_why`).All(&waiting)
	if err != nil {
		return nil, fmt.Errorf("count degraded: %w", err)
	}
	out := make([]ProjectBudget, 0, len(projects))
	for _, id := range projects {
		settings, slug, err := p.read(p.App, id)
		if err != nil {
			return nil, err
		}
		limit := p.budgetOf(settings)
		b := ProjectBudget{Project: id, Slug: slug, TokenLimit: limit.DailyTokens, CostLimit: limit.DailyCost,
			SourceShare: limit.SourceShare, Sources: []records.Used{}, Degraded: map[string]int{}}
		for _, u := range used {
			if u.Project == id {
				b.Tokens += u.Tokens
				b.Cost += u.Cost
				b.Sources = append(b.Sources, u)
			}
		}
		for _, w := range waiting {
			if w.Project == id {
				b.Degraded[w.Why] += w.N
			}
		}
		out = append(out, b)
	}
	return out, nil
}
