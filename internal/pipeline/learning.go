package pipeline

import (
	"time"

	"github.com/pocketbase/pocketbase/core"

	"github.com/iterateswarm/iterateswarm/internal/offline"
	"github.com/iterateswarm/iterateswarm/internal/records"
	"github.com/iterateswarm/iterateswarm/internal/triage"
)

// Learning is what a project's people have taught, in numbers.
type Learning struct {
	Examples    int                    `json:"examples"`    // messages that were taught, each time
	Corrections int                    `json:"corrections"` // of them, where people said another class
	Classes     map[triage.Class]Class `json:"classes"`
	Labels      []offline.Name         `json:"labels"`
	Components  []offline.Name         `json:"components"`
	Assignees   []offline.Name         `json:"assignees"`
	Effect      *offline.Effect        `json:"effect"` // null until somebody has decided
	Version     string                 `json:"version"`
	Weights     string                 `json:"weights"` // the shipped ones, which learning never changes
	Bytes       int                    `json:"bytes"`
	Busy        bool                   `json:"busy"` // it is being learned anew
	Updated     *time.Time             `json:"updated"`
}

// Class is how often people said a class, and said it against the verdict.
type Class struct {
	Said      int `json:"said"`
	Corrected int `json:"corrected"`
}

// Learning says what a project's people have taught.
func (p *Pipeline) Learning(project string) Learning {
	pu := &p.project(project).pupil
	pu.mu.Lock()
	defer pu.mu.Unlock()
	out := Learning{Classes: map[triage.Class]Class{}, Weights: p.Engine.Version(), Busy: pu.anew}
	l := pu.learner
	if l == nil {
		l = offline.NewLearner(p.Engine)
	} else {
		out.Bytes = len(l.Encode())
	}
	c := l.Counts()
	out.Examples, out.Version = c.Examples, pu.layer.Load().Version()
	for i, class := range triage.Classes {
		out.Classes[class] = Class{Said: c.Told[i], Corrected: c.Corrected[i]}
		out.Corrections += c.Corrected[i]
	}
	out.Labels, out.Components, out.Assignees = l.Names()
	if c.Effect.N > 0 {
		out.Effect = &c.Effect
	}
	if !pu.at.IsZero() {
		at := pu.at.UTC()
		out.Updated = &at
	}
	return out
}

// ExportLearning returns what a project's people have taught as data that
// another program can read. It holds no text of any message.
func (p *Pipeline) ExportLearning(project string, by *core.Record) (offline.Export, error) {
	if err := p.May(p.App, by, project, triage.Admin, NoProject); err != nil {
		return offline.Export{}, err
	}
	pu := &p.project(project).pupil
	pu.mu.Lock()
	defer pu.mu.Unlock()
	if pu.learner == nil {
		return offline.NewLearner(p.Engine).Export(), nil
	}
	return pu.learner.Export(), nil
}

// mostReasons is how many features Why names for each field.
const mostReasons = 12

// Why says which features weigh most in the embedded engine's verdict on a
// message, as the project's layer is now.
func (p *Pipeline) Why(id string, by *core.Record) (class, severity []offline.Reason, err error) {
	r, err := p.App.FindRecordById(records.Feedback, id)
	if err != nil {
		return nil, nil, Fault(NoFeedback, "There is no message %q.", id)
	}
	if err := p.May(p.App, by, r.GetString("project"), triage.Viewer, NoFeedback); err != nil {
		return nil, nil, err
	}
	if r.GetString("erased") != "" {
		return nil, nil, Fault(IllegalMove, "The text of this message was erased; there is nothing to explain.")
	}
	settings, _, err := p.read(p.App, r.GetString("project"))
	if err != nil {
		return nil, nil, err
	}
	class, severity = p.Engine.Why(p.project(r.GetString("project")).pupil.layer.Load(), itemOf(r, settings), mostReasons)
	return class, severity, nil
}
