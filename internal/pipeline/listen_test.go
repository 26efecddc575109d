package pipeline_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/pocketbase/dbx"

	"github.com/iterateswarm/iterateswarm/internal/records"
	"github.com/iterateswarm/iterateswarm/internal/servertest"
	"github.com/iterateswarm/iterateswarm/sdk"
)

// book is a tracker that tells of a change: "KEY closed" in the body.
type book struct{}

func (*book) Manifest() sdk.Manifest {
	return sdk.Manifest{Name: "book", Kind: sdk.KindTracker, Version: "1.0.0", Description: "Keeps nothing.",
		ConfigSchema: `{"type":"object","properties":{}}`, IdempotentCreate: true}
}

func (*book) Configure(context.Context, sdk.Config) []sdk.Diagnostic { return nil }
func (*book) Check(context.Context) sdk.Health                       { return sdk.Health{OK: true} }

func (*book) Create(context.Context, sdk.CreateRequest) sdk.CreateReply {
	return sdk.CreateReply{Outcome: sdk.Created, Number: 7, URL: "https://book.test/7"}
}

func (*book) Find(context.Context, sdk.FindRequest) ([]sdk.Found, error) { return nil, nil }

func (*book) HandleChange(_ context.Context, req sdk.WebhookRequest) (sdk.ChangeReply, error) {
	if req.Header.Get("X-Book-Key") != "right" {
		return sdk.ChangeReply{Status: http.StatusUnauthorized}, nil
	}
	key, state, _ := strings.Cut(string(req.Body), " ")
	return sdk.ChangeReply{Status: http.StatusAccepted, Body: []byte("noted"),
		Changes: []sdk.Change{{Issue: sdk.IssueRef{Key: key, Number: 7}, State: state, Reason: "completed"}}}, nil
}

// A tracker's webhook is checked by its plugin, and what it tells is followed
// before the sender has its answer.
func TestATrackerTellsWhatHasChanged(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t, servertest.With(&book{}))
	approver := s.User("approver")
	others, err := s.App.FindAllRecords(records.Trackers)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range others {
		r.Set("enabled", false)
		if err := s.App.Save(r); err != nil {
			t.Fatal(err)
		}
	}
	tracker := s.Save(records.Trackers, map[string]any{"project": s.Project(), "name": "Book", "plugin": "book", "enabled": true, "config": map[string]any{}})
	issue := s.Record(records.Feedback, s.Post("App crashes when I click the login button")).GetString("issue")
	if a := s.Do("POST", "/api/issues/"+issue+"/approve", map[string]any{}, "Authorization", approver); a.Status != 200 {
		t.Fatalf("approve: %d %s", a.Status, a.Body)
	}
	state := func() string { return s.Record(records.Issues, issue).GetString("state") }
	s.Until("the issue to be filed", func() bool { return state() == "filed" })
	delivery, err := s.App.FindFirstRecordByFilter(records.Deliveries, "issue = {:i}", dbx.Params{"i": issue})
	if err != nil {
		t.Fatal(err)
	}
	body := delivery.GetString("key") + " closed"
	path := "/webhooks/trackers/" + tracker.Id
	if a := s.Do("POST", path, body, "X-Book-Key", "wrong"); a.Status != 401 || state() != "filed" {
		t.Errorf("a forged webhook: %d, the issue is %s", a.Status, state())
	}
	for range 2 { // the second one changes nothing
		if a := s.Do("POST", path, body, "X-Book-Key", "right"); a.Status != 202 || string(a.Body) != "noted" || state() != "closed" {
			t.Errorf("the webhook: %d %s, the issue is %s", a.Status, a.Body, state())
		}
	}
	if a := s.Do("POST", "/webhooks/trackers/nobody", body); a.Status != 404 {
		t.Errorf("no such tracker: %d", a.Status)
	}
	tracker.Set("enabled", false)
	if err := s.App.Save(tracker); err != nil {
		t.Fatal(err)
	}
	if a := s.Do("POST", path, body, "X-Book-Key", "right"); a.Status != 404 {
		t.Errorf("a tracker that is switched off: %d", a.Status)
	}
}
