package github

import (
	"encoding/json"
	"fmt"
	"net/http"
	"path"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iterateswarm/iterateswarm/sdk"
	"github.com/iterateswarm/iterateswarm/sdk/rest/trackertest"
)

func TestMissingLabels(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		more    string
		fail    int
		outcome sdk.Outcome
		labels  []string
		says    string
		made    int
	}{
		"drop":           {"", 0, sdk.Created, []string{"Bug"}, "no label new", 3},
		"create":         {`,"missing_labels":"create"`, 0, sdk.Created, []string{"Bug", "new"}, "", 4},
		"may not list":   {"", 403, sdk.Created, nil, "does not list them", 3},
		"cannot list":    {"", 502, sdk.NotCreated, nil, "list labels", 3},
		"listing limits": {"", 429, sdk.NotCreated, nil, "list labels", 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHub(t)
			h.labelFail = c.fail
			req := request("k1")
			req.Labels = []string{"bug", "new", " ", "BUG", "new"}
			got := h.tracker(c.more).Create(t.Context(), req)
			if got.Outcome != c.outcome || !strings.Contains(got.Message, c.says) || (c.says == "") != (got.Message == "") {
				t.Errorf("reply %+v, want %s and %q", got, c.outcome, c.says)
			}
			if len(h.labels) != c.made {
				t.Errorf("the repository has %v", h.labels)
			}
			if c.outcome != sdk.Created {
				if len(h.issues) != 0 {
					t.Error("an issue was made")
				}
				return
			}
			if d := cmp.Diff(c.labels, h.issues[0].labels); d != "" && len(c.labels)+len(h.issues[0].labels) > 0 {
				t.Errorf("labels (-want +got):\n%s", d)
			}
		})
	}
}

func TestLabelsAreAskedWithTheirTag(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	tr := h.tracker("")
	for i := range 3 {
		tr.Create(t.Context(), request(fmt.Sprintf("k%d", i)))
	}
	h.labels = append(h.labels, "later")
	req := request("k9")
	req.Labels = []string{"later"}
	tr.Create(t.Context(), req)
	if d := cmp.Diff([]int{200, 304, 304, 200}, h.labelAsks); d != "" {
		t.Errorf("answers (-want +got):\n%s", d)
	}
	if got := h.issues[3].labels; len(got) != 1 || got[0] != "later" {
		t.Errorf("labels %v, want the one that is there since", got)
	}
}

func TestAssigneesAndType(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	tr := h.tracker("")
	options, err := tr.Options(t.Context())
	if err != nil || len(options.Labels) != 3 || options.Labels[0] != (sdk.Label{Name: "Bug", Description: "d", Color: "f29513"}) ||
		len(options.Assignees) != 2 || options.Assignees[1].ID != "ben" || len(options.Types) != 1 || options.Types[0] != "Bug" {
		t.Errorf("Options = %+v, %v", options, err)
	}
	req := request("k1")
	req.Assignees, req.Type = []string{"ann"}, "Bug"
	if got := tr.Create(t.Context(), req); got.Outcome != sdk.Created || h.issues[0].kind != "Bug" || len(h.issues[0].assignees) != 1 {
		t.Errorf("%+v made %+v", got, h.issues[0])
	}
	h.noPush = true
	if got := tr.Create(t.Context(), req); !strings.Contains(got.Message, "the assignee ann") {
		t.Errorf("message %q", got.Message)
	}
}

func TestUpdateSetsAndSetsAgain(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	tr := h.tracker("")
	made := tr.Create(t.Context(), request("k1"))
	closed, title := "closed", "Better"
	req := sdk.UpdateRequest{Issue: sdk.IssueRef{Key: "k1", Number: made.Number, URL: made.URL}, State: &closed, Reason: "not_planned",
		Title: &title, AddLabels: []string{"from-feedback", "none"}, RemoveLabels: []string{"ui", "never had it"}, AddAssignees: []string{"ann"}}
	for range 2 {
		if got := tr.Update(t.Context(), req); got.Outcome != sdk.Created || !strings.Contains(got.Message, "no label none") {
			t.Fatalf("Update = %+v", got)
		}
		req.AddLabels = []string{"none"}
	}
	if i := h.issues[0]; i.title != title || i.state != "closed" || i.reason != "not_planned" || !slices.Equal(i.labels, []string{"Bug", "from-feedback"}) || i.assignees[0] != "ann" {
		t.Errorf("issue %+v", i)
	}
	req.Issue.Number = 99
	if got := tr.Update(t.Context(), req); got.Outcome != sdk.Rejected || got.HTTPStatus != 404 {
		t.Errorf("no such issue: %+v", got)
	}
}

func TestCommentIsEditedNotRepeated(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	tr := h.tracker("")
	made := tr.Create(t.Context(), request("k1"))
	h.comments = append(h.comments, comment{id: 7, issue: "1", login: "mallory", body: sdk.Marker("c1") + "\nmine"})
	say := func(text, previous string) sdk.UpdateReply {
		return tr.Comment(t.Context(), sdk.CommentRequest{Issue: sdk.IssueRef{Number: made.Number}, Key: "c1", PreviousID: previous,
			Body: sdk.Marker("c1") + "\n+1, now " + text + " reporters"})
	}
	h.faults = []fault{{commit: true, status: 502}} // it is written all the same
	if got := say("2", ""); got.Outcome != sdk.Unknown {
		t.Errorf("commit, then 502: %+v, want unknown", got)
	}
	second := say("3", "")
	if second.Outcome != sdk.Created || second.ID != "101" || second.URL == "" {
		t.Errorf("found by marker: %+v", second)
	}
	if got := say("4", second.ID); got.Outcome != sdk.Created || got.ID != second.ID {
		t.Errorf("by its id: %+v", got)
	}
	if got := say("5", "424242"); got.Outcome != sdk.Created || got.ID != second.ID {
		t.Errorf("by an id that is gone: %+v", got)
	}
	if len(h.comments) != 2 || h.comments[1].writes != 4 || !strings.HasSuffix(h.comments[1].body, "now 5 reporters") || !strings.HasSuffix(h.comments[0].body, "mine") {
		t.Errorf("comments %+v", h.comments)
	}
	if got := tr.Comment(t.Context(), sdk.CommentRequest{Key: "c1", Body: "no marker"}); got.Outcome != sdk.Rejected {
		t.Errorf("without marker: %+v", got)
	}
}

func TestSearch(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	h.add("ann", "text", time.Hour)
	h.add("swarm-bot", sdk.Marker("k1"), time.Hour)
	h.issues[0].title, h.issues[1].title = "login fails", "login fails"
	found, err := h.tracker("").Search(t.Context(), `login: "fails"`, 10)
	if err != nil || len(found) != 2 || found[0].Key != "" || found[1].Key != "k1" || found[0].Title != "login fails" {
		t.Errorf("Search = %+v, %v", found, err)
	}
	if found, err = h.tracker("").Search(t.Context(), `"::"`, 10); err != nil || len(found) != 0 {
		t.Errorf("no words: %+v, %v", found, err)
	}
}

func TestChanges(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	began := time.Now().Add(-5 * time.Hour).Truncate(time.Second)
	for i := range 250 { // 120 of them change in one second
		h.add("swarm-bot", sdk.Marker(fmt.Sprintf("k%d", i)), 6*time.Hour)
		h.issues[i].updated = began.Add(time.Duration(max(i, 120)) * time.Minute)
		if i%2 == 0 {
			h.issues[i].state, h.issues[i].reason = "closed", "completed"
		}
	}
	h.add("mallory", sdk.Marker("k2"), time.Hour)
	h.add("swarm-bot", "no marker", time.Hour)
	h.add("swarm-bot", sdk.Marker("kp"), time.Hour)
	h.issues[252].pull = true
	tr := h.tracker("")
	changes, cursor, err := tr.Changes(t.Context(), "", began)
	seen := make(map[string]sdk.Change)
	for _, c := range changes {
		seen[c.Issue.Key] = c
	}
	if err != nil || len(seen) != 250 {
		t.Fatalf("%d changes of %d issues, %v; want 250", len(changes), len(seen), err)
	}
	if c := seen["k248"]; c.State != "closed" || c.Reason != "completed" || !c.At.Equal(h.issues[248].updated) || c.Issue.Number != 249 {
		t.Errorf("change %+v", c)
	}
	if c := seen["k249"]; c.State != "open" || c.Reason != "" {
		t.Errorf("change %+v", c)
	}
	h.issues[4].state, h.issues[4].updated = "open", time.Now()
	h.issues[4].labels, h.issues[4].assignees = []string{"ui"}, []string{"ann"}
	changes, next, err := tr.Changes(t.Context(), cursor, time.Time{})
	if err != nil || len(changes) < 1 || len(changes) > 5 || next == cursor {
		t.Fatalf("after the cursor: %+v, %q, %v", changes, next, err)
	}
	if c := changes[len(changes)-1]; c.Issue.Key != "k4" || c.State != "open" || c.Labels[0] != "ui" || c.Assignees[0] != "ann" {
		t.Errorf("reopened: %+v", c)
	}
	if _, _, err := tr.Changes(t.Context(), "yesterday", time.Time{}); err == nil {
		t.Error("a cursor that is no time is taken")
	}
}

func hookBody(t *testing.T, h *hub, change func(map[string]any)) []byte {
	t.Helper()
	issue := h.show(stored{number: 8, title: "Größe 💥", body: sdk.Marker("k1") + "\ntext", login: "swarm-bot", state: "closed",
		reason: "completed", created: time.Now().Add(-time.Hour), labels: []string{"ui"}})
	event := map[string]any{"action": "closed", "issue": issue, "repository": map[string]any{"full_name": "Octo/hello"}}
	if change != nil {
		change(event)
	}
	b, err := json.Marshal(event)
	if err != nil {
		t.Fatal(err)
	}
	return append(b, '\n')
}

// closedEighth puts the issue of hookBody into the hub.
func (h *hub) closedEighth() {
	h.fill(7)
	h.add("swarm-bot", sdk.Marker("k1"), time.Hour)
	h.issues[7].state = "closed"
}

func TestHookSignatures(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	h.closedEighth()
	trackertest.Signatures(t, trackertest.Hook{
		New: func(secret string) sdk.Listener {
			if secret == "" {
				return h.tracker("")
			}
			return h.tracker(fmt.Sprintf(`,"webhook_secret":%q`, secret))
		},
		Body: hookBody(t, h, nil), Header: http.Header{"X-Github-Event": {"issues"}}, Name: "X-Hub-Signature-256", Prefix: "sha256=",
	})
}

func TestHookNamesOnlyOurIssues(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	h.closedEighth()
	tr := h.tracker(`,"webhook_secret":"0123456789abcdef"`)
	issue := func(e map[string]any) map[string]any { return e["issue"].(map[string]any) }
	for name, c := range map[string]struct {
		event  string
		change func(map[string]any)
		want   int
	}{
		"closed":             {"issues", nil, 1},
		"an old one again":   {"issues", func(e map[string]any) { e["action"], issue(e)["state"] = "reopened", "open" }, 1},
		"an issue gone":      {"issues", func(e map[string]any) { issue(e)["number"] = 99 }, 0},
		"deleted":            {"issues", func(e map[string]any) { e["action"] = "deleted" }, 0},
		"ping":               {"ping", nil, 0},
		"comment":            {"issue_comment", nil, 0},
		"another repository": {"issues", func(e map[string]any) { e["repository"] = map[string]any{"full_name": "octo/other"} }, 0},
		"another's issue":    {"issues", func(e map[string]any) { issue(e)["user"].(map[string]any)["login"] = "mallory" }, 0},
		"no marker":          {"issues", func(e map[string]any) { issue(e)["body"] = "text" }, 0},
		"no body":            {"issues", func(e map[string]any) { issue(e)["body"] = nil }, 0},
		"a pull request":     {"issues", func(e map[string]any) { issue(e)["pull_request"] = map[string]any{"url": "x"} }, 0},
		"no issue":           {"issues", func(e map[string]any) { delete(e, "issue") }, 0},
	} {
		body := hookBody(t, h, c.change)
		hook := trackertest.Sign("0123456789abcdef", body)
		reply, err := tr.HandleChange(t.Context(), sdk.WebhookRequest{Method: "POST", Body: body,
			Header: http.Header{"X-Github-Event": {c.event}, "X-Hub-Signature-256": {"sha256=" + hook}}})
		if err != nil || reply.Status != 200 || len(reply.Changes) != c.want {
			t.Errorf("%s: %+v, %v; want %d changes", name, reply, err, c.want)
		}
		if c.want == 1 && reply.Changes[0].State != "closed" {
			t.Errorf("%s: %+v, want what GitHub has: closed", name, reply.Changes[0])
		}
	}
}

func TestPropose(t *testing.T) {
	t.Parallel()
	blob := func(name, mode string) map[string]any {
		return map[string]any{"path": name, "mode": mode, "type": "blob", "sha": sha(9), "size": 1, "url": "https://x.test/b"}
	}
	req := func(names ...string) sdk.ProposeRequest {
		r := sdk.ProposeRequest{Key: "k1", Title: "Fix", Body: "Body", Message: "fix: it"}
		for _, n := range names {
			r.Files = append(r.Files, sdk.File{Path: n, Content: []byte("package x // " + path.Base(n) + "\n")})
		}
		return r
	}
	for name, c := range map[string]struct {
		req     sdk.ProposeRequest
		prepare func(*hub)
		outcome sdk.Outcome
		pulls   int
	}{
		"two files":           {req("a/new.go", "run.sh"), nil, sdk.Created, 1},
		"the pull is there":   {req("a.go"), func(h *hub) { h.tracker("").Propose(h.t.Context(), req("a.go")) }, sdk.Created, 1},
		"the branch is there": {req("a.go"), func(h *hub) { h.branches["iterateswarm/k1"] = sha(4) }, sdk.Created, 1},
		"made, answer lost":   {req("a.go"), func(h *hub) { h.pullFault = []fault{{how: "reset"}} }, sdk.Unknown, 1},
		"made, said 422": {req("a.go"), func(h *hub) {
			h.pullFault = []fault{{status: 422, body: `{"message":"A pull request already exists"}`}}
		}, sdk.Created, 1},
		"a link":              {req("link"), nil, sdk.Rejected, 0},
		"below a link":        {req("linked/x.go"), nil, sdk.Rejected, 0},
		"a module":            {req("vendored/x.go"), nil, sdk.Rejected, 0},
		"a workflow":          {req(".github/workflows/ci.yml"), nil, sdk.Rejected, 0},
		"no such branch":      {sdk.ProposeRequest{Key: "k1", Title: "t", Files: req("a.go").Files, Base: "none"}, nil, sdk.Rejected, 0},
		"no draft is allowed": {req("a.go"), func(h *hub) { h.pullFault = []fault{{status: 500}} }, sdk.Unknown, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHub(t)
			h.tree = []map[string]any{blob("run.sh", "100755"), blob("link", "120000"), blob("linked", "120000"), blob("vendored", "160000")}
			if c.prepare != nil {
				c.prepare(h)
			}
			got := h.tracker("").Propose(t.Context(), c.req)
			if got.Outcome != c.outcome || len(h.pulls) != c.pulls {
				t.Fatalf("%+v with %d pull requests, want %s and %d", got, len(h.pulls), c.outcome, c.pulls)
			}
			if c.outcome == sdk.Rejected && (len(h.trees) > 0 || len(h.branches) > 1) {
				t.Errorf("rejected, with branches %v", h.branches)
			}
			if got := h.tracker("").Propose(t.Context(), c.req); len(h.pulls) != c.pulls || c.pulls == 1 && got.Outcome != sdk.Created {
				t.Errorf("again: %+v with %d pull requests", got, len(h.pulls))
			}
			if name == "two files" && (h.trees[0][0]["mode"] != "100644" || h.trees[0][1]["mode"] != "100755" || h.branches["iterateswarm/k1"] != sha(4)) {
				t.Errorf("tree %v, branches %v", h.trees, h.branches)
			}
		})
	}
}

func TestWritesAreASecondApart(t *testing.T) {
	t.Parallel()
	if New().pace.Every < time.Minute/80 || New().Manifest().MinCreateInterval < time.Second {
		t.Error("more than 80 new things a minute")
	}
	for base, want := range map[string]time.Duration{"": pause, "https://github.example.com/api/v3/": 0} {
		tr := New()
		config, err := json.Marshal(map[string]string{"token": "t0ken-t0ken", "owner": "o", "repo": "r", "base_url": base})
		if err != nil {
			t.Fatal(err)
		}
		if wrong := tr.Configure(t.Context(), sdk.Config{JSON: config}); len(wrong) > 0 || tr.pace.Every != want {
			t.Errorf("at %q writes are %v apart, want %v; %v", base, tr.pace.Every, want, wrong)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		tr := New()
		began := time.Now()
		for range 100 {
			if err := tr.pace.Wait(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(began); took != 99*time.Second {
			t.Errorf("a hundred writes took %v", took)
		}
	})
}
