package vector

import (
	"context"
	"database/sql"
	"encoding/binary"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	_ "modernc.org/sqlite/vec"
)

// dims is how long the vectors of the baselines are.
const dims = 256

// project hashes a text's words and pairs into dims signed buckets, which is a
// random projection of its TF-IDF; it is what the baselines store.
func projected(ix *Index, s string) []float32 {
	v := make([]float32, dims)
	p := ix.projects["p"]
	for _, x := range p.ask(read("", s)).terms {
		h := uint64(14695981039346656037)
		for i := range len(x.stem) {
			h = (h ^ uint64(x.stem[i])) * 1099511628211
		}
		for range 8 {
			h = h*6364136223846793005 + 1442695040888963407
			v[h>>32%dims] += float32(x.weight) * float32(int(h>>63)*2-1)
		}
	}
	var norm float64
	for _, x := range v {
		norm += float64(x) * float64(x)
	}
	for i := range v {
		v[i] /= float32(math.Sqrt(norm) + 1e-9)
	}
	return v
}

func floats(v []float32) []byte {
	b := make([]byte, 0, 4*len(v))
	for _, x := range v {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
	}
	return b
}

func bits(v []float32) []byte {
	b := make([]byte, dims/8)
	for i, x := range v {
		if x > 0 {
			b[i/8] |= 1 << (i % 8)
		}
	}
	return b
}

// BenchmarkBaselines asks this index, FTS5 and sqlite-vec for the ten nearest
// of the same messages, in one run.
func BenchmarkBaselines(b *testing.B) {
	const n = 100_000
	c, ix, db := newCorpus(7), New(), newDB(b)
	exec := func(q string, args ...any) {
		if _, err := db.Exec(q, args...); err != nil {
			b.Fatal(err)
		}
	}
	exec(`CREATE VIRTUAL TABLE words USING fts5(text, content='', tokenize='porter unicode61')`)
	exec(`CREATE VIRTUAL TABLE words_of USING fts5vocab(words, row)`)
	exec(`CREATE VIRTUAL TABLE near USING vec0(v float[256] distance_metric=cosine)`)
	exec(`CREATE VIRTUAL TABLE nearbits USING vec0(v bit[256])`)
	texts := make([]string, n)
	for i := range texts {
		texts[i] = c.text()
		ix.Add(Doc{ID: fmt.Sprint(i), Project: "p", Text: texts[i], At: time.Unix(int64(i), 0)})
	}
	fill(b, db, ix, texts)
	df := map[string]int{}
	rows, err := db.Query(`SELECT term, doc FROM words_of`)
	if err != nil {
		b.Fatal(err)
	}
	for rows.Next() {
		var w string
		var k int
		if err := rows.Scan(&w, &k); err != nil {
			b.Fatal(err)
		}
		df[w] = k
	}
	must(b, rows.Close())
	queries, want := make([]string, 200), make([]int, 200)
	for i := range queries {
		want[i] = i * (n / 200)
		queries[i] = c.again(texts[want[i]])
	}
	ask := func(name string, f func(q string) []int) {
		b.Run(name, func(b *testing.B) {
			i, found := 0, 0
			for b.Loop() {
				for _, id := range f(queries[i%200]) {
					if id == want[i%200] {
						found++
					}
				}
				i++
			}
			b.ReportMetric(float64(found)/float64(i), "found@10")
		})
	}
	sqlIDs := func(q string, args ...any) []int {
		rows, err := db.Query(q, args...)
		if err != nil {
			b.Fatal(err)
		}
		defer rows.Close()
		var ids []int
		for rows.Next() {
			var id int
			if err := rows.Scan(&id); err != nil {
				b.Fatal(err)
			}
			ids = append(ids, id)
		}
		return ids
	}
	ask("index", func(q string) []int {
		var ids []int
		for _, h := range ix.Search(Query{Project: "p", Text: q, K: 10}) {
			var id int
			_, _ = fmt.Sscan(h.ID, &id)
			ids = append(ids, id)
		}
		return ids
	})
	const match = `SELECT rowid FROM words WHERE words MATCH ? ORDER BY bm25(words) LIMIT 10`
	ask("fts5-all-words", func(q string) []int { return sqlIDs(match, strings.Join(strings.Fields(q), " OR ")) })
	ask("fts5-eight-rare-words", func(q string) []int { return sqlIDs(match, strings.Join(rarest(q, df, n/20), " OR ")) })
	ask("vec-float", func(q string) []int {
		return sqlIDs(`SELECT rowid FROM near WHERE v MATCH ? AND k = 10`, floats(projected(ix, q)))
	})
	ask("vec-bit", func(q string) []int {
		return sqlIDs(`SELECT rowid FROM nearbits WHERE v MATCH vec_bit(?) AND k = 10`, bits(projected(ix, q)))
	})
}

func fill(b *testing.B, db *sql.DB, ix *Index, texts []string) {
	tx, err := db.BeginTx(context.Background(), nil)
	must(b, err)
	for i, s := range texts {
		v := projected(ix, s)
		_, err := tx.Exec(`INSERT INTO words (rowid, text) VALUES (?, ?)`, i, s)
		must(b, err)
		_, err = tx.Exec(`INSERT INTO near (rowid, v) VALUES (?, ?)`, i, floats(v))
		must(b, err)
		_, err = tx.Exec(`INSERT INTO nearbits (rowid, v) VALUES (?, vec_bit(?))`, i, bits(v))
		must(b, err)
	}
	must(b, tx.Commit())
}

// rarest is the eight rarest known words of a text, none in more than most messages.
func rarest(s string, df map[string]int, most int) []string {
	var out []string
	for _, w := range strings.Fields(s) {
		if k := df[stem(w)]; k > 0 && k <= most {
			out = append(out, w)
		}
	}
	for i := range out {
		for j := i + 1; j < len(out); j++ {
			if df[stem(out[j])] < df[stem(out[i])] {
				out[i], out[j] = out[j], out[i]
			}
		}
	}
	return out[:min(8, len(out))]
}

// BenchmarkLoad reads the table back, as a restart does.
func BenchmarkLoad(b *testing.B) {
	const n = 100_000
	ctx, c, db := context.Background(), newCorpus(7), newDB(b)
	tx, err := db.BeginTx(ctx, nil)
	must(b, err)
	size := 0
	for i := range n {
		r := NewRow(Doc{ID: fmt.Sprintf("r%014d", i), Project: "p", Text: c.text(), At: time.Unix(int64(i), 0)})
		size += len(r.Data)
		must(b, Put(ctx, tx, r))
	}
	must(b, tx.Commit())
	for b.Loop() {
		if k, err := New().Load(ctx, db); err != nil || k != n {
			b.Fatal(k, err)
		}
	}
	b.ReportMetric(float64(size)/n, "B/row")
	b.ReportMetric(float64(b.Elapsed().Milliseconds())/float64(b.N), "ms/100k")
}
