package offline

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/iterateswarm/iterateswarm/internal/triage"
)

func BenchmarkJudgeMessage(b *testing.B) {
	e := New()
	it := triage.Item{Text: "Hi, the app crashes when I click the login button on my phone since the last update. Please fix this soon, thanks!", Channel: triage.ChannelChat}
	e.Judge(it)
	b.ReportAllocs()
	for b.Loop() {
		e.Judge(it)
	}
}

func BenchmarkJudgeIssue(b *testing.B) {
	e := New()
	it := triage.Item{Title: "Export drops the last row", Channel: triage.ChannelIssue, Text: strings.Repeat("### What happened?\nThe exported file lacks the last row when the filter is set to a single month.\n\n### Steps to reproduce\n1. Open a report\n2. Click Export\n```\nat export (main.js:3:1)\n```\n", 8)}
	e.Judge(it)
	b.ReportAllocs()
	for b.Loop() {
		e.Judge(it)
	}
}

func BenchmarkExtract(b *testing.B) {
	m := New().model()
	s := new(scratch)
	it := triage.Item{Text: "Hi, the app crashes when I click the login button on my phone since the last update. Please fix this soon, thanks!", Channel: triage.ChannelChat}
	b.ReportAllocs()
	for b.Loop() {
		s.read(it, m)
		s.classVector(&s.report, &s.vector)
	}
}

// The extractor must not allocate: it runs for every message that comes in.
func TestExtractorDoesNotAllocate(t *testing.T) {
	m := New().model()
	s := new(scratch)
	it := triage.Item{Title: "Export fails", Text: "The app crashes when I click the login button. Expected: it opens.", Channel: triage.ChannelIssue}
	n := testing.AllocsPerRun(200, func() {
		s.read(it, m)
		s.classVector(&s.report, &s.vector)
	})
	if n > 4 {
		t.Errorf("%v allocations a message, want at most 4", n)
	}
}

func TestJudgeStream(t *testing.T) {
	t.Parallel()
	in := `{"id":"a","text":"App crashes when I click the login button"}
{"id":7,"title":"Export fails","body":"Nothing happens when I press the button. Version 2.1.0","labels":"not a list"}

{"id":null,"text":""}
`
	var out bytes.Buffer
	last := 0
	if err := JudgeStream(context.Background(), strings.NewReader(in), &out, triage.ChannelIssue, func(n int) { last = n }); err != nil {
		t.Fatal(err)
	}
	var ids []string
	for line := range strings.Lines(out.String()) {
		var v struct {
			ID         json.RawMessage    `json:"id"`
			Class      string             `json:"class"`
			Severity   map[string]float64 `json:"severity_probabilities"`
			Confidence float64            `json:"confidence"`
			Title      string             `json:"title"`
		}
		if err := json.Unmarshal([]byte(line), &v); err != nil {
			t.Fatal(err)
		}
		if v.Class == "" || v.Confidence <= 0 || len(v.Severity) != 4 || v.Title == "" {
			t.Errorf("line has holes: %s", line)
		}
		ids = append(ids, string(v.ID))
	}
	if got := strings.Join(ids, " "); got != `"a" 7 null` || last != 3 {
		t.Errorf("ids %s, progress %d", got, last)
	}
	err := JudgeStream(context.Background(), strings.NewReader("{\"id\":1,\"text\":\"a\"}\nnot json\n"), &out, triage.ChannelChat, nil)
	if err == nil || !strings.Contains(err.Error(), "line 2") {
		t.Errorf("got %v, want an error that names line 2", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := JudgeStream(ctx, strings.NewReader(in), &out, triage.ChannelChat, nil); err == nil {
		t.Error("a cancelled stream ends without an error")
	}
}
