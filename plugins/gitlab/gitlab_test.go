package gitlab

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/iterateswarm/iterateswarm/sdk"
	"github.com/iterateswarm/iterateswarm/sdk/rest/trackertest"
)

func TestFaults(t *testing.T) {
	t.Parallel()
	trackertest.Faults(t, func(t testing.TB) trackertest.Service {
		f := newFake(t)
		return trackertest.Service{
			Handler: f, Issues: f.count, Secrets: []string{token}, Accepted: 201,
			Creates: func(r *http.Request, _ []byte) bool {
				return r.Method == "POST" && strings.HasSuffix(r.URL.Path, "/issues")
			},
			New: func(base string, timeout time.Duration) sdk.Tracker {
				tr := tracker(t, base, "")
				tr.api.Timeout = timeout
				return tr
			},
		}
	})
}

func TestAnIssueFromBeginningToEnd(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	tr := tracker(t, f.start(t), `,"labels":["UI"]`)
	began := time.Now()
	options, err := tr.Options(t.Context())
	if err != nil || len(options.Labels) != 2 || options.Labels[0].Color != "ee0701" || len(options.Assignees) != 1 || options.Assignees[0] != (sdk.Assignee{ID: "7", Name: "Ann (ann)"}) {
		t.Errorf("Options = %+v, %v", options, err)
	}
	req := trackertest.Request("k1")
	req.Labels, req.Assignees = []string{"bug", "new", "new"}, []string{"7"}
	made := tr.Create(t.Context(), req)
	if made.Outcome != sdk.Created || made.Number != 1 || made.NodeID != "1001" || made.Message != "the project has no label new" {
		t.Fatalf("Create = %+v", made)
	}
	if i := f.issues[0]; i.Description != req.Body || !slices.Equal(i.Labels, []string{"Bug", "ui"}) || i.Assignees[0].ID != 7 {
		t.Errorf("GitLab has %+v", i)
	}
	for i := range 130 {
		f.add("ann", fmt.Sprint("text ", i), 0)
	}
	f.add("mallory", sdk.Marker("k1"), 0)
	f.add("bot", "\n"+sdk.Marker("k1"), 0)
	f.add("bot", sdk.Marker("k2"), 9*time.Hour)
	if found, err := tr.Find(t.Context(), sdk.FindRequest{Key: "k1", Since: began}); err != nil || len(found) != 1 || found[0].Number != 1 {
		t.Errorf("Find = %+v, %v", found, err)
	}
	if found, err := tr.Find(t.Context(), sdk.FindRequest{}); err != nil || len(found) != 2 || found[0].Key != "k2" {
		t.Errorf("Find of all = %+v, %v", found, err)
	}
	if found, err := tracker(t, f.start(t), `,"former_logins":["mallory"]`).Find(t.Context(), sdk.FindRequest{Key: "k1"}); err != nil || len(found) != 2 {
		t.Errorf("with a former account: %+v, %v", found, err)
	}
	if found, err := tr.Search(t.Context(), "burns", 5); err != nil || len(found) != 1 || found[0].Key != "k1" {
		t.Errorf("Search = %+v, %v", found, err)
	}
	_, cursor, err := tr.Changes(t.Context(), "", began)
	if err != nil {
		t.Fatal(err)
	}
	closed, open := "closed", "open"
	ref := sdk.IssueRef{Key: "k1", Number: 1, URL: made.URL}
	if got := tr.Update(t.Context(), sdk.UpdateRequest{Issue: ref, State: &closed, AddLabels: []string{"none"}, RemoveLabels: []string{"ui"}, AddAssignees: []string{"8"}}); got.Outcome != sdk.Created || got.Message == "" {
		t.Fatalf("Update = %+v", got)
	}
	changes, cursor, err := tr.Changes(t.Context(), cursor, time.Time{})
	at := slices.IndexFunc(changes, func(c sdk.Change) bool { return c.Issue.Key == "k1" })
	if err != nil || at < 0 || changes[at].State != "closed" || !slices.Equal(changes[at].Labels, []string{"Bug"}) || len(changes[at].Assignees) != 2 {
		t.Fatalf("Changes = %+v, %v", changes, err)
	}
	tr.Update(t.Context(), sdk.UpdateRequest{Issue: ref, State: &open})
	changes, _, err = tr.Changes(t.Context(), cursor, time.Time{})
	if at = slices.IndexFunc(changes, func(c sdk.Change) bool { return c.Issue.Key == "k1" }); err != nil || at < 0 || changes[at].State != "open" {
		t.Errorf("reopened: %+v, %v", changes, err)
	}
	say := func(text, previous string) sdk.UpdateReply {
		return tr.Comment(t.Context(), sdk.CommentRequest{Issue: ref, Key: "c1", PreviousID: previous, Body: sdk.Marker("c1") + "\n" + text})
	}
	first := say("2", "")
	for _, previous := range []string{"", first.ID, "4711"} {
		if got := say("3", previous); got.Outcome != sdk.Created || got.ID != "50" || got.URL != made.URL+"#note_50" {
			t.Errorf("%+v", got)
		}
	}
	if len(f.notes) != 1 {
		t.Errorf("notes %+v", f.notes)
	}
	ref.Number = 999
	if got := tr.Update(t.Context(), sdk.UpdateRequest{Issue: ref, State: &closed}); got.Outcome != sdk.Rejected {
		t.Errorf("no such issue: %+v", got)
	}
}

func TestMissingLabelsAreMadeWhenAsked(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	req := trackertest.Request("k1")
	req.Labels = []string{"new", "a,b"} // a comma parts labels
	if got := tracker(t, f.start(t), `,"missing_labels":"create"`).Create(t.Context(), req); got.Outcome != sdk.Created || !slices.Equal(f.issues[0].Labels, []string{"new"}) {
		t.Errorf("%+v, %v", got, f.issues[0].Labels)
	}
}

func TestNoQuickAction(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		"a\n/close\nb": "a\n\\/close\nb", "  /assign me": "  \\/assign me", "> /close": "> \\/close", "a/b": "a/b",
		"```\n/etc/passwd\n```\n/close": "```\n/etc/passwd\n```\n\\/close", "~~~~\n/a\n~~~\n/b\n~~~~\n/c": "~~~~\n/a\n~~~\n/b\n~~~~\n\\/c",
	} {
		if got := harmless(body); got != want {
			t.Errorf("harmless(%q) = %q, want %q", body, got, want)
		}
	}
}

func TestPropose(t *testing.T) {
	t.Parallel()
	req := func(names ...string) sdk.ProposeRequest {
		r := sdk.ProposeRequest{Key: "k1", Title: "Fix", Body: "text", Message: "fix: it"}
		for _, n := range names {
			r.Files = append(r.Files, sdk.File{Path: n, Content: []byte("text\n")})
		}
		return r
	}
	f := newFake(t)
	tr := tracker(t, f.start(t), "")
	first, again := tr.Propose(t.Context(), req("new.go", "old.go")), tr.Propose(t.Context(), req("new.go"))
	if first.Outcome != sdk.Created || first.Number != 1 || again.Number != 1 || len(f.merges) != 1 || len(f.commits) != 1 || f.merges[0]["title"] != "Draft: Fix" || f.merges[0]["target_branch"] != "main" {
		t.Errorf("%+v, then %+v; %v, %v", first, again, f.merges, f.commits)
	}
	if s := fmt.Sprint(f.commits[0]["actions"]); s != "[map[action:create content:text\n file_path:new.go] map[action:update content:text\n file_path:old.go]]" || f.branches["iterateswarm/k1"] != "main" {
		t.Errorf("actions %s, branches %v", s, f.branches)
	}
	other := req("new.go")
	other.Key = "k2"
	f.branches["iterateswarm/k2"] = "main"
	if got := tr.Propose(t.Context(), other); got.Outcome != sdk.Created || len(f.commits) != 1 || len(f.merges) != 2 {
		t.Errorf("with the branch there: %+v", got)
	}
	for _, name := range []string{"link", "link/x", "old.go/x", ".gitlab-ci.yml", "yarn.lock"} {
		bad := req(name)
		bad.Key = "k3"
		if got := tr.Propose(t.Context(), bad); got.Outcome != sdk.Rejected {
			t.Errorf("%s: %+v", name, got)
		}
	}
	other.Key, other.Base = "k4", "none"
	if got := tr.Propose(t.Context(), other); got.Outcome != sdk.Rejected || len(f.commits) != 1 {
		t.Errorf("no such branch: %+v", got)
	}
}

func hookBody(description string) []byte {
	b, _ := json.Marshal(map[string]any{"object_kind": "issue", "object_attributes": map[string]any{"iid": 1, "description": description, "state": "closed", "title": "Größe"}})
	return b
}

func TestHookSignatures(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	i := f.add("bot", sdk.Marker("k1")+"\ntext", time.Hour)
	i.State, i.Closed = "closed", time.Now()
	base := f.start(t)
	trackertest.Signatures(t, trackertest.Hook{
		New: func(secret string) sdk.Listener {
			if secret == "" {
				return tracker(t, base, "")
			}
			return tracker(t, base, fmt.Sprintf(`,"webhook_secret":%q`, secret))
		},
		Body: hookBody(sdk.Marker("k1")), Header: http.Header{"X-Gitlab-Event": {"Issue Hook"}}, Name: "X-Gitlab-Token", Plain: true,
	})
}

// The body is not signed: what it says of an issue is not believed.
func TestHookBelievesTheAPI(t *testing.T) {
	t.Parallel()
	const secret = "0123456789abcdef"
	f := newFake(t)
	f.add("bot", sdk.Marker("k1"), time.Hour)
	tr := tracker(t, f.start(t), `,"webhook_secret":"`+secret+`"`)
	send := func(body []byte) sdk.ChangeReply {
		reply, err := tr.HandleChange(t.Context(), sdk.WebhookRequest{Method: "POST", Body: body, Header: http.Header{"X-Gitlab-Token": {secret}}})
		if err != nil || reply.Status != 200 {
			t.Fatalf("%+v, %v", reply, err)
		}
		return reply
	}
	if got := send(hookBody(sdk.Marker("k9"))).Changes; len(got) != 1 || got[0].State != "open" || got[0].Issue.Key != "k1" {
		t.Errorf("%+v, want what GitLab has: open", got)
	}
	if got := send(hookBody("no marker")).Changes; len(got) != 0 {
		t.Errorf("%+v", got)
	}
	f.issues[0].Author.Username = "mallory"
	if got := send(hookBody(sdk.Marker("k1"))).Changes; len(got) != 0 {
		t.Errorf("another's issue: %+v", got)
	}
	f.issues = nil
	if got := send(hookBody(sdk.Marker("k1"))).Changes; len(got) != 0 {
		t.Errorf("an issue that is gone: %+v", got)
	}
}

func TestConfigureAndCheck(t *testing.T) {
	t.Parallel()
	for config, want := range map[string]string{
		`{"token":"t","project":"a/b"}`: "", `{"token":"t","project":"42"}`: "", `{"token":"t","project":"a/b/c.d-e"}`: "", `{"token":"","project":"a/b"}`: "token",
		`{"token":"t","project":"b"}`: "project", `{"token":"t","project":"https://x/a"}`: "project", `{"token":"t","project":"a/../b"}`: "project", `{"token":"t","project":"a/b","base_url":"http://x.test"}`: "base_url",
		`{"token":"t","project":"a/b","webhook_secret":"short"}`: "webhook_secret", `{"token":"t","project":"a/b","missing_labels":"x"}`: "missing_labels",
	} {
		wrong := New().Configure(t.Context(), sdk.Config{JSON: []byte(config)})
		if want == "" != (len(wrong) == 0) || len(wrong) > 0 && wrong[0].Field != want {
			t.Errorf("%s: %v, want one about %q", config, wrong, want)
		}
	}
	f := newFake(t)
	base := f.start(t)
	check := func(says string, ok bool) {
		t.Helper()
		if h := tracker(t, base, "").Check(t.Context()); h.OK != ok || !strings.Contains(h.Detail, says) {
			t.Errorf("Check = %+v, want %q", h, says)
		}
	}
	check("shows acme/apps/web to bot", true)
	f.place["permissions"] = map[string]any{"group_access": map[string]any{"access_level": 10}}
	check("role Reporter", true)
	f.place["issues_access_level"] = "disabled"
	check("switched off", false)
	f.place["archived"] = true
	check("archived", false)
	bad := tracker(t, base, "")
	bad.api.Header.Set("Private-Token", "x")
	if h := bad.Check(t.Context()); h.OK || !strings.Contains(h.Detail, "does not accept") {
		t.Errorf("Check = %+v", h)
	}
}
