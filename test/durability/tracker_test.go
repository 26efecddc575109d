package durability

import (
	"strings"
	"testing"
	"time"

	"github.com/iterateswarm/iterateswarm/internal/command"
	"github.com/iterateswarm/iterateswarm/internal/records"
	"github.com/iterateswarm/iterateswarm/internal/servertest"
)

type commandOptions = command.Options

// quick is a server whose sweeps and breaker do not make a test wait.
func quick(t *testing.T) *servertest.Server {
	return servertest.Start(t, func(o *commandOptions) {
		o.Config.Queue.SweepInterval, o.Config.Breaker.Open = 100*time.Millisecond, time.Second
	})
}

// withoutTracker takes the tracker away that a new installation has.
func withoutTracker(t *testing.T, s *servertest.Server) {
	t.Helper()
	list, err := s.App.FindAllRecords(records.Trackers)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range list {
		if err := s.App.Delete(r); err != nil {
			t.Fatal(err)
		}
	}
}

// approved posts a message and approves its draft.
func approved(t *testing.T, s *servertest.Server, text string) string {
	t.Helper()
	issue := s.Record(records.Feedback, s.Post(text)).GetString("issue")
	if issue == "" {
		t.Fatalf("%q made no draft", text)
	}
	a := s.Do("POST", "/api/issues/"+issue+"/approve", map[string]any{"version": 1}, "Authorization", s.User("approver"))
	if a.Status != 200 {
		t.Fatalf("approve: %d %s", a.Status, a.Body)
	}
	return issue
}

func addTracker(s *servertest.Server, h *hub) string {
	o := &house{project: s.Project()}
	return s.Save(records.Trackers, trackerFields(o, h)).Id
}

func state(s *servertest.Server, issue, field string) string {
	return s.Record(records.Issues, issue).GetString(field)
}

func TestAnIssueWithoutTrackerSaysSoAndFilesItselfLater(t *testing.T) {
	t.Parallel()
	h := newHub(t, 41)
	s := quick(t)
	withoutTracker(t, s)
	issue := approved(t, s, "The app crashes when I save the blue file")
	if got := state(s, issue, "filing"); got == "" {
		t.Error("the issue does not say what it waits for")
	}
	if got := state(s, issue, "state"); got != "approved" {
		t.Errorf("state = %q, want approved", got)
	}
	addTracker(s, h)
	s.Until("the issue to file itself", func() bool { return state(s, issue, "state") == "filed" })
	want(t, "issues in the tracker", len(h.creates()), 1)
	if got := state(s, issue, "filing"); got != "" {
		t.Errorf("filing = %q after it is filed", got)
	}
}

func TestAnIssueWhoseTrackerIsDownSaysSoAndFilesItselfLater(t *testing.T) {
	t.Parallel()
	h := newHub(t, 42)
	h.set(func(h *hub) { h.down = true })
	s := quick(t)
	withoutTracker(t, s)
	addTracker(s, h)
	issue := approved(t, s, "The app crashes when I open the green folder")
	s.Until("the issue to say that the tracker is unsure", func() bool {
		return s.Record(records.Deliveries, deliveryOf(t, s, issue)).GetInt("attempts") > 0 && state(s, issue, "filing") != ""
	})
	if got := state(s, issue, "state"); got != "approved" {
		t.Errorf("state = %q, want approved", got)
	}
	h.set(func(h *hub) { h.down = false })
	s.Until("the issue to file itself", func() bool { return state(s, issue, "state") == "filed" })
	want(t, "issues in the tracker", len(h.creates()), 1)
}

func deliveryOf(t *testing.T, s *servertest.Server, issue string) string {
	t.Helper()
	r, err := s.App.FindFirstRecordByData(records.Deliveries, "issue", issue)
	if err != nil {
		t.Fatal(err)
	}
	return r.Id
}

// A backup knows the issue as a draft, the tracker has it already.
func TestARestoredDraftIsNotFiledAgain(t *testing.T) {
	t.Parallel()
	h := newHub(t, 43)
	s := quick(t)
	withoutTracker(t, s)
	addTracker(s, h)
	issue := approved(t, s, "The app crashes when I print the red page")
	s.Until("the issue to be filed", func() bool { return state(s, issue, "state") == "filed" })

	// What a restore of a backup from before the approval leaves.
	if _, err := s.App.DB().NewQuery(`DELETE FROM deliveries`).Execute(); err != nil {
		t.Fatal(err)
	}
	_, err := s.App.DB().NewQuery(`UPDATE issues SET state = 'draft', version = 1, tracker = '', tracker_key = '', tracker_url = ''`).Execute()
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(5 * time.Millisecond) // the restore is later than the issue, in milliseconds
	if err := s.Pipeline.Restored(); err != nil {
		t.Fatal(err)
	}
	a := s.Do("POST", "/api/issues/"+issue+"/approve", map[string]any{"version": 1}, "Authorization", s.User("approver"))
	if a.Status != 200 {
		t.Fatalf("approve: %d %s", a.Status, a.Body)
	}
	s.Until("the issue to be found", func() bool { return state(s, issue, "state") == "filed" })
	want(t, "issues in the tracker", len(h.creates()), 1)
	if got := state(s, issue, "tracker_key"); got != "1" {
		t.Errorf("tracker_key = %q, want 1", got)
	}
}

// The protocol is exact as long as the tracker's list settles in the time that
// the tracker's record says. When it lags longer, an issue whose answer was lost
// is filed again; the search for duplicates finds both and says so.
func TestALagAboveTheSettleTimeIsTold(t *testing.T) {
	t.Parallel()
	h := newHub(t, 44)
	h.settle = 300 * time.Millisecond
	h.set(func(h *hub) { h.lag, h.broken, h.hang = 4*time.Second, 1, 0 })
	s := servertest.Start(t, func(o *commandOptions) {
		o.Config.Queue.SweepInterval, o.Config.Breaker.Open = 100*time.Millisecond, time.Second
		o.Config.File.HealInterval = time.Second
	})
	withoutTracker(t, s)
	addTracker(s, h)
	issue := approved(t, s, "The app crashes when I rename the violet board")
	s.Until("the first create", func() bool { return h.asked() == 1 })
	h.set(func(h *hub) { h.broken = 0 })
	s.Until("the issue to be filed", func() bool { return state(s, issue, "state") == "filed" })
	want(t, "issues in the tracker", len(h.creates()), 2)
	s.Until("the issue to say that it is there twice", func() bool {
		return strings.Contains(state(s, issue, "filing"), "2 times")
	})
}
