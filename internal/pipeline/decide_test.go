package pipeline_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"github.com/iterateswarm/iterateswarm/internal/records"
	"github.com/iterateswarm/iterateswarm/internal/servertest"
	"github.com/iterateswarm/iterateswarm/internal/triage"
)

// bench is a server with a person of each role and a helper or two.
type bench struct {
	*servertest.Server
	t                        *testing.T
	viewer, triager, approve string
}

func newBench(t *testing.T) *bench {
	t.Helper()
	s := servertest.Start(t)
	return &bench{Server: s, t: t, viewer: s.User("viewer"), triager: s.User("triager"), approve: s.User("approver")}
}

// issueOf is the issue of a message.
func (b *bench) issueOf(feedback string) *core.Record {
	b.t.Helper()
	return b.Record(records.Issues, b.Record(records.Feedback, feedback).GetString("issue"))
}

// act does something to an issue and returns the decision; the status must be as wanted.
func (b *bench) act(want int, token, issue, action string, body map[string]any) string {
	b.t.Helper()
	if body == nil {
		body = map[string]any{}
	}
	a := b.Do("POST", "/api/issues/"+issue+"/"+action, body, "Authorization", token)
	if a.Status != want {
		b.t.Fatalf("%s: %d %s, want %d", action, a.Status, a.Body, want)
	}
	d, _ := a.Map(b.t)["decision"].(string)
	return d
}

func (b *bench) undo(want int, token, decision string) {
	b.t.Helper()
	if a := b.Do("POST", "/api/decisions/"+decision+"/undo", map[string]any{}, "Authorization", token); a.Status != want {
		b.t.Fatalf("undo: %d %s, want %d", a.Status, a.Body, want)
	}
}

func (b *bench) counts(issue string) string {
	b.t.Helper()
	r := b.Record(records.Issues, issue)
	return fmt.Sprintf("%d/%d", r.GetInt("report_count"), r.GetInt("reporter_count"))
}

func (b *bench) wantCounts(when string, want map[string]string) {
	b.t.Helper()
	for issue, c := range want {
		if got := b.counts(issue); got != c {
			b.t.Errorf("%s: issue %s has %s reports/reporters, want %s", when, issue, got, c)
		}
	}
}

const (
	loginCrash = "App crashes when I click the login button"
	csvExport  = "The export to CSV stops with an error after page three"
)

func TestSplitUnmergeAndRejoinRestoreCountsExactly(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	first := b.Post(loginCrash, "user_id", "maya")
	second := b.Post(loginCrash, "user_id", "tom")
	third := b.Post(loginCrash, "user_id", "tom")
	other := b.Post(csvExport, "user_id", "maya")
	login, csv := b.issueOf(first).Id, b.issueOf(other).Id
	b.wantCounts("at first", map[string]string{login: "3/2", csv: "1/1"})

	merge := b.act(200, b.triager, csv, "merge", map[string]any{"into": login})
	b.wantCounts("merged", map[string]string{login: "4/2"})
	b.undo(200, b.triager, merge)
	b.wantCounts("merge undone", map[string]string{login: "3/2", csv: "1/1"})

	b.act(200, b.triager, csv, "merge", map[string]any{"into": login})
	unmerge := b.act(200, b.triager, csv, "unmerge", nil)
	b.wantCounts("unmerged", map[string]string{login: "3/2", csv: "1/1"})
	b.undo(200, b.triager, unmerge)
	b.wantCounts("unmerge undone", map[string]string{login: "4/2"})
	b.act(200, b.triager, csv, "unmerge", nil)

	split := b.act(200, b.triager, login, "split", map[string]any{"feedback": []string{second, third}})
	fresh := b.issueOf(second).Id
	b.wantCounts("split", map[string]string{login: "1/1", fresh: "2/1"})
	if fresh == login || b.issueOf(third).Id != fresh {
		t.Errorf("split left the reports at %s and %s", b.issueOf(second).Id, b.issueOf(third).Id)
	}
	b.undo(200, b.triager, split)
	b.wantCounts("split undone", map[string]string{login: "3/2"})

	b.act(200, b.triager, login, "split", map[string]any{"feedback": []string{third}})
	alone := b.issueOf(third).Id
	if a := b.Do("POST", "/api/feedback/"+third+"/join", map[string]any{"issue": login}, "Authorization", b.triager); a.Status != 200 {
		t.Fatalf("join: %d %s", a.Status, a.Body)
	}
	b.wantCounts("joined again", map[string]string{login: "3/2", alone: "0/0"})
}

func TestWhatWasSetApartIsNotJoinedAgain(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	first, second := b.Post(loginCrash, "user_id", "maya"), b.Post(loginCrash, "user_id", "tom")
	login := b.issueOf(first).Id
	b.act(200, b.triager, login, "split", map[string]any{"feedback": []string{second}})
	apart := b.issueOf(second).Id

	// Settle the split message anew: the issue it was taken out of is no candidate.
	a := b.Do("POST", "/api/feedback/"+second+"/correct", map[string]any{"class": "question"}, "Authorization", b.triager)
	if a.Status != 200 {
		t.Fatalf("correct: %d %s", a.Status, a.Body)
	}
	b.Until("the question to rest", func() bool { return b.Record(records.Feedback, second).GetString("state") == "triaged" })
	if a = b.Do("POST", "/api/feedback/"+second+"/correct", map[string]any{"class": "bug"}, "Authorization", b.triager); a.Status != 200 {
		t.Fatalf("correct: %d %s", a.Status, a.Body)
	}
	b.Until("the bug to join", func() bool { return b.Record(records.Feedback, second).GetString("state") == "joined" })
	if got := b.issueOf(second).Id; got == login {
		t.Errorf("joined %s again, from which a person had set it apart (it was alone in %s)", got, apart)
	}
}

func TestAClosedIssueIsOfferedAsRegressionOnly(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	first := b.Post(loginCrash, "user_id", "maya")
	old := b.issueOf(first)
	old.Set("state", string(triage.Closed))
	if err := b.App.Save(old); err != nil {
		t.Fatal(err)
	}
	again := b.Record(records.Feedback, b.Post(loginCrash, "user_id", "tom"))
	fresh := b.issueOf(again.Id)
	if fresh.Id == old.Id || fresh.GetString("regression_of") != old.Id || again.GetString("relation") != "regression" {
		t.Errorf("issue %s, regression_of %q, relation %q; want a new issue that is a regression of %s",
			fresh.Id, fresh.GetString("regression_of"), again.GetString("relation"), old.Id)
	}
	third := b.Post(loginCrash, "user_id", "ann")
	if got := b.issueOf(third).Id; got != fresh.Id {
		t.Errorf("the third report joined %s, want the open regression %s", got, fresh.Id)
	}
	b.wantCounts("at the end", map[string]string{old.Id: "1/1", fresh.Id: "2/2"})
}

func TestEveryMoveOfTheIssueMachine(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	issue := b.issueOf(b.Post(loginCrash)).Id
	other := b.issueOf(b.Post(csvExport)).Id
	tomorrow := map[string]any{"until": time.Now().Add(24 * time.Hour).Format(time.RFC3339)}
	bodies := map[string]map[string]any{"snooze": tomorrow, "merge": {"into": other}}
	for _, state := range []triage.IssueState{triage.Draft, triage.Approved, triage.Filed, triage.Closed, triage.Declined, triage.Snoozed} {
		for _, action := range []triage.Action{triage.ActApprove, triage.ActDecline, triage.ActSnooze, triage.ActReopen, triage.ActMerge} {
			// Put the issue where the case begins, past the machine.
			_, err := b.App.DB().NewQuery(`DELETE FROM deliveries`).Execute()
			if err != nil {
				t.Fatal(err)
			}
			_, err = b.App.DB().Update(records.Trackers, dbx.Params{"enabled": false}, nil).Execute()
			if err != nil {
				t.Fatal(err)
			}
			_, err = b.App.DB().Update(records.Issues, dbx.Params{"state": string(state), "merged_into": ""}, dbx.HashExp{"id": issue}).Execute()
			if err != nil {
				t.Fatal(err)
			}
			want, moveErr := triage.Next(state, action)
			status := 200
			if moveErr != nil {
				status = 409
			}
			b.act(status, b.approve, issue, string(action), bodies[string(action)])
			got := b.Record(records.Issues, issue)
			if got.GetString("state") != string(want) {
				t.Errorf("%s while %s: the issue is %s, want %s", action, state, got.GetString("state"), want)
			}
		}
	}
}

func TestStaleVersionsAndWeakRolesAreRefused(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	issue := b.issueOf(b.Post(loginCrash)).Id
	outsider := b.User("")
	for _, c := range []struct {
		name, token, action string
		body                map[string]any
		want                int
	}{
		{"viewer approves", b.viewer, "approve", nil, 403},
		{"triager approves", b.triager, "approve", nil, 403},
		{"outsider approves", outsider, "approve", nil, 404},
		{"nobody approves", "", "approve", nil, 401},
		{"viewer snoozes", b.viewer, "snooze", map[string]any{"until": time.Now().Add(time.Hour)}, 403},
		{"old version", b.approve, "approve", map[string]any{"version": 0}, 409},
		{"future version", b.approve, "decline", map[string]any{"version": 7}, 409},
		{"version of a wrong type", b.approve, "approve", map[string]any{"version": "1"}, 400},
		{"snooze into the past", b.triager, "snooze", map[string]any{"until": "2001-01-01T00:00:00Z"}, 400},
		{"snooze without a time", b.triager, "snooze", nil, 400},
		{"merge into itself", b.triager, "merge", map[string]any{"into": issue}, 400},
		{"merge into nothing", b.triager, "merge", map[string]any{"into": "aaaaaaaaaaaaaaa"}, 404},
		{"split nothing", b.triager, "split", nil, 400},
		{"split a stranger", b.triager, "split", map[string]any{"feedback": []string{"aaaaaaaaaaaaaaa"}}, 404},
		{"unknown action", b.approve, "explode", nil, 404},
	} {
		a := b.Do("POST", "/api/issues/"+issue+"/"+c.action, c.body, "Authorization", c.token)
		if a.Status != c.want {
			t.Errorf("%s: %d %s, want %d", c.name, a.Status, a.Body, c.want)
			continue
		}
		if m := a.Map(t); m["code"] == nil || m["message"] == "" || m["help"] == nil {
			t.Errorf("%s: %s lacks a number, a sentence or a link", c.name, a.Body)
		}
	}
	if got := b.Record(records.Issues, issue); got.GetString("state") != "draft" || got.GetInt("version") != 1 {
		t.Errorf("after refusals the issue is %s, version %d; want draft, 1", got.GetString("state"), got.GetInt("version"))
	}
}

func TestEditsAndTheirUndo(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	issue := b.issueOf(b.Post(loginCrash))
	edit := func(want int, body map[string]any) string {
		t.Helper()
		a := b.Do("PATCH", "/api/issues/"+issue.Id, body, "Authorization", b.triager)
		if a.Status != want {
			t.Fatalf("edit %v: %d %s, want %d", body, a.Status, a.Body, want)
		}
		d, _ := a.Map(t)["decision"].(string)
		return d
	}
	edit(400, map[string]any{"title": "Without a version"})
	edit(400, map[string]any{"version": 1, "state": "filed"})
	edit(400, map[string]any{"version": 1, "severity": "huge"})
	edit(400, map[string]any{"version": 1, "title": "two\nlines"})
	edit(400, map[string]any{"version": 1, "steps": []any{1}})
	one := edit(200, map[string]any{"version": 1, "title": "Login crashes", "severity": "critical", "steps": []string{"Open", "Click"}})
	edit(409, map[string]any{"version": 1, "title": "Too late"})
	got := b.Record(records.Issues, issue.Id)
	if got.GetString("title") != "Login crashes" || got.GetString("severity") != "critical" || len(records.Strings(got, "steps")) != 2 {
		t.Errorf("after the edit: %v", got.PublicExport())
	}
	two := edit(200, map[string]any{"version": 2, "title": "Login button crashes"})
	b.undo(409, b.triager, one)
	b.undo(200, b.triager, two)
	b.undo(409, b.triager, two)
	b.undo(200, b.triager, one)
	got = b.Record(records.Issues, issue.Id)
	for _, f := range []string{"title", "severity", "steps"} {
		if fmt.Sprint(got.Get(f)) != fmt.Sprint(issue.Get(f)) {
			t.Errorf("%s after both undos = %v, want %v", f, got.Get(f), issue.Get(f))
		}
	}
	if n, err := records.VerifyChain(b.App); err != nil || n < 6 {
		t.Errorf("chain of %d decisions: %v", n, err)
	}
}

func TestASnoozedIssueComesBack(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	issue := b.issueOf(b.Post(loginCrash)).Id
	b.act(200, b.triager, issue, "snooze", map[string]any{"until": time.Now().Add(1500 * time.Millisecond).Format(time.RFC3339Nano)})
	if got := b.Record(records.Issues, issue).GetString("state"); got != "snoozed" {
		t.Fatalf("state = %s, want snoozed", got)
	}
	b.Until("the issue to wake", func() bool { return b.Record(records.Issues, issue).GetString("state") == "draft" })
}

func TestABatchTellsEachResult(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	one, two := b.issueOf(b.Post(loginCrash)).Id, b.issueOf(b.Post(csvExport)).Id
	a := b.Do("POST", "/api/issues/batch", map[string]any{"action": "decline", "ids": []string{one, "aaaaaaaaaaaaaaa"},
		"items": []map[string]any{{"id": two, "version": 9}}}, "Authorization", b.approve)
	var got struct {
		Done, Failed int
		Results      []struct {
			ID    string
			OK    bool
			Error struct{ Code int }
		}
	}
	a.JSON(t, &got)
	if got.Done != 1 || got.Failed != 2 || !got.Results[0].OK || got.Results[1].Error.Code != 40402 || got.Results[2].Error.Code != 40901 {
		t.Errorf("batch = %d %s", a.Status, a.Body)
	}
}

func TestAnErasedMessageLeavesTheCountsAndTheIndex(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	first, second := b.Post(loginCrash, "user_id", "maya"), b.Post(loginCrash, "user_id", "tom")
	issue := b.issueOf(first).Id
	if a := b.Do("DELETE", "/api/collections/feedback/records/"+second, nil, "Authorization", b.Superuser()); a.Status != 204 {
		t.Fatalf("erase: %d %s", a.Status, a.Body)
	}
	b.wantCounts("after the erasure", map[string]string{issue: "1/1"})
	if n := b.Pipeline.Index.Len(b.Project()); n != 1 {
		t.Errorf("%d messages in the index, want 1", n)
	}
	var rows int
	if err := b.App.DB().Select("count(*)").From("vectors").Where(dbx.HashExp{"id": second}).Row(&rows); err != nil || rows != 0 {
		t.Errorf("%d rows of the erased message in vectors, %v", rows, err)
	}
}

func TestUndoRefusesWhatSomethingNewerRestsOn(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	first, second := b.Post(loginCrash, "user_id", "maya"), b.Post(loginCrash, "user_id", "tom")
	other := b.issueOf(b.Post(csvExport)).Id
	login := b.issueOf(first).Id

	// A split whose new issue was merged elsewhere.
	split := b.act(200, b.triager, login, "split", map[string]any{"feedback": []string{second}})
	fresh := b.issueOf(second).Id
	merge := b.act(200, b.triager, fresh, "merge", map[string]any{"into": other})
	b.undo(409, b.triager, split)
	b.wantCounts("after the refusal", map[string]string{login: "1/1", other: "2/2"})
	b.undo(200, b.triager, merge)
	b.wantCounts("merge undone", map[string]string{login: "1/1", fresh: "1/1", other: "1/1"})

	// An unmerge whose target was merged the other way since.
	b.act(200, b.triager, login, "merge", map[string]any{"into": other})
	unmerge := b.act(200, b.triager, login, "unmerge", nil)
	b.act(200, b.triager, other, "merge", map[string]any{"into": login})
	b.undo(409, b.triager, unmerge)
	b.wantCounts("after the second refusal", map[string]string{login: "2/2"})

	// A correction under a person's join.
	a := b.Do("POST", "/api/feedback/"+first+"/correct", map[string]any{"severity": "low"}, "Authorization", b.triager)
	if a.Status != 200 {
		t.Fatalf("correct: %d %s", a.Status, a.Body)
	}
	d, err := b.App.FindFirstRecordByFilter(records.Decisions, "subject_id = {:id} && action = 'reclassify'", dbx.Params{"id": first})
	if err != nil {
		t.Fatal(err)
	}
	if a := b.Do("POST", "/api/feedback/"+first+"/join", map[string]any{"issue": fresh}, "Authorization", b.triager); a.Status != 200 {
		t.Fatalf("join: %d %s", a.Status, a.Body)
	}
	b.undo(409, b.triager, d.Id)
	if got := b.Record(records.Feedback, first).GetString("issue"); got != fresh {
		t.Errorf("the message is in %s, want %s, where a person put it", got, fresh)
	}
}

func TestAnIssueWithoutReportsCannotBeApproved(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	id := b.Post(loginCrash)
	issue := b.issueOf(id).Id
	if a := b.Do("POST", "/api/feedback/"+id+"/correct", map[string]any{"class": "noise"}, "Authorization", b.triager); a.Status != 200 {
		t.Fatalf("correct: %d %s", a.Status, a.Body)
	}
	b.wantCounts("emptied", map[string]string{issue: "0/0"})
	b.act(409, b.approve, issue, "approve", nil)
	b.act(200, b.approve, issue, "decline", nil)
}

func TestAnEndlessReasonIsRefused(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	issue := b.issueOf(b.Post(loginCrash)).Id
	b.act(400, b.approve, issue, "decline", map[string]any{"reason": strings.Repeat("x", 5000)})
}
