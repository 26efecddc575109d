package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/iterateswarm/iterateswarm/internal/config"
	"github.com/iterateswarm/iterateswarm/internal/llm"
	"github.com/iterateswarm/iterateswarm/internal/llm/llmtest"
	"github.com/iterateswarm/iterateswarm/internal/offline"
)

// A stand-in that calls everything a bug is right where that is so, and its bill
// is added up. No figure of it gets into the report.
func TestBothEnginesAreScoredOnTheSameMessages(t *testing.T) {
	t.Parallel()
	s := llmtest.Start(t)
	s.Respond(func(r llmtest.Request) llmtest.Reply {
		return llmtest.Text(llmtest.Say(r).With("class", "bug").With("steps", []string{"Use it"}).With("criteria", []string{"It works."}).JSON())
	})
	sets, err := chosen(options{sets: "own", most: 40})
	if err != nil || len(sets) != 1 || len(sets[0].rows) != 40 {
		t.Fatalf("sets = %d, %v", len(sets), err)
	}
	bugs := 0
	for _, q := range sets[0].rows {
		if q.want == "bug" {
			bugs++
		}
	}
	c := llm.FromConfig(config.Config{LLM: config.LLM{Kind: "compatible", URL: s.URL, Model: "m-1", Rate: 100_000, PriceIn: 1, PriceOut: 2, Timeout: 20e9}})
	m, err := llm.New(c)
	if err != nil {
		t.Fatal(err)
	}
	text, err := duel(context.Background(), offline.New(), m, sets, func(int, int) {})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"| own |", "| own, other languages |", "40 messages, 40 calls, 0 without a verdict", "cost 0."} {
		if !strings.Contains(text, want) {
			t.Errorf("the section lacks %q:\n%s", want, text)
		}
	}
	if bugs == 0 || bugs == 40 || s.Calls() != 40 {
		t.Errorf("%d bugs, %d calls", bugs, s.Calls())
	}

	file := filepath.Join(t.TempDir(), "report.md")
	if err := os.WriteFile(file, []byte("# Scores\n\n| a |\n\n## Published by others\n\nx\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second takes the place of the first
		if err := replaceSection(file, text); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil || strings.Count(string(got), llmHeading) != 1 || !strings.Contains(string(got), "Published by others\n\nx\n") {
		t.Errorf("report = %s, %v", got, err)
	}
	if llmSection(file) != "\n"+text {
		t.Errorf("section = %q, want %q", llmSection(file), "\n"+text)
	}
}

func TestSetsThatAreNotThere(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"nlbse", "own,unknown"} {
		if _, err := chosen(options{sets: name}); err == nil {
			t.Errorf("sets %q were accepted", name)
		}
	}
}
