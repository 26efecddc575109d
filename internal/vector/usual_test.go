package vector

import (
	"bufio"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestWriteUsual counts usual.txt anew from public reviews and issues, their
// test halves left out.
func TestWriteUsual(t *testing.T) {
	if os.Getenv("ITERATESWARM_VECTOR_WRITE") == "" {
		t.Skip("set ITERATESWARM_VECTOR_WRITE=1 and ITERATESWARM_EVAL_DATA to count usual.txt anew")
	}
	type message struct{ Title, Text, Body, Split string }
	share, known := map[string]float64{}, map[string]float64{}
	count := func(part float64, files ...string) {
		df, n := map[string]int{}, 0
		for _, f := range files {
			for _, m := range lines[message](t, unzip(t, filepath.Join(dataDir(t), f))) {
				if m.Split == "test" {
					continue
				}
				text := m.Text + m.Body
				if len(text) > 600 {
					text = text[:600]
				}
				n++
				seen := map[string]bool{}
				x := read(m.Title, text)
				for _, w := range append(x.title, x.body...) {
					if w.mark&whole == 0 && !seen[w.stem] {
						seen[w.stem] = true
						df[w.stem]++
					}
				}
			}
		}
		for w, c := range df {
			if c >= 3 {
				known[w] += part
				share[w] += part * float64(c) / float64(n)
			}
		}
	}
	count(0.8, "reviews-maalej/all.jsonl.gz", "reviews-play8000/all.jsonl.gz", "reviews-clap/all.jsonl.gz")
	count(0.2, "nlbse24-issues/train.jsonl.gz")
	steps := map[int][]string{}
	for w, p := range share {
		if p >= 0.001 && known[w] >= 0.8 && !strings.ContainsAny(w, "0123456789") && w != "not" {
			k := int(math.Round(-2 * math.Log2(p)))
			steps[k] = append(steps[k], w)
		}
	}
	f, err := os.Create("usual.txt")
	if err != nil {
		t.Fatal(err)
	}
	b := bufio.NewWriter(f)
	n := 0
	for k := 0; k < 40; k++ {
		slices.Sort(steps[k])
		if len(steps[k]) > 0 {
			fmt.Fprint(b, k)
			for _, w := range steps[k] {
				fmt.Fprint(b, " ", w)
				n++
			}
			fmt.Fprintln(b)
		}
	}
	if err := b.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d words", n)
}
