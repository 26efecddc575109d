package main

import (
	"bufio"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/iterateswarm/iterateswarm/internal/offline"
)

// slack is how far a figure may fall below the recorded one: one or two
// messages of the smallest group.
const slack = 0.02

// TestRecordedScores fails when a score on the set in testdata drops. After a
// change for the better run `ITERATESWARM_RECORD=1 go test ./eval`.
func TestRecordedScores(t *testing.T) {
	t.Parallel()
	table, err := scoreOwn(offline.New())
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join("testdata", "recorded.txt")
	if os.Getenv("ITERATESWARM_RECORD") != "" {
		var b strings.Builder
		for _, f := range table.lines {
			b.WriteString(f.name + "\t" + strconv.FormatFloat(f.value, 'f', 3, 64) + "\n")
		}
		if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	now := map[string]float64{}
	for _, l := range table.lines {
		now[l.name] = l.value
	}
	for sc := bufio.NewScanner(f); sc.Scan(); {
		name, s, _ := strings.Cut(sc.Text(), "\t")
		want, err := strconv.ParseFloat(s, 64)
		if err != nil {
			t.Fatal(err)
		}
		got, ok := now[name]
		if !ok {
			t.Errorf("%s is no longer scored", name)
		}
		if got < want-slack {
			t.Errorf("%s fell to %.3f, recorded %.3f", name, got, want)
		}
	}
}

// TestOwnSet holds what the documentation says of the set.
func TestOwnSet(t *testing.T) {
	t.Parallel()
	rows, err := ownRows()
	if err != nil {
		t.Fatal(err)
	}
	ids, langs, channels := map[string]bool{}, map[string]bool{}, map[string]bool{}
	duplicates, several := 0, 0
	for _, r := range rows {
		if ids[r.ID] {
			t.Errorf("id %s stands twice", r.ID)
		}
		ids[r.ID], langs[r.Lang], channels[string(r.Channel)] = true, true, true
		if r.Duplicate != "" {
			duplicates++
			if !ids[r.Duplicate] {
				t.Errorf("%s repeats %s, which is not there", r.ID, r.Duplicate)
			}
		}
		if r.Matters > 1 {
			several++
		}
	}
	if len(rows) < 300 || len(langs) < 6 || len(channels) != 4 || duplicates < 5 || several < 5 {
		t.Errorf("%d messages, %d languages, %d channels, %d repeats, %d with several matters", len(rows), len(langs), len(channels), duplicates, several)
	}
}

// TestMeasures checks the arithmetic on cases worked out by hand.
func TestMeasures(t *testing.T) {
	t.Parallel()
	rows := []judged{{want: "bug", got: "bug"}, {want: "bug", got: "feature"}, {want: "feature", got: "feature"}}
	if got := f1(rows, same); got < 0.666 || got > 0.667 {
		t.Errorf("f1 = %f, want 0.667", got)
	}
	if got := auc([]float64{0.1, 0.4, 0.35, 0.8}, []bool{false, false, true, true}); got != 0.75 {
		t.Errorf("auc = %f, want 0.75", got)
	}
	if got := rougeL("the app crashes", "app crashes on login"); got < 0.571 || got > 0.572 {
		t.Errorf("rougeL = %f, want 4/7", got)
	}
}
