package main

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"slices"
	"strings"

	"github.com/iterateswarm/iterateswarm/internal/offline"
	"github.com/iterateswarm/iterateswarm/internal/triage"
)

// team is one source that plays a project whose people decide on every item.
type team struct {
	name string
	kind string // of the sources whose figures belong together
	rows []row
	item func(row) triage.Item
}

// unseen are the sources that one model has not learned from.
type unseen struct {
	teams []team
	left  func(row) bool
}

// parts cuts the training splits into as many sets of teams as models are
// trained: each leaves one repository, one set of reviews and a fifth of the
// Eclipse products out.
func parts(l *loader) []unseen {
	nlbse := l.load("nlbse24-issues/train.jsonl.gz")
	eclipse := in(l.load("severity-eclipse/titles.jsonl.gz"), "train")
	reviews := []team{
		{name: "Maalej", rows: in(l.load("reviews-maalej/all.jsonl.gz"), "train")},
		{name: "CLAP", rows: in(l.load("reviews-clap/all.jsonl.gz"), "train")},
		{name: "Play", rows: in(l.load("reviews-play8000/all.jsonl.gz"), "train")},
	}
	var repos []string
	for _, r := range nlbse {
		if !slices.Contains(repos, r.Repo) {
			repos = append(repos, r.Repo)
		}
	}
	products := map[string][]row{}
	for _, r := range eclipse {
		products[r.Product] = append(products[r.Product], r)
	}
	out := make([]unseen, len(repos))
	for i, repo := range repos {
		u := &out[i]
		u.teams = append(u.teams, team{name: repo, kind: "issues (NLBSE)", item: issue,
			rows: slices.DeleteFunc(slices.Clone(nlbse), func(r row) bool { return r.Repo != repo })})
		prefix := "none"
		if i < len(reviews) {
			t := reviews[i]
			t.kind, t.item = "reviews", review
			u.teams = append(u.teams, t)
			prefix = strings.SplitN(t.rows[0].ID, "-", 2)[0] + "-"
		}
		for name, rows := range products {
			if len(rows) >= 150 && fifth(name) == i {
				u.teams = append(u.teams, team{name: name, kind: "one-line issues (Eclipse)", item: issue, rows: rows})
			}
		}
		slices.SortFunc(u.teams, func(a, b team) int { return strings.Compare(a.name, b.name) })
		u.left = func(r row) bool {
			return r.Repo == repo || strings.HasPrefix(r.ID, prefix) || r.Product != "" && fifth(r.Product) == i
		}
	}
	return out
}

func fifth(s string) int {
	h := fnv.New32a()
	h.Write([]byte(s))
	return int(h.Sum32() % 5)
}

// window counts what was judged right over a stretch of a team's decisions.
type window struct{ n, before, after int }

func (w *window) count(truth int, p offline.Prediction) {
	w.n++
	if top(p.Shipped) == truth {
		w.before++
	}
	if top(p.Layer) == truth {
		w.after++
	}
}

func top(p [4]float64) int {
	best := 0
	for k := range p {
		if p[k] > p[best] {
			best = k
		}
	}
	return best
}

var stretches = [...]int{50, 200, 1000, 1 << 30}

// simulate lets each unseen source decide on its items one after the other, and
// prints how often the engine was right before it was told.
func simulate(o options) error {
	l := &loader{dir: o.data}
	sums := map[string]*[4]window{}
	var kinds []string
	var curves []simulated
	names := nameScore{}
	for _, u := range parts(l) {
		if l.err != nil {
			return l.err
		}
		e, err := modelWithout(l, u.left)
		if err != nil {
			return err
		}
		for _, t := range u.teams {
			rows := slices.Clone(t.rows)
			rng := rand.New(rand.NewPCG(5, 5))
			rng.Shuffle(len(rows), func(a, b int) { rows[a], rows[b] = rows[b], rows[a] })
			rows = rows[:min(len(rows), 2500)]
			learner := offline.NewLearner(e)
			w := sums[t.kind]
			if w == nil {
				w = new([4]window)
				sums[t.kind] = w
				kinds = append(kinds, t.kind)
			}
			sim := simulated{kind: t.kind}
			var own [4]window
			for n, r := range rows {
				label := theLabel(r)
				truth := slices.Index(triage.Classes[:], triage.Class(label))
				if truth < 0 {
					continue
				}
				x := offline.Example{ID: r.ID, Lesson: r.ID, Item: t.item(r), Class: triage.Class(label)}
				x.Item.Source = "it"
				if r.Component != "" {
					x.Severity, x.Components = triage.Severity(r.Severity), []string{r.Component}
					names.judge(e, learner, x, n)
				}
				p := learner.Learn(x)
				at := slices.IndexFunc(stretches[:], func(s int) bool { return n < s })
				w[at].count(truth, p)
				own[at].count(truth, p)
				sim.rows = append(sim.rows, said{p.Layer, truth})
			}
			curves = append(curves, sim)
			fmt.Fprintf(os.Stderr, "%-34s %s\n", t.name, stretchText(own))
		}
	}
	if l.err != nil {
		return l.err
	}
	slices.Sort(kinds)
	for _, k := range kinds {
		fmt.Printf("%-26s %s\n", k, stretchText(*sums[k]))
	}
	fmt.Print(names.String())
	compareCalibrations(kinds, curves)
	return nil
}

func stretchText(w [4]window) string {
	var b strings.Builder
	for i, s := range w {
		if s.n > 0 {
			fmt.Fprintf(&b, "  to %5d: %.3f → %.3f (n=%d)", min(stretches[i], 99999), float64(s.before)/float64(s.n), float64(s.after)/float64(s.n), s.n)
		}
	}
	return b.String()
}

// modelWithout trains the class and severity heads without some rows.
func modelWithout(l *loader, left func(row) bool) (*offline.Engine, error) {
	rows := lessons(l, func(r row) bool { return !left(r) })
	if l.err != nil {
		return nil, l.err
	}
	w, err := offline.Train(offline.Lessons{Class: rows.Class, Severity: rows.Severity}, func(string) {})
	if err != nil {
		return nil, err
	}
	return offline.Open(w)
}
