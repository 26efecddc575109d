package pipeline_test

import (
	"strings"
	"testing"
	"time"

	"github.com/pocketbase/dbx"

	"github.com/iterateswarm/iterateswarm/internal/records"
)

// approveOne approves a new issue and returns its id.
func (b *bench) approveOne(text string) string {
	b.t.Helper()
	issue := b.issueOf(b.Post(text)).Id
	b.act(200, b.approve, issue, "approve", nil)
	return issue
}

func (b *bench) filing(issue string) string {
	b.t.Helper()
	return b.Record(records.Issues, issue).GetString("filing")
}

func (b *bench) untilFiled(issue string) {
	b.t.Helper()
	b.Until("the issue to be filed", func() bool { return b.Record(records.Issues, issue).GetString("state") == "filed" })
}

// tracker is the one that exists from the first start.
func (b *bench) tracker() string {
	b.t.Helper()
	r, err := b.App.FindFirstRecordByFilter(records.Trackers, "plugin = 'local'")
	if err != nil {
		b.t.Fatal(err)
	}
	return r.Id
}

func (b *bench) patchTracker(want int, id string, body map[string]any) {
	b.t.Helper()
	if a := b.Do("PATCH", "/api/collections/trackers/records/"+id, body, "Authorization", b.Superuser()); a.Status != want {
		b.t.Fatalf("change tracker: %d %s, want %d", a.Status, a.Body, want)
	}
}

func TestWithoutATrackerAnIssueSaysSoAndFilesItselfLater(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.patchTracker(200, b.tracker(), map[string]any{"enabled": false})
	issue := b.approveOne(loginCrash)
	if got := b.filing(issue); !strings.Contains(got, "No tracker is configured") {
		t.Errorf("filing = %q", got)
	}
	b.patchTracker(200, b.tracker(), map[string]any{"enabled": true})
	b.untilFiled(issue)
}

func TestAnotherTrackerTakesWhatWasNeverSent(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	// A delivery that waits for a tracker that is then switched off.
	issue := b.issueOf(b.Post(loginCrash)).Id
	old := b.tracker()
	if _, err := b.App.DB().NewQuery(`UPDATE trackers SET enabled = false`).Execute(); err != nil {
		t.Fatal(err)
	}
	b.act(200, b.approve, issue, "approve", nil)
	b.Save(records.Deliveries, map[string]any{"project": b.Project(), "issue": issue, "tracker": old, "action": "create", "generation": 1,
		"key": "AAAAAAAAAAAAAAAAAAAA", "state": "pending", "next_at": time.Now().UTC()})
	fresh := b.Save(records.Trackers, map[string]any{"project": b.Project(), "name": "Second folder", "plugin": "local", "config": map[string]any{}, "enabled": true})
	b.untilFiled(issue)
	d, err := b.App.FindFirstRecordByFilter(records.Deliveries, "issue = {:i}", dbx.Params{"i": issue})
	if err != nil || d.GetString("tracker") != fresh.Id {
		t.Errorf("filed by %v, %v; want %s", d, err, fresh.Id)
	}
}

func TestAPersonSettlesADeliveryInDoubt(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	doubt := func(issue string) string {
		t.Helper()
		d, err := b.App.FindFirstRecordByFilter(records.Deliveries, "issue = {:i}", dbx.Params{"i": issue})
		if err != nil {
			t.Fatal(err)
		}
		d.Set("state", "needs_human")
		if err := b.App.Save(d); err != nil {
			t.Fatal(err)
		}
		_, err = b.App.DB().Update(records.Issues, dbx.Params{"state": "approved"}, dbx.HashExp{"id": issue}).Execute()
		if err != nil {
			t.Fatal(err)
		}
		return d.Id
	}
	first := b.approveOne(loginCrash)
	b.untilFiled(first)
	delivery := doubt(first)

	// The tracker stays what and where it is meanwhile.
	b.patchTracker(409, b.tracker(), map[string]any{"config": map[string]any{"folder": "elsewhere"}})
	b.patchTracker(200, b.tracker(), map[string]any{"name": "Renamed"})
	if a := b.Do("DELETE", "/api/collections/trackers/records/"+b.tracker(), nil, "Authorization", b.Superuser()); a.Status != 409 {
		t.Errorf("delete the tracker: %d %s, want 409", a.Status, a.Body)
	}

	confirm := func(want int, token string, body map[string]any) {
		t.Helper()
		if a := b.Do("POST", "/api/deliveries/"+delivery+"/confirm", body, "Authorization", token); a.Status != want {
			t.Errorf("confirm %v: %d %s, want %d", body, a.Status, a.Body, want)
		}
	}
	confirm(403, b.triager, map[string]any{"number": "412"})
	confirm(400, b.approve, map[string]any{"number": ""})
	confirm(400, b.approve, map[string]any{"number": "412", "url": "javascript:alert(1)"})
	confirm(200, b.approve, map[string]any{"number": "412", "url": "https://tracker.example/412"})
	confirm(409, b.approve, map[string]any{"number": "413"})
	got := b.Record(records.Issues, first)
	if got.GetString("state") != "filed" || got.GetString("tracker_key") != "412" {
		t.Errorf("the issue is %s as %q, want filed as 412", got.GetString("state"), got.GetString("tracker_key"))
	}

	second := b.approveOne(csvExport)
	b.untilFiled(second)
	delivery = doubt(second)
	if a := b.Do("POST", "/api/deliveries/"+delivery+"/retry", nil, "Authorization", b.approve); a.Status != 200 {
		t.Fatalf("retry: %d %s", a.Status, a.Body)
	}
	b.untilFiled(second)
}

func TestAfterARestoreAnOldDraftFilesItself(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	issue := b.issueOf(b.Post(loginCrash)).Id
	if _, err := b.App.DB().NewQuery(`UPDATE issues SET created = '2020-01-01 00:00:00.000Z'`).Execute(); err != nil {
		t.Fatal(err)
	}
	if err := b.Pipeline.Restored(); err != nil {
		t.Fatal(err)
	}
	_, err := b.App.DB().Update(records.Trackers, dbx.Params{"settle": 0.1}, nil).Execute()
	if err != nil {
		t.Fatal(err)
	}
	b.act(200, b.approve, issue, "approve", nil)
	d, err := b.App.FindFirstRecordByFilter(records.Deliveries, "issue = {:i}", dbx.Params{"i": issue})
	if err != nil || d.GetString("state") != "unknown" && d.GetInt("negatives") == 0 {
		t.Errorf("the delivery begins as %v, %v; want unknown: the tracker is looked through first", d, err)
	}
	b.untilFiled(issue)
}
