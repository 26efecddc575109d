package durability

import (
	"fmt"
	"net/http"
	"sync"
	"testing"

	"github.com/pocketbase/dbx"

	"github.com/iterateswarm/iterateswarm/internal/records"
	"github.com/iterateswarm/iterateswarm/internal/servertest"
)

// together calls f n times at the same time.
func together(n int, f func(i int)) {
	var wait sync.WaitGroup
	begin := make(chan struct{})
	for i := range n {
		wait.Go(func() {
			<-begin
			f(i)
		})
	}
	close(begin)
	wait.Wait()
}

const twins = 100

func TestHundredTwinsAtOnceMakeOneIssue(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t, func(o *commandOptions) { o.Config.API.MaxIngest = twins })
	together(twins, func(i int) {
		a := s.Do("POST", "/api/feedback?wait=30s", map[string]any{
			"content": "The app crashes when I open the settings of my second account", "source": "discord", "user_id": fmt.Sprint("u", i%40)})
		if a.Status != http.StatusOK {
			t.Errorf("post: %d %s", a.Status, a.Body)
		}
	})
	issues, err := s.App.FindAllRecords(records.Issues)
	if err != nil || len(issues) != 1 {
		t.Fatalf("%d issues, %v, want one", len(issues), err)
	}
	want(t, "reports", issues[0].GetInt("report_count"), twins)
	want(t, "reporters", issues[0].GetInt("reporter_count"), 40)
	want(t, "messages of that issue", s.Count(records.Feedback, dbx.HashExp{"issue": issues[0].Id}), twins)
}

func TestOneExternalIDAtOnceIsOneMessage(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t, func(o *commandOptions) { o.Config.API.MaxIngest = twins })
	key := s.Key()
	ids := make([]string, twins)
	together(twins, func(i int) {
		a := s.Do("POST", "/api/feedback", map[string]any{"content": "The app crashes at login", "source": "discord", "external_id": "d-1"}, "X-API-Key", key)
		if a.Status != http.StatusOK {
			t.Errorf("post: %d %s", a.Status, a.Body)
			return
		}
		ids[i], _ = a.Map(t)["FeedbackID"].(string)
	})
	for i, id := range ids {
		if id == "" || id != ids[0] {
			t.Errorf("answer %d names %q, the first %q", i, id, ids[0])
		}
	}
	want(t, "messages", s.Count(records.Feedback, nil), 1)
}

func TestTwoApprovalsAtOnceAreOne(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	first, second := s.User("approver"), s.User("approver")
	for round := range 10 {
		id := s.Record(records.Feedback, s.Post(fmt.Sprintf("The app crashes with error E-%d%d when I open the file %d", round, round*7, round))).GetString("issue")
		if id == "" {
			t.Fatal("no draft")
		}
		answers := make([]int, 2)
		together(2, func(i int) {
			answers[i] = s.Do("POST", "/api/issues/"+id+"/approve", map[string]any{"version": 1}, "Authorization", []string{first, second}[i]).Status
		})
		if answers[0]+answers[1] != 200+409 {
			t.Errorf("answers %v, want 200 and 409", answers)
		}
		want(t, "deliveries", s.Count(records.Deliveries, dbx.HashExp{"issue": id}), 1)
	}
}
