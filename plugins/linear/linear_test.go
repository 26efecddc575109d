package linear

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/iterateswarm/iterateswarm/sdk"
	"github.com/iterateswarm/iterateswarm/sdk/rest/trackertest"
)

const key20 = "abcdefghij234567klmn"

func TestIDs(t *testing.T) {
	t.Parallel()
	form := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	seen := make(map[string]bool)
	for _, key := range []string{key20, strings.Repeat("a", 20), strings.Repeat("7", 20), "k1", "", strings.Repeat("b", 64), strings.Repeat("a", 19) + "b"} {
		id := idOf(key)
		if !form.MatchString(id) || seen[id] || idOf(key) != id {
			t.Errorf("idOf(%q) = %s", key, id)
		}
		seen[id] = true
		got, ok := keyOf(id, "")
		if want := len(key) == 20; ok != want || ok && got != key {
			t.Errorf("keyOf(idOf(%q)) = %q, %v", key, got, ok)
		}
		if got, ok := keyOf(strings.ToUpper(id), sdk.Marker(key)+"\ntext"); key != "" && (!ok || got != key) {
			t.Errorf("with the marker: %q, %v", got, ok)
		}
	}
	other := idOf("k2")
	for id, description := range map[string]string{other: sdk.Marker("k1"), "c9bf9e57-1685-4c89-bafb-ff5af830be8a": "", "": "", "x": "", "-1": "",
		strings.Replace(idOf(key20), "-4", "-5", 1): ""} {
		if key, ok := keyOf(id, description); ok {
			t.Errorf("keyOf(%q, %q) = %q", id, description, key)
		}
	}
}

func FuzzIDs(f *testing.F) {
	f.Add(key20, "c9bf9e57-1685-4c89-bafb-ff5af830be8a")
	f.Fuzz(func(t *testing.T, key, id string) {
		if got, ok := keyOf(id, ""); ok && idOf(got) != strings.ToLower(id) {
			t.Errorf("keyOf(%q) = %q, whose id is %s", id, got, idOf(got))
		}
		if got, ok := keyOf(idOf(key), ""); ok && got != key {
			t.Errorf("%q becomes %q", key, got)
		}
	})
}

func TestFaults(t *testing.T) {
	t.Parallel()
	trackertest.Faults(t, func(t testing.TB) trackertest.Service {
		f := newFake(t)
		return trackertest.Service{
			Handler: f, Issues: f.count, Secrets: []string{token}, Accepted: 200,
			Creates: func(_ *http.Request, b []byte) bool { return strings.Contains(string(b), "issueCreate(") },
			New: func(base string, timeout time.Duration) sdk.Tracker {
				tr := tracker(t, base, "")
				tr.api.Timeout = timeout
				return tr
			},
		}
	})
}

func TestCreateTwiceMakesOne(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	req := trackertest.Request(key20)
	req.Labels, req.Assignees = []string{"bug", "kind", "new", "BUG"}, []string{"u1", "u2"}
	first := tracker(t, f.start(t), "").Create(t.Context(), req)
	again := tracker(t, f.start(t), "").Create(t.Context(), req)
	if first.Outcome != sdk.Created || first.Name != "ENG-1" || first.Number != 1 || first.NodeID != idOf(key20) || first.URL == "" || first.Message != "the team has no label kind, new" {
		t.Errorf("first %+v", first)
	}
	if again.Outcome != sdk.Created || again.NodeID != first.NodeID || again.Name != first.Name || f.count() != 1 {
		t.Errorf("again %+v, %d issues", again, f.count())
	}
	if i := f.issues[0]; i["description"] != req.Body || i["priority"] != 2.0 || i["assigneeId"] != "u1" || len(i["labelIds"].([]any)) != 1 {
		t.Errorf("Linear has %v", i)
	}
	req = trackertest.Request("k2")
	req.Labels = []string{"new"}
	if got := tracker(t, f.start(t), `,"missing_labels":"create"`).Create(t.Context(), req); got.Message != "" || len(f.labels) != 4 {
		t.Errorf("%+v, labels %v", got, f.labels)
	}
}

func TestErrorsInAnAnswer(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]sdk.Outcome{"RATELIMITED": sdk.NotCreated, "AUTHENTICATION_ERROR": sdk.Rejected, "FORBIDDEN": sdk.Rejected,
		"INVALID_INPUT": sdk.Rejected, "INTERNAL_SERVER_ERROR": sdk.Rejected /* with 400 */} {
		f := newFake(t)
		f.fails["Create"] = code
		got := tracker(t, f.start(t), "").Create(t.Context(), trackertest.Request("k1"))
		if got.Outcome != want || !strings.Contains(got.Message, "no "+code) {
			t.Errorf("%s: %+v, want %s", code, got, want)
		}
		if wait := got.RetryAfter; code == "RATELIMITED" && (wait < 10*time.Second || wait > 20*time.Second) {
			t.Errorf("wait %v, want what Linear's header says", wait)
		}
		f.fails = map[string]string{"Team": code}
		if got := tracker(t, f.start(t), "").Create(t.Context(), trackertest.Request("k1")); got.Outcome != sdk.NotCreated && got.Outcome != sdk.Rejected {
			t.Errorf("%s before the create: %+v", code, got)
		}
	}
}

func TestFindAllAndChanges(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	began := time.Now().Add(-time.Minute)
	tr := tracker(t, f.start(t), "")
	tr.Create(t.Context(), trackertest.Request(key20))
	f.add("c9bf9e57-1685-4c89-bafb-ff5af830be8a", sdk.Marker(key20)) // a copy of the text
	for i := range 60 {
		f.add(fmt.Sprintf("00000000-0000-4000-8000-%012d", i), "text")
	}
	tr.Create(t.Context(), trackertest.Request("k2"))
	f.issues[0]["description"] = "without a marker, as somebody has edited it"
	found, err := tr.Find(t.Context(), sdk.FindRequest{Since: began})
	if err != nil || len(found) != 2 || found[0].Key != "k2" || found[1].Key != key20 || found[1].Name != "ENG-1" {
		t.Errorf("Find = %+v, %v", found, err)
	}
	changes, cursor, err := tr.Changes(t.Context(), "", began)
	if err != nil || len(changes) != 2 || changes[0].State != "open" {
		t.Fatalf("Changes = %+v, %v", changes, err)
	}
	closed, open := "closed", "open"
	ref := sdk.IssueRef{Key: key20, NodeID: idOf(key20)}
	for _, c := range []struct{ state, reason, want, gives string }{{closed, "completed", "completed", "completed"}, {open, "", "unstarted", ""}, {closed, "not_planned", "canceled", "not_planned"}} {
		if got := tr.Update(t.Context(), sdk.UpdateRequest{Issue: ref, State: &c.state, Reason: c.reason}); got.Outcome != sdk.Created {
			t.Fatalf("Update = %+v", got)
		}
		f.issues[0]["attachments"] = map[string]any{"nodes": []any{map[string]any{"url": "https://github.com/a/b/pull/7", "sourceType": "github"}}}
		changes, cursor, err = tr.Changes(t.Context(), cursor, time.Time{})
		at := slices.IndexFunc(changes, func(ch sdk.Change) bool { return ch.Issue.Key == key20 })
		if err != nil || at < 0 || changes[at].State != c.state || changes[at].Reason != c.gives || changes[at].Issue.Name != "ENG-1" || changes[at].PullRequest == "" {
			t.Errorf("after %+v: %+v, %v", c, changes, err)
		}
	}
	f.labels = append(f.labels, map[string]any{"id": "l9", "name": "old", "isGroup": false})
	title := "Better"
	if got := tr.Update(t.Context(), sdk.UpdateRequest{Issue: ref, Title: &title, AddLabels: []string{"ui"}, RemoveLabels: []string{"old"}, AddAssignees: []string{"u1"}}); got.Outcome != sdk.Created ||
		f.issues[0]["title"] != title || fmt.Sprint(f.issues[0]["addedLabelIds"], f.issues[0]["removedLabelIds"]) != "[l2] [l9]" {
		t.Errorf("Update = %+v, %v", got, f.issues[0])
	}
	ref = sdk.IssueRef{Key: "none"}
	if got := tr.Update(t.Context(), sdk.UpdateRequest{Issue: ref, State: &closed}); got.Outcome != sdk.Rejected {
		t.Errorf("no such issue: %+v", got)
	}
	if found, err := tr.Search(t.Context(), "Save", 5); err != nil || len(found) != 1 || found[0].Key != "k2" {
		t.Errorf("Search = %+v, %v", found, err)
	}
	options, err := tr.Options(t.Context())
	if err != nil || len(options.Assignees) != 1 || len(options.Labels) != 3 || options.Labels[0].Color != "ee0701" {
		t.Errorf("Options = %+v, %v", options, err)
	}
	if h := tr.Check(t.Context()); !h.OK {
		t.Errorf("Check = %+v", h)
	}
	tr.api.Header.Set("Authorization", "x")
	tr.teamID = ""
	if h := tr.Check(t.Context()); h.OK || !strings.Contains(h.Detail, "does not accept") {
		t.Errorf("Check = %+v", h)
	}
}

func TestCommentIsEditedNotRepeated(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	tr := tracker(t, f.start(t), "")
	say := func(text, previous string) sdk.UpdateReply {
		return tr.Comment(t.Context(), sdk.CommentRequest{Issue: sdk.IssueRef{Key: key20}, Key: "c1", PreviousID: previous, Body: sdk.Marker("c1") + "\n" + text})
	}
	first := say("2", "")
	for _, previous := range []string{"", first.ID, "c9bf9e57-1685-4c89-bafb-ff5af830be8a"} {
		if got := say("3"+previous, previous); got.Outcome != sdk.Created || got.ID != first.ID || got.URL == "" {
			t.Errorf("%+v", got)
		}
	}
	if len(f.comments) != 1 || f.comments[0]["id"] != idOf("c1") {
		t.Errorf("comments %v", f.comments)
	}
}

func hook(change func(event, data map[string]any)) []byte {
	data := map[string]any{"id": idOf(key20), "number": 7, "title": "Größe 💥", "description": "text", "updatedAt": time.Now(), "completedAt": time.Now(),
		"team": map[string]any{"id": "team-1", "key": "ENG"}, "state": map[string]any{"type": "completed"}, "labels": []any{map[string]any{"name": "ui"}}}
	event := map[string]any{"action": "update", "type": "Issue", "url": "https://linear.test/ENG-7", "webhookTimestamp": time.Now().UnixMilli(), "data": data, "why": "closed"}
	if change != nil {
		change(event, data)
	}
	b, _ := json.Marshal(event)
	return append(b, '\n')
}

func TestHookSignatures(t *testing.T) {
	t.Parallel()
	trackertest.Signatures(t, trackertest.Hook{
		New: func(secret string) sdk.Listener {
			if secret == "" {
				return tracker(t, "https://x.test", "")
			}
			return tracker(t, "https://x.test", fmt.Sprintf(`,"webhook_secret":%q`, secret))
		},
		Body: hook(nil), Header: http.Header{"Linear-Event": {"Issue"}}, Name: "Linear-Signature",
	})
}

func TestHookNamesOnlyOurIssuesAndFreshOnes(t *testing.T) {
	t.Parallel()
	tr := tracker(t, "https://x.test", `,"webhook_secret":"0123456789abcdef"`)
	for name, c := range map[string]struct {
		change func(event, data map[string]any)
		status int
		want   int
	}{
		"ours":                {nil, 200, 1},
		"six minutes old":     {func(e, _ map[string]any) { e["webhookTimestamp"] = time.Now().Add(-6 * time.Minute).UnixMilli() }, 400, 0},
		"six minutes early":   {func(e, _ map[string]any) { e["webhookTimestamp"] = time.Now().Add(6 * time.Minute).UnixMilli() }, 400, 0},
		"no time":             {func(e, _ map[string]any) { delete(e, "webhookTimestamp") }, 400, 0},
		"removed":             {func(e, _ map[string]any) { e["action"] = "remove" }, 200, 0},
		"a comment":           {func(e, _ map[string]any) { e["type"] = "Comment" }, 200, 0},
		"another team":        {func(_, d map[string]any) { d["team"] = map[string]any{"key": "OPS"} }, 200, 0},
		"another's issue":     {func(_, d map[string]any) { d["id"] = "c9bf9e57-1685-4c89-bafb-ff5af830be8a" }, 200, 0},
		"a copied marker":     {func(_, d map[string]any) { d["id"], d["description"] = idOf("k2"), sdk.Marker("k3") }, 200, 0},
		"data that is a list": {func(e, _ map[string]any) { e["data"] = []int{1} }, 400, 0},
	} {
		body := hook(c.change)
		reply, err := tr.HandleChange(t.Context(), sdk.WebhookRequest{Method: "POST", Body: body, Header: http.Header{"Linear-Signature": {trackertest.Sign("0123456789abcdef", body)}}})
		if err != nil || reply.Status != c.status || len(reply.Changes) != c.want {
			t.Errorf("%s: %+v, %v", name, reply, err)
		}
		if c.want == 1 && (reply.Changes[0].Issue.Key != key20 || reply.Changes[0].Issue.Name != "ENG-7" || reply.Changes[0].Labels[0] != "ui" || reply.Changes[0].Reason != "completed") {
			t.Errorf("%+v", reply.Changes[0])
		}
	}
}

func TestConfigure(t *testing.T) {
	t.Parallel()
	for config, want := range map[string]string{
		`{"token":"t","team":"ENG"}`: "", `{"token":"","team":"ENG"}`: "token", `{"token":"a b","team":"ENG"}`: "token", `{"token":"t","team":""}`: "team", `{"token":"t","team":"my team"}`: "team",
		`{"token":"t","team":"E","base_url":"http://x.test"}`: "base_url", `{"token":"t","team":"E","webhook_secret":"short"}`: "webhook_secret", `{"token":"t","team":"E","missing_labels":"x"}`: "missing_labels",
	} {
		wrong := New().Configure(t.Context(), sdk.Config{JSON: []byte(config)})
		if want == "" != (len(wrong) == 0) || len(wrong) > 0 && wrong[0].Field != want {
			t.Errorf("%s: %v, want one about %q", config, wrong, want)
		}
	}
}
