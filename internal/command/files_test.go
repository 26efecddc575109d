package command_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/iterateswarm/iterateswarm/internal/command"
	"github.com/iterateswarm/iterateswarm/internal/llm/llmtest"
)

func TestJudgeReadsAndWritesLines(t *testing.T) {
	t.Parallel()
	in := `{"id":1,"text":"App crashes when I click the login button"}` + "\n" + `{"id":"b","title":"Add dark mode","body":"Please add a dark mode to the settings"}` + "\n"
	var out, errs bytes.Buffer
	code := command.MainIn(strings.NewReader(in), []string{"judge", "--channel", "chat"}, nil, command.Bundled{}, &out, &errs)
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if code != 0 || len(lines) != 2 {
		t.Fatalf("exit %d, %d lines\n%s%s", code, len(lines), out.String(), errs.String())
	}
	for i, want := range []string{"bug", "feature"} {
		var v struct {
			ID    any
			Class string
			Title string
		}
		if err := json.Unmarshal([]byte(lines[i]), &v); err != nil || v.Class != want || v.ID == nil || v.Title == "" {
			t.Errorf("line %d: %s (%v), want class %s", i+1, lines[i], err, want)
		}
	}
	if code, _, errs := run("judge", "--channel", "smoke"); code != 2 || !strings.Contains(errs, "unknown channel") {
		t.Errorf("unknown channel: exit %d, %s", code, errs)
	}
}

func TestJudgeAsksTheConfiguredModel(t *testing.T) {
	t.Parallel()
	m := llmtest.Start(t)
	m.Respond(func(r llmtest.Request) llmtest.Reply {
		if strings.Contains(r.Text, "dark mode") {
			return llmtest.Refusal()
		}
		return llmtest.Text(llmtest.Good(r))
	})
	env := []string{"ITERATESWARM_LLM_KIND=compatible", "ITERATESWARM_LLM_URL=" + m.URL, "ITERATESWARM_LLM_MODEL=m-1"}
	in := `{"id":1,"text":"App crashes when I click the login button"}` + "\n" + `{"id":2,"text":"Please add a dark mode to the settings"}` + "\n"
	var out, errs bytes.Buffer
	code := command.MainIn(strings.NewReader(in), []string{"judge", "--engine", "llm"}, env, command.Bundled{}, &out, &errs)
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if code != 0 || len(lines) != 2 {
		t.Fatalf("exit %d, %d lines\n%s%s", code, len(lines), out.String(), errs.String())
	}
	for i, want := range []string{`"engine":"m-1"`, `"degraded":"after a second try: the model refused`} {
		if !strings.Contains(lines[i], want) {
			t.Errorf("line %d: %s, want %s in it", i+1, lines[i], want)
		}
	}
	if code, _, errs := run("judge", "--engine", "llm"); code != 1 || !strings.Contains(errs, "no language model is configured") {
		t.Errorf("without a model: exit %d, %s", code, errs)
	}
	if code, _, errs := run("judge", "--engine", "oracle"); code != 2 || !strings.Contains(errs, "unknown engine") {
		t.Errorf("unknown engine: exit %d, %s", code, errs)
	}
}

func TestSimilarRanksTheNearestFirst(t *testing.T) {
	t.Parallel()
	docs := file(t, "docs.jsonl", `{"id":"a","text":"The export to CSV hangs"}`+"\n"+`{"id":"b","text":"App crashes when I click the login button"}`+"\n"+`{"id":"c","text":"Please add dark mode"}`+"\n")
	queries := file(t, "queries.jsonl", `{"id":"q","text":"the login button crashes the app"}`+"\n")
	code, out, errs := run("similar", "--docs", docs, "--queries", queries, "-k", "2")
	var line struct {
		Ranked []struct{ ID string } `json:"ranked"`
	}
	if err := json.Unmarshal([]byte(out), &line); code != 0 || err != nil || len(line.Ranked) == 0 || line.Ranked[0].ID != "b" {
		t.Errorf("exit %d, %s %v %s; want b first", code, out, err, errs)
	}
}
