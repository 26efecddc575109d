package pipeline_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/iterateswarm/iterateswarm/internal/records"
	"github.com/iterateswarm/iterateswarm/internal/servertest"
)

func TestMain(m *testing.M) { servertest.Main(m, &box{}, &chat{}, &hub{}, &book{}) }

// The main path: a message in, a draft, an approval, a filed issue.
func TestAMessageBecomesAFiledIssue(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	approver := s.User("approver")
	first := s.Post("App crashes when I click the login button", "user_id", "maya")
	twin := s.Post("the app crashes when clicking the login button!!", "user_id", "tom", "source", "slack")

	issue := s.Record(records.Issues, s.Record(records.Feedback, first).GetString("issue"))
	if got := s.Record(records.Feedback, twin).GetString("issue"); got != issue.Id {
		t.Errorf("the twin joined %q, want %q", got, issue.Id)
	}
	if r, p := issue.GetInt("report_count"), issue.GetInt("reporter_count"); r != 2 || p != 2 {
		t.Errorf("counts = %d reports, %d reporters, want 2 and 2", r, p)
	}
	if got := issue.GetString("state"); got != "draft" {
		t.Fatalf("state = %q, want draft: nothing is filed before a person approves", got)
	}

	a := s.Do("POST", "/api/issues/"+issue.Id+"/approve", map[string]any{"version": 1}, "Authorization", approver, "X-Request-ID", "req-42")
	if a.Status != 200 {
		t.Fatalf("approve: %d %s", a.Status, a.Body)
	}
	s.Until("the issue to be filed", func() bool { return s.Record(records.Issues, issue.Id).GetString("state") == "filed" })
	files, err := filepath.Glob(filepath.Join(filepath.Dir(s.Dir), "issues", "default", "*.md"))
	if err != nil || len(files) != 1 {
		t.Fatalf("files = %v, %v, want one", files, err)
	}
	text, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"App crashes when I click the login button", "<!-- iterateswarm:v1 k="} {
		if !strings.Contains(string(text), want) {
			t.Errorf("the filed issue lacks %q:\n%s", want, text)
		}
	}
	if _, err := records.VerifyChain(s.App); err != nil {
		t.Errorf("chain of decisions: %v", err)
	}
}
