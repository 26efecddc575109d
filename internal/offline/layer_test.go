package offline

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/iterateswarm/iterateswarm/internal/triage"
)

// wobble is jargon that no public set knows.
func wobble(i int) triage.Item {
	places := [...]string{"the dock", "bay three", "the roof", "line two", "the ramp", "gate five", "the yard", "the hall"}
	return triage.Item{Text: "the flux is wobbly at " + places[i%len(places)], Channel: triage.ChannelChat, Source: "discord"}
}

func taughtWobble(e *Engine, n int) *Learner {
	l := NewLearner(e)
	for i := range n {
		l.Learn(Example{ID: fmt.Sprint("m", i), Lesson: fmt.Sprint("d", i), Item: wobble(i), Class: triage.Bug, Severity: triage.High,
			Labels: []string{"flux"}, Components: []string{"drive"}, Assignees: []string{"mona"}})
	}
	return l
}

func TestLayerLearnsJargonOnTheSpot(t *testing.T) {
	t.Parallel()
	e := New()
	new := triage.Item{Text: "flux is wobbly again near the pier", Channel: triage.ChannelChat, Source: "discord"}
	plain := e.Judge(new)
	if plain.Class == triage.Bug {
		t.Fatalf("the shipped engine knows the jargon already: %v", plain.Probabilities)
	}
	layer := taughtWobble(e, 8).Layer()
	v := e.JudgeWith(layer, new)
	if v.Class != triage.Bug || v.Severity != triage.High {
		t.Errorf("got %s %s %v, want bug high", v.Class, v.Severity, v.Probabilities)
	}
	if fmt.Sprint(v.Labels, v.Components, v.Assignees) != "[flux] [drive] [mona]" {
		t.Errorf("got %v %v %v", v.Labels, v.Components, v.Assignees)
	}
	if v.EngineVersion != e.Version()+"+"+layer.Version() {
		t.Errorf("version %q", v.EngineVersion)
	}
	sum := 0.0
	for _, p := range v.Probabilities {
		sum += p
	}
	if math.Abs(sum-1) > 1e-9 || v.Confidence != v.Probabilities[v.Class] {
		t.Errorf("probabilities %v sum to %v, confidence %v", v.Probabilities, sum, v.Confidence)
	}
	other := triage.Item{Text: "How do I change my password?", Channel: triage.ChannelChat, Source: "discord"}
	if got := e.JudgeWith(layer, other); got.Class != triage.Question || len(got.Labels)+len(got.Assignees) > 0 {
		t.Errorf("an unrelated question became %s %v %v", got.Class, got.Labels, got.Assignees)
	}
	if again := e.Judge(new); !reflect.DeepEqual(again, plain) {
		t.Error("the shipped verdict has changed")
	}
}

func TestLearnerIsDeterministicAndSurvivesEncoding(t *testing.T) {
	t.Parallel()
	e := New()
	a, b := taughtWobble(e, 20), taughtWobble(e, 12)
	b, err := DecodeLearner(e, b.Encode())
	if err != nil {
		t.Fatal(err)
	}
	for i := 12; i < 20; i++ {
		b.Learn(Example{ID: fmt.Sprint("m", i), Lesson: fmt.Sprint("d", i), Item: wobble(i), Class: triage.Bug, Severity: triage.High,
			Labels: []string{"flux"}, Components: []string{"drive"}, Assignees: []string{"mona"}})
	}
	if !bytes.Equal(a.Encode(), b.Encode()) {
		t.Error("learning in two parts gave another layer than learning at once")
	}
	it := triage.Item{Title: "Flux", Text: "the flux wobbles. What now?", Channel: triage.ChannelIssue, Source: "github"}
	if got, want := e.JudgeWith(b.Layer(), it), e.JudgeWith(a.Layer(), it); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestLayerHoldsNoText(t *testing.T) {
	t.Parallel()
	l := taughtWobble(New(), 8)
	for _, word := range []string{"wobbly", "the dock", "ramp"} {
		if bytes.Contains(l.Encode(), []byte(word)) {
			t.Errorf("the layer holds %q", word)
		}
	}
}

func TestLayerOfOtherWeightsIsRefused(t *testing.T) {
	t.Parallel()
	data := taughtWobble(New(), 3).Encode()
	other := newEngine(func() *model { m := new(model); m.version = "w0"; m.index(); return m })
	if _, err := DecodeLearner(other, data); !errors.Is(err, ErrOtherWeights) {
		t.Errorf("got %v", err)
	}
	for cut := 0; cut < len(data); cut += 97 {
		if _, err := DecodeLearner(New(), data[:cut]); err == nil {
			t.Fatalf("%d of %d bytes were taken for a layer", cut, len(data))
		}
	}
}

func FuzzDecodeLearner(f *testing.F) {
	e := New()
	f.Add(taughtWobble(e, 2).Encode())
	f.Add([]byte(layerMagic))
	f.Fuzz(func(t *testing.T, data []byte) {
		l, err := DecodeLearner(e, data)
		if err != nil {
			return
		}
		e.JudgeWith(l.Layer(), wobble(1))
	})
}

// A layer must not grow beyond its bound, whatever it is taught.
func TestLayerIsBounded(t *testing.T) {
	if testing.Short() {
		t.Skip("teaches 1,500 long texts; run without -short")
	}
	t.Parallel()
	l := NewLearner(New())
	for i := range 1500 {
		var b strings.Builder
		for k := range 60 {
			fmt.Fprintf(&b, "w%x%x ", i*7919+k*104729, k*i)
		}
		name := fmt.Sprintf("label %d", i)
		l.Learn(Example{ID: name, Lesson: name, Item: triage.Item{Text: b.String(), Source: name}, Class: triage.Classes[i%4],
			Labels: []string{name}, Components: []string{name}, Assignees: []string{name}})
	}
	if n := len(l.Encode()); n > MostLayerBytes {
		t.Errorf("%d bytes, more than the bound of %d", n, MostLayerBytes)
	}
	if len(l.sources) != mostSources || len(l.names.list) != mostNames {
		t.Errorf("%d sources, %d names", len(l.sources), len(l.names.list))
	}
}

func TestLabelsThatPeopleTakeAwayGo(t *testing.T) {
	t.Parallel()
	e := New()
	l := NewLearner(e)
	it := func(i int) triage.Item {
		x := wobble(i)
		x.Text = "the login screen crashes when " + x.Text
		x.Labels = []string{"bug", "crash", "auth"}
		return x
	}
	if v := e.Judge(it(9)); fmt.Sprint(v.Labels) != "[bug crash]" {
		t.Fatalf("labels %v", v.Labels)
	}
	for i := range 8 {
		l.Learn(Example{ID: fmt.Sprint(i), Lesson: fmt.Sprint(i), Item: it(i), Class: triage.Bug, Labels: []string{"bug", "auth"}})
	}
	if v := e.JudgeWith(l.Layer(), it(9)); fmt.Sprint(v.Labels) != "[bug auth]" {
		t.Errorf("labels %v, want [bug auth]", v.Labels)
	}
}

func TestConfidenceIsFittedFromDecisions(t *testing.T) {
	t.Parallel()
	e := New()
	l := NewLearner(e)
	// People say "question" to every second crash, at random as far as words go:
	// the confidence in either answer must come down.
	n := 0
	for i := range CalibratedFrom + 100 {
		class := triage.Bug
		if itemHash(fmt.Sprint(i, "x"))&16 == 0 {
			class = triage.Question
		}
		if _, ok := l.Layer().Calibrated("discord", ClassField); ok != (n >= CalibratedFrom) && i%50 == 0 {
			t.Fatalf("after %d decisions calibrated is %v", n, ok)
		}
		l.Learn(Example{ID: fmt.Sprint(i), Lesson: fmt.Sprint(i), Item: triage.Item{Text: "the app crashes when I save", Channel: triage.ChannelChat, Source: "discord"}, Class: class})
		n++
	}
	layer := l.Layer()
	if n, ok := layer.Calibrated("discord", ClassField); !ok || n != CalibratedFrom+100 {
		t.Fatalf("%d decisions, calibrated %v", n, ok)
	}
	if _, ok := layer.Calibrated("slack", ClassField); ok {
		t.Error("a source nobody decided on counts as calibrated")
	}
	v := e.JudgeWith(layer, triage.Item{Text: "the app crashes when I save", Channel: triage.ChannelChat, Source: "discord"})
	if v.Confidence > 0.7 {
		t.Errorf("confidence %.2f where people agree half the time", v.Confidence)
	}
	for c, p := range v.Probabilities {
		if p > v.Probabilities[v.Class] {
			t.Errorf("%s has %.3f, more than the answer's %.3f", c, p, v.Confidence)
		}
	}
}

func TestWhyNamesTheWords(t *testing.T) {
	t.Parallel()
	e := New()
	it := wobble(3)
	it.Text = "Good morning. " + it.Text
	layer := taughtWobble(e, 8).Layer()
	class, severity := e.Why(layer, it, 12)
	var shipped, project bool
	for _, r := range class {
		if r.End > r.Start && strings.ToLower(it.Text[r.Start:r.End]) != r.Feature {
			t.Errorf("%q is not at %d..%d", r.Feature, r.Start, r.End)
		}
		shipped = shipped || r.From == "shipped"
		project = project || r.From == "project" && r.Weight > 0 && (strings.Contains(r.Feature, "flux") || strings.Contains(r.Feature, "wobbly"))
	}
	if !shipped || !project || len(severity) == 0 {
		t.Errorf("class %+v\nseverity %+v", class, severity)
	}
	plain, _ := e.Why(nil, it, 50)
	for _, r := range plain {
		if r.From != "shipped" {
			t.Errorf("%+v without a layer", r)
		}
	}
}
