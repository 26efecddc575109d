package pipeline_test

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pocketbase/dbx"

	"github.com/iterateswarm/iterateswarm/internal/command"
	"github.com/iterateswarm/iterateswarm/internal/llm/llmtest"
	"github.com/iterateswarm/iterateswarm/internal/records"
	"github.com/iterateswarm/iterateswarm/internal/servertest"
)

// topics is an embedding that knows what a message is about, whatever its words.
func topics(s string) []float64 {
	v := []float64{0.1, 0.1, 0.1}
	for i, words := range []string{"printer paper printing invoice", "login password account sign", "map route navigation"} {
		for _, w := range strings.Fields(words) {
			if strings.Contains(strings.ToLower(s), w) {
				v[i]++
			}
		}
	}
	return v
}

func embedding(model string, dimension int) func(*command.Options) {
	return func(o *command.Options) {
		o.Config.LLM.EmbeddingModel, o.Config.LLM.EmbeddingDimension = model, dimension
	}
}

func candidatesOf(t *testing.T, s *servertest.Server, id string) []string {
	t.Helper()
	var c []struct{ Issue string }
	if err := json.Unmarshal([]byte(s.Record(records.Feedback, id).GetString("candidates")), &c); err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, x := range c {
		out = append(out, x.Issue)
	}
	return out
}

func TestEmbeddingsOrderWhatIsSuggested(t *testing.T) {
	t.Parallel()
	posts := []string{
		"The window of the settings view shows an error when the printing of an invoice starts",
		"The window of the settings view shows an error when the password for the login is changed",
	}
	const query = "The window of the settings view shows an error when the account to sign in starts"
	first := map[string]int{} // which of the posts is suggested first
	for name, change := range map[string]func(*command.Options){"with": embedding("e-1", 3), "without": func(*command.Options) {}} {
		m := llmtest.Start(t)
		m.Embed(topics)
		s := servertest.Start(t, withModel(m), change)
		var issues []string
		for _, p := range posts {
			issues = append(issues, s.Record(records.Feedback, s.Post(p)).GetString("issue"))
		}
		id := s.Post(query)
		got := candidatesOf(t, s, id)
		if len(got) != 2 || s.Record(records.Feedback, id).GetString("issue") == issues[0] {
			t.Fatalf("%s: candidates %v", name, got)
		}
		if got[0] == issues[1] {
			first[name] = 1
		}
		rows := s.Count(records.Usage, dbx.HashExp{"mode": "embed"})
		if want := map[string]int{"with": 3}[name]; rows != want {
			t.Errorf("%s: %d rows in the ledger for embeddings, want %d", name, rows, want)
		}
		if name == "with" {
			s.Do("DELETE", "/api/collections/feedback/records/"+id, nil, "Authorization", s.Superuser())
			var n int
			if err := s.App.DB().NewQuery(`SELECT count(*) FROM embeddings`).Row(&n); err != nil || n != 2 {
				t.Errorf("%d embeddings after one of three messages was erased, %v", n, err)
			}
		}
	}
	if first["with"] != 1 || first["without"] != 0 {
		t.Errorf("suggested first: %v; by its words it is the other one", first)
	}
}

func TestAnotherModelEmbedsAnewAndNothingNeedsIt(t *testing.T) {
	t.Parallel()
	m := llmtest.Start(t)
	m.Embed(topics)
	dir := filepath.Join(t.TempDir(), "pb_data")
	with := func(s *servertest.Server, model string) int {
		var n int
		if err := s.App.DB().NewQuery(`SELECT count(*) FROM embeddings WHERE model = {:m}`).Bind(dbx.Params{"m": model}).Row(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	t.Run("first", func(t *testing.T) {
		s := servertest.StartIn(t, dir, withModel(m), embedding("e-1", 3), func(o *command.Options) { o.Config.LLM.SourcesLocal = []string{"email"} })
		s.Post("App crashes when I click the login button")
		s.Post("The export stops with an error after page three")
		s.Post("Printing an invoice freezes the whole window", "source", "email")
		if n := with(s, "e-1"); n != 2 {
			t.Errorf("%d embeddings, want those of the two messages that may leave", n)
		}
		for _, r := range m.Requests() {
			if strings.Contains(r.Body, "invoice") {
				t.Errorf("a message that stays here went to %s", r.Path)
			}
		}
	})
	t.Run("another model", func(t *testing.T) {
		s := servertest.StartIn(t, dir, withModel(m), embedding("e-2", 3), func(o *command.Options) { o.Config.LLM.SourcesLocal = []string{"email"} })
		s.Until("all to be embedded anew", func() bool { return with(s, "e-2") == 2 && with(s, "e-1") == 0 })
	})
	t.Run("wrong dimension", func(t *testing.T) {
		s := servertest.StartIn(t, dir, withModel(m), embedding("e-2", 5))
		s.Until("it to be said", func() bool { return strings.Contains(s.Log(), "3 numbers, not 5") })
		r := s.Record(records.Feedback, s.Post("The map shows no route since the update"))
		if r.GetString("engine") != "m-1" || r.GetString("state") != "joined" || r.GetBool("degraded") {
			t.Errorf("engine %s, state %s, degraded %v: judging needs no embedding", r.GetString("engine"), r.GetString("state"), r.GetBool("degraded"))
		}
	})
}
