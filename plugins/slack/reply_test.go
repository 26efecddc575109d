package slack

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iterateswarm/iterateswarm/sdk"
)

func to(ts, thread, key, text string) sdk.ReplyRequest {
	context := `{"team":"T1","channel":"` + channel + `","ts":"` + ts + `"`
	if thread != "" {
		context += `,"thread_ts":"` + thread + `"`
	}
	return sdk.ReplyRequest{Key: key, Text: text, Target: sdk.Target{ContextJSON: context + "}"}}
}

func TestReplyInTheThread(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	h.say(root, root, "U1", "It crashes")
	s := h.source("")
	req := to(root, "", "abc234", "Filed <!channel> & <@U1> *now*")
	first := s.Reply(t.Context(), req)
	want := sdk.ReplyReply{Outcome: sdk.Created, ID: channel + ":1700000009.000001",
		URL: "https://acme.slack.com/archives/" + channel + "/p1700000009000001?thread_ts=" + root + "&cid=" + channel}
	if d := cmp.Diff(want, first); d != "" {
		t.Fatalf("Reply (-want +got):\n%s", d)
	}
	for name, want := range map[string]string{"text": "Filed &lt;!channel&gt; &amp; &lt;@U1&gt; *now*", "thread_ts": root, "channel": channel, "mrkdwn": "false",
		"unfurl_links": "false", "unfurl_media": "false", "parse": "none", "metadata": `{"event_type":"iterateswarm_reply","event_payload":{"key":"abc234"}}`} {
		if got := h.posts[0].Get(name); got != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
	if got := h.posts[0].Get("link_names"); got != "" && got != "0" && got != "false" {
		t.Errorf("link_names = %q", got)
	}
	// The same key edits, with the id and without it, from a fresh process too.
	req.Text = "Fixed"
	for _, previous := range []string{first.ID, ""} {
		req.PreviousID = previous
		if got := h.source("").Reply(t.Context(), req); got.Outcome != sdk.Created || got.ID != first.ID {
			t.Errorf("again with %q: %+v", previous, got)
		}
	}
	if len(h.posts) != 1 || len(h.updates) != 2 || h.updates[0].Get("text") != "Fixed" {
		t.Errorf("%d posts, %d updates", len(h.posts), len(h.updates))
	}
	// Somebody else's message with our key is not ours to edit.
	h.say(root, "1700000005.000001", "U1", "forged")
	h.threads[channel+":"+root][2]["metadata"] = map[string]any{"event_type": eventType, "event_payload": map[string]any{"key": "other"}}
	if got := s.Reply(t.Context(), to(root, "", "other", "x")); got.Outcome != sdk.Created || len(h.posts) != 2 {
		t.Errorf("forged key: %+v, %d posts", got, len(h.posts))
	}
	// One that was deleted is written anew; an answer in a thread stays in it.
	req.PreviousID = channel + ":1600000009.000001"
	if got := s.Reply(t.Context(), req); got.Outcome != sdk.Created || len(h.posts) != 3 {
		t.Errorf("deleted: %+v", got)
	}
	if got := s.Reply(t.Context(), to("1700000005.000001", root, "k3", "y")); got.Outcome != sdk.Created || h.posts[3].Get("thread_ts") != root {
		t.Errorf("in a thread: %+v", got)
	}
}

func TestOutcomes(t *testing.T) {
	t.Parallel()
	on := func(method string, status int, header http.Header, body string) func(string, url.Values) (int, http.Header, string) {
		return func(m string, _ url.Values) (int, http.Header, string) {
			if m != method {
				return 0, nil, ""
			}
			return status, header, body
		}
	}
	for name, c := range map[string]struct {
		fail func(string, url.Values) (int, http.Header, string)
		want sdk.Outcome
		wait time.Duration
	}{
		"channel_not_found":  {on("chat.postMessage", 200, nil, `{"ok":false,"error":"channel_not_found"}`), sdk.Rejected, 0},
		"missing_scope":      {on("chat.postMessage", 200, nil, `{"ok":false,"error":"missing_scope","needed":"chat:write"}`), sdk.Rejected, 0},
		"msg_too_long":       {on("chat.postMessage", 200, nil, `{"ok":false,"error":"msg_too_long"}`), sdk.Rejected, 0},
		"invalid_auth":       {on("chat.postMessage", 200, nil, `{"ok":false,"error":"invalid_auth"}`), sdk.Rejected, 0},
		"404":                {on("chat.postMessage", 404, nil, ``), sdk.Rejected, 0},
		"429":                {on("chat.postMessage", 429, http.Header{"Retry-After": {"30"}}, ``), sdk.NotCreated, 30 * time.Second},
		"ratelimited":        {on("chat.postMessage", 200, nil, `{"ok":false,"error":"ratelimited"}`), sdk.NotCreated, time.Minute},
		"408":                {on("chat.postMessage", 408, nil, ``), sdk.NotCreated, 0},
		"internal_error":     {on("chat.postMessage", 200, nil, `{"ok":false,"error":"internal_error"}`), "", 0},
		"500":                {on("chat.postMessage", 500, nil, ``), "", 0},
		"503":                {on("chat.postMessage", 503, nil, `<html>`), "", 0},
		"unreadable":         {on("chat.postMessage", 200, nil, `<html>`), "", 0},
		"nothing":            {on("chat.postMessage", 200, nil, `{}`), "", 0},
		"no id":              {on("chat.postMessage", 200, nil, `{"ok":true}`), "", 0},
		"moved":              {on("chat.postMessage", 302, http.Header{"Location": {"https://evil.test"}}, ``), "", 0},
		"look-up fails":      {on("conversations.replies", 500, nil, ``), sdk.NotCreated, 0},
		"look-up is limited": {on("conversations.replies", 429, http.Header{"Retry-After": {"9"}}, ``), sdk.NotCreated, 9 * time.Second},
		"look-up is refused": {on("conversations.replies", 200, nil, `{"ok":false,"error":"missing_scope","needed":"channels:history"}`), sdk.Rejected, 0},
		"auth.test fails":    {on("auth.test", 500, nil, ``), sdk.NotCreated, 0},
	} {
		h := newHub(t)
		h.say(root, root, "U1", "x")
		h.fail = c.fail
		got := h.source("").Reply(t.Context(), to(root, "", "k", "y"))
		if got.Outcome != c.want || got.RetryAfter != c.wait || got.Message == "" || strings.Contains(got.Message, "xoxb") || strings.Contains(got.Message, "http") {
			t.Errorf("%s: %+v, want %q and %s", name, got, c.want, c.wait)
		}
		posts := 0
		for _, a := range h.asked {
			if a == "chat.postMessage" {
				posts++
			}
		}
		if posts > 1 {
			t.Errorf("%s: sent %d times", name, posts)
		}
	}
	s := New()
	if wrong := s.Configure(t.Context(), sdk.Config{JSON: []byte(`{"bot_token":"xoxb-1","app_token":"xapp-1","base_url":"http://127.0.0.1:1/api"}`)}); wrong != nil {
		t.Fatal(wrong)
	}
	if got := s.Reply(t.Context(), to(root, "", "k", "y")); got.Outcome != sdk.NotCreated || strings.Contains(got.Message, "127.0.0.1") {
		t.Errorf("nobody there: %+v", got)
	}
	for _, context := range []string{"", "{", `{"channel":"../x","ts":"` + root + `"}`, `{"channel":"C1","ts":"now"}`} {
		if got := s.Reply(t.Context(), sdk.ReplyRequest{Key: "k", Text: "x", Target: sdk.Target{ContextJSON: context}}); got.Outcome != sdk.Rejected {
			t.Errorf("%q: %+v", context, got)
		}
	}
	if got := plain(strings.Repeat("<", 9000)); strings.Count(got, "&lt;") >= maxText || !strings.HasSuffix(got, "…") {
		t.Errorf("a long text has %d characters", len(got))
	}
}

func TestConfigureAndCheck(t *testing.T) {
	t.Parallel()
	for config, field := range map[string]string{
		`{"app_token":"xapp-1"}`:                                                 "bot_token",
		`{"bot_token":"xoxp-1","app_token":"xapp-1"}`:                            "bot_token",
		`{"bot_token":"xoxb-1 ","app_token":"xapp-1"}`:                           "bot_token",
		`{"bot_token":"xoxb-1","app_token":"xoxb-1"}`:                            "app_token",
		`{"bot_token":"xoxb-1"}`:                                                 "",
		`{"bot_token":"xoxb-1","signing_secrets":["short"]}`:                     "signing_secrets",
		`{"bot_token":"xoxb-1","app_token":"xapp-1","channels":["#general"]}`:    "channels",
		`{"bot_token":"xoxb-1","app_token":"xapp-1","base_url":"http://h.test"}`: "base_url",
		`{"bot_token":"xoxb-1","app_token":"xapp-1","more":1}`:                   "",
	} {
		wrong := New().Configure(t.Context(), sdk.Config{JSON: []byte(config)})
		if len(wrong) != 1 || wrong[0].Field != field || strings.Contains(wrong[0].String(), "short") {
			t.Errorf("%s: %v, want one about %q", config, wrong, field)
		}
	}
	h := newHub(t)
	for scopes, missing := range map[string]string{
		"":                            "",
		"channels:history,chat:write": "reactions:read",
		"groups:history,chat:write,reactions:read": "",
		"reactions:read": "channels:history, chat:write",
	} {
		h.scopes = scopes
		got := h.source(`,"emoji":"bug"`).Check(t.Context())
		if got.OK != (missing == "") || missing != "" && !strings.Contains(got.Detail, missing) {
			t.Errorf("scopes %q: %+v", scopes, got)
		}
	}
	h.scopes = ""
	if got := h.source(`,"app_token":"xapp-1"`).Check(t.Context()); !got.OK {
		t.Errorf("Check with Socket Mode = %+v", got)
	}
	h.closed = true
	if got := h.source(`,"app_token":"xapp-1"`).Check(t.Context()); got.OK || !strings.Contains(got.Detail, "connections:write") {
		t.Errorf("Check without Socket Mode = %+v", got)
	}
}
