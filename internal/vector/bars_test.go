package vector

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"hash/fnv"
	"os"
	"path/filepath"
	"testing"
)

// dataDir is the folder of the public sets that judgement is measured on.
func dataDir(t testing.TB) string {
	dir := os.Getenv("ITERATESWARM_EVAL_DATA")
	if dir == "" {
		t.Skip("set ITERATESWARM_EVAL_DATA to the folder with dup-hadoop and dup-reviews-clap to run this")
	}
	return dir
}

func unzip(t testing.TB, path string) []byte {
	f, err := os.Open(path)
	if err != nil {
		t.Skip("ITERATESWARM_EVAL_DATA has no ", path, "; name a folder with dup-hadoop and dup-reviews-clap to run this")
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if _, err := b.ReadFrom(z); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

type scores struct {
	n                 int
	at1, at5, at10, m float64
}

func lines[T any](t testing.TB, b []byte) []T {
	var out []T
	sc := bufio.NewScanner(bytes.NewReader(b))
	sc.Buffer(nil, 1<<24)
	for sc.Scan() {
		var v T
		if err := json.Unmarshal(sc.Bytes(), &v); err != nil {
			t.Fatal(err)
		}
		out = append(out, v)
	}
	return out
}

// measureSet runs SimilarStream over one set and scores the queries that keep wants.
func measureSet(t testing.TB, set string, o SimilarOptions, keep func(query string) bool) scores {
	dir := filepath.Join(dataDir(t), set)
	docs, queries := unzip(t, filepath.Join(dir, "docs.jsonl.gz")), unzip(t, filepath.Join(dir, "queries.jsonl.gz"))
	o.K = 200
	var out bytes.Buffer
	if err := SimilarStream(bytes.NewReader(docs), bytes.NewReader(queries), &out, o, nil); err != nil {
		t.Fatal(err)
	}
	type query struct {
		Query    string
		Relevant []string
	}
	var s scores
	answers := lines[similarLine](t, out.Bytes())
	for i, q := range lines[query](t, queries) {
		if !keep(q.Query) {
			continue
		}
		s.n++
		want := map[string]bool{}
		for _, r := range q.Relevant {
			want[r] = true
		}
		found, first, ap := 0, 1<<30, 0.0
		for r, d := range answers[i].Ranked {
			if want[d.ID] {
				found++
				first = min(first, r)
				ap += float64(found) / float64(r+1)
			}
		}
		s.m += ap / float64(len(q.Relevant))
		for _, x := range []struct {
			k int
			v *float64
		}{{1, &s.at1}, {5, &s.at5}, {10, &s.at10}} {
			if first < x.k {
				*x.v++
			}
		}
	}
	n := float64(s.n)
	return scores{s.n, s.at1 / n, s.at5 / n, s.at10 / n, s.m / n}
}

// development is the half of the queries that may be tuned on.
func development(query string) bool {
	h := fnv.New32a()
	h.Write([]byte(query))
	return h.Sum32()>>7&1 == 0
}

func TestBars(t *testing.T) {
	keep, half := development, "development"
	if os.Getenv("ITERATESWARM_EVAL_TEST") != "" {
		keep, half = func(string) bool { return true }, "all"
	}
	h := measureSet(t, "dup-hadoop", SimilarOptions{Before: true}, keep)
	t.Logf("dup-hadoop       %s n=%d R@1 %.3f R@5 %.3f R@10 %.3f MAP %.3f", half, h.n, h.at1, h.at5, h.at10, h.m)
	c := measureSet(t, "dup-reviews-clap", SimilarOptions{Group: "app"}, keep)
	t.Logf("dup-reviews-clap %s n=%d R@1 %.3f R@5 %.3f R@10 %.3f MAP %.3f", half, c.n, c.at1, c.at5, c.at10, c.m)
}
