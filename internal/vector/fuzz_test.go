package vector

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// allowed is how long reading n bytes may take, on a busy machine too.
func allowed(n int) time.Duration { return time.Second + 20*time.Duration(n)*time.Microsecond }

func FuzzIndex(f *testing.F) {
	for _, s := range []string{"", "it crashes", "Error 404 on \"login page\"", "C++ vs C#", "com.example.Foo.bar(Foo.java:12)", "日本語テキスト⺀", "ÄÖÜ ß", "a\u0301",
		"\xff\xfe", strings.Repeat("a", 3000), strings.Repeat("a.b", 1000), strings.Repeat("\"", 500), "v1.2.3-rc1+build", "don't can’t", "--foo --bar=baz", "x@y.z", "👍", "\x00"} {
		f.Add(s, s+" again")
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		start := time.Now()
		ix := New()
		ix.Add(Doc{ID: "a", Project: "p", Group: "g", Title: b, Text: a, At: time.Unix(1, 0)})
		ix.Add(Doc{ID: "b", Project: "p", Text: b, At: time.Unix(2, 0)})
		hits := ix.Search(Query{Project: "p", Title: b, Text: a})
		d := Decide(Query{}, hits, DefaultThresholds)
		if took := time.Since(start); took > allowed(2*len(a)+3*len(b)) {
			t.Errorf("%d and %d bytes took %v", len(a), len(b), took)
		}
		if strings.TrimSpace(a+b) != "" && (len(hits) == 0 || hits[0].ID != "a" && hits[0].Score < 1 || !d.Join && hits[0].ID == "a") {
			t.Errorf("%q, %q does not find itself: %+v %+v", a, b, hits, d)
		}
		for _, h := range hits {
			if h.Score < 0 || h.Score > 1 {
				t.Errorf("score %v", h.Score)
			}
		}
		again := New()
		for _, r := range []Row{NewRow(Doc{ID: "b", Project: "p", Text: b, At: time.Unix(2, 0)}), NewRow(Doc{ID: "a", Project: "p", Title: b, Text: a, At: time.Unix(1, 0)})} {
			if err := again.AddRow(r); err != nil {
				t.Fatalf("AddRow(NewRow(%q, %q)): %v", b, a, err)
			}
		}
		for i, h := range again.Search(Query{Project: "p", Title: b, Text: a}) {
			if h.ID != hits[i].ID || h.Score != hits[i].Score {
				t.Errorf("after a reload %+v, before %+v", h, hits[i])
			}
		}
	})
}

func FuzzRow(f *testing.F) {
	f.Add([]byte{})
	f.Add(Encode(Doc{Title: "Login crashes", Text: "User.getName returns null since v1.2"}))
	f.Fuzz(func(t *testing.T, b []byte) {
		x, err := decode(b)
		if err != nil {
			return
		}
		ix := New()
		if err := ix.AddRow(Row{ID: "a", Project: "p", Data: b}); err != nil {
			t.Fatal(err)
		}
		ix.Search(Query{Project: "p", Text: "login crashes"})
		if !ix.Remove("a") || len(x.title)+len(x.body) > maxTitleWords+maxBodyWords {
			t.Errorf("a row of %d words", len(x.title)+len(x.body))
		}
	})
}

// It runs alone, because it measures time.
func TestReadIsLinear(t *testing.T) {
	for _, unit := range []string{"a", "a ", "a.", ".", "\"a", "'", "日", "A", "aB", "é", "\u0301", "#", "1.", "-", "\xff", "crash login "} {
		took := func(n int) time.Duration {
			s := strings.Repeat(unit, n)
			best := time.Hour
			for range 3 {
				start := time.Now()
				Encode(Doc{Title: s, Text: s})
				best = min(best, time.Since(start))
			}
			return best
		}
		small, large := took(20_000), took(80_000)
		if large > 9*small+20*time.Millisecond {
			t.Errorf("%q: %v for 20,000, %v for 80,000", unit, small, large)
		}
	}
}

func TestEncodedWordsAreWhole(t *testing.T) {
	t.Parallel()
	for _, s := range []string{strings.Repeat("é", 100), strings.Repeat("日", 5), strings.Repeat("x", 200) + " y"} {
		x, err := decode(Encode(Doc{Text: s}))
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range x.body {
			if !utf8.ValidString(w.stem) || len(w.stem) > maxWordBytes+4 {
				t.Errorf("read(%q) has the word %q", s, w.stem)
			}
		}
	}
}
