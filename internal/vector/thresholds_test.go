package vector

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestThresholds counts the automatic joins over messages whose groups people
// have labelled: reviews of one app by what they report, customers' questions
// by what they ask. A join across groups is a false one.
func TestThresholds(t *testing.T) {
	type message struct{ ID, App, Text, Cluster, Label string }
	all := os.Getenv("ITERATESWARM_EVAL_TEST") != ""
	for _, set := range []struct {
		file, test string
		noise      int // percent of labels that are wrong
	}{{"dup-reviews-clap/docs.jsonl.gz", "", 0}, {"short-banking77/train.jsonl.gz", "short-banking77/test.jsonl.gz", 4}} {
		docs := lines[message](t, unzip(t, filepath.Join(dataDir(t), set.file)))
		queries := docs
		if all && set.test != "" {
			queries = lines[message](t, unzip(t, filepath.Join(dataDir(t), set.test)))
		}
		ix := New()
		group := map[string]string{}
		for i, d := range docs {
			group[d.ID] = d.Cluster + d.Label
			ix.Add(Doc{ID: d.ID, Project: d.App, Group: group[d.ID], Text: d.Text, At: time.Unix(int64(i), 0)})
		}
		for _, join := range []float64{0.5, 0.6, 0.7, DefaultThresholds.Join, 0.9} {
			n, joins, same, wrong := 0, 0, 0, 0
			for i, q := range queries {
				if !all && (!development(q.ID) || i%3 != 0 && set.test != "") {
					continue
				}
				n++
				query := Query{Project: q.App, Text: q.Text, K: 5, Skip: func(id, _ string) bool { return id == q.ID }}
				d := Decide(query, ix.Search(query), Thresholds{Join: join, Suggest: 0.2, Most: 5})
				if !d.Join {
					continue
				}
				joins++
				if d.Hit.Same {
					same++
				}
				if d.Hit.Group != q.Cluster+q.Label {
					wrong++
					if join == DefaultThresholds.Join {
						t.Logf("false join: %s %s (%.2f, same %v)", q.ID, d.Hit.ID, d.Hit.Score, d.Hit.Same)
					}
				}
			}
			t.Logf("%s join at %.2f: %d messages, %d joined (%d the same text), %d falsely", set.file, join, n, joins, same, wrong)
			// The bank's labels part some equal sentences; the reviews' do not.
			if most := set.noise * joins / 100; join == DefaultThresholds.Join && wrong > most {
				t.Errorf("%d false joins, want at most %d", wrong, most)
			}
		}
	}
}
