package acceptance

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/pocketbase/dbx"

	"github.com/iterateswarm/iterateswarm/internal/records"
	"github.com/iterateswarm/iterateswarm/internal/servertest"
)

// The demo comes in as every message does, and goes with all that came of it.
func TestTheDemoComesAndGoes(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	admin := s.User("admin")
	mine := s.Post("Our own message: the wiki does not save pages")
	before := map[string]int{}
	for _, c := range []string{records.Feedback, records.Issues, records.Reporters, "vectors"} {
		before[c] = count(t, s, c)
	}
	path := "/api/projects/" + s.Project() + "/demo"
	if a := s.Do("POST", path, nil, "Authorization", s.User("approver")); a.Status != 403 {
		t.Errorf("an approver loads the demo: %d", a.Status)
	}
	for i, want := range []float64{25, 0} {
		if a := s.Do("POST", path, nil, "Authorization", admin); a.Status != 200 || a.Map(t)["loaded"] != want {
			t.Fatalf("load %d: %d %s, want %g new", i+1, a.Status, a.Body, want)
		}
	}
	s.Until("the demo to be settled", func() bool { return s.Count(records.Feedback, dbx.HashExp{"state": "received"}) == 0 })
	for what, where := range map[string]dbx.HashExp{"noise": {"class": "noise"}, "questions": {"class": "question"}, "bugs": {"class": "bug"}, "features": {"class": "feature"}} {
		if n := s.Count(records.Feedback, where); n < 2 {
			t.Errorf("%d %s in the demo, want some", n, what)
		}
	}
	if n := s.Count(records.Issues, nil); n >= before[records.Issues]+19 {
		t.Errorf("%d issues of 25 messages: no duplicates were joined", n)
	}
	if a := s.Do("POST", "/api/feedback", map[string]any{"content": "not a demo", "demo": true}); a.Status != 200 || s.Record(records.Feedback, a.Map(t)["FeedbackID"].(string)).GetBool("demo") {
		t.Errorf("a caller marks a message as demo: %d %s", a.Status, a.Body)
	}
	s.Until("it to be settled", func() bool { return s.Count(records.Feedback, dbx.HashExp{"state": "received"}) == 0 })
	if a := s.Do("DELETE", path, nil, "Authorization", admin); a.Status != 200 || a.Map(t)["messages"] != 25.0 {
		t.Fatalf("remove: %d %s", a.Status, a.Body)
	}
	for c, n := range before {
		most := n
		if c == records.Feedback || c == records.Reporters {
			most = n + 1 // the one that was no demo
		}
		if now := count(t, s, c); now < n || now > most+1 {
			t.Errorf("%s: %d left, before the demo %d", c, now, n)
		}
	}
	if s.Record(records.Feedback, mine).GetString("issue") == "" {
		t.Error("our own message lost its issue")
	}
	if n, err := records.VerifyChain(s.App); err != nil {
		t.Errorf("chain of %d: %v", n, err)
	}
}

// Many things at once: a few are done in the request, more in a run that says
// how far it is and what failed.
func TestBatchesAndRuns(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	triager, approver := s.User("triager"), s.User("approver")
	var ids, messages []string
	for i := range 25 {
		id := s.Post(fmt.Sprintf("The %s page number %d shows an error when I press button %d", []string{"billing", "profile", "export", "search", "team"}[i%5], i*37, i*91), "user_id", fmt.Sprint("u", i))
		messages = append(messages, id)
		if issue := s.Record(records.Feedback, id).GetString("issue"); issue != "" {
			ids = append(ids, issue)
		}
	}
	if len(ids) < 22 {
		t.Fatalf("only %d issues", len(ids))
	}
	if a := s.Do("POST", "/api/issues/batch", map[string]any{"action": "label", "ids": ids[:3], "add": []string{"triaged-by-hand"}}, "Authorization", triager); a.Status != 200 || a.Map(t)["done"] != 3.0 {
		t.Fatalf("label three: %d %s", a.Status, a.Body)
	}
	if got := records.Strings(s.Record(records.Issues, ids[0]), "labels"); !strings.Contains(strings.Join(got, " "), "triaged-by-hand") {
		t.Errorf("labels = %v", got)
	}
	if a := s.Do("POST", "/api/issues/batch", map[string]any{"action": "assign", "ids": ids[:2], "add": []string{"maya"}}, "Authorization", triager); a.Map(t)["done"] != 2.0 {
		t.Errorf("assign: %s", a.Body)
	}
	if a := s.Do("POST", "/api/issues/"+ids[5]+"/decline", nil, "Authorization", approver); a.Status != 200 {
		t.Fatal(a.Status)
	}
	a := s.Do("POST", "/api/issues/batch", map[string]any{"action": "snooze", "ids": ids, "until": time.Now().Add(time.Hour)}, "Authorization", triager)
	if a.Status != 202 {
		t.Fatalf("snooze all: %d %s", a.Status, a.Body)
	}
	run := a.Map(t)["run"].(string)
	s.Until("the run to end", func() bool { return s.Record(records.Runs, run).GetString("state") == "done" })
	var seen struct {
		Done   int
		Total  int
		Result struct {
			OK     int
			Failed []struct {
				ID   string
				Code int
			}
		}
		Input any
	}
	s.Do("GET", "/api/collections/runs/records/"+run, nil, "Authorization", s.User("viewer")).JSON(t, &seen)
	if seen.Done != len(ids) || seen.Result.OK != len(ids)-1 || len(seen.Result.Failed) != 1 || seen.Result.Failed[0].ID != ids[5] || seen.Result.Failed[0].Code != 40902 {
		t.Errorf("run = %+v, want all but the declined one", seen)
	}
	if seen.Input != nil {
		t.Error("a run shows what it was given")
	}
	if a := s.Do("POST", "/api/issues/batch", map[string]any{"action": "decline", "ids": ids}, "Authorization", s.User("viewer")); a.Status != 403 {
		t.Errorf("a viewer starts a run: %d", a.Status)
	}
	if a := s.Do("POST", "/api/feedback/batch", map[string]any{"action": "noise", "ids": messages[:2]}, "Authorization", triager); a.Status != 200 || a.Map(t)["done"] != 2.0 {
		t.Errorf("noise: %d %s", a.Status, a.Body)
	}
	for name, body := range map[string]map[string]any{"no action": {"ids": ids[:1]}, "no items": {"action": "snooze"}, "of messages": {"action": "noise", "ids": ids[:1]}} {
		if a := s.Do("POST", "/api/issues/batch", body, "Authorization", triager); a.Status != 400 {
			t.Errorf("%s: %d %s", name, a.Status, a.Body)
		}
	}
	if a := s.Do("POST", "/api/runs/"+run+"/cancel", nil, "Authorization", triager); a.Status != 409 {
		t.Errorf("cancel a run that is done: %d", a.Status)
	}
}

// An engine can be asked without changing anything, and told to judge again.
func TestJudgingAgain(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	triager := s.User("triager")
	id := s.Post("Please add a dark mode to the settings page")
	rows := s.Count(records.Decisions, nil)
	a := s.Do("POST", "/api/feedback/"+id+"/judge", map[string]any{"engine": "offline"}, "Authorization", triager)
	if a.Status != 200 || a.Map(t)["verdict"].(map[string]any)["class"] != "feature" {
		t.Fatalf("judge: %d %s", a.Status, a.Body)
	}
	if now := s.Count(records.Decisions, nil); now != rows {
		t.Errorf("a preview made %d decisions", now-rows)
	}
	if a := s.Do("POST", "/api/feedback/"+id+"/judge", map[string]any{"engine": "llm"}, "Authorization", triager); a.Status != 422 {
		t.Errorf("without a model: %d %s", a.Status, a.Body)
	}
	if a := s.Do("POST", "/api/feedback/"+id+"/judge", map[string]any{"engine": "offline"}, "Authorization", s.User("viewer")); a.Status != 403 {
		t.Errorf("a viewer: %d", a.Status)
	}
	if a := s.Do("POST", "/api/feedback/"+id+"/retriage", map[string]any{"engine": "offline"}, "Authorization", triager); a.Status != 200 {
		t.Errorf("retriage: %d %s", a.Status, a.Body)
	}
	if now := s.Count(records.Decisions, nil); now <= rows {
		t.Error("judging again left no decision")
	}
	issue := s.Record(records.Feedback, id).GetString("issue")
	if a := s.Do("POST", "/api/issues/"+issue+"/approve", nil, "Authorization", s.User("approver")); a.Status != 200 {
		t.Fatalf("approve: %s", a.Body)
	}
	if a := s.Do("POST", "/api/feedback/"+id+"/retriage", map[string]any{"engine": "offline"}, "Authorization", triager); a.Status != 409 {
		t.Errorf("after a person's decision: %d", a.Status)
	}
}

// Search finds issues by title, number and their reports' words, and messages
// that rest; nothing of other projects.
func TestSearch(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	viewer := s.User("viewer")
	crash := s.Record(records.Feedback, s.Post("App crashes when I click the login button")).GetString("issue")
	s.Post("The export to CSV hangs on page three")
	s.Post("How do I change the colour of the sidebar?")
	look := func(q string) (issues, messages []map[string]any) {
		t.Helper()
		var out struct{ Issues, Feedback []map[string]any }
		a := s.Do("GET", "/api/search?project="+s.Project()+"&q="+strings.ReplaceAll(q, " ", "+"), nil, "Authorization", viewer)
		if a.Status != 200 {
			t.Fatalf("%s: %d %s", q, a.Status, a.Body)
		}
		a.JSON(t, &out)
		return out.Issues, out.Feedback
	}
	if i, m := look("login crash"); len(i) != 1 || i[0]["id"] != crash || len(m) != 1 {
		t.Errorf("login crash: %v %v", i, m)
	}
	if i, _ := look("%23" + fmt.Sprint(s.Record(records.Issues, crash).GetInt("number"))); len(i) == 0 || i[0]["id"] != crash {
		t.Errorf("by number: %v", i)
	}
	if _, m := look("sidebar"); len(m) != 1 || m[0]["class"] != "question" {
		t.Errorf("a question that rests: %v", m)
	}
	if i, _ := look("is:declined login"); len(i) != 0 {
		t.Errorf("declined: %v", i)
	}
	if i, _ := look("is:pending class:bug"); len(i) != 2 {
		t.Errorf("pending bugs: %v", i)
	}
	if i, m := look("100%"); len(i)+len(m) != 0 {
		t.Errorf("a sign of LIKE matched: %v %v", i, m)
	}
	other := s.Save(records.Projects, map[string]any{"name": "Other", "slug": "other"})
	if a := s.Do("GET", "/api/search?project="+other.Id+"&q=login", nil, "Authorization", viewer); a.Status != 404 {
		t.Errorf("another project: %d", a.Status)
	}
}

// An admin invites; the one who comes sets a password with the link; roles
// change; an admin stays.
func TestInvitationsAndTheLastAdmin(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	admin := s.User("admin")
	path := "/api/projects/" + s.Project() + "/invite"
	if a := s.Do("POST", path, map[string]any{"email": "new@example.com", "role": "viewer"}, "Authorization", s.User("approver")); a.Status != 403 {
		t.Errorf("an approver invites: %d", a.Status)
	}
	a := s.Do("POST", path, map[string]any{"email": "new@example.com", "role": "viewer"}, "Authorization", admin)
	link, _ := a.Map(t)["link"].(string)
	_, token, ok := strings.Cut(link, "#")
	if a.Status != 200 || !ok || !strings.HasPrefix(link, s.URL+"/") {
		t.Fatalf("invite: %d %s", a.Status, a.Body)
	}
	if a := s.Do("POST", "/api/collections/users/confirm-password-reset", map[string]any{"token": token, "password": "correct horse", "passwordConfirm": "correct horse"}); a.Status != 204 {
		t.Fatalf("set the password: %d %s", a.Status, a.Body)
	}
	if a := s.Do("POST", "/api/collections/users/auth-with-password", map[string]any{"identity": "new@example.com", "password": "correct horse"}); a.Status != 200 {
		t.Errorf("sign in: %d %s", a.Status, a.Body)
	}
	if a := s.Do("POST", path, map[string]any{"email": "new@example.com", "role": "viewer"}, "Authorization", admin); a.Status != 409 {
		t.Errorf("invited twice: %d %s", a.Status, a.Body)
	}
	for _, bad := range []map[string]any{{"email": "nobody", "role": "viewer"}, {"email": "x@example.com", "role": "owner"}} {
		if a := s.Do("POST", path, bad, "Authorization", admin); a.Status != 400 {
			t.Errorf("%v: %d", bad, a.Status)
		}
	}
	var people struct {
		People []struct{ ID, User, Name, Email, Role string }
	}
	s.Do("GET", "/api/projects/"+s.Project()+"/people", nil, "Authorization", admin).JSON(t, &people)
	var me string
	for _, p := range people.People {
		if p.Email == "" {
			t.Errorf("an admin sees no address of %s", p.User)
		}
		if p.Role == "admin" {
			me = p.ID
		}
	}
	var seen struct {
		People []struct{ Email, Name string }
	}
	s.Do("GET", "/api/projects/"+s.Project()+"/people", nil, "Authorization", s.User("viewer")).JSON(t, &seen)
	addresses := 0
	for _, p := range seen.People {
		if p.Email != "" {
			addresses++
		}
	}
	if addresses != 1 {
		t.Errorf("a viewer sees %d addresses, want their own", addresses)
	}
	at := "/api/collections/members/records/" + me
	if a := s.Do("PATCH", at, map[string]any{"role": "viewer"}, "Authorization", admin); a.Status != 409 {
		t.Errorf("the last admin steps down: %d %s", a.Status, a.Body)
	}
	if a := s.Do("DELETE", at, nil, "Authorization", admin); a.Status != 409 {
		t.Errorf("the last admin is removed: %d %s", a.Status, a.Body)
	}
	s.User("admin")
	if a := s.Do("PATCH", at, map[string]any{"role": "viewer"}, "Authorization", admin); a.Status != 200 {
		t.Errorf("one of two admins steps down: %d %s", a.Status, a.Body)
	}
}

// The audit says whether the chain is whole.
func TestAuditOverHTTP(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	admin := s.User("admin")
	s.Post("App crashes when I click the login button")
	path := "/api/projects/" + s.Project() + "/audit"
	if got := s.Do("GET", path, nil, "Authorization", admin).Map(t); got["whole"] != true || got["verified"].(float64) < 2 || got["last"] == "" {
		t.Errorf("audit = %v", got)
	}
	if _, err := s.App.DB().NewQuery(`UPDATE decisions SET actor = 'somebody' WHERE rowid = (SELECT min(rowid) FROM decisions)`).Execute(); err != nil {
		t.Fatal(err)
	}
	if got := s.Do("GET", path, nil, "Authorization", admin).Map(t); got["whole"] != false || got["problem"] == "" {
		t.Errorf("audit after tampering = %v", got)
	}
	if a := s.Do("GET", path, nil, "Authorization", s.User("triager")); a.Status != 403 {
		t.Errorf("a triager: %d", a.Status)
	}
}

// count counts the rows of a table.
func count(t *testing.T, s *servertest.Server, table string) int {
	t.Helper()
	var n int
	if err := s.App.DB().Select("count(*)").From(table).Row(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// The numbers go out as CSV too, and no cell is a formula.
func TestInsightsAsCSV(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	viewer := s.User("viewer")
	s.Post("The total is wrong when I open the cart", "title", "=HYPERLINK(\"https://evil.example\") total is wrong")
	at := "/api/insights.csv?project=" + s.Project() + "&chart="
	for chart, head := range map[string]string{"volume": "day,bug,feature,question,noise", "severity": "week,critical", "clusters": "issue,title", "calibration": "confidence_from",
		"engines": "day,engine", "sources": "source,received"} {
		a := s.Do("GET", at+chart, nil, "Authorization", viewer)
		if a.Status != 200 || !strings.HasPrefix(string(a.Body), head) || !strings.HasPrefix(a.Header.Get("Content-Type"), "text/csv") {
			t.Errorf("%s: %d %s", chart, a.Status, a.Body)
		}
		for _, line := range strings.Split(string(a.Body), "\n") {
			for _, cell := range strings.Split(line, ",") {
				if strings.HasPrefix(strings.Trim(cell, `"`), "=") {
					t.Errorf("%s: a formula: %s", chart, line)
				}
			}
		}
	}
	for path, want := range map[string]int{at + "pie": 400, "/api/insights?project=" + s.Project() + "&days=0": 400, "/api/insights?project=nowhere": 404} {
		if a := s.Do("GET", path, nil, "Authorization", viewer); a.Status != want {
			t.Errorf("%s: %d, want %d", path, a.Status, want)
		}
	}
	if a := s.Do("GET", at+"volume", nil); a.Status != 401 {
		t.Errorf("nobody: %d", a.Status)
	}
}
