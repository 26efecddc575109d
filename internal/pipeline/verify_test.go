package pipeline_test

import (
	"strings"
	"testing"

	"github.com/pocketbase/dbx"

	"github.com/iterateswarm/iterateswarm/internal/command"
	"github.com/iterateswarm/iterateswarm/internal/llm/llmtest"
	"github.com/iterateswarm/iterateswarm/internal/records"
	"github.com/iterateswarm/iterateswarm/internal/servertest"
)

// Two reports of one matter in words that no code would join by itself.
const (
	oneWay     = "The export of the yearly report stops after page three with an error"
	anotherWay = "My yearly report export never gets past three pages, an error comes up"
)

// sameAsFirst answers that a message is the same as the first issue it was offered.
func sameAsFirst(r llmtest.Request) llmtest.Reply {
	a := llmtest.Say(r)
	if len(r.Similar) > 0 {
		a = a.With("duplicate_of", r.Similar[0].ID).With("duplicate_reason", "Both stop after three pages.")
	}
	return llmtest.Text(a.JSON())
}

func TestAPairThatTheModelVerifiedIsJoined(t *testing.T) {
	t.Parallel()
	m := llmtest.Start(t)
	m.Respond(sameAsFirst)
	s := servertest.Start(t, withModel(m))
	first := s.Record(records.Feedback, s.Post(oneWay))
	second := s.Record(records.Feedback, s.Post(anotherWay))
	if second.GetString("issue") != first.GetString("issue") || second.GetString("relation") != "report" {
		t.Fatalf("the second went to %q, want %q", second.GetString("issue"), first.GetString("issue"))
	}
	r := m.Requests()
	if len(r) != 2 || len(r[0].Similar) != 0 || len(r[1].Similar) != 1 || r[1].Similar[0].ID != "c1" || r[1].Similar[0].Title == "" {
		t.Fatalf("%d requests, want one for each message with the one issue offered in the second: %+v", len(r), r)
	}
	if strings.Contains(r[1].Body, first.GetString("issue")) {
		t.Error("the model was told the issue's id")
	}
	var reason string
	if err := s.App.DB().Select("reason").From(records.Decisions).Where(dbx.HashExp{"subject_id": second.Id, "action": "join"}).Row(&reason); err != nil ||
		!strings.Contains(reason, "m-1 says that it is the same. Both stop after three pages.") {
		t.Errorf("reason of the join = %q, %v", reason, err)
	}

	// A person takes them apart; no model puts them together again.
	triager := s.User("triager")
	if a := s.Do("POST", "/api/issues/"+first.GetString("issue")+"/split", map[string]any{"feedback": []string{second.Id}}, "Authorization", triager); a.Status != 200 {
		t.Fatalf("split: %d %s", a.Status, a.Body)
	}
	if a := s.Do("POST", "/api/feedback/"+second.Id+"/correct", map[string]any{"class": "noise"}, "Authorization", triager); a.Status != 200 {
		t.Fatalf("correct: %d %s", a.Status, a.Body)
	}
	s.Until("it to rest", func() bool { return s.Record(records.Feedback, second.Id).GetString("state") == "noise" })
	if a := s.Do("POST", "/api/feedback/"+second.Id+"/correct", map[string]any{"class": "bug"}, "Authorization", triager); a.Status != 200 {
		t.Fatalf("correct: %d %s", a.Status, a.Body)
	}
	s.Until("it to be settled anew", func() bool { return s.Record(records.Feedback, second.Id).GetString("state") == "joined" })
	if got := s.Record(records.Feedback, second.Id).GetString("issue"); got == first.GetString("issue") {
		t.Error("it has joined again what a person took it from")
	}
}

func TestWhatTheModelVerifiesOfAClosedIssueIsARegression(t *testing.T) {
	t.Parallel()
	m := llmtest.Start(t)
	m.Respond(sameAsFirst)
	s := servertest.Start(t, withModel(m))
	approver := s.User("approver")
	issue := s.Record(records.Feedback, s.Post(oneWay)).GetString("issue")
	if a := s.Do("POST", "/api/issues/"+issue+"/approve", nil, "Authorization", approver); a.Status != 200 {
		t.Fatalf("approve: %d %s", a.Status, a.Body)
	}
	s.Until("it to be filed", func() bool { return s.Record(records.Issues, issue).GetString("state") == "filed" })
	if a := s.Do("POST", "/api/issues/"+issue+"/close", nil, "Authorization", approver); a.Status != 200 {
		t.Fatalf("close: %d %s", a.Status, a.Body)
	}
	r := s.Record(records.Feedback, s.Post(anotherWay))
	if r.GetString("relation") != "regression" || s.Record(records.Issues, r.GetString("issue")).GetString("regression_of") != issue {
		t.Errorf("relation %q, issue %q", r.GetString("relation"), r.GetString("issue"))
	}
}

func TestAProjectCanHaveVerifiedPairsSuggestedOnly(t *testing.T) {
	t.Parallel()
	m := llmtest.Start(t)
	m.Respond(sameAsFirst)
	s := servertest.Start(t, withModel(m))
	if a := s.Do("PATCH", "/api/collections/projects/records/"+s.Project(), map[string]any{"settings": map[string]any{"join_verified": false}},
		"Authorization", s.User("admin")); a.Status != 200 {
		t.Fatalf("settings: %d %s", a.Status, a.Body)
	}
	first := s.Record(records.Feedback, s.Post(oneWay))
	second := s.Record(records.Feedback, s.Post(anotherWay))
	if second.GetString("issue") == first.GetString("issue") || !strings.Contains(second.GetString("candidates"), first.GetString("issue")) {
		t.Errorf("issue %q, candidates %s, want a draft of its own and the first one's issue suggested", second.GetString("issue"), second.GetString("candidates"))
	}
}

func TestNoOtherReportersSecretsAreOffered(t *testing.T) {
	t.Parallel()
	m := llmtest.Start(t)
	s := servertest.Start(t, withModel(m), func(o *command.Options) { o.Config.LLM.SourcesLocal = []string{"email"} })
	s.Post(oneWay+" when I send it to maya@example.com", "source", "email")
	s.Post("The yearly report stops after page three with an error for tom@example.org and no export")
	s.Post(anotherWay)
	r := m.Requests()
	if len(r) != 2 || len(r[0].Similar) != 0 {
		t.Fatalf("%d requests, the first with %+v: a message from email must not be offered", len(r), r[0].Similar)
	}
	for _, q := range r {
		if strings.Contains(q.Body, "maya@") || strings.Contains(q.Body, "tom@") {
			t.Errorf("an address is in the request: %s", q.Body)
		}
	}
}

func TestATranslationIsStoredBesideTheOriginal(t *testing.T) {
	t.Parallel()
	const german = "Der Export vom Jahresbericht bricht nach Seite drei mit einem Fehler ab"
	m := llmtest.Start(t)
	m.Respond(func(r llmtest.Request) llmtest.Reply {
		a := llmtest.Say(r)
		if r.Text == german {
			a = a.With("language", "de").With("translation", oneWay).With("title", "Export of the yearly report stops")
		}
		return llmtest.Text(a.JSON())
	})
	s := servertest.Start(t, withModel(m))
	english := s.Record(records.Feedback, s.Post(anotherWay))
	id := s.Post(german)
	r := s.Do("GET", "/api/collections/feedback/records/"+id, nil, "Authorization", s.User("viewer")).Map(t)
	verdict, _ := r["verdict"].(map[string]any)
	if tr, _ := verdict["translation"].(map[string]any); r["content"] != german || tr["text"] != oneWay || tr["language"] != "en" {
		t.Errorf("content %q, translation %v", r["content"], verdict["translation"])
	}
	if rec := s.Record(records.Feedback, id); !strings.Contains(rec.GetString("candidates"), english.GetString("issue")) || rec.GetString("issue") == english.GetString("issue") {
		t.Errorf("candidates %s, want the English report's issue suggested by the translation, and not joined", rec.GetString("candidates"))
	}
	// And the other way: an English report finds the German one.
	third := s.Record(records.Feedback, s.Post("Export of the yearly report always stops after page three, there is an error"))
	if !strings.Contains(third.GetString("candidates"), s.Record(records.Feedback, id).GetString("issue")) {
		t.Errorf("candidates %s lack the German report's issue", third.GetString("candidates"))
	}
	if n := rows(t, s, id); n != 2 {
		t.Errorf("%d rows in the index, want the message and its translation", n)
	}
	if a := s.Do("DELETE", "/api/collections/feedback/records/"+id, nil, "Authorization", s.Superuser()); a.Status != 204 {
		t.Fatalf("erase: %d %s", a.Status, a.Body)
	}
	if n := rows(t, s, id); n != 0 {
		t.Errorf("%d rows in the index after it was erased", n)
	}
}

func rows(t *testing.T, s *servertest.Server, id string) (n int) {
	t.Helper()
	if err := s.App.DB().NewQuery(`SELECT count(*) FROM vectors WHERE id LIKE {:id} || '%'`).Bind(dbx.Params{"id": id}).Row(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestAModelThatIsBackJoinsWhatItVerifies(t *testing.T) {
	t.Parallel()
	m := llmtest.Start(t)
	m.Respond(boom)
	s := servertest.Start(t, withModel(m), func(o *command.Options) { o.Config.Breaker.Open = 1e9 })
	first := s.Record(records.Feedback, s.Post(oneWay, "source", "slack"))
	second := s.Record(records.Feedback, s.Post(anotherWay))
	if first.GetString("issue") == second.GetString("issue") {
		t.Fatal("code has joined them by itself")
	}
	m.Respond(func(r llmtest.Request) llmtest.Reply {
		if r.Text == anotherWay {
			return sameAsFirst(r)
		}
		return good(r)
	})
	s.Until("both to be thought over", func() bool { return s.Count(records.Feedback, dbx.HashExp{"degraded": true}) == 0 })
	s.Until("the second to join", func() bool {
		return s.Record(records.Feedback, second.Id).GetString("issue") == first.GetString("issue")
	})
	if got := s.Record(records.Issues, second.GetString("issue")).GetString("state"); got != "declined" {
		t.Errorf("the draft that it left is %s, want declined", got)
	}
	if n := s.Record(records.Issues, first.GetString("issue")).GetInt("report_count"); n != 2 {
		t.Errorf("%d reports, want 2", n)
	}
	if _, err := records.VerifyChain(s.App); err != nil {
		t.Errorf("chain of decisions: %v", err)
	}
}
