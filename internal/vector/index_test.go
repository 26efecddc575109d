package vector

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	_ "modernc.org/sqlite"
)

func newDB(t testing.TB) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(t.TempDir(), "data.db")+"?_pragma=journal_mode(WAL)&_pragma=busy_timeout(5000)")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	for range 2 { // the schema may be applied twice
		for _, s := range Schema() {
			if _, err := db.Exec(s); err != nil {
				t.Fatal(err)
			}
		}
	}
	return db
}

var someWords = strings.Fields("app crash crashes login button Login page export csv CSV pdf error 404 500 v2.1.0 not can't settings dark mode slow " +
	"upload photo picture fails timeout server client User.getName HTTPServer über naïve 日本語テキスト 设置 empty screen")

func someText(r *rand.Rand, most int) string {
	var b strings.Builder
	for n := r.IntN(most + 1); n > 0; n-- {
		b.WriteString(someWords[r.IntN(len(someWords))] + " ")
	}
	return b.String()
}

func someDoc(r *rand.Rand) Doc {
	d := Doc{ID: fmt.Sprint("d", r.IntN(120)), Project: fmt.Sprint("p", r.IntN(2)), Text: someText(r, 12), At: time.Unix(int64(r.IntN(60)), 0)}
	if r.IntN(2) == 0 {
		d.Title = someText(r, 5)
	}
	if r.IntN(2) == 0 {
		d.Group = fmt.Sprint("g", r.IntN(9))
	}
	return d
}

// TestAnswersDependOnTheDocumentsOnly changes an index and its table at random
// and compares its answers with those of one that was only ever given what is
// left, in another order.
func TestAnswersDependOnTheDocumentsOnly(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	for seed := range uint64(12) {
		r := rand.New(rand.NewPCG(seed, 0))
		db, ix, docs := newDB(t), New(), map[string]Doc{}
		for step := range 300 {
			id := fmt.Sprint("d", r.IntN(120))
			switch k := r.IntN(10); {
			case k < 6:
				d := someDoc(r)
				docs[d.ID] = d
				ix.Add(d)
				must(t, Put(ctx, db, NewRow(d)))
			case k < 8:
				if d, ok := docs[id]; ok {
					d.Group = fmt.Sprint("g", r.IntN(9))
					docs[id] = d
					must(t, Put(ctx, db, NewRow(d)))
				}
				_, ok := docs[id]
				if ix.Move(id, docs[id].Group) != ok {
					t.Errorf("Move(%s) is not %v", id, ok)
				}
			default:
				_, ok := docs[id]
				delete(docs, id)
				must(t, Delete(ctx, db, id))
				if ix.Remove(id) != ok {
					t.Errorf("Remove(%s) is not %v", id, ok)
				}
			}
			if step%100 == 99 {
				ix = New()
				if n, err := ix.Load(ctx, db); err != nil || n != len(docs) {
					t.Fatalf("Load = %d, %v, want %d rows", n, err, len(docs))
				}
			}
			if step%10 != 9 {
				continue
			}
			fresh := New()
			for _, d := range docs { // in map order
				fresh.Add(d)
			}
			q := someDoc(r)
			query := Query{Project: q.Project, Title: q.Title, Text: q.Text, K: 1 + r.IntN(20), Skip: func(id, _ string) bool { return id == q.ID }}
			if r.IntN(2) == 0 {
				query.Before = q.At
			}
			got, want := ix.Search(query), fresh.Search(query)
			if d := cmp.Diff(want, got, cmp.AllowUnexported(Hit{}, facts{}), cmpopts.EquateApprox(0, 1e-6)); d != "" {
				t.Fatalf("seed %d step %d: a fresh index answers otherwise (-fresh +changed):\n%s", seed, step, d)
			}
			for _, h := range got {
				checkHit(t, h, docs[h.ID], query)
			}
		}
	}
}

func checkHit(t *testing.T, h Hit, d Doc, q Query) {
	t.Helper()
	switch {
	case d.ID == "" || d.Project != q.Project || d.Group != h.Group:
		t.Errorf("hit %+v is not the document %+v of %s", h, d, q.Project)
	case !q.Before.IsZero() && !d.At.Before(q.Before):
		t.Errorf("hit %s of %v is not before %v", h.ID, d.At, q.Before)
	case h.Score < 0 || h.Score > 1:
		t.Errorf("hit %s scores %v", h.ID, h.Score)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestTwinsAreFoundHoweverCommonTheirWords(t *testing.T) {
	t.Parallel()
	ix := New()
	for i := range 3000 {
		ix.Add(Doc{ID: fmt.Sprint(i), Project: "p", Text: fmt.Sprintf("it crashes on page %d", i%7), At: time.Unix(int64(i), 0)})
	}
	ix.Add(Doc{ID: "old", Project: "p", Group: "g", Text: "It crashes on login", At: time.Unix(-5, 0)})
	hits := ix.Search(Query{Project: "p", Text: "it crashes on LOGIN!", K: 3})
	if len(hits) == 0 || hits[0].ID != "old" || !hits[0].Same || hits[0].Score != 1 {
		t.Errorf("the twin is not first: %+v", hits)
	}
}

func TestProjectsDoNotSeeEachOther(t *testing.T) {
	t.Parallel()
	ix := New()
	ix.Add(Doc{ID: "a", Project: "one", Text: "login crashes"})
	if hits := ix.Search(Query{Project: "two", Text: "login crashes"}); len(hits) != 0 {
		t.Errorf("project two sees %+v", hits)
	}
	ix.Add(Doc{ID: "a", Project: "two", Text: "login crashes"})
	if n := ix.Len("one"); n != 0 {
		t.Errorf("a document that moved to another project is still in the first: %d", n)
	}
}

func TestSearchBesideAWriter(t *testing.T) {
	t.Parallel()
	ix := New()
	var wg sync.WaitGroup
	stop := make(chan struct{})
	for w := range 3 {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(uint64(w), 1))
			for {
				select {
				case <-stop:
					return
				default:
				}
				q := someDoc(r)
				query := Query{Project: q.Project, Title: q.Title, Text: q.Text, K: 5}
				Decide(query, ix.Search(query), DefaultThresholds)
			}
		})
	}
	r := rand.New(rand.NewPCG(9, 9))
	for range 1500 {
		switch d := someDoc(r); r.IntN(4) {
		case 0:
			ix.Remove(d.ID)
		case 1:
			ix.Move(d.ID, d.Group)
		default:
			ix.Add(d)
		}
	}
	close(stop)
	wg.Wait()
}

func TestPutIsPartOfTheCallersTransaction(t *testing.T) {
	t.Parallel()
	ctx, db := context.Background(), newDB(t)
	tx, err := db.BeginTx(ctx, nil)
	must(t, err)
	must(t, Put(ctx, tx, NewRow(Doc{ID: "a", Project: "p", Text: "login crashes"})))
	must(t, tx.Rollback())
	ix := New()
	if n, err := ix.Load(ctx, db); n != 0 || err != nil {
		t.Errorf("Load after a rollback = %d, %v", n, err)
	}
}

func TestLoadKeepsWhatIsNewer(t *testing.T) {
	t.Parallel()
	ctx, db, ix := context.Background(), newDB(t), New()
	must(t, Put(ctx, db, NewRow(Doc{ID: "a", Project: "p", Text: "login crashes"})))
	ix.Add(Doc{ID: "a", Project: "p", Group: "g", Text: "login crashes"})
	if n, err := ix.Load(ctx, db); n != 0 || err != nil {
		t.Errorf("Load = %d, %v", n, err)
	}
	if hits := ix.Search(Query{Project: "p", Text: "login crashes"}); len(hits) != 1 || hits[0].Group != "g" {
		t.Errorf("Load undid a change: %+v", hits)
	}
}

func TestARowOfAnotherMakerIsRefused(t *testing.T) {
	t.Parallel()
	for _, data := range []string{"", "x", "\x02000000000", "\x0100000000\x01", "\x0100000000\x00\x05ab", "\x0100000000\x00\x1f"} {
		if err := New().AddRow(Row{ID: "a", Data: []byte(data)}); !errors.Is(err, ErrData) {
			t.Errorf("AddRow(%q) = %v, want ErrData", data, err)
		}
	}
}

func TestSimilarStream(t *testing.T) {
	t.Parallel()
	docs := `{"id":1,"app":"x","text":"login crashes on start"}
{"id":"two","app":"x","text":"dark mode please"}
{"id":"three","app":"y","text":"login crashes on start"}
{"id":"four","app":"x","text":"crashes after login"}
`
	tests := []struct {
		name, queries, want string
		o                   SimilarOptions
	}{
		{"by id in a group", `{"query":1}`, `{"query":"1","ranked":[four]}`, SimilarOptions{Group: "app"}},
		{"before", `{"query":"four"}`, `{"query":"four","ranked":[three 1]}`, SimilarOptions{Before: true}},
		{"a text of its own", `{"id":"q","app":"y","text":"login crash"}`, `{"query":"q","ranked":[three]}`, SimilarOptions{Group: "app"}},
		{"nothing alike", `{"id":"q","text":"zebra"}`, `{"query":"q","ranked":[]}`, SimilarOptions{}},
	}
	for _, tt := range tests {
		var out bytes.Buffer
		if err := SimilarStream(strings.NewReader(docs), strings.NewReader(tt.queries), &out, tt.o, nil); err != nil {
			t.Fatal(err)
		}
		a := lines[similarLine](t, out.Bytes())[0]
		ids := make([]string, len(a.Ranked))
		for i, d := range a.Ranked {
			ids[i] = d.ID
		}
		if got := fmt.Sprintf(`{"query":%q,"ranked":%v}`, a.Query, ids); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
	for _, bad := range []string{"{", `{"text":"no id"}`, `{"query":"unknown"}`, "[]"} {
		if err := SimilarStream(strings.NewReader(docs), strings.NewReader(bad), &bytes.Buffer{}, SimilarOptions{}, nil); err == nil {
			t.Errorf("query %s is accepted", bad)
		}
	}
}
