package pipeline_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"github.com/iterateswarm/iterateswarm/internal/command"
	"github.com/iterateswarm/iterateswarm/internal/pipeline"
	"github.com/iterateswarm/iterateswarm/internal/records"
	"github.com/iterateswarm/iterateswarm/internal/servertest"
	"github.com/iterateswarm/iterateswarm/sdk"
)

// looped is a bench with a chat and a hub, and short waits.
type looped struct {
	*bench
	chat, hub string // their folders
	source    *core.Record
	tracker   *core.Record
}

func newLooped(t *testing.T, loop map[string]bool) *looped {
	t.Helper()
	s := servertest.Start(t, func(o *command.Options) {
		o.Manifests = append(o.Manifests, sdk.Describe(&chat{}), sdk.Describe(&hub{}))
		o.Tune = func(c *pipeline.Config) {
			c.Sweep, c.Poll, c.Grace, c.Gather = 100*time.Millisecond, 100*time.Millisecond, time.Second, 100*time.Millisecond
		}
	})
	b := &looped{bench: &bench{Server: s, t: t, viewer: s.User("viewer"), triager: s.User("triager"), approve: s.User("approver")},
		chat: t.TempDir(), hub: t.TempDir()}
	if _, err := s.App.DB().NewQuery(`DELETE FROM trackers`).Execute(); err != nil {
		t.Fatal(err)
	}
	b.source = s.Save(records.Sources, map[string]any{"project": s.Project(), "name": "Chat", "slug": "chat", "plugin": "testchat",
		"config": map[string]any{"dir": b.chat}, "enabled": true, "loop": loop})
	b.tracker = s.Save(records.Trackers, map[string]any{"project": s.Project(), "name": "Hub", "plugin": "testhub",
		"config": map[string]any{"dir": b.hub}, "enabled": true})
	s.Until("both plugins to run", func() bool {
		return s.Record(records.Sources, b.source.Id).GetString("status") == "running" &&
			s.Record(records.Trackers, b.tracker.Id).GetString("status") == "running"
	})
	return b
}

// says brings a message in through the chat and waits until it is settled.
func (b *looped) says(id, author, text string, more ...func(*sdk.Item)) *core.Record {
	b.t.Helper()
	item := sdk.Item{ExternalID: id, AuthorID: author, AuthorHandle: author, Content: text, Permalink: "https://chat.test/" + id}
	for _, m := range more {
		m(&item)
	}
	if a := b.Do("POST", "/webhooks/chat", []sdk.Item{item}); a.Status != 200 {
		b.t.Fatalf("webhook: %d %s", a.Status, a.Body)
	}
	var r *core.Record
	b.Until("message "+id+" to be settled", func() bool {
		var err error
		r, err = b.App.FindFirstRecordByFilter(records.Feedback, "external_id = {:e}", dbx.Params{"e": id})
		return err == nil && r.GetString("state") != "received"
	})
	return r
}

func (b *looped) answer(folder, name string, v any) {
	b.t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, name), raw, 0o600); err != nil {
		b.t.Fatal(err)
	}
}

func (b *looped) replies(filter string) []*core.Record {
	b.t.Helper()
	list, err := b.App.FindRecordsByFilter(records.Replies, filter, "created", 0, 0)
	if err != nil {
		b.t.Fatal(err)
	}
	return list
}

func (b *looped) untilSent(n int) []sdk.ReplyRequest {
	b.t.Helper()
	b.Until("the replies to be sent", func() bool { return len(b.replies("state = 'sent'")) >= n })
	return calls[sdk.ReplyRequest](b.t, b.chat, "reply")
}

// kinds says who was told what: "maya filed".
func kinds(list []sdk.ReplyRequest) map[string]int {
	out := map[string]int{}
	for _, r := range list {
		out[r.Target.AuthorID+" "+string(r.Kind)]++
	}
	return out
}

func TestReportersHearOnceWhatBecameOfTheirMessages(t *testing.T) {
	t.Parallel()
	b := newLooped(t, map[string]bool{"acknowledge": true, "filed": true, "fixed": true})
	first := b.says("1", "maya", loginCrash)
	b.says("2", "tom", loginCrash)
	b.says("3", "tom", loginCrash)
	quiet := b.Post(loginCrash, "user_id", "api-user") // no plugin, no way back
	issue := b.issueOf(first.Id)
	if got := b.issueOf(quiet).Id; got != issue.Id {
		t.Fatalf("the messages are of issues %s and %s", issue.Id, got)
	}
	told := b.untilSent(3)
	if got := kinds(told); got["maya acknowledge"] != 1 || got["tom acknowledge"] != 2 || len(told) != 3 {
		t.Fatalf("acknowledged: %v", got)
	}
	if r := told[0]; r.Target.ExternalID != "1" || r.Target.Permalink != "https://chat.test/1" || !strings.Contains(r.Text, first.Id) {
		t.Errorf("the first acknowledgement: %+v", r)
	}
	b.act(200, b.approve, issue.Id, "approve", nil)
	b.untilFiled(issue.Id)
	told = b.untilSent(5)
	if got := kinds(told); got["maya filed"] != 1 || got["tom filed"] != 1 || len(told) != 5 {
		t.Fatalf("told of the filing: %v", got)
	}
	if r := b.Record(records.Issues, issue.Id); r.GetString("tracker_key") != "APP-1" || !strings.Contains(told[4].Text, "https://hub.test/APP-1") {
		t.Errorf("tracker_key %q, told %q", r.GetString("tracker_key"), told[4].Text)
	}

	asked := calls[sdk.CreateRequest](t, b.hub, "create")[0]
	if asked.Class != "bug" || asked.Severity != b.Record(records.Issues, issue.Id).GetString("severity") || asked.Severity == "" {
		t.Errorf("filed as %q, %q", asked.Class, asked.Severity)
	}
	// The tracker closes it, tells so again and again, and opens it once more.
	key := asked.Key
	closed := sdk.Change{Issue: sdk.IssueRef{Key: key}, State: "closed", Reason: "completed", At: time.Now(), Assignees: []string{"kim"}, PullRequest: "https://hub.test/pull/7"}
	b.answer(b.hub, "changes", []sdk.Change{closed, closed})
	told = b.untilSent(7)
	if got := kinds(told); got["maya fixed"] != 1 || got["tom fixed"] != 1 || len(told) != 7 {
		t.Fatalf("told of the fix: %v", got)
	}
	r := b.Record(records.Issues, issue.Id)
	if r.GetString("state") != "closed" || r.GetString("closed_as") != "completed" || r.GetString("tracker_state") != "closed" ||
		r.GetString("pull_request") != closed.PullRequest || !strings.Contains(r.GetString("tracker_assignees"), "kim") {
		t.Errorf("the closed issue: %v", r.PublicExport())
	}
	again := b.says("4", "zoe", loginCrash)
	if again.GetString("relation") != "regression" {
		t.Errorf("a report of a closed issue is a %q, want a regression", again.GetString("relation"))
	}
	b.answer(b.hub, "changes", []sdk.Change{{Issue: sdk.IssueRef{Name: "APP-1"}, State: "open", At: time.Now()}})
	b.Until("the issue to be open again", func() bool { return b.Record(records.Issues, issue.Id).GetString("state") == "filed" })
	if _, err := records.VerifyChain(b.App); err != nil {
		t.Error(err)
	}
}

func TestNobodyIsToldWhatNobodyWanted(t *testing.T) {
	t.Parallel()
	b := newLooped(t, nil)
	r := b.says("1", "maya", loginCrash)
	b.act(200, b.approve, b.issueOf(r.Id).Id, "approve", nil)
	b.untilFiled(b.issueOf(r.Id).Id)
	// A declined issue of a source that wants that told, and is undone in time.
	if a := b.Do("PATCH", "/api/collections/sources/records/"+b.source.Id, map[string]any{"loop": map[string]bool{"declined": true}},
		"Authorization", b.Superuser()); a.Status != 200 {
		t.Fatalf("change loop: %d %s", a.Status, a.Body)
	}
	undone := b.says("2", "tom", csvExport)
	b.undo(200, b.approve, b.act(200, b.approve, b.issueOf(undone.Id).Id, "decline", nil))
	declined := b.says("3", "zoe", "Please add a dark theme to the settings page")
	b.act(200, b.approve, b.issueOf(declined.Id).Id, "decline", map[string]any{"reason": "We keep it light."})
	told := b.untilSent(1)
	if len(told) != 1 || told[0].Target.AuthorID != "zoe" || !strings.Contains(told[0].Text, "We keep it light.") {
		t.Errorf("told %+v", told)
	}
}

func TestAPersonAsksAndAnswers(t *testing.T) {
	t.Parallel()
	b := newLooped(t, nil)
	r := b.says("1", "maya", loginCrash)
	send := func(want int, token, id string, body map[string]any) servertest.Answer {
		t.Helper()
		a := b.Do("POST", "/api/feedback/"+id+"/reply", body, "Authorization", token)
		if a.Status != want {
			t.Fatalf("reply: %d %s, want %d", a.Status, a.Body, want)
		}
		return a
	}
	send(403, b.viewer, r.Id, map[string]any{"kind": "message", "text": "hello"})
	send(400, b.triager, r.Id, map[string]any{"kind": "fixed", "text": "hello"})
	send(400, b.triager, r.Id, map[string]any{"kind": "message"})
	send(400, b.triager, r.Id, map[string]any{"kind": "message", "text": strings.Repeat("x", 1901)})
	send(409, b.triager, b.Post(csvExport), map[string]any{"kind": "message", "text": "hello"})
	send(200, b.triager, r.Id, map[string]any{"kind": "ask"})
	send(200, b.triager, r.Id, map[string]any{"kind": "message", "text": "We look into it."})
	send(200, b.triager, r.Id, map[string]any{"kind": "message", "text": "We look into it."})
	told := b.untilSent(3)
	asked := 0
	for _, one := range told {
		if one.Kind == sdk.Ask && strings.Contains(one.Text, "- ") {
			asked++
		}
	}
	if len(told) != 3 || asked != 1 {
		t.Errorf("told %+v", told)
	}
}

func TestAReplyThatFailsSaysSoAndCanBeSentAgain(t *testing.T) {
	t.Parallel()
	b := newLooped(t, map[string]bool{"acknowledge": true})
	b.answer(b.chat, "reply", sdk.ReplyReply{Outcome: sdk.Unknown, Message: "the line broke"})
	b.says("1", "maya", loginCrash)
	b.Until("the reply to fail", func() bool { return len(b.replies("state = 'failed'")) == 1 })
	failed := b.replies("state = 'failed'")[0]
	if got := failed.GetString("error"); !strings.Contains(got, "the line broke") || !strings.Contains(got, "may have arrived") {
		t.Errorf("error = %q", got)
	}
	if n := len(calls[sdk.ReplyRequest](t, b.chat, "reply")); n != 1 {
		t.Errorf("asked %d times; what may have arrived is not repeated", n)
	}
	b.answer(b.chat, "reply", sdk.ReplyReply{Outcome: sdk.Rejected, Message: "the channel is gone"})
	retry := func(want int, token string) {
		t.Helper()
		if a := b.Do("POST", "/api/replies/"+failed.Id+"/retry", nil, "Authorization", token); a.Status != want {
			t.Fatalf("retry: %d %s, want %d", a.Status, a.Body, want)
		}
	}
	retry(403, b.viewer)
	retry(200, b.triager)
	b.Until("it to be refused", func() bool {
		return strings.Contains(b.Record(records.Replies, failed.Id).GetString("error"), "the channel is gone")
	})
	b.answer(b.chat, "reply", sdk.ReplyReply{Outcome: sdk.NotCreated, Message: "too fast", RetryAfter: time.Millisecond})
	retry(200, b.triager)
	b.Until("it to wait", func() bool {
		r := b.Record(records.Replies, failed.Id)
		return r.GetString("state") == "pending" && r.GetString("error") == "too fast"
	})
	b.answer(b.chat, "reply", sdk.ReplyReply{Outcome: sdk.Created, ID: "m1"})
	b.untilSent(1)
	retry(409, b.triager)
}

func TestANoticeReachesWhoCanBeReached(t *testing.T) {
	t.Parallel()
	b := newLooped(t, nil)
	issue := b.issueOf(b.says("1", "maya", loginCrash).Id).Id
	b.says("2", "tom", loginCrash)
	b.Post(loginCrash, "user_id", "silent")
	path := "/api/issues/" + issue + "/notify"
	if a := b.Do("GET", path+"?kind=fixed", nil, "Authorization", b.viewer); a.Status != 409 {
		t.Errorf("preview of what is not so: %d %s", a.Status, a.Body)
	}
	b.act(200, b.approve, issue, "approve", nil)
	b.untilFiled(issue)
	preview := b.Do("GET", path+"?kind=filed", nil, "Authorization", b.viewer).Map(t)
	if preview["n"] != 2.0 || preview["silent"] != 1.0 || !strings.Contains(preview["text"].(string), "APP-1") {
		t.Errorf("preview = %v", preview)
	}
	if a := b.Do("POST", path, map[string]any{"kind": "filed"}, "Authorization", b.triager); a.Status != 403 {
		t.Errorf("a triager notifies: %d", a.Status)
	}
	for range 2 { // twice is once
		if a := b.Do("POST", path, map[string]any{"kind": "filed", "text": "It is on our list."}, "Authorization", b.approve); a.Status != 200 || a.Map(t)["n"] != 2.0 {
			t.Fatalf("notify: %d %s", a.Status, a.Body)
		}
	}
	told := b.untilSent(2)
	if got := kinds(told); len(told) != 2 || got["maya filed"] != 1 || got["tom filed"] != 1 {
		t.Errorf("told %v", got)
	}
}

func TestTheTrackerHearsOfMoreReportersInOneComment(t *testing.T) {
	t.Parallel()
	b := newLooped(t, nil)
	issue := b.issueOf(b.says("1", "maya", loginCrash).Id).Id
	b.act(200, b.approve, issue, "approve", nil)
	b.untilFiled(issue)
	comments := func() []sdk.CommentRequest { return calls[sdk.CommentRequest](t, b.hub, "comment") }
	b.says("2", "tom", loginCrash)
	b.Until("the first comment", func() bool { return len(comments()) == 1 })
	b.Until("it to be noted", func() bool { return b.note(issue).GetInt("written") == 2 })
	b.says("3", "zoe", loginCrash)
	b.Until("the second", func() bool { return len(comments()) == 2 })
	b.says("4", "zoe", loginCrash) // nobody new
	list := comments()
	if list[0].Key != list[1].Key || list[0].PreviousID != "" || list[1].PreviousID != "c1" || list[1].Issue.Name != "APP-1" {
		t.Errorf("comments = %+v", list)
	}
	if !strings.HasPrefix(list[1].Body, sdk.Marker(list[1].Key)) || !strings.Contains(list[1].Body, "3 people") {
		t.Errorf("body = %q", list[1].Body)
	}
	b.Until("nothing to be due", func() bool { return b.note(issue).GetDateTime("next_at").IsZero() })
	if n := len(comments()); n != 2 {
		t.Errorf("%d comments, want 2", n)
	}
}

func (b *looped) note(issue string) *core.Record {
	b.t.Helper()
	r, err := b.App.FindFirstRecordByData(records.Notes, "issue", issue)
	if err != nil {
		b.t.Fatal(err)
	}
	return r
}

func TestAnIssueThatLivesInATrackerIsAnnotatedAndNotFiledAgain(t *testing.T) {
	t.Parallel()
	b := newLooped(t, map[string]bool{"annotate": true})
	r := b.says("77", "maya", loginCrash, func(it *sdk.Item) { it.ContextJSON = `{"issue":77}` })
	b.Until("the annotation", func() bool { return len(calls[sdk.AnnotateRequest](t, b.chat, "annotate")) == 1 })
	note := calls[sdk.AnnotateRequest](t, b.chat, "annotate")[0]
	if note.Target.ExternalID != "77" || len(note.Labels) == 0 || note.Labels[0].Confidence <= 0 || !strings.Contains(note.Text, "bug") {
		t.Errorf("annotation = %+v", note)
	}
	issue := b.issueOf(r.Id).Id
	b.act(200, b.approve, issue, "approve", nil)
	b.untilFiled(issue)
	if got := b.Record(records.Issues, issue); got.GetString("tracker_key") != "77" || got.GetString("tracker_url") != "https://chat.test/77" {
		t.Errorf("filed as %q at %q", got.GetString("tracker_key"), got.GetString("tracker_url"))
	}
	if n := len(calls[sdk.CreateRequest](t, b.hub, "create")); n != 0 {
		t.Errorf("filed %d times beside the issue that was there", n)
	}
}

func TestTemplatesAreCheckedAndUsed(t *testing.T) {
	t.Parallel()
	b := newLooped(t, map[string]bool{"acknowledge": true})
	settings := func(want int, templates map[string]string) {
		t.Helper()
		a := b.Do("PATCH", "/api/collections/projects/records/"+b.Project(), map[string]any{"settings": map[string]any{"templates": templates}},
			"Authorization", b.Superuser())
		if a.Status != want {
			t.Fatalf("templates %v: %d %s, want %d", templates, a.Status, a.Body, want)
		}
	}
	settings(400, map[string]string{"greeting": "Hello"})
	settings(400, map[string]string{"acknowledge": "Hello {nobody}"})
	settings(200, map[string]string{"acknowledge": "Danke! {reference}\n{url}\n{missing}"})
	r := b.says("1", "maya", "{url} "+loginCrash)
	if told := b.untilSent(1); !strings.HasPrefix(told[0].Text, "Danke! "+r.Id+"\nhttps://chat.test/1") {
		t.Errorf("told %q", told[0].Text)
	}
}
