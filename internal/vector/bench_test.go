package vector

import (
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// corpus makes messages whose words are as unevenly common as in real ones: 12
// to 60 words, the commonest in two thirds of all messages, and 130,000 different
// ones in 100,000 messages.
type corpus struct {
	r *rand.Rand
	z *rand.Zipf
}

func newCorpus(seed uint64) *corpus {
	r := rand.New(rand.NewPCG(seed, 1))
	return &corpus{r: r, z: rand.NewZipf(r, 1.4, 12, 2_000_000)}
}

var syllables = strings.Fields("ba ce di fo gu ka le mi no pu ra se ti vo zu sha tri blo gre sni")

func (c *corpus) word() string {
	n := c.z.Uint64() + 20
	var b strings.Builder
	for ; n > 0; n /= 20 {
		b.WriteString(syllables[n%20])
	}
	return b.String()
}

func (c *corpus) text() string {
	w := make([]string, 12+c.r.IntN(49))
	for i := range w {
		w[i] = c.word()
	}
	return strings.Join(w, " ")
}

// again is a text with a third of its words changed, as a second report has.
func (c *corpus) again(s string) string {
	w := strings.Fields(s)
	for i := range w {
		if c.r.IntN(3) == 0 {
			w[i] = c.word()
		}
	}
	return strings.Join(w, " ")
}

type wanted struct{ text, id string }

func filled(n int) (*Index, []wanted) {
	c, ix, texts := newCorpus(7), New(), make([]wanted, 0, 1000)
	for i := range n {
		s := c.text()
		if i%max(1, n/1000) == 0 {
			texts = append(texts, wanted{c.again(s), fmt.Sprintf("r%014d", i)})
		}
		ix.Add(Doc{ID: fmt.Sprintf("r%014d", i), Project: "p", Group: "i", Text: s, At: time.Unix(int64(i), 0)})
	}
	return ix, texts
}

// sizes are how many messages are stored; a million takes a gigabyte and a minute.
func sizes() []int {
	if os.Getenv("ITERATESWARM_BENCH_LARGE") != "" {
		return []int{1_000, 10_000, 100_000, 1_000_000}
	}
	return []int{1_000, 10_000, 100_000}
}

func BenchmarkIndex(b *testing.B) {
	for _, n := range sizes() {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		start := time.Now()
		ix, texts := filled(n)
		took := time.Since(start)
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.Run(fmt.Sprintf("search-%d", n), func(b *testing.B) {
			var times []time.Duration
			i, found := 0, 0
			for b.Loop() {
				start := time.Now()
				hits := ix.Search(Query{Project: "p", Text: texts[i%len(texts)].text, K: 10})
				times = append(times, time.Since(start))
				if slices.ContainsFunc(hits, func(h Hit) bool { return h.ID == texts[i%len(texts)].id }) {
					found++
				}
				i++
			}
			slices.Sort(times)
			b.ReportMetric(float64(times[len(times)*99/100].Microseconds()), "p99-µs")
			b.ReportMetric(float64(found)/float64(i), "found@10")
			b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/float64(n), "B/item")
			b.ReportMetric(float64(took.Microseconds())/float64(n), "build-µs/item")
		})
		b.Run(fmt.Sprintf("add-%d", n), func(b *testing.B) {
			c := newCorpus(9)
			texts := make([]string, 1000)
			for i := range texts {
				texts[i] = c.text()
			}
			i := 0
			for b.Loop() {
				ix.Add(Doc{ID: fmt.Sprintf("n%014d", i), Project: "p", Text: texts[i%1000], At: time.Unix(int64(n+i), 0)})
				i++
			}
		})
	}
}
