package main

import (
	"fmt"
)

// scoreUnseen says what a verdict is worth on a source that nobody labelled:
// each repository of NLBSE'24 and each set of reviews is scored by a model that
// was trained without it. It looks at training splits alone.
func scoreUnseen(o options) error {
	l := &loader{dir: o.data}
	t := new(table)
	var issues, reviews []judged
	f1s := map[string]float64{}
	for _, u := range parts(l) {
		e, err := modelWithout(l, u.left)
		if err != nil {
			return err
		}
		for _, team := range u.teams {
			j := judgeAll(e, team.rows, team.item)
			switch team.kind {
			case "issues (NLBSE)":
				notNoise(j)
				issues = append(issues, j...)
				f1s["issues"] += f1(j, same) / 5
				t.add(team.name+", unseen, macro-F1", f1(j, same), "", "", len(j))
			case "reviews":
				reviews = append(reviews, j...)
				t.add(team.name+", unseen, macro-F1 of 3", f1(j, three), "", "", len(j))
			}
		}
	}
	if l.err != nil {
		return l.err
	}
	t.add("issues, unseen repositories, mean F1", f1s["issues"], "", "", len(issues))
	t.add("ECE, issues of unseen repositories", ece(issues), ".08", ".05", len(issues))
	t.add("ECE, unseen reviews", ece(reviews), ".08", ".05", len(reviews))
	t.add("ECE, all unseen sources", ece(append(issues, reviews...)), ".08", ".05", len(issues)+len(reviews))
	fmt.Println(t.String())
	return nil
}
