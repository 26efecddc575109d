package jira

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iterateswarm/iterateswarm/sdk"
	"github.com/iterateswarm/iterateswarm/sdk/rest/trackertest"
)

var editions = []string{"cloud", "datacenter"}

func TestFaults(t *testing.T) {
	t.Parallel()
	for _, edition := range editions {
		t.Run(edition, func(t *testing.T) {
			t.Parallel()
			trackertest.Faults(t, func(t testing.TB) trackertest.Service {
				f := newFake(t, edition)
				return trackertest.Service{
					Handler: f, Issues: f.count, Secrets: []string{token, "YUB4"}, Accepted: 201,
					Creates: func(r *http.Request, _ []byte) bool {
						return r.Method == "POST" && strings.HasSuffix(r.URL.Path, "/issue")
					},
					New: func(base string, timeout time.Duration) sdk.Tracker {
						tr := tracker(t, base, edition, "")
						tr.api.Timeout = timeout
						return tr
					},
				}
			})
		})
	}
}

func TestAnIssueFromBeginningToEnd(t *testing.T) {
	t.Parallel()
	for _, edition := range editions {
		t.Run(edition, func(t *testing.T) {
			t.Parallel()
			f := newFake(t, edition)
			base := f.start(t)
			tr := tracker(t, base, edition, `,"labels":["from feedback"]`)
			began := time.Now()
			if h := tr.Check(t.Context()); !h.OK {
				t.Errorf("Check = %+v", h)
			}
			options, err := tr.Options(t.Context())
			if err != nil || len(options.Types) != 2 || len(options.Assignees) != 2 || options.Assignees[0] != (sdk.Assignee{ID: "ann", Name: "The ann"}) || len(options.Labels) != map[string]int{"cloud": 1}[edition] {
				t.Errorf("Options = %+v, %v", options, err)
			}
			req := trackertest.Request("k1")
			req.Labels, req.Assignees, req.Severity = []string{"ui"}, []string{"ann"}, "critical"
			made := tr.Create(t.Context(), req)
			if made.Outcome != sdk.Created || made.Name != "APP-1" || made.Number != 1 || made.NodeID != "10001" || made.URL != base+"/browse/APP-1" {
				t.Fatalf("Create = %+v", made)
			}
			got := of(f.issues[0])
			if d := cmp.Diff([]string{"iterateswarm", "iterateswarm-k1", "ui", "from-feedback"}, got["labels"]); d != "" {
				t.Errorf("labels (-want +got):\n%s", d)
			}
			if s := fmt.Sprint(got["priority"], got["issuetype"], got["given"]); !strings.HasPrefix(s, "map[name:Highest] map[id:2] map[") || !strings.HasSuffix(s, ":ann]") {
				t.Errorf("fields %s", s)
			}
			if text := fmt.Sprint(got["description"]); strings.Contains(text, "k1") || !strings.Contains(text, "Text é 💥") {
				t.Errorf("description %s", text)
			}
			for i := range 120 {
				f.add("bot-1", []string{"iterateswarm", fmt.Sprintf("iterateswarm-x%d", i)}, time.Hour)
			}
			f.add("mallory", []string{"iterateswarm", "iterateswarm-k1"}, 0)
			f.add("bot-1", []string{"iterateswarm", "iterateswarm-k1", "iterateswarm-k2"}, 0)
			if found, err := tr.Find(t.Context(), sdk.FindRequest{Key: "k1", Since: began}); err != nil || len(found) != 1 || found[0].Name != "APP-1" || found[0].Key != "k1" {
				t.Errorf("Find = %+v, %v", found, err)
			}
			if found, err := tr.Find(t.Context(), sdk.FindRequest{}); err != nil || len(found) != 121 || found[0].Key != "k1" {
				t.Errorf("Find of all: %d, %v; want 121", len(found), err)
			}
			if found, err := tracker(t, base, edition, `,"former_accounts":["mallory"]`).Find(t.Context(), sdk.FindRequest{Key: "k1"}); err != nil || len(found) != 2 {
				t.Errorf("with a former account: %+v, %v", found, err)
			}
			if found, err := tr.Search(t.Context(), "burns", 5); err != nil || len(found) != 1 || found[0].Key != "k1" {
				t.Errorf("Search = %+v, %v", found, err)
			}

			_, cursor, err := tr.Changes(t.Context(), "", began)
			if err != nil {
				t.Fatal(err)
			}
			closed, open, title := "closed", "open", "Better"
			ref := sdk.IssueRef{Key: "k1", Number: 1, NodeID: made.NodeID, Name: made.Name}
			update := sdk.UpdateRequest{Issue: ref, State: &closed, Title: &title, AddLabels: []string{"new one"}, RemoveLabels: []string{"ui"}, AddAssignees: []string{"ben"}}
			for range 2 {
				if got := tr.Update(t.Context(), update); got.Outcome != sdk.Created {
					t.Fatalf("Update = %+v", got)
				}
			}
			of(f.issues[0])["assignee"] = f.person("ben")
			changes, cursor, err := tr.Changes(t.Context(), cursor, time.Time{})
			at := slices.IndexFunc(changes, func(c sdk.Change) bool { return c.Issue.Name == "APP-1" })
			if err != nil || at < 0 || changes[at].State != "closed" || changes[at].Reason != "not_planned" || changes[at].Assignees[0] != "ben" {
				t.Fatalf("Changes = %+v, %v", changes, err)
			}
			if d := cmp.Diff([]string{"from-feedback", "new-one"}, changes[at].Labels); d != "" {
				t.Errorf("labels (-want +got):\n%s", d)
			}
			tr.Update(t.Context(), sdk.UpdateRequest{Issue: ref, State: &open})
			changes, _, err = tr.Changes(t.Context(), cursor, time.Time{})
			if at = slices.IndexFunc(changes, func(c sdk.Change) bool { return c.Issue.Key == "k1" }); err != nil || at < 0 || changes[at].State != "open" {
				t.Errorf("reopened: %+v, %v", changes, err)
			}
			ref.NodeID = "1"
			if got := tr.Update(t.Context(), sdk.UpdateRequest{Issue: ref, State: &closed}); got.Outcome != sdk.Rejected {
				t.Errorf("no such issue: %+v", got)
			}

			ref.NodeID = made.NodeID
			say := func(text, previous string) sdk.UpdateReply {
				return tr.Comment(t.Context(), sdk.CommentRequest{Issue: ref, Key: "c1", PreviousID: previous, Body: sdk.Marker("c1") + "\n" + text})
			}
			first := say("2", "")
			if first.Outcome != sdk.Created || first.URL != base+"/browse/APP-1?focusedCommentId=900" {
				t.Errorf("Comment = %+v", first)
			}
			for _, previous := range []string{"", first.ID, "4711"} {
				if got := say("3", previous); got.Outcome != sdk.Created || got.ID != first.ID {
					t.Errorf("%+v", got)
				}
			}
			if len(f.comments) != 1 {
				t.Errorf("comments %v", f.comments)
			}
		})
	}
}

func TestWhatTheFormLacksIsLeftOut(t *testing.T) {
	t.Parallel()
	f := newFake(t, "cloud")
	f.form = []string{"summary", "description", "labels"}
	req := trackertest.Request("k1")
	req.Assignees = []string{"ann"}
	if got := tracker(t, f.start(t), "cloud", "").Create(t.Context(), req); got.Outcome != sdk.Created {
		t.Errorf("%+v", got)
	}
	f.form = []string{"summary", "description"}
	if got := tracker(t, f.start(t), "cloud", "").Create(t.Context(), req); got.Outcome != sdk.Rejected || !strings.Contains(got.Message, "field Labels") {
		t.Errorf("%+v", got)
	}
	req.Type = "Epic"
	if got := tracker(t, f.start(t), "cloud", "").Create(t.Context(), req); got.Outcome != sdk.Rejected || !strings.Contains(got.Message, "no issue type Epic") {
		t.Errorf("%+v", got)
	}
	req.Type, req.Class = "", "feature"
	if h := tracker(t, f.start(t), "cloud", `,"issue_type":"Story"`).Check(t.Context()); h.OK || !strings.Contains(h.Detail, "no issue type Story") {
		t.Errorf("%+v", h)
	}
	f.lacks = "TRANSITION_ISSUES"
	if h := tracker(t, f.start(t), "cloud", "").Check(t.Context()); !h.OK || !strings.Contains(h.Detail, "Transition Issues") {
		t.Errorf("%+v", h)
	}
	f.lacks = "CREATE_ISSUES"
	if h := tracker(t, f.start(t), "cloud", "").Check(t.Context()); h.OK || !strings.Contains(h.Detail, "Create Issues") {
		t.Errorf("%+v", h)
	}
	if h := tracker(t, f.start(t), "cloud", `,"email":"b@x.test"`).Check(t.Context()); h.OK || !strings.Contains(h.Detail, "does not accept") {
		t.Errorf("%+v", h)
	}
}

const sample = "<!-- iterateswarm:v1 k=k1 -->\n\n## What <b>happens</b>\n\nIt *breaks* and **fails** with `x|y` at [the page](https://x.test/a?b=1). [bad](javascript:alert) ![pic](https://x.test/p.png)\n\n" +
	"- one\n- two \\*not bold\\*\n  - deep\n\n1. first\n\n> quoted [~admin] {code} !a.png!\n\n```\nfence {noformat} [~x]\n```\n\n\\# no heading &lt;i&gt;\n\n---\n"

func TestDocument(t *testing.T) {
	t.Parallel()
	b, err := json.Marshal(tracker(t, "https://x.test", "cloud", "").text(sample))
	if err != nil {
		t.Fatal(err)
	}
	want := `{"content":[` +
		`{"attrs":{"level":2},"content":[{"text":"What \u003cb\u003ehappens\u003c/b\u003e","type":"text"}],"type":"heading"},` +
		`{"content":[{"text":"It ","type":"text"},{"marks":[{"type":"em"}],"text":"breaks","type":"text"},{"text":" and ","type":"text"},{"marks":[{"type":"strong"}],"text":"fails","type":"text"},{"text":" with ","type":"text"},{"marks":[{"type":"code"}],"text":"x|y","type":"text"},{"text":" at ","type":"text"},{"marks":[{"attrs":{"href":"https://x.test/a?b=1"},"type":"link"}],"text":"the page","type":"text"},{"text":". ","type":"text"},{"text":"bad ","type":"text"},{"marks":[{"attrs":{"href":"https://x.test/p.png"},"type":"link"}],"text":"pic","type":"text"}],"type":"paragraph"},` +
		`{"content":[{"content":[{"content":[{"text":"one","type":"text"}],"type":"paragraph"}],"type":"listItem"},{"content":[{"content":[{"text":"two *not bold*","type":"text"}],"type":"paragraph"},{"content":[{"content":[{"content":[{"text":"deep","type":"text"}],"type":"paragraph"}],"type":"listItem"}],"type":"bulletList"}],"type":"listItem"}],"type":"bulletList"},` +
		`{"content":[{"content":[{"content":[{"text":"first","type":"text"}],"type":"paragraph"}],"type":"listItem"}],"type":"orderedList"},` +
		`{"content":[{"content":[{"text":"quoted [~admin] {code} !a.png!","type":"text"}],"type":"paragraph"}],"type":"blockquote"},` +
		`{"content":[{"text":"fence {noformat} [~x]","type":"text"}],"type":"codeBlock"},` +
		`{"content":[{"text":"# no heading \u003ci\u003e","type":"text"}],"type":"paragraph"},{"type":"rule"}],"type":"doc","version":1}`
	var got, exp any
	json.Unmarshal(b, &got)
	json.Unmarshal([]byte(want), &exp)
	if d := cmp.Diff(exp, got); d != "" {
		t.Errorf("document (-want +got):\n%s\n%s", d, b)
	}
	for _, body := range []string{"", "m", "m\n", "m\n\n<!-- x -->", "m\n" + strings.Repeat("é", 40000), "m\n\xff", "m\n- \n- ```\n  x\n  ```"} {
		b, _ := json.Marshal(tracker(t, "https://x.test", "cloud", "").text(body))
		if !json.Valid(b) || strings.Contains(string(b), `"text":""`) || len(b) > 32767 {
			t.Errorf("%.20q becomes %.200s", body, b)
		}
	}
}

func TestWiki(t *testing.T) {
	t.Parallel()
	got := tracker(t, "https://x.test", "datacenter", "").text(sample)
	want := `h2. What <b>happens</b>

It _breaks_ and *fails* with {{x\|y}} at [the page|https://x.test/a?b=1]. bad [pic|https://x.test/p.png]

* one
* two \*not bold\*
** deep

# first

{quote}
quoted \[\~admin\] \{code\} \!a.png\!

{quote}

{noformat}
fence { noformat} [~x]
{noformat}

` + "\u200b" + `# no heading <i>

----`
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("wiki (-want +got):\n%s", d)
	}
}

// hookFake has the issue of hookBody.
func hookFake(t *testing.T) *fake {
	f := newFake(t, "cloud")
	i := f.add("bot-1", []string{"iterateswarm", "iterateswarm-k1", "ui"}, time.Hour)
	of(i)["status"] = map[string]any{"statusCategory": map[string]any{"key": "done"}}
	return f
}

func hookBody(t *testing.T, change func(event, fields map[string]any)) []byte {
	f := newFake(t, "cloud")
	i := f.add("bot-1", []string{"iterateswarm", "iterateswarm-k1", "ui"}, time.Hour)
	of(i)["summary"] = "Größe 💥"
	of(i)["status"] = map[string]any{"name": "closed", "statusCategory": map[string]any{"key": "done"}}
	event := map[string]any{"webhookEvent": "jira:issue_updated", "timestamp": time.Now().UnixMilli(), "issue": i}
	if change != nil {
		change(event, of(i))
	}
	b, _ := json.Marshal(event)
	return append(b, '\n')
}

func TestHookSignatures(t *testing.T) {
	t.Parallel()
	base := hookFake(t).start(t)
	trackertest.Signatures(t, trackertest.Hook{
		New: func(secret string) sdk.Listener {
			if secret == "" {
				return tracker(t, base, "cloud", "")
			}
			return tracker(t, base, "cloud", fmt.Sprintf(`,"webhook_secret":%q`, secret))
		},
		Body: hookBody(t, nil), Header: http.Header{"X-Atlassian-Webhook-Identifier": {"1"}}, Name: "X-Hub-Signature", Prefix: "sha256=",
	})
}

func TestHookNamesOnlyOurIssues(t *testing.T) {
	t.Parallel()
	tr := tracker(t, hookFake(t).start(t), "cloud", `,"webhook_secret":"0123456789abcdef"`)
	for name, c := range map[string]struct {
		change func(event, fields map[string]any)
		status int
		want   int
	}{
		"ours":    {nil, 200, 1},
		"created": {func(e, _ map[string]any) { e["webhookEvent"] = "jira:issue_created" }, 200, 1},
		"an old one again": {func(_, f map[string]any) {
			f["status"] = map[string]any{"statusCategory": map[string]any{"key": "new"}}
		}, 200, 1},
		"deleted":         {func(e, _ map[string]any) { e["webhookEvent"] = "jira:issue_deleted" }, 200, 0},
		"a comment":       {func(e, _ map[string]any) { e["webhookEvent"] = "comment_created" }, 200, 0},
		"no label":        {func(_, f map[string]any) { f["labels"] = []string{"ui"} }, 200, 0},
		"two keys":        {func(_, f map[string]any) { f["labels"] = []string{"iterateswarm-k1", "iterateswarm-k2"} }, 200, 0},
		"another's issue": {func(_, f map[string]any) { f["creator"] = map[string]any{"accountId": "mallory"} }, 200, 0},
		"no issue":        {func(e, _ map[string]any) { delete(e, "issue") }, 400, 0},
		"no time":         {func(_, f map[string]any) { f["updated"] = "yesterday" }, 400, 0},
	} {
		body := hookBody(t, c.change)
		reply, err := tr.HandleChange(t.Context(), sdk.WebhookRequest{Method: "POST", Body: body, Header: http.Header{"X-Hub-Signature": {"sha256=" + trackertest.Sign("0123456789abcdef", body)}}})
		if err != nil || reply.Status != c.status || len(reply.Changes) != c.want {
			t.Errorf("%s: %+v, %v", name, reply, err)
		} else if c.want == 1 && reply.Changes[0].State != "closed" {
			t.Errorf("%s: %+v, want what Jira has: closed", name, reply.Changes[0])
		}
	}
}

func TestConfigure(t *testing.T) {
	t.Parallel()
	for change, want := range map[string]string{
		`"project":"APP"`: "", `"base_url":"http://x.test"`: "base_url", `"edition":"server"`: "edition", `"email":""`: "email", `"email":"","edition":"datacenter"`: "",
		`"token":""`: "token", `"project":"app"`: "project", `"project":"A\" OR 1"`: "project", `"webhook_secret":"short"`: "webhook_secret",
	} {
		var config map[string]any
		json.Unmarshal([]byte(`{"base_url":"https://x.test","token":"t","project":"APP","email":"a@x.test"}`), &config)
		if err := json.Unmarshal([]byte("{"+change+"}"), &config); err != nil {
			t.Fatal(err)
		}
		b, _ := json.Marshal(config)
		wrong := New().Configure(t.Context(), sdk.Config{JSON: b})
		if want == "" != (len(wrong) == 0) || len(wrong) > 0 && wrong[0].Field != want {
			t.Errorf("%s: %v, want one about %q", change, wrong, want)
		}
	}
}
