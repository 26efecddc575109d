package offline

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/iterateswarm/iterateswarm/internal/triage"
)

// Lesson is one labelled row. What Label means depends on the list it is in.
type Lesson struct {
	Item   triage.Item
	Label  string
	Source string  // rows of one source share templates and folds
	Weight float64 // cost of a mistake; 0 reads as 1
	Only   bool    // a row that teaches its own class and says nothing of the others
	Fit    bool    // the calibration is fitted on rows like this one
}

// Lessons is everything Train learns from.
type Lessons struct {
	Class     []Lesson // labels: the four classes
	Severity  []Lesson // labels: the four severities
	Roles     []Lesson // labels: the four sentence roles; the text is one sentence
	Spam      []Lesson // labels: "yes" and "no", as in the three below
	Toxic     []Lesson
	Uncivil   []Lesson
	Injection []Lesson
}

// Sizes of the tables, in bits of buckets.
const (
	severityBits = 15
	roleBits     = 16
	riskBits     = 16
)

var (
	classBits = [numKinds]int{kindShort: 17, kindIssue: 17, kindTitle: 15, kindForeign: 15}
	classFit  = [numKinds]fitOptions{
		kindShort:   {cost: 0.03, epochs: 12, rarity: 0.7},
		kindIssue:   {cost: 0.008, epochs: 12, rarity: 0.7},
		kindTitle:   {cost: 0.05, epochs: 12, rarity: 0.7},
		kindForeign: {cost: 0.04, epochs: 12, rarity: 0.7},
	}
	severityFit = fitOptions{cost: 0.015, epochs: 12, rarity: 0.7}
	roleFit     = fitOptions{cost: 0.1, epochs: 12, rarity: 0.7}
	riskFit     = fitOptions{cost: 0.1, epochs: 12, rarity: 0.7}
)

// riskCost is what a mistake on a row of each risk costs. Threads are long and
// their labels disputed: uncivil takes half.
var riskCost = [...]float64{atSpam: 1, atToxic: 1, atUncivil: 0.5, atInjection: 1}

// folds is how many parts the calibration cuts the rows into.
const folds = 4

// Train learns all heads from the lessons and returns a weights file. The same
// lessons in the same order give the same bytes.
func Train(l Lessons, progress func(string)) ([]byte, error) {
	m := &model{Calibration: map[string]calibration{}, Thresholds: map[string]float64{}}
	m.Templates = templates(l.Class)
	m.index()
	progress("class")
	if err := m.trainClass(l.Class); err != nil {
		return nil, err
	}
	progress("severity")
	m.trainSeverity(l.Severity)
	progress("roles")
	m.trainRoles(l.Roles)
	progress("risks")
	m.trainRisks(l)
	return m.encode()
}

// templates finds lines that repeat in one source: they belong to a form.
func templates(rows []Lesson) []uint32 {
	const often = 5
	counts := map[string]map[uint32]int{}
	var p report
	for _, r := range rows {
		if r.Item.Channel != triage.ChannelIssue || r.Item.Text == "" {
			continue
		}
		c := counts[r.Source]
		if c == nil {
			c = map[uint32]int{}
			counts[r.Source] = c
		}
		p.parse(r.Item, nil)
		seen := map[uint32]bool{}
		for _, l := range p.lines {
			if l.kind == code || l.kind == logLine || l.end-l.start < 12 {
				continue
			}
			if h := lineHash(p.text[l.start:l.end]); !seen[h] {
				seen[h] = true
				c[h]++
			}
		}
	}
	all := map[uint32]bool{}
	for _, c := range counts {
		for h, n := range c {
			if n >= often {
				all[h] = true
			}
		}
	}
	out := make([]uint32, 0, len(all))
	for h := range all {
		out = append(out, h)
	}
	slices.Sort(out)
	return out
}

func classIndex(label string) int {
	return slices.Index(triage.Classes[:], triage.Class(label))
}

// readers for training: each turns a lesson into columns.

func (m *model) judging(s *scratch, it triage.Item) judgement {
	s.read(it, m)
	return judgement{scratch: s, model: m, item: it, verdict: new(triage.Verdict)}
}

// trainClass trains one head for each kind of text. Kinds share nothing: rows
// of one kind moved the bias and the rarity of the others.
func (m *model) trainClass(rows []Lesson) error {
	s := new(scratch)
	var samples [numKinds][]sample
	var of [numKinds][]Lesson
	for _, r := range rows {
		c := classIndex(r.Label)
		if c < 0 {
			return fmt.Errorf("train class: unknown label %q", r.Label)
		}
		j := m.judging(s, r.Item)
		k := j.kind(&j.report)
		j.classVector(&j.report, &j.vector)
		x := sample{x: columns(&j.vector, k.spaces(), k.general(), classBits[k]), label: c, weight: float32(weight(r))}
		if r.Only {
			x.mask = 1 << c
		}
		samples[k], of[k] = append(samples[k], x), append(of[k], r)
	}
	for k := range kind(numKinds) {
		if len(samples[k]) == 0 {
			continue
		}
		m.Heads = append(m.Heads, fit(classHeads[k], 4, classBits[k], samples[k], classFit[k]))
		scores := outOfFold(classHeads[k], 4, classBits[k], samples[k], classFit[k])
		var sc [][]float64
		var lab []int
		for i, r := range of[k] {
			if r.Fit {
				sc, lab = append(sc, scores[i]), append(lab, samples[k][i].label)
			}
		}
		if len(lab) >= 50 {
			m.Calibration["class/"+kindNames[k]] = calibrate(sc, lab, 4)
		}
		if k == kindShort {
			m.calibrateChat(of[k], samples[k], scores)
		}
	}
	m.index()
	return nil
}

// calibrateChat fits the probabilities of chat and mail. No public set holds
// labelled messages to a team, so it mixes what there is: reviews with most of
// the mere praise taken out, and the hand-written seeds.
func (m *model) calibrateChat(rows []Lesson, samples []sample, scores [][]float64) {
	var sc [][]float64
	var lab []int
	skip := 0
	for i := range rows {
		if rows[i].Only {
			continue
		}
		if samples[i].label == atNoise || rows[i].Item.Channel != triage.ChannelReview {
			if skip++; skip%5 != 0 {
				continue
			}
		}
		sc, lab = append(sc, scores[i]), append(lab, samples[i].label)
	}
	if len(lab) >= 50 {
		m.Calibration["class/chat"] = calibrate(sc, lab, 4)
	}
}

func weight(r Lesson) float64 { return cmp.Or(r.Weight, 1) }

// outOfFold scores every row with a head that has not seen it.
func outOfFold(name string, classes, bits int, rows []sample, o fitOptions) [][]float64 {
	fold := make([]int, len(rows))
	rng := rand.New(rand.NewPCG(11, 3))
	for i := range fold {
		fold[i] = rng.IntN(folds)
	}
	out := make([][]float64, len(rows))
	for f := range folds {
		var train []sample
		for i := range rows {
			if fold[i] != f {
				train = append(train, rows[i])
			}
		}
		h := fit(name, classes, bits, train, o)
		for i := range rows {
			if fold[i] == f {
				out[i] = h.scoreColumns(rows[i].x)
			}
		}
	}
	return out
}

func (h *head) scoreColumns(x []column) []float64 {
	out := slices.Clone(h.Bias)
	for _, c := range x {
		for k := range out {
			out[k] += float64(c.v) * float64(int8(h.w[int(c.id)*h.Classes+k])) * h.Scale[k]
		}
	}
	return out
}

func (m *model) trainSeverity(rows []Lesson) {
	if len(rows) == 0 {
		return
	}
	s := new(scratch)
	samples := make([]sample, 0, len(rows))
	for _, r := range rows {
		j := m.judging(s, r.Item)
		j.severityVector()
		samples = append(samples, sample{x: columns(&j.vector, spaceNone, 0, severityBits), label: slices.Index(triage.Severities[:], triage.Severity(r.Label)), weight: float32(weight(r))})
	}
	m.Heads = append(m.Heads, fit("severity", 4, severityBits, samples, severityFit))
	m.index()
	scores := outOfFold("severity", 4, severityBits, samples, severityFit)
	var lab []int
	var share [4]float64
	for i := range samples {
		lab = append(lab, samples[i].label)
		share[samples[i].label] += 1 / float64(len(samples))
	}
	c := calibrate(scores, lab, 4)
	for k := range share {
		// The set holds twice as many of the two ends as of the middle; the
		// product must not.
		c.B[k] -= 0.8 * math.Log(max(share[k], 1e-3))
	}
	m.Calibration["severity/title"] = c
}

func (m *model) trainRoles(rows []Lesson) {
	if len(rows) == 0 {
		return
	}
	s := new(scratch)
	samples := make([]sample, 0, len(rows))
	for _, r := range rows {
		j := m.judging(s, r.Item)
		if len(j.report.sentences) == 0 {
			continue
		}
		j.roleVector(&j.report.sentences[0])
		samples = append(samples, sample{x: columns(&j.vector, spaceNone, 0, roleBits), label: slices.Index(roleOrder[:], triage.SentenceRole(r.Label)), weight: float32(weight(r))})
	}
	m.Heads = append(m.Heads, fit("role", 4, roleBits, samples, roleFit))
	m.index()
}

func (m *model) trainRisks(l Lessons) {
	s := new(scratch)
	var samples []sample
	var heads []int
	var weights []float64
	for at, rows := range [...][]Lesson{atSpam: l.Spam, atToxic: l.Toxic, atUncivil: l.Uncivil, atInjection: l.Injection} {
		for _, r := range rows {
			j := m.judging(s, r.Item)
			j.riskVector()
			label := -1
			if r.Label == "yes" {
				label = at
			}
			samples = append(samples, sample{x: columns(&j.vector, spaceNone, 0, riskBits), label: label, mask: 1 << at, weight: float32(riskCost[at] * weight(r))})
			heads, weights = append(heads, at), append(weights, weight(r))
		}
	}
	if len(samples) == 0 {
		return
	}
	m.Heads = append(m.Heads, fit("risk", 4, riskBits, samples, riskFit))
	m.index()
	scores := outOfFold("risk", 4, riskBits, samples, riskFit)
	for at, name := range [...]string{atSpam: "spam", atToxic: "toxic", atUncivil: "uncivil", atInjection: "injection"} {
		var sc []float64
		var lab []int
		for i := range samples {
			if heads[i] != at {
				continue
			}
			y := 0
			if samples[i].label == at {
				y = 1
			}
			if weights[i] < 1 && at != atInjection {
				continue // rows of other sets are there to teach, not to measure
			}
			sc, lab = append(sc, scores[i][at]), append(lab, y)
		}
		if len(lab) == 0 {
			continue
		}
		c := calibrateBinary(sc, lab)
		m.Calibration[name] = c
		for i := range sc {
			sc[i] = c.binary(sc[i])
		}
		switch name {
		case "injection":
			// Few alarms on ordinary feedback, and few on text that is full of the
			// words of an attack and harmless: those rows have full weight.
			var hard []float64
			var answers []int
			for i, k := 0, 0; i < len(samples); i++ {
				if heads[i] != at {
					continue
				}
				if weights[i] >= 1 {
					hard, answers = append(hard, sc[k]), append(answers, lab[k])
				}
				k++
			}
			m.Thresholds[name] = max(atFalseRate(sc, lab, 0.006), atFalseRate(hard, answers, 0.015))
		default:
			m.Thresholds[name] = bestF1(sc, lab)
		}
	}
}

// atFalseRate is the lowest threshold at which at most rate of the "no" rows
// are flagged.
func atFalseRate(p []float64, labels []int, rate float64) float64 {
	var no []float64
	for i := range p {
		if labels[i] == 0 {
			no = append(no, p[i])
		}
	}
	slices.Sort(no)
	if len(no) == 0 {
		return 0.5
	}
	return math.Round(no[len(no)-1-int(rate*float64(len(no)))]*1e4)/1e4 + 1e-4
}

// bestF1 is the threshold with the best mean F1 of both answers.
func bestF1(p []float64, labels []int) float64 {
	best, top := 0.5, 0.0
	for t := 0.1; t < 0.9; t += 0.01 {
		var tp, fp, fn, tn float64
		for i := range p {
			switch yes := p[i] > t; {
			case yes && labels[i] == 1:
				tp++
			case yes:
				fp++
			case labels[i] == 1:
				fn++
			default:
				tn++
			}
		}
		if f := tp/(2*tp+fp+fn) + tn/(2*tn+fp+fn); f > top {
			best, top = t, f
		}
	}
	return math.Round(best*100) / 100
}
