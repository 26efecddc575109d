package offline

import (
	"cmp"
	"math"
	"slices"
)

// nameKind says what a learned name is.
type nameKind uint8

const (
	labelName nameKind = iota
	componentName
	assigneeName
)

// named is one label, component or assignee that people have used.
type named struct {
	kind nameKind
	text string
	n    int32 // examples that bear it
	bias float32
	sum  float32 // squared gradients of bias
}

// post is the weight of one word for one name.
type post struct {
	Name uint16
	W    float32
	Sum  float32
}

// nameTable scores names by the words of a report.
type nameTable struct {
	list []named
	at   []uint16 // bucket → row; 0: none
	rows [][]post // each row is replaced, never changed
	any  [3]bool  // by nameKind: there is a name; has says whether they are used enough
}

// nameBook is a nameTable in the making.
type nameBook struct{ nameTable }

// Bounds of the names.
const (
	nameBits  = 13
	mostNames = 300
	mostPosts = 12 // names that one word can speak for or against
	nameWords = 200
)

const (
	// nameOdds is how sure the rules are of a label, in log odds, and of leaving
	// one away.
	nameOdds = 1.5
	// fewestSaid is how often people must have used a name before it is suggested.
	fewestSaid = 2
	// nameBias is the value of the column that is in every report: words must
	// speak for a name, not habit alone.
	nameBias = 0.15
)

var nameRate = rate{step: 0.8, start: 0.05}

func newNameBook() nameBook {
	return nameBook{nameTable{at: make([]uint16, 1<<nameBits), rows: make([][]post, 1)}}
}

func (b *nameBook) freeze() nameTable {
	t := nameTable{list: slices.Clone(b.list), at: slices.Clone(b.at), rows: slices.Clone(b.rows)}
	for _, n := range t.list {
		t.any[n.kind] = true
	}
	return t
}

func nameBucket(id uint32) uint32 { return id * 0x9e3779b1 >> (32 - nameBits) }

// nameVector reads the words and word pairs that names are learned by.
func (j *judgement) nameVector() *block {
	p := &j.report
	j.counts.reset()
	j.counts.addWords(&p.titleWords, 0, len(p.titleWords.tokens), wordGrams)
	j.addSentences(p, nameWords, wordGrams)
	j.vector.reset()
	b := j.vector.open(1)
	j.counts.fill(b)
	return b
}

// scores appends the learned log odds of all names to out.
func (t *nameTable) scores(b *block, out []float64) []float64 {
	for range t.list {
		out = append(out, 0)
	}
	for _, f := range b.features {
		for _, p := range t.rows[t.at[nameBucket(f.id)]] {
			out[p.Name] += float64(float64(p.W) * float64(f.v))
		}
	}
	norm := b.norm()
	for i := range out {
		out[i] = float64(out[i]*norm) + float64(nameBias*float64(t.list[i].bias))
	}
	return out
}

// choose takes the rules' names and the learned scores together: what people
// used to take away goes, what they used to add comes, best first.
func (t *nameTable) choose(kind nameKind, rules []string, scores []float64, most int) []string {
	type candidate struct {
		text  string
		score float64
	}
	out := make([]string, 0, len(rules))
	for _, r := range rules {
		i := t.find(kind, r)
		if i < 0 || nameOdds+scores[i] > 0 {
			out = append(out, r)
		}
	}
	var more []candidate
	for i := range t.list {
		n := &t.list[i]
		if n.kind == kind && n.n >= fewestSaid && scores[i] > nameOdds && !slices.Contains(rules, n.text) {
			more = append(more, candidate{n.text, scores[i]})
		}
	}
	slices.SortStableFunc(more, func(a, b candidate) int { return cmp.Compare(b.score, a.score) })
	for _, c := range more {
		if len(out) < most {
			out = append(out, c.text)
		}
	}
	return out
}

// has reports whether people have used names of a kind often enough.
func (t *nameTable) has(kind nameKind) bool {
	return slices.ContainsFunc(t.list, func(n named) bool { return n.kind == kind && n.n >= fewestSaid })
}

func (t *nameTable) find(kind nameKind, text string) int {
	return slices.IndexFunc(t.list, func(n named) bool { return n.kind == kind && n.text == text })
}

// applyNames lets the layer change labels and components and name an assignee.
func (j *judgement) applyNames() {
	if j.layer == nil || len(j.layer.names.list) == 0 {
		return
	}
	t := &j.layer.names
	j.nameScores = t.scores(j.nameVector(), j.nameScores[:0])
	scores, v := j.nameScores, j.verdict
	if t.any[labelName] {
		v.Labels = t.choose(labelName, v.Labels, scores, 8)
	}
	if t.any[assigneeName] {
		v.Assignees = t.choose(assigneeName, nil, scores, 1)
	}
	if !t.any[componentName] {
		return
	}
	if len(j.item.Components) == 0 && t.has(componentName) {
		v.Components = []string{} // people have names for them; words of the text are none
	}
	v.Components = t.choose(componentName, v.Components, scores, 5)
}

// learn takes in which names people gave an item.
func (b *nameBook) learn(j *judgement, x Example) {
	if x.Labels == nil && x.Components == nil && x.Assignees == nil {
		return
	}
	labels, components := j.labels(), []string(nil)
	if len(j.item.Components) > 0 {
		components = j.components()
	}
	for _, l := range x.Labels {
		b.say(labelName, l, 1)
	}
	for _, c := range x.Components {
		b.say(componentName, c, 1)
	}
	for _, a := range x.Assignees {
		b.say(assigneeName, a, 1)
	}
	if x.Labels != nil { // what is taken away must have a place to be unlearned in
		for _, l := range labels {
			b.say(labelName, l, 0)
		}
	}
	if x.Components != nil {
		for _, c := range components {
			b.say(componentName, c, 0)
		}
	}
	block := j.nameVector()
	scores := b.scores(block, nil)
	for i := range b.list {
		n := &b.list[i]
		var said, yes, rule bool
		switch n.kind {
		case labelName:
			said, yes, rule = x.Labels != nil, slices.Contains(x.Labels, n.text), slices.Contains(labels, n.text)
		case componentName:
			said, yes, rule = x.Components != nil, slices.Contains(x.Components, n.text), slices.Contains(components, n.text)
		case assigneeName:
			said, yes = x.Assignees != nil, slices.Contains(x.Assignees, n.text)
		}
		score := scores[i] - nameOdds
		if rule {
			score = scores[i] + nameOdds
		}
		if !said || !yes && score < -1 {
			continue
		}
		g := 1 / (1 + math.Exp(-score))
		if yes {
			g--
		}
		b.step(uint16(i), block, float64(g*weightOf(x)))
	}
}

// say counts a name, and takes it in when there is room.
func (b *nameBook) say(kind nameKind, text string, times int32) {
	i := b.find(kind, text)
	if i < 0 && len(b.list) < mostNames && len(text) <= mostNameBytes {
		b.list = append(b.list, named{kind: kind, text: text})
		i = len(b.list) - 1
	}
	if i >= 0 {
		b.list[i].n += times
	}
}

func (b *nameBook) step(name uint16, block *block, g float64) {
	norm := block.norm()
	for _, f := range block.features {
		k := nameBucket(f.id)
		if b.at[k] == 0 {
			b.rows = append(b.rows, nil)
			b.at[k] = uint16(len(b.rows) - 1)
		}
		row := b.rows[b.at[k]]
		i := slices.IndexFunc(row, func(p post) bool { return p.Name == name })
		if i < 0 && len(row) >= mostPosts {
			continue
		}
		row = slices.Clone(row)
		if i < 0 {
			row = append(row, post{Name: name})
			i = len(row) - 1
		}
		p := &row[i]
		p.W, p.Sum = descendOnce(p.W, p.Sum, g, float64(float64(f.v)*norm), nameRate)
		b.rows[b.at[k]] = row
	}
	n := &b.list[name]
	n.bias, n.sum = descendOnce(n.bias, n.sum, g, nameBias, nameRate)
}

func descendOnce(w, sum float32, g, x float64, r rate) (float32, float32) {
	d := float64(g * x)
	sum = float32(float64(sum) + float64(d*d))
	step := r.step / math.Sqrt(r.start+float64(sum))
	return float32(float64(w) - float64(step*d)), sum
}
