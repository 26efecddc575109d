package pipeline_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/pocketbase/dbx"

	"github.com/iterateswarm/iterateswarm/internal/offline"
	"github.com/iterateswarm/iterateswarm/internal/pipeline"
	"github.com/iterateswarm/iterateswarm/internal/records"
	"github.com/iterateswarm/iterateswarm/internal/servertest"
)

// jargon is what one team calls a bug and the shipped weights do not know.
func jargon(i int) string {
	places := [...]string{"the dock", "bay three", "the roof", "line two", "the ramp", "gate five", "the yard", "the hall"}
	return "the flux is wobbly at " + places[i%len(places)]
}

const newJargon = "flux is wobbly again near the pier"

// class is the class that a new message in a project is judged to have.
func (b *bench) class(project, content string) string {
	b.t.Helper()
	return b.Record(records.Feedback, b.Post(content, "project", project)).GetString("class")
}

// correct says what a message is and returns the decision.
func (b *bench) correct(id, class string) string {
	b.t.Helper()
	a := b.Do("POST", "/api/feedback/"+id+"/correct", map[string]any{"class": class}, "Authorization", b.triager)
	if a.Status != 200 {
		b.t.Fatalf("correct: %d %s", a.Status, a.Body)
	}
	var decision string
	err := b.App.DB().NewQuery(`SELECT id FROM decisions WHERE subject_id = {:s} AND action = 'reclassify' ORDER BY rowid DESC LIMIT 1`).
		Bind(dbx.Params{"s": id}).Row(&decision)
	if err != nil {
		b.t.Fatal(err)
	}
	return decision
}

func (b *bench) teachJargon(n int) (decisions []string) {
	b.t.Helper()
	for i := range n {
		decisions = append(decisions, b.correct(b.Post(jargon(i)), "bug"))
	}
	return decisions
}

func (b *bench) learning(token string) pipeline.Learning {
	b.t.Helper()
	a := b.Do("GET", "/api/projects/"+b.Project()+"/learning", nil, "Authorization", token)
	if a.Status != 200 {
		b.t.Fatalf("learning: %d %s", a.Status, a.Body)
	}
	var l pipeline.Learning
	a.JSON(b.t, &l)
	return l
}

func (b *bench) verdict(id string) string {
	b.t.Helper()
	raw, err := json.Marshal(b.Record(records.Feedback, id).GetRaw("verdict"))
	if err != nil {
		b.t.Fatal(err)
	}
	return string(raw)
}

func TestCorrectionsTeachTheirProjectAtOnce(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	admin, key := b.User("admin"), b.Superuser()
	other := b.Save(records.Projects, map[string]any{"name": "Other", "slug": "other-one", "settings": map[string]any{}})
	before := b.Post(newJargon)
	if c := b.Record(records.Feedback, before).GetString("class"); c == "bug" {
		t.Fatalf("the shipped weights know the jargon: %s", c)
	}
	b.teachJargon(8)

	learned := b.Post(newJargon + " today")
	r := b.Record(records.Feedback, learned)
	if r.GetString("class") != "bug" {
		t.Fatalf("after 8 corrections a new message is judged %s", r.GetString("class"))
	}
	weights := offline.New().Version()
	if v := r.GetString("engine_version"); !strings.HasPrefix(v, weights+"+p") {
		t.Errorf("engine version %q names not the weights %s and a layer", v, weights)
	}
	a := b.Do("POST", "/api/feedback?wait=20s", map[string]any{"content": newJargon + " today", "source": "discord", "project": other.Id}, "Authorization", key)
	if a.Status != 200 || a.Map(t)["Classification"] == "bug" {
		t.Errorf("what one project taught is known in another: %d %s", a.Status, a.Body)
	}
	l := b.learning(b.viewer)
	if l.Examples != 8 || l.Corrections < 1 || l.Corrections > 8 || l.Classes["bug"].Said != 8 || l.Effect == nil || l.Effect.N != 8 ||
		l.Effect.After <= l.Effect.Before || l.Weights != weights || l.Bytes == 0 || l.Updated == nil {
		t.Errorf("learning %+v, effect %+v", l, l.Effect)
	}

	var why struct{ Class, Severity []offline.Reason }
	b.Do("GET", "/api/feedback/"+learned+"/why", nil, "Authorization", b.viewer).JSON(t, &why)
	found := false
	for _, w := range why.Class {
		found = found || w.From == "project" && w.Weight > 0 && w.End > w.Start && strings.Contains(newJargon, w.Feature)
	}
	if !found {
		t.Errorf("nothing of the project's own in %+v", why.Class)
	}

	export := b.Do("GET", "/api/projects/"+b.Project()+"/learning/export", nil, "Authorization", admin)
	if export.Status != 200 || !strings.Contains(export.Header.Get("Content-Disposition"), "attachment") {
		t.Fatalf("export: %d %s", export.Status, export.Header)
	}
	for _, word := range []string{"wobbly", "flux", "dock", "ramp"} {
		if strings.Contains(string(export.Body), word) {
			t.Errorf("the export holds the word %q", word)
		}
	}

	if a := b.Do("POST", "/api/projects/"+b.Project()+"/learning/reset", map[string]any{}, "Authorization", admin); a.Status != 200 {
		t.Fatalf("reset: %d %s", a.Status, a.Body)
	}
	if got, want := b.verdict(b.Post(newJargon)), b.verdict(before); got != want {
		t.Errorf("after the reset the verdict is\n%s\nand was\n%s", got, want)
	}
	if l := b.learning(b.viewer); l.Examples != 0 || l.Effect != nil {
		t.Errorf("after the reset: %+v", l)
	}
	b.Until("the reset is through", func() bool { return !b.learning(b.viewer).Busy })
	b.teachJargon(8)
	if c := b.class("", newJargon+" and again"); c != "bug" {
		t.Errorf("after the reset nothing is learned any more: %s", c)
	}
}

func TestOnlyAdminsChangeWhatWasLearned(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	path := "/api/projects/" + b.Project() + "/learning"
	for _, token := range []string{b.viewer, b.triager, b.approve} {
		for method, paths := range map[string][]string{"POST": {path + "/reset", path + "/retrain"}, "GET": {path + "/export"}} {
			for _, p := range paths {
				if a := b.Do(method, p, nil, "Authorization", token); a.Status != 403 {
					t.Errorf("%s %s: %d %s", method, p, a.Status, a.Body)
				}
			}
		}
	}
	stranger := b.User("")
	m := b.Post("Good morning")
	for _, p := range []string{path, path + "/export", "/api/projects/" + b.Project() + "/calibration", "/api/feedback/" + m + "/why"} {
		if a := b.Do("GET", p, nil, "Authorization", stranger); a.Status != 404 {
			t.Errorf("a stranger gets %d from %s", a.Status, p)
		}
		if a := b.Do("GET", p, nil); a.Status != 401 {
			t.Errorf("nobody gets %d from %s", a.Status, p)
		}
	}
	if a := b.Do("GET", "/api/collections/layers/records", nil, "Authorization", b.User("admin")); a.Status != 403 {
		t.Errorf("an admin reads the layers: %d %s", a.Status, a.Body)
	}
}

func TestUndoTakesTheLessonBack(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	decisions := b.teachJargon(4)
	kept := b.learning(b.viewer).Version
	extra := b.Post("the sprocket sings")
	d := b.correct(extra, "feature")
	if b.learning(b.viewer).Version == kept {
		t.Fatal("the fifth correction has taught nothing")
	}
	b.undo(200, b.triager, d)
	b.Until("the lesson is gone", func() bool { return b.learning(b.viewer).Version == kept })
	for _, d := range decisions {
		b.undo(200, b.triager, d)
	}
	b.Until("all lessons are gone", func() bool { return b.learning(b.viewer).Examples == 0 })
	if v := b.Record(records.Feedback, b.Post(newJargon)).GetString("engine_version"); v != offline.New().Version() {
		t.Errorf("with every lesson undone the engine is %s", v)
	}
}

// The layer is a cache: learned step by step it must be what the decisions give
// when they are learned anew.
func TestLayerIsWhatTheDecisionsGive(t *testing.T) {
	t.Parallel()
	dir := t.TempDir() + "/pb_data"
	var version, data string
	saved := func(b *bench) (version, data string) {
		_ = b.App.DB().NewQuery(`SELECT version, data FROM layers`).Row(&version, &data) // no row yet
		return version, data
	}
	t.Run("first", func(t *testing.T) {
		b := &bench{Server: servertest.StartIn(t, dir), t: t}
		b.viewer, b.triager, b.approve = b.User("viewer"), b.User("triager"), b.User("approver")
		b.teachEverything()
		b.Until("the layer is saved", func() bool {
			version, data = saved(b)
			return version != "" && version == b.learning(b.viewer).Version
		})
	})
	t.Run("restarted", func(t *testing.T) {
		b := &bench{Server: servertest.StartIn(t, dir), t: t}
		admin := b.User("admin")
		l := b.learning(admin)
		if l.Version != version || l.Busy {
			t.Fatalf("after a restart the layer is %s (busy %v), want %s at once", l.Version, l.Busy, version)
		}
		if c := b.class("", newJargon); c != "bug" {
			t.Errorf("after a restart a new message is judged %s", c)
		}
		a := b.Do("POST", "/api/projects/"+b.Project()+"/learning/retrain", nil, "Authorization", admin)
		if a.Status != 200 {
			t.Fatalf("retrain: %d %s", a.Status, a.Body)
		}
		run := a.Map(t)["run"].(string)
		b.Until("the run is done", func() bool { return b.Record(records.Runs, run).GetString("state") != "running" })
		r := b.Record(records.Runs, run)
		if r.GetString("state") != "done" || r.GetInt("done") != r.GetInt("total") || r.GetInt("total") == 0 {
			t.Errorf("run %s: %d of %d, %s", r.GetString("state"), r.GetInt("done"), r.GetInt("total"), r.GetString("detail"))
		}
		if v, d := saved(b); v != version || d != data {
			t.Errorf("learned anew the layer is %s (%d bytes), step by step it was %s (%d bytes)", v, len(d), version, len(data))
		}
		if _, err := b.App.DB().NewQuery(`DELETE FROM layers`).Execute(); err != nil {
			t.Fatal(err)
		}
	})
	t.Run("without its row", func(t *testing.T) {
		b := &bench{Server: servertest.StartIn(t, dir), t: t}
		admin := b.User("admin")
		b.Until("it is learned anew", func() bool { l := b.learning(admin); return l.Version == version && !l.Busy })
	})
}

// teachEverything makes every kind of act that says something.
func (b *bench) teachEverything() {
	b.t.Helper()
	b.teachJargon(8)
	for i := range 3 {
		issue := b.issueOf(b.Post(fmt.Sprintf("%s number %d%d%d", loginCrash, i, i, i), "user_id", fmt.Sprint("u", i)))
		if issue.GetString("state") != "draft" {
			continue // it joined the one before
		}
		a := b.Do("PATCH", "/api/issues/"+issue.Id, map[string]any{"version": issue.GetInt("version"), "severity": "critical",
			"labels": []string{"flux"}, "components": []string{"drive"}, "assignees": []string{"mona"}}, "Authorization", b.triager)
		if a.Status != 200 {
			b.t.Fatalf("edit: %d %s", a.Status, a.Body)
		}
		b.act(200, b.approve, issue.Id, "approve", nil)
	}
	csv := b.issueOf(b.Post(csvExport))
	b.act(200, b.approve, csv.Id, "approve", nil)
}

func TestEditsAndApprovalsTeachNames(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for i, text := range []string{"The gizmo crashes when it turns at alpha station", "Our gizmo crashes and lost its arm upstairs",
		"Gizmo crashes on cold mornings, west wing", "A gizmo crashes with a loud bang by the gate"} {
		issue := b.issueOf(b.Post(text, "user_id", fmt.Sprint("u", i)))
		a := b.Do("PATCH", "/api/issues/"+issue.Id, map[string]any{"version": issue.GetInt("version"), "labels": []string{"gizmo", "hardware"},
			"components": []string{"turntable"}, "assignees": []string{"mona"}}, "Authorization", b.triager)
		if a.Status != 200 {
			t.Fatalf("edit: %d %s", a.Status, a.Body)
		}
		b.act(200, b.approve, issue.Id, "decline", map[string]any{"reason": "known"})
	}
	r := b.Record(records.Feedback, b.Post("Suddenly the gizmo crashes near the fountain"))
	v, err := records.Verdict(r)
	if err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(v.Labels, v.Components, v.Assignees) != "[gizmo hardware] [turntable] [mona]" {
		t.Errorf("suggested %v %v %v", v.Labels, v.Components, v.Assignees)
	}
	if issue := b.issueOf(r.Id); issue.GetInt("report_count") == 1 && fmt.Sprint(records.Strings(issue, "assignees")) != "[mona]" {
		t.Errorf("the draft is for %v", records.Strings(issue, "assignees"))
	}
	l := b.learning(b.viewer)
	if fmt.Sprint(l.Assignees, l.Components) != "[{mona 4}] [{turntable 4}]" || len(l.Labels) < 2 {
		t.Errorf("learning %+v", l)
	}
}

func TestErasedMessagesAreUnlearned(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.teachJargon(1)
	kept := b.learning(b.viewer).Version
	m := b.Post("the sprocket sings")
	b.correct(m, "bug")
	if err := b.App.Delete(b.Record(records.Feedback, m)); err != nil {
		t.Fatal(err)
	}
	b.Until("the lesson is gone", func() bool { return b.learning(b.viewer).Version == kept })
}

func TestCurveIsCountedFromDecisions(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	get := func() pipeline.Calibration {
		a := b.Do("GET", "/api/projects/"+b.Project()+"/calibration", nil, "Authorization", b.viewer)
		if a.Status != 200 {
			t.Fatalf("calibration: %d %s", a.Status, a.Body)
		}
		var c pipeline.Calibration
		a.JSON(t, &c)
		return c
	}
	if c := get(); c.N != 0 || c.CurveFrom != "none" || len(c.Curve) != 0 || len(c.Sources) != 0 {
		t.Errorf("before any decision: %+v", c)
	}
	type item struct {
		confidence float64
		right      bool
	}
	var decided []item
	for i, text := range []string{loginCrash, csvExport, "How do I change my password?", "Please add a dark mode", "Thanks, great work!", "Where is the export button?"} {
		id := b.Post(text, "user_id", fmt.Sprint("u", i))
		r := b.Record(records.Feedback, id)
		truth := r.GetString("class")
		if i%3 == 2 {
			truth = map[bool]string{true: "question", false: "bug"}[truth == "bug"]
		}
		decided = append(decided, item{r.GetFloat("confidence"), truth == r.GetString("class")})
		b.correct(id, truth)
		if i == 0 {
			b.correct(id, truth) // a second word on a message is no second message
		}
	}
	c := get()
	if c.N != len(decided) || c.CurveFrom != "decisions" || len(c.Sources) != 1 {
		t.Fatalf("%+v", c)
	}
	if s := c.Sources[0]; s.Source != "discord" || s.N != 6 || s.Needed != 200 || s.Calibrated || s.Agreed != 0.6667 {
		t.Errorf("source %+v", s)
	}
	for _, point := range c.Curve {
		n, right := 0, 0
		for _, d := range decided {
			if d.confidence >= point.Threshold {
				n++
				if d.right {
					right++
				}
			}
		}
		if point.N != n || fmt.Sprintf("%.4f %.4f", point.Coverage, point.Precision) != fmt.Sprintf("%.4f %.4f", float64(n)/6, float64(right)/float64(n)) {
			t.Errorf("at %.2f: %+v, counted by hand %d of %d", point.Threshold, point, right, n)
		}
	}
	if len(c.Curve) < 5 || c.Curve[0].N != 6 {
		t.Errorf("curve %+v", c.Curve)
	}
}
