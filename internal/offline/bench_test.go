package offline

import (
	"bytes"
	"context"
	"encoding/json"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

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

// The layer of a project with 2,000 decisions against none, side by side: the
// ratio is what counts.
func BenchmarkJudgeWithLayer(b *testing.B) {
	e := New()
	l := NewLearner(e)
	for i, it := range decided(2000) {
		l.Learn(Example{ID: strconv.Itoa(i), Item: it, Class: triage.Classes[i%4], Labels: []string{"area " + strconv.Itoa(i%12)}})
	}
	layer := l.Layer()
	for name, it := range map[string]triage.Item{
		"message": {Text: "Hi, the app crashes when I click the login button on my phone since the last update. Please fix this soon, thanks!", Channel: triage.ChannelChat},
		"issue":   {Title: "Export drops the last row", Channel: triage.ChannelIssue, Text: strings.Repeat("### What happened?\nThe exported file lacks the last row when the filter is set to a single month.\n\n### Steps to reproduce\n1. Open a report\n2. Click Export\n```\nat export (main.js:3:1)\n```\n", 8)},
	} {
		b.Run(name, func(b *testing.B) {
			// The fastest batches are compared: what else the machine does is in
			// the slow ones.
			with, without := time.Hour, time.Hour
			for b.Loop() {
				t0 := time.Now()
				for range 10 {
					e.Judge(it)
				}
				t1 := time.Now()
				for range 10 {
					e.JudgeWith(layer, it)
				}
				without, with = min(without, t1.Sub(t0)), min(with, time.Since(t1))
			}
			b.ReportMetric(float64(with)/float64(without), "with/without")
		})
	}
}

// BenchmarkRetrain learns 10,000 decisions, as a retraining does.
func BenchmarkRetrain(b *testing.B) {
	e := New()
	items := decided(10_000)
	b.ReportAllocs()
	for b.Loop() {
		l := NewLearner(e)
		for i, it := range items {
			l.Learn(Example{ID: strconv.Itoa(i), Item: it, Class: triage.Classes[i%4], Severity: triage.Severities[i/4%4], Labels: []string{"area " + strconv.Itoa(i%12)}})
		}
		b.ReportMetric(float64(len(l.Encode())), "bytes")
	}
}

// BenchmarkCorrection is one correction on a layer that holds 2,000: learn it
// and make the layer that judges the next message.
func BenchmarkCorrection(b *testing.B) {
	e := New()
	l := NewLearner(e)
	items := decided(2000)
	for i, it := range items {
		l.Learn(Example{ID: strconv.Itoa(i), Item: it, Class: triage.Classes[i%4]})
	}
	i := 0
	for b.Loop() {
		l.Learn(Example{ID: strconv.Itoa(i), Item: items[i%len(items)], Class: triage.Classes[i%4]})
		l.Layer()
		i++
	}
}

// decided makes messages of ordinary words, half of them issues.
func decided(n int) []triage.Item {
	words := strings.Fields("the app crashes when I open a report export filter login button phone update please fix account invoice page slow search list save file upload error screen dark mode keyboard shortcut sync offline team calendar row column month print preview settings language notification sound video map route driver door sensor flux wobbly dock bay roof line ramp gate yard hall price tax number total missing wrong twice never always sometimes since yesterday after before")
	rng := rand.New(rand.NewPCG(3, 4))
	out := make([]triage.Item, n)
	for i := range out {
		var b strings.Builder
		length := 15 + rng.IntN(25)
		if i%2 == 0 {
			length = 80 + rng.IntN(120)
		}
		for k := range length {
			if k > 0 {
				b.WriteByte(' ')
			}
			b.WriteString(words[rng.IntN(len(words))])
			if rng.IntN(12) == 0 {
				b.WriteByte('.')
			}
		}
		out[i] = triage.Item{Text: b.String(), Channel: triage.ChannelChat, Source: "discord"}
		if i%2 == 0 {
			out[i].Channel, out[i].Title, out[i].Source = triage.ChannelIssue, out[i].Text[:40], "github"
		}
	}
	return out
}
