package main

import (
	"fmt"
	"os"

	"github.com/iterateswarm/iterateswarm/internal/offline"
	"github.com/iterateswarm/iterateswarm/internal/triage"
)

// split chooses the rows of a set that are scored: the test split, or a held
// fifth of the training split.
type split struct {
	held bool
	fold int
}

func (s split) of(rows []row) []row {
	var out []row
	for _, r := range rows {
		if !s.held && r.Split == "test" || s.held && held(r, s.fold) && oneOf(r.Split, "train", "") {
			out = append(out, r)
		}
	}
	return out
}

// score runs the build on the public sets, or on eval/testdata without --data.
func score(o options) error {
	e := offline.New()
	if o.data == "" {
		t, err := scoreOwn(e)
		if err != nil {
			return err
		}
		fmt.Println(t.String())
		for _, w := range t.wrong {
			fmt.Println(w)
		}
		return nil
	}
	t, err := scoreSets(e, &loader{dir: o.data}, split{})
	if err != nil {
		return err
	}
	fmt.Println(t.String())
	if o.out == "" {
		o.out = "eval/report.md"
	}
	return os.WriteFile(o.out, []byte(t.markdown(e.Version())+llmSection(o.out)), 0o644)
}

// scoreSets scores every head on its sets.
func scoreSets(e *offline.Engine, l *loader, s split) (*table, error) {
	t := new(table)
	nlbse := l.load("nlbse24-issues/test.jsonl.gz")
	if s.held {
		nlbse = s.of(l.load("nlbse24-issues/train.jsonl.gz"))
	}
	scoreIssues(t, e, nlbse)
	var reviews []judged
	for _, set := range [...]struct{ name, file, must, aim string }{
		{"Maalej", "reviews-maalej/all.jsonl.gz", ".72", ".75"},
		{"CLAP", "reviews-clap/all.jsonl.gz", ".78", ".81"},
		{"Play", "reviews-play8000/all.jsonl.gz", ".89", ".91"},
	} {
		j := judgeAll(e, s.of(l.load(set.file)), review)
		reviews = append(reviews, j...)
		t.add(set.name+", macro-F1 of 3 classes", f1(j, three), set.must, set.aim, len(j))
	}
	t.add("ECE, reviews", ece(reviews), ".05", ".03", len(reviews))
	t.add("coverage at 97 % accuracy, reviews", coverage(reviews, 0.97), ".70", ".78", len(reviews))
	scoreEclipse(t, e, s.of(l.load("severity-eclipse/titles.jsonl.gz")))
	scoreSeverity(t, e, s.of(l.load("severity-mozilla/balanced.jsonl.gz")))
	scoreRoles(t, e, s.of(l.load("s2r-sentences/bee.jsonl.gz")))
	scoreRisks(t, e, l, s)
	scoreForeign(t, e, s, l.load("multilingual-vscode/dev.jsonl.gz"))
	scoreTitles(t, e, nlbse)
	scoreSpeed(t, e, nlbse, l.load("reviews-play8000/all.jsonl.gz"))
	return t, l.err
}

// judged is a row and what the engine said of it.
type judged struct {
	row  row
	item triage.Item
	v    triage.Verdict
	want string
	got  string
	p    float64 // confidence in got
}

func judgeAll(e *offline.Engine, rows []row, item func(row) triage.Item) []judged {
	out := make([]judged, 0, len(rows))
	for _, r := range rows {
		if r.Label == "" {
			continue
		}
		it := item(r)
		v := e.Judge(it)
		out = append(out, judged{row: r, item: it, v: v, want: r.Label, got: string(v.Class), p: v.Confidence})
	}
	return out
}

// three folds question and noise into "other", as the sets of reviews do.
func three(class string) string {
	if class == "question" || class == "noise" {
		return "other"
	}
	return class
}

func same(class string) string { return class }
