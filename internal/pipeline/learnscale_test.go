package pipeline_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/types"

	"github.com/iterateswarm/iterateswarm/internal/offline"
	"github.com/iterateswarm/iterateswarm/internal/pipeline"
	"github.com/iterateswarm/iterateswarm/internal/records"
	"github.com/iterateswarm/iterateswarm/internal/servertest"
	"github.com/iterateswarm/iterateswarm/internal/triage"
	"github.com/iterateswarm/iterateswarm/test/texts"
)

// decideMany stores messages and what a person said of them: three times in
// four that the verdict is right.
func decideMany(tb testing.TB, s *servertest.Server, n int) {
	tb.Helper()
	w := texts.New(9)
	decideAll(tb, s, n, func(int) string { return w.Report() }, func(i int, class triage.Class) triage.Class {
		if i%4 == 0 {
			return triage.Classes[i/4%4]
		}
		return class
	})
}

// decideAll stores messages and what a person said of each, as rows: through
// the API it would take minutes.
func decideAll(tb testing.TB, s *servertest.Server, n int, write func(i int) string, say func(i int, class triage.Class) triage.Class) {
	tb.Helper()
	e := offline.New()
	project := s.Project()
	now := types.NowDateTime().String()
	js := func(v any) string {
		raw, err := json.Marshal(v)
		if err != nil {
			tb.Fatal(err)
		}
		return string(raw)
	}
	for at := 0; at < n; at += 500 {
		err := s.App.RunInTransaction(func(tx core.App) error {
			for i := at; i < min(n, at+500); i++ {
				text := write(i)
				v := e.Judge(triage.Item{Text: text, Channel: triage.ChannelChat})
				truth, id := say(i, v.Class), core.GenerateDefaultRandomId()
				_, err := tx.DB().Insert(records.Feedback, dbx.Params{"id": id, "project": project, "source": "discord", "content": text,
					"class": string(truth), "severity": string(v.Severity), "confidence": 1, "verdict": js(v), "engine": "offline", "state": "triaged", "created": now, "updated": now}).Execute()
				if err != nil {
					return err
				}
				for _, d := range []dbx.Params{
					{"action": "judge", "actor_kind": "engine", "after": js(map[string]any{"class": v.Class, "severity": v.Severity, "confidence": v.Confidence, "severity_confidence": v.SeverityProbs[v.Severity]})},
					{"action": "reclassify", "actor_kind": "person", "after": js(map[string]any{"state": "received", "class": truth, "said": map[string]any{"class": truth, "severity": v.Severity,
						"labels": []string{fmt.Sprint("area ", i%12)}}})},
				} {
					d["id"], d["project"], d["subject"], d["subject_id"], d["before"], d["created"] = core.GenerateDefaultRandomId(), project, records.Feedback, id, "{}", now
					if _, err := tx.DB().Insert(records.Decisions, d).Execute(); err != nil {
						return err
					}
				}
			}
			return nil
		})
		if err != nil {
			tb.Fatal(err)
		}
	}
}

func TestASourceIsCalibratedFromTwoHundredDecisions(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	decideMany(t, b.Server, offline.CalibratedFrom-2)
	for _, want := range []struct {
		n          int
		calibrated bool
	}{{offline.CalibratedFrom - 1, false}, {offline.CalibratedFrom, true}} {
		b.teachJargon(1)
		var c pipeline.Calibration
		b.Do("GET", "/api/projects/default/calibration", nil, "Authorization", b.viewer).JSON(t, &c)
		if len(c.Sources) != 1 || c.Sources[0].N != want.n || c.Sources[0].Calibrated != want.calibrated || c.Sources[0].Needed != offline.CalibratedFrom {
			t.Errorf("%+v, want n %d, calibrated %v", c.Sources, want.n, want.calibrated)
		}
		if s := c.Sources[0].Severity; s.N != offline.CalibratedFrom-2 || s.Calibrated || s.ECE == 0 {
			t.Errorf("severity %+v: the corrections after the first %d said nothing of it", s, offline.CalibratedFrom-2)
		}
	}
}

// Where people agree with the engine half of the time, its confidence comes
// down, and the project's threshold holds what it let through before.
func TestTheThresholdSeesTheFittedConfidence(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	project := b.Record(records.Projects, b.Project())
	project.Set("settings", map[string]any{"hold_below": 0.85})
	if err := b.App.Save(project); err != nil {
		t.Fatal(err)
	}
	const text = "The app crashes when I save"
	if r := b.Record(records.Feedback, b.Post(text)); r.GetString("state") != "joined" {
		t.Fatalf("at first the message is %s at confidence %.2f", r.GetString("state"), r.GetFloat("confidence"))
	}
	decideAll(t, b.Server, offline.CalibratedFrom, func(int) string { return text }, func(i int, _ triage.Class) triage.Class {
		if i*2654435761>>7&1 == 0 {
			return triage.Question
		}
		return triage.Bug
	})
	b.teachJargon(1)
	if r := b.Record(records.Feedback, b.Post(text, "user_id", "u2")); r.GetString("state") != "held" || r.GetString("held_reason") != "low_confidence" {
		t.Errorf("after the decisions it is %s at confidence %.2f", r.GetString("state"), r.GetFloat("confidence"))
	}
}

func TestARetrainingCanBeCancelled(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	decideMany(t, b.Server, 4000)
	admin := b.User("admin")
	b.teachJargon(1) // takes in what was put beside it, too
	before := b.learning(admin)
	run := b.Do("POST", "/api/projects/default/learning/retrain", nil, "Authorization", admin).Map(t)["run"].(string)
	again := b.Do("POST", "/api/projects/default/learning/retrain", nil, "Authorization", admin).Map(t)["run"].(string)
	if again != run {
		t.Errorf("a second retraining runs beside the first")
	}
	if a := b.Do("POST", "/api/runs/"+run+"/cancel", nil, "Authorization", b.viewer); a.Status != 403 {
		t.Errorf("a viewer cancels: %d %s", a.Status, a.Body)
	}
	if a := b.Do("POST", "/api/runs/"+run+"/cancel", nil, "Authorization", admin); a.Status != 200 {
		t.Fatalf("cancel: %d %s", a.Status, a.Body)
	}
	b.Until("its job to end", func() bool {
		n, err := b.Pipeline.Queue().Unfinished("retrain")
		return err == nil && n == 0
	})
	r := b.Record(records.Runs, run)
	if r.GetString("state") != "cancelled" || r.GetInt("done") == r.GetInt("total") {
		t.Errorf("run %s, %d of %d", r.GetString("state"), r.GetInt("done"), r.GetInt("total"))
	}
	if after := b.learning(admin); after.Version != before.Version || after.Busy {
		t.Errorf("a cancelled retraining has changed the layer from %s to %s", before.Version, after.Version)
	}
	next := b.Do("POST", "/api/projects/default/learning/retrain", nil, "Authorization", admin).Map(t)["run"].(string)
	b.Until("the next one to be done", func() bool { return b.Record(records.Runs, next).GetString("state") == "done" })
	if after := b.learning(admin); after.Version != before.Version {
		t.Errorf("learned anew the layer is %s, step by step it was %s", after.Version, before.Version)
	}
}

// BenchmarkTenThousandDecisions measures a project with 10,000 decisions: to
// start with them, to correct one more message, to retrain, to draw the curve.
// Run it with -benchtime 1x.
func BenchmarkTenThousandDecisions(b *testing.B) {
	dir := b.TempDir() + "/pb_data"
	b.Run("fill", func(b *testing.B) {
		for b.Loop() {
			decideMany(b, servertest.StartIn(b, dir), 10_000)
		}
	})
	ms := func(b *testing.B, name string, since time.Time) {
		b.ReportMetric(float64(time.Since(since).Microseconds())/1000, name+"-ms")
	}
	measure := func(b *testing.B) {
		start := time.Now()
		s := servertest.StartIn(b, dir)
		ms(b, "start", start)
		admin := s.User("admin")
		learned := func() bool {
			var l struct {
				Examples int
				Busy     bool
			}
			s.Do("GET", "/api/projects/default/learning", nil, "Authorization", admin).JSON(b, &l)
			return l.Examples >= 10_000 && !l.Busy
		}
		s.Until("the decisions are learned", learned)
		ms(b, "learned", start)
		id := s.Post("The flux is wobbly " + core.GenerateDefaultRandomId())
		start = time.Now()
		if a := s.Do("POST", "/api/feedback/"+id+"/correct", map[string]any{"class": "bug"}, "Authorization", admin); a.Status != 200 {
			b.Fatalf("correct: %s", a.Body)
		}
		ms(b, "correct", start)
		start = time.Now()
		run := s.Do("POST", "/api/projects/default/learning/retrain", nil, "Authorization", admin).Map(b)["run"].(string)
		s.Until("the run is done", func() bool { return s.Record(records.Runs, run).GetString("state") != "running" })
		ms(b, "retrain", start)
		start = time.Now()
		if a := s.Do("GET", "/api/projects/default/calibration", nil, "Authorization", admin); a.Status != 200 {
			b.Fatalf("calibration: %s", a.Body)
		}
		ms(b, "curve", start)
	}
	for _, name := range []string{"learned anew at the start", "loaded at the start"} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				measure(b)
			}
		})
	}
}
