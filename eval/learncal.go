package main

import (
	"fmt"
	"math"
	"slices"
)

// said is one prediction and what was true.
type said struct {
	p     [4]float64
	truth int
}

// simulated is one team's predictions, each made before the team decided.
type simulated struct {
	kind string
	rows []said
}

// fitted turns a prediction into how sure to be of its class.
type fitted func([4]float64) float64

// calibrations are the ways to learn from a source's decisions what its
// confidence is worth. compareCalibrations says which one the engine uses.
var calibrations = []struct {
	name string
	fit  func([]said) fitted
}{
	{"as it is", func([]said) fitted { return func(p [4]float64) float64 { return p[top(p)] } }},
	{"temperature", temperature},
	{"Platt", platt},
	{"isotonic", isotonic},
}

// compareCalibrations fits each way on a team's first decisions and measures it
// on the ones that follow.
func compareCalibrations(kinds []string, teams []simulated) {
	fmt.Println("calibration: expected calibration error / log loss on the decisions after those it was fitted on")
	for _, first := range []int{200, 500} {
		for _, kind := range append(slices.Clone(kinds), "all") {
			line, n := fmt.Sprintf("fitted on %d, %-26s", first, kind), 0
			for _, c := range calibrations {
				var e, loss, teamsIn float64
				n = 0
				for _, t := range teams {
					if len(t.rows) < first+100 || kind != "all" && t.kind != kind {
						continue
					}
					test := t.rows[first:min(len(t.rows), first+first)]
					f := c.fit(t.rows[:first])
					ee, ll := worth(f, test)
					e, loss, teamsIn, n = e+ee, loss+ll, teamsIn+1, n+len(test)
				}
				if teamsIn > 0 {
					line += fmt.Sprintf("  %s %.3f/%.3f", c.name, e/teamsIn, loss/teamsIn)
				}
			}
			if n > 0 {
				fmt.Printf("%s  n=%d\n", line, n)
			}
		}
	}
}

func worth(f fitted, rows []said) (ece, loss float64) {
	var n, conf, hit [10]float64
	for _, r := range rows {
		p := min(max(f(r.p), 1e-3), 1-1e-3)
		b := min(9, int(p*10))
		n[b]++
		conf[b] += p
		if top(r.p) == r.truth {
			hit[b]++
			loss -= math.Log(p)
		} else {
			loss -= math.Log(1 - p)
		}
	}
	for b := range n {
		ece += math.Abs(conf[b] - hit[b])
	}
	return ece / float64(len(rows)), loss / float64(len(rows))
}

// temperature is the power of all probabilities, fitted as the engine does it.
func temperature(rows []said) fitted {
	a := 1.0
	power := func(p [4]float64, a float64) (s, q [4]float64) {
		sum := 0.0
		for k := range p {
			s[k] = math.Log(max(p[k], 1e-6))
			q[k] = math.Exp(a * s[k])
			sum += q[k]
		}
		for k := range q {
			q[k] /= sum
		}
		return s, q
	}
	for range 12 {
		g, h := 10*(a-1), 10.0
		for _, r := range rows {
			s, q := power(r.p, a)
			mean, square := 0.0, 0.0
			for k := range s {
				mean += q[k] * s[k]
				square += q[k] * s[k] * s[k]
			}
			g += mean - s[r.truth]
			h += square - mean*mean
		}
		a = min(max(a-g/h, 0.1), 5)
	}
	return func(p [4]float64) float64 {
		_, q := power(p, a)
		return q[top(q)]
	}
}

func logit(p float64) float64 {
	p = min(max(p, 1e-4), 1-1e-4)
	return math.Log(p / (1 - p))
}

func sigmoid(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

// platt fits a line through the log odds of the answer, by Newton's method with
// a pull towards no change.
func platt(rows []said) fitted {
	a, b := 1.0, 0.0
	for range 20 {
		ga, gb, haa, hab, hbb := 5*(a-1), 1*b, 5.0, 0.0, 1.0
		for _, r := range rows {
			x := logit(r.p[top(r.p)])
			p := sigmoid(a*x + b)
			y := 0.0
			if top(r.p) == r.truth {
				y = 1
			}
			w := p * (1 - p)
			ga, gb = ga+(p-y)*x, gb+p-y
			haa, hab, hbb = haa+w*x*x, hab+w*x, hbb+w
		}
		det := haa*hbb - hab*hab
		a -= (hbb*ga - hab*gb) / det
		b -= (haa*gb - hab*ga) / det
	}
	return func(p [4]float64) float64 {
		second := 0.0
		for k := range p {
			if k != top(p) {
				second = max(second, p[k])
			}
		}
		ratio := second / max(1-p[top(p)], 1e-9)
		return max(sigmoid(a*logit(p[top(p)])+b), ratio/(1+ratio)) // the answer stays the answer
	}
}

// isotonic pools adjacent violators.
func isotonic(rows []said) fitted {
	s := slices.Clone(rows)
	slices.SortStableFunc(s, func(x, y said) int {
		switch a, b := x.p[top(x.p)], y.p[top(y.p)]; {
		case a < b:
			return -1
		case a > b:
			return 1
		}
		return 0
	})
	type pool struct{ upTo, hits, n float64 }
	var pools []pool
	for _, r := range s {
		p := pool{upTo: r.p[top(r.p)], n: 1}
		if top(r.p) == r.truth {
			p.hits = 1
		}
		pools = append(pools, p)
		for n := len(pools); n > 1 && pools[n-2].hits/pools[n-2].n >= pools[n-1].hits/pools[n-1].n; n = len(pools) {
			pools[n-2] = pool{pools[n-1].upTo, pools[n-2].hits + pools[n-1].hits, pools[n-2].n + pools[n-1].n}
			pools = pools[:n-1]
		}
	}
	return func(p [4]float64) float64 {
		x := p[top(p)]
		for _, q := range pools {
			if x <= q.upTo {
				return q.hits / q.n
			}
		}
		last := pools[len(pools)-1]
		return last.hits / last.n
	}
}
