package pipeline_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/pocketbase/pocketbase/core"

	"github.com/iterateswarm/iterateswarm/internal/command"
	"github.com/iterateswarm/iterateswarm/internal/llm/llmtest"
	"github.com/iterateswarm/iterateswarm/internal/pipeline"
	"github.com/iterateswarm/iterateswarm/internal/records"
	"github.com/iterateswarm/iterateswarm/internal/servertest"
	"github.com/iterateswarm/iterateswarm/internal/triage"
)

const (
	clearBug   = "App crashes when I click the login button"
	germanText = "Beim Klick auf den Knopf stürzt die App ab und alle meine Notizen sind weg"
)

// wish takes every message for a low wish.
func wish(r llmtest.Request) llmtest.Reply {
	a := llmtest.Say(r).With("class", "feature").With("severity", "low").With("steps", []string{})
	if r.Text == germanText {
		a = a.With("language", "de").With("translation", "When I click the button the app crashes and all my notes are gone")
	}
	return llmtest.Text(a.JSON())
}

// decideAs writes n decisions of people on messages that both engines judged;
// the model was right in so many of them, the embedded engine in so many.
func decideAs(t *testing.T, s *servertest.Server, n, model, embedded int) {
	t.Helper()
	said := func(right bool) string {
		if right {
			return "bug"
		}
		return "question"
	}
	err := s.App.RunInTransaction(func(tx core.App) error {
		for i := range n {
			id := fmt.Sprintf("decided%08d", i)
			d := records.Decision{Project: s.Project(), Subject: records.Feedback, SubjectID: id, Action: "judge", ActorKind: records.ByEngine,
				Actor: "m-1", Engine: "m-1", After: map[string]any{"class": "bug", "model_class": said(i < model), "embedded_class": said(i < embedded)}}
			if _, err := records.Append(tx, d); err != nil {
				return err
			}
			for _, class := range []string{"noise", "bug"} { // the last word counts
				d = records.Decision{Project: s.Project(), Subject: records.Feedback, SubjectID: id, Action: "reclassify",
					ActorKind: records.ByPerson, Actor: "users/x", After: map[string]any{"class": class}}
				if _, err := records.Append(tx, d); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestTheModelsClassHasToProveItself(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name, class        string
		n, model, embedded int
		text, want, used   string
	}{
		{"nothing decided", "auto", 0, 0, 0, clearBug, "bug", "embedded"},
		{"another language", "auto", 0, 0, 0, germanText, "feature", "model"},
		{"not enough decided", "auto", 199, 199, 0, clearBug, "bug", "embedded"},
		{"better by 2.5 points", "auto", 200, 165, 160, clearBug, "bug", "embedded"},
		{"better by 3 points", "auto", 200, 166, 160, clearBug, "feature", "model"},
		{"worse, in another language", "auto", 200, 150, 160, germanText, "bug", "embedded"},
		{"always", "always", 0, 0, 0, clearBug, "feature", "model"},
		{"never, though better", "never", 200, 200, 0, clearBug, "bug", "embedded"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m := llmtest.Start(t)
			m.Respond(wish)
			s := servertest.Start(t, withModel(m), func(o *command.Options) { o.Config.LLM.Class = c.class })
			decideAs(t, s, c.n, c.model, c.embedded)
			r := s.Record(records.Feedback, s.Post(c.text))
			v, err := records.Verdict(r)
			if err != nil || v.Opinions == nil {
				t.Fatalf("opinions = %v, %v", v.Opinions, err)
			}
			if r.GetString("class") != c.want || v.Opinions.Used != c.used || v.Opinions.Model.Class != triage.Feature || v.Opinions.Why == "" {
				t.Errorf("class %s, opinions %+v, want %s by the %s", r.GetString("class"), *v.Opinions, c.want, c.used)
			}
			if r.GetString("title") != "Model title: something does not work" || r.GetString("engine") != "m-1" {
				t.Errorf("title %q by %s, want the model's draft whoever gives the class", r.GetString("title"), r.GetString("engine"))
			}
			if c.used == "embedded" && (v.Class != v.Opinions.Embedded.Class || v.Confidence != v.Opinions.Embedded.Confidence || len(v.Steps) == 0 || v.Probabilities[v.Class] != v.Confidence) {
				t.Errorf("verdict = %+v: a bug needs steps, and the confidence is that of its class", v)
			}
			o, err := s.Pipeline.Opinions()
			if err != nil || o.N != c.n || o.ModelRight != c.model || o.EmbeddedRight != c.embedded {
				t.Errorf("opinions = %+v, %v", o, err)
			}
		})
	}
}

// What people really do is what is counted.
func TestOpinionsAreCountedFromDecisions(t *testing.T) {
	t.Parallel()
	m := llmtest.Start(t)
	m.Respond(wish)
	s := servertest.Start(t, withModel(m), func(o *command.Options) {
		o.Config.LLM.Class = "never"
	})
	approver := s.User("approver")
	issue := s.Record(records.Feedback, s.Post(clearBug)).GetString("issue")
	if a := s.Do("POST", "/api/issues/"+issue+"/approve", nil, "Authorization", approver); a.Status != 200 {
		t.Fatalf("approve: %d %s", a.Status, a.Body)
	}
	second := s.Post("The export stops with an error after page three")
	if a := s.Do("POST", "/api/feedback/"+second+"/correct", map[string]any{"class": "feature"}, "Authorization", approver); a.Status != 200 {
		t.Fatalf("correct: %d %s", a.Status, a.Body)
	}
	s.Post("Printing an invoice freezes the whole window") // nobody has decided on it
	o, err := s.Pipeline.Opinions()
	if want := (pipeline.Opinions{N: 2, Needed: 200, ModelRight: 1, EmbeddedRight: 1}); err != nil || o != want {
		raw, _ := json.Marshal(o)
		t.Errorf("opinions = %s, %v, want one right each of two", raw, err)
	}
}
