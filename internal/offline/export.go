package offline

import "github.com/iterateswarm/iterateswarm/internal/triage"

// Name is a label, a component or an assignee, and how often people used it.
type Name struct {
	Name string `json:"name"`
	N    int    `json:"n"`
}

// Names lists what people have used, in the order it came up.
func (l *Learner) Names() (labels, components, assignees []Name) {
	out := [3][]Name{{}, {}, {}}
	for _, n := range l.names.list {
		if n.n > 0 {
			out[n.kind] = append(out[n.kind], Name{n.text, int(n.n)})
		}
	}
	return out[labelName], out[componentName], out[assigneeName]
}

// Version names what was learned so far; see Layer.Version.
func (l *Learner) Version() string { return l.version }

// Export is a layer for other programs to read: hashed features with their
// weights, and names. No word of a message can be read from it.
type Export struct {
	Format     string                    `json:"format"`
	Weights    string                    `json:"weights"` // the shipped ones it was learned on
	Version    string                    `json:"version"`
	Examples   int                       `json:"examples"`
	Effect     Effect                    `json:"effect"`
	Classes    [4]triage.Class           `json:"classes"`    // the order of the weights
	Severities [4]triage.Severity        `json:"severities"` // likewise
	Features   []ExportedFeature         `json:"features"`
	Bias       deltas                    `json:"bias"` // classes, then severities
	Sources    map[string]ExportedSource `json:"sources"`
	Names      map[string][]ExportedName `json:"names"`
}

// ExportedFeature is one bucket of hashed features.
type ExportedFeature struct {
	Bucket  int    `json:"bucket"`
	Weights deltas `json:"weights"` // added to the log odds of the classes, then of the severities
}

// ExportedSource is what was learned about one source.
type ExportedSource struct {
	Bias     deltas       `json:"bias"`
	Class    ExportedLine `json:"class"`
	Severity ExportedLine `json:"severity"`
}

// ExportedLine is a calibration: confidence = 1/(1+exp(-(a·logodds+b))).
type ExportedLine struct {
	Calibrated bool    `json:"calibrated"`
	A          float64 `json:"a"`
	B          float64 `json:"b"`
	N          int     `json:"n"`
}

// ExportedName is a label, component or assignee with the hashed words that
// speak for it.
type ExportedName struct {
	Name
	Bias  float32           `json:"bias"`
	Words []ExportedPosting `json:"words"`
}

// ExportedPosting is the weight of one bucket of hashed words for a name.
type ExportedPosting struct {
	Bucket int     `json:"bucket"`
	Weight float32 `json:"weight"`
}

// Export returns everything that was learned.
func (l *Learner) Export() Export {
	out := Export{Format: "iterateswarm-layer/1", Weights: l.engine.Version(), Version: l.version, Examples: l.count.Examples,
		Effect: l.count.Effect, Classes: triage.Classes, Severities: triage.Severities, Features: []ExportedFeature{},
		Bias: l.bias.W, Sources: map[string]ExportedSource{}, Names: map[string][]ExportedName{}}
	for k, r := range l.table.at {
		if r > 0 && l.table.rows[r] != (deltas{}) {
			out.Features = append(out.Features, ExportedFeature{k, l.table.rows[r]})
		}
	}
	for i, s := range l.sources {
		line := func(f Field) ExportedLine {
			r := l.recalibrate(i, f)
			return ExportedLine{r.fitted, r.a, r.b, r.n}
		}
		out.Sources[s] = ExportedSource{l.places[i].W, line(ClassField), line(SeverityField)}
	}
	words := make([][]ExportedPosting, len(l.names.list))
	for k, r := range l.names.at {
		for _, p := range l.names.rows[r] {
			words[p.Name] = append(words[p.Name], ExportedPosting{k, p.W})
		}
	}
	kinds := [...]string{labelName: "labels", componentName: "components", assigneeName: "assignees"}
	for i, n := range l.names.list {
		kind := kinds[n.kind]
		out.Names[kind] = append(out.Names[kind], ExportedName{Name{n.text, int(n.n)}, n.bias, words[i]})
	}
	return out
}
