package githubsource

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"

	"github.com/iterateswarm/iterateswarm/sdk"
)

func onIssue(number string) sdk.Target {
	return sdk.Target{ExternalID: "issues/" + number, ContextJSON: `{"kind":"issues","number":` + number + `}`, Permalink: "https://github.test/octo/hello/issues/" + number}
}

func annotation(key, text string) sdk.AnnotateRequest {
	return sdk.AnnotateRequest{Key: key, Target: onIssue("7"), Text: text, Labels: []sdk.SuggestedLabel{
		{Name: "bug", Confidence: 0.93, Rationale: "It names\na crash."}, {Name: "ui", Confidence: 0.6}, {Name: "later", Confidence: 0.2}, {Name: " "}}}
}

func TestAnnotate(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	h.issues = append(h.issues, h.issue(7, "ann", "User", "x", time.Now()))
	h.comments = append(h.comments, h.comment(7, "mallory", "User", sdk.Marker("k1")+"\nforged", time.Now()))
	s := h.source("")
	first := s.Annotate(t.Context(), annotation("k1", "A bug, high.\n@ann see #12"))
	if first.Outcome != sdk.Created || first.ID != "1001" || !strings.HasSuffix(first.URL, "#issuecomment-1001") {
		t.Fatalf("Annotate = %+v", first)
	}
	if d := cmp.Diff([]label{{"bug", "It names a crash.", "high", true}, {"ui", "", "medium", true}, {"later", "", "low", true}}, h.labels); d != "" {
		t.Errorf("labels (-want +got):\n%s", d)
	}
	if got, want := h.comments[1]["body"], sdk.Marker("k1")+"\nA bug\\, high\\.\n＠ann see ＃12"; got != want {
		t.Errorf("comment %q, want %q", got, want)
	}
	// The comment is edited, whether the host names it or not.
	for _, previous := range []string{first.ID, ""} {
		req := annotation("k1", "A feature "+previous)
		req.PreviousID, req.Labels = previous, nil
		if got := s.Annotate(t.Context(), req); got.Outcome != sdk.Created || got.ID != first.ID {
			t.Errorf("again with %q: %+v", previous, got)
		}
	}
	if len(h.comments) != 2 || h.comments[1]["body"] != sdk.Marker("k1")+"\nA feature" || !strings.Contains(h.comments[0]["body"].(string), "forged") {
		t.Errorf("%d comments: %v, %v", len(h.comments), h.comments[0]["body"], h.comments[1]["body"])
	}
	// One that somebody has deleted is written anew.
	req := annotation("k1", "Again")
	req.PreviousID = "5555"
	if got := s.Annotate(t.Context(), req); got.Outcome != sdk.Created || got.ID != "1002" {
		t.Errorf("deleted: %+v", got)
	}
	s.config.ApplyLabels = true
	s.Annotate(t.Context(), sdk.AnnotateRequest{Key: "k1", Target: onIssue("7"), Labels: []sdk.SuggestedLabel{{Name: "bug", Confidence: 1}}})
	if last := h.labels[len(h.labels)-1]; last.Suggest {
		t.Errorf("the label is a suggestion: %+v", last)
	}
}

func TestReplyIsAComment(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	s := h.source("")
	target := sdk.Target{ContextJSON: `{"kind":"issues","number":7,"comment":9}`}
	for range 2 {
		if got := s.Reply(t.Context(), sdk.ReplyRequest{Key: "k2", Kind: sdk.Ask, Target: target, Text: "Which version?"}); got.Outcome != sdk.Created || got.ID != "1000" {
			t.Errorf("Reply = %+v", got)
		}
	}
	if len(h.comments) != 1 {
		t.Errorf("%d comments, want one", len(h.comments))
	}
}

func TestOutcomes(t *testing.T) {
	t.Parallel()
	answers := func(method string, status int, header http.Header, body string) func(*http.Request) (int, http.Header, string) {
		return func(r *http.Request) (int, http.Header, string) {
			if r.Method != method {
				return 0, nil, ""
			}
			return status, header, body
		}
	}
	for name, c := range map[string]struct {
		fail func(*http.Request) (int, http.Header, string)
		want sdk.Outcome
		wait time.Duration
	}{
		"401":           {answers("POST", 401, nil, `{"message":"Bad credentials"}`), sdk.Rejected, 0},
		"403":           {answers("POST", 403, nil, `{"message":"Resource not accessible by personal access token"}`), sdk.Rejected, 0},
		"404":           {answers("POST", 404, nil, `{}`), sdk.Rejected, 0},
		"410":           {answers("POST", 410, nil, `{}`), sdk.Rejected, 0},
		"422":           {answers("POST", 422, nil, `{}`), sdk.Rejected, 0},
		"moved":         {answers("POST", 301, http.Header{"Location": {"/x"}}, `{}`), sdk.Rejected, 0},
		"408":           {answers("POST", 408, nil, `{}`), sdk.NotCreated, 0},
		"429":           {answers("POST", 429, http.Header{"Retry-After": {"7"}}, `{}`), sdk.NotCreated, 7 * time.Second},
		"secondary":     {answers("POST", 403, http.Header{"Retry-After": {"30"}}, `{}`), sdk.NotCreated, 30 * time.Second},
		"500":           {answers("POST", 500, nil, `{}`), "", 0},
		"502":           {answers("POST", 502, nil, `<html>`), "", 0},
		"no comment":    {answers("POST", 201, nil, `{}`), "", 0},
		"look-up fails": {answers("GET", 502, nil, `{}`), sdk.NotCreated, 0},
		"look-up 404":   {answers("GET", 404, nil, `{}`), sdk.Rejected, 0},
	} {
		h := newHub(t)
		h.fail = c.fail
		got := h.source("").Reply(t.Context(), sdk.ReplyRequest{Key: "k", Target: onIssue("7"), Text: "x"})
		if got.Outcome != c.want || (got.RetryAfter-c.wait).Abs() > time.Second || got.Message == "" || strings.Contains(got.Message, token) || strings.Contains(got.Message, "http") {
			t.Errorf("%s: %+v, want %q and %s", name, got, c.want, c.wait)
		}
		if posts := strings.Count(strings.Join(h.asked, "\n"), "POST"); posts > 1 {
			t.Errorf("%s: %d POSTs", name, posts)
		}
	}
	s := source(t, `"token":"t","base_url":"http://127.0.0.1:1"`)
	if got := s.Reply(t.Context(), sdk.ReplyRequest{Key: "k", Target: onIssue("7"), Text: "x"}); got.Outcome != sdk.NotCreated {
		t.Errorf("nobody there: %+v", got)
	}
	for _, target := range []sdk.Target{{}, {ContextJSON: "{"}, {ContextJSON: `{"kind":"discussions","number":3}`}, {ContextJSON: `{"kind":"issues"}`}} {
		if got := s.Reply(t.Context(), sdk.ReplyRequest{Key: "k", Target: target, Text: "x"}); got.Outcome != sdk.Rejected {
			t.Errorf("%+v: %+v", target, got)
		}
	}
}

// What the comment says is what is shown, and nothing of it is markup.
func TestPlain(t *testing.T) {
	t.Parallel()
	markdown := goldmark.New(goldmark.WithExtensions(extension.GFM))
	for text, want := range map[string]string{
		"a *b* _c_ `d` ~~e~~":              "<p>a *b* _c_ `d` ~~e~~</p>",
		"# h\n- l\n1. n\n> q\n    code":    "<p>＃ h\n- l\n1. n\n&gt; q\ncode</p>",
		"<b>x</b> <!-- c --> &amp; | t":    "<p>&lt;b&gt;x&lt;/b&gt; &lt;!-- c --&gt; &amp;amp; | t</p>",
		"[l](http://x.test) ![i](y) @ann":  "<p>[l](http://x.test) ![i](y) ＠ann</p>",
		"h\n===\n---\n***\n```\nf\n```":    "<p>h\n===\n---\n***\n```\nf\n```</p>",
		"a\u202eb\u0000c\u200dd":           "<p>abc\u200dd</p>",
		"close #12, acme/web#3, \\@x  end": "<p>close ＃12, acme/web＃3, \\＠x  end</p>",
	} {
		var b strings.Builder
		if err := markdown.Convert([]byte(plain(text)), &b); err != nil || strings.TrimSpace(b.String()) != want {
			t.Errorf("plain(%q) = %q shows %q, want %q", text, plain(text), b.String(), want)
		}
	}
}

func TestConfigureAndCheck(t *testing.T) {
	t.Parallel()
	for config, field := range map[string]string{
		`{"owner":"o","repo":"r"}`:                                   "",
		`{"owner":"o","repo":"r","token":"t","poll_minutes":0}`:      "",
		`{"owner":"o/x","repo":"r","token":"t"}`:                     "owner",
		`{"owner":"o","repo":"..","token":"t"}`:                      "repo",
		`{"owner":"o","repo":"r","token":"a b"}`:                     "token",
		`{"owner":"o","repo":"r","secrets":["short"]}`:               "secrets",
		`{"owner":"o","repo":"r","secrets":["` + secretA + `",""]}`:  "secrets",
		`{"owner":"o","repo":"r","token":"t","base_url":"http://h"}`: "base_url",
		`{"owner":"o","repo":"r","token":"t","more":1}`:              "",
	} {
		wrong := New().Configure(t.Context(), sdk.Config{JSON: []byte(config)})
		if len(wrong) != 1 || wrong[0].Field != field || strings.Contains(wrong[0].String(), "short") && field == "secrets" {
			t.Errorf("%s: %v, want one about %q", config, wrong, field)
		}
	}
	h := newHub(t)
	if got := h.source("").Check(t.Context()); !got.OK {
		t.Errorf("Check = %+v", got)
	}
	h.fail = func(*http.Request) (int, http.Header, string) { return 404, nil, `{}` }
	if got := h.source("").Check(t.Context()); got.OK || !strings.Contains(got.Detail, "octo/hello") {
		t.Errorf("Check = %+v", got)
	}
	if got := source(t, `"secrets":["`+secretA+`"]`).Check(t.Context()); !got.OK {
		t.Errorf("Check = %+v", got)
	}
	for base, want := range map[string]string{"https://api.github.com/": "https://api.github.com/graphql", "https://h.test/api/v3": "https://h.test/api/graphql"} {
		if got := source(t, `"token":"t","base_url":"`+base+`"`).graphql(); got != want {
			t.Errorf("graphql of %s = %s", base, got)
		}
	}
}
