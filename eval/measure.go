package main

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// f1 is the mean F1 over the wanted labels.
func f1(rows []judged, fold func(string) string) float64 {
	tp, fp, fn := map[string]float64{}, map[string]float64{}, map[string]float64{}
	labels := map[string]bool{}
	for _, r := range rows {
		want, got := fold(r.want), fold(r.got)
		labels[want] = true
		if want == got {
			tp[want]++
		} else {
			fn[want]++
			fp[got]++
		}
	}
	names := make([]string, 0, len(labels))
	for l := range labels {
		names = append(names, l)
	}
	slices.Sort(names)
	sum := 0.0
	for _, l := range names {
		sum += 2 * tp[l] / max(1, 2*tp[l]+fp[l]+fn[l])
	}
	return sum / float64(max(1, len(names)))
}

// right compares as the sets do: question and noise are both "other" there.
func (j judged) right() bool {
	if j.want == "other" {
		return three(j.got) == "other"
	}
	return j.got == j.want
}

// sure is the probability of the answer as right counts it.
func (j judged) sure() float64 {
	if j.want == "other" || j.row.Repo == "" && three(j.got) == "other" {
		return j.v.Probabilities["question"] + j.v.Probabilities["noise"]
	}
	return j.p
}

// ece is the expected calibration error over ten bins of equal width.
func ece(rows []judged) float64 {
	var n, conf, hit [10]float64
	for _, r := range rows {
		p := r.sure()
		b := min(9, int(p*10))
		n[b]++
		conf[b] += p
		if r.right() {
			hit[b]++
		}
	}
	sum := 0.0
	for b := range n {
		sum += math.Abs(conf[b] - hit[b])
	}
	return sum / float64(max(1, len(rows)))
}

// coverage is the largest share of rows, surest first, that are right at the
// given rate.
func coverage(rows []judged, rate float64) float64 {
	s := slices.Clone(rows)
	slices.SortStableFunc(s, func(a, b judged) int {
		switch {
		case a.sure() > b.sure():
			return -1
		case a.sure() < b.sure():
			return 1
		}
		return 0
	})
	best, hits := 0, 0
	for i, r := range s {
		if r.right() {
			hits++
		}
		if float64(hits) >= rate*float64(i+1) {
			best = i + 1
		}
	}
	return float64(best) / float64(max(1, len(s)))
}

// auc is the chance that a positive row scores above a negative one.
func auc(p []float64, y []bool) float64 {
	idx := make([]int, len(p))
	for i := range idx {
		idx[i] = i
	}
	slices.SortFunc(idx, func(a, b int) int {
		switch {
		case p[a] < p[b]:
			return -1
		case p[a] > p[b]:
			return 1
		}
		return a - b
	})
	var ranks, pos float64
	for i := 0; i < len(idx); {
		k := i
		for k < len(idx) && p[idx[k]] == p[idx[i]] {
			k++
		}
		for _, x := range idx[i:k] {
			if y[x] {
				ranks += float64(i+k+1) / 2
				pos++
			}
		}
		i = k
	}
	neg := float64(len(p)) - pos
	if pos == 0 || neg == 0 {
		return 0
	}
	return (ranks - pos*(pos+1)/2) / (pos * neg)
}

// rougeL is the F-measure of the longest common subsequence of words.
func rougeL(got, want string) float64 {
	words := func(s string) []string {
		return strings.FieldsFunc(strings.ToLower(s), func(r rune) bool {
			return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r < 0x80
		})
	}
	a, b := words(got), words(want)
	if len(a) == 0 || len(b) == 0 {
		return 0
	}
	row := make([]int, len(b)+1)
	for _, x := range a {
		diag := 0
		for k, y := range b {
			up := row[k+1]
			if x == y {
				row[k+1] = diag + 1
			} else {
				row[k+1] = max(row[k], up)
			}
			diag = up
		}
	}
	lcs := float64(row[len(b)])
	return 2 * lcs / float64(len(a)+len(b))
}

// table collects the figures of one run.
type table struct {
	lines []figure
	wrong []string // rows judged wrongly, for a person to read
}

type figure struct {
	name      string
	value     float64
	must, aim string
	n         int
}

func (t *table) add(name string, value float64, must, aim string, n int) {
	t.lines = append(t.lines, figure{name, value, must, aim, n})
}

func (f figure) text() string {
	if f.value >= 10 {
		return fmt.Sprintf("%.0f", f.value)
	}
	return strings.TrimPrefix(fmt.Sprintf("%.3f", f.value), "0")
}

func (t *table) String() string {
	var b strings.Builder
	for _, f := range t.lines {
		fmt.Fprintf(&b, "%-58s %8s   must %-6s aim %-6s n=%d\n", f.name, f.text(), f.must, f.aim, f.n)
	}
	return b.String()
}

func (t *table) markdown(version string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Scores of the embedded engine\n\nWeights %s, %s. Made by `go run ./eval --data DIR`.\n\n| what | score | must | aim | n |\n|---|---|---|---|---|\n", version, time.Now().Format("2006-01-02"))
	for _, f := range t.lines {
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %d |\n", f.name, f.text(), f.must, f.aim, f.n)
	}
	b.WriteString(published)
	return b.String()
}

// published are scores of others on the same or similar sets, for comparison.
const published = `
## Published by others

| set | who | score |
|---|---|---|
| NLBSE'24, mean F1 | SetFit (all-mpnet-base-v2) | .827 |
| | GPT-4o, fine-tuned | .807 |
| | RoBERTa-base | .792 |
| | fastText | .718 |
| NLBSE'23, 4 classes, micro-F1 | RoBERTa / fastText | .891 / .851 |
| 160,000 GitHub issues, macro-F1 | GPT-4o, prompted / bag of words | .759 / .714 |
| CLAP, unseen apps, binary F1 | DistilBERT on seven sets: bug / feature | .851 / .683 |
| Maalej, unseen apps, binary F1 | the same: bug / feature | .419 / .182 |
| incivility (another set), macro-F1 | bag of words / GPT-4o | .634 / .624 |
| steps, observed, expected in chat, F1 | BugListener: OB / EB / S2R | .674 / .871 / .650 |

NLBSE'24 with its own train split only comes from "go run ./eval --nlbse --data DIR".
Sets without a test split (other languages, attacks) are scored by "go run ./eval --dev --fold N --data DIR".
`
