package offline

import "math"

// CalibratedFrom is how many decided items of a source the confidence in a field
// is fitted on at least. Below that the shipped calibration stands.
const CalibratedFrom = 200

// mostFitted is how many of a source's latest outcomes a fit looks at.
const mostFitted = 1000

// recalibration says what the confidence is worth in one source: a line through
// its log odds (Platt). docs/judgement.md compares it with others.
type recalibration struct {
	a, b   float64
	n      int  // decided items
	fitted bool // they were enough
}

// apply changes the probability of the answer and shares the rest out as it
// was. The answer stays the answer.
func (r recalibration) apply(p []float64) {
	if !r.fitted {
		return
	}
	at := argmax(p)
	second := 0.0
	for k := range p {
		if k != at {
			second = max(second, p[k])
		}
	}
	rest := max(1-p[at], 1e-9)
	sure := 1 / (1 + math.Exp(-(float64(r.a*logOdds(p[at])) + r.b)))
	ratio := second / rest
	sure = min(max(sure, ratio/(1+ratio)), 1-1e-5)
	for k := range p {
		if k != at {
			p[k] *= (1 - sure) / rest
		}
	}
	p[at] = sure
}

func logOdds(p float64) float64 {
	p = min(max(p, 1e-4), 1-1e-4)
	return math.Log(p / (1 - p))
}

// recalibrate fits a source on its latest outcomes. Each was judged before it
// was learned from.
func (l *Learner) recalibrate(source int, f Field) recalibration {
	var rows []outcome
	for i := range l.outcomes {
		o := &l.outcomes[(l.next+i)%len(l.outcomes)]
		if int(o.Source) == source && o.Field == f {
			rows = append(rows, *o)
		}
	}
	if len(rows) < CalibratedFrom {
		return recalibration{a: 1, n: len(rows)}
	}
	a, b := fitLine(rows[max(0, len(rows)-mostFitted):])
	return recalibration{a: a, b: b, n: len(rows), fitted: true}
}

// fitLine finds the line with the best likelihood by Newton's method, with a
// pull towards no change that is worth a few items.
func fitLine(rows []outcome) (a, b float64) {
	a = 1
	for range 20 {
		ga, gb, haa, hab, hbb := 5*(a-1), b, 5.0, 0.0, 1.0
		for i := range rows {
			x := logOdds(float64(rows[i].Sure))
			p := 1 / (1 + math.Exp(-(float64(a*x) + b)))
			d := p
			if rows[i].Right {
				d--
			}
			w := float64(p * (1 - p))
			ga += float64(d * x)
			gb += d
			haa += float64(float64(w*x) * x)
			hab += float64(w * x)
			hbb += w
		}
		det := float64(haa*hbb) - float64(hab*hab)
		a -= (float64(hbb*ga) - float64(hab*gb)) / det
		b -= (float64(haa*gb) - float64(hab*ga)) / det
	}
	return a, b
}
