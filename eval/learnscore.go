package main

import (
	"fmt"

	"github.com/iterateswarm/iterateswarm/internal/offline"
)

// nameScore measures the components that a layer suggests, each before it was
// told, and the severity.
type nameScore struct {
	windows  [4]struct{ tp, fp, fn int }
	severity [4]window
}

func (s *nameScore) judge(e *offline.Engine, l *offline.Learner, x offline.Example, n int) {
	if n%5 != 0 { // a layer is copied for each; a fifth is enough to measure
		return
	}
	at := 0
	for n >= stretches[at] {
		at++
	}
	v, shipped := e.JudgeWith(l.Layer(), x.Item), e.Judge(x.Item)
	w := &s.windows[at]
	hit := false
	for _, c := range v.Components {
		if c == x.Components[0] {
			hit = true
		} else {
			w.fp++
		}
	}
	if hit {
		w.tp++
	} else {
		w.fn++
	}
	if x.Severity != "" {
		q := &s.severity[at]
		q.n++
		if shipped.Severity == x.Severity {
			q.before++
		}
		if v.Severity == x.Severity {
			q.after++
		}
	}
}

func (s *nameScore) String() string {
	out := ""
	for i, w := range s.windows {
		out += fmt.Sprintf("components, to %d: precision %.3f recall %.3f n=%d\n", stretches[i],
			float64(w.tp)/float64(max(1, w.tp+w.fp)), float64(w.tp)/float64(max(1, w.tp+w.fn)), w.tp+w.fn)
	}
	return out + "severity " + stretchText(s.severity) + "\n"
}
