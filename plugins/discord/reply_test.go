package discord

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iterateswarm/iterateswarm/sdk"
)

// to is a reply to a message.
func to(m map[string]any, key, text string) sdk.ReplyRequest {
	where := place{Guild: guildID, Channel: m["channel_id"].(string), Message: m["id"].(string)}
	return sdk.ReplyRequest{Key: key, Text: text, Target: sdk.Target{ExternalID: where.Message, ContextJSON: where.json(), Title: "The export hangs"}}
}

func TestReplyInAThread(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	m := h.say(textID, ann, "The export hangs")
	s := h.source("")
	req := to(m, "abcdefgh234567", "Filed: https://github.test/o/r/issues/7_x @everyone <@1> **now**")
	first := s.Reply(t.Context(), req)
	if first.Outcome != sdk.Created || !strings.HasPrefix(first.ID, m["id"].(string)+"/") || first.URL != permalink(guildID, m["id"].(string), strings.TrimPrefix(first.ID, m["id"].(string)+"/")) {
		t.Fatalf("Reply = %+v", first)
	}
	want := map[string]any{"content": `Filed: https://github.test/o/r/issues/7_x \@everyone \<\@1\> \*\*now\*\*`, "flags": 4.0,
		"allowed_mentions": map[string]any{"parse": []any{}}, "nonce": "abcdefgh234567", "enforce_nonce": true}
	if d := cmp.Diff(want, h.sent[0]); d != "" {
		t.Errorf("sent (-want +got):\n%s", d)
	}
	// The same key again, at once and when Discord has forgotten the nonce.
	for range 2 {
		if got := s.Reply(t.Context(), req); got.Outcome != sdk.Created || got.ID != first.ID {
			t.Errorf("again: %+v, want %s", got, first.ID)
		}
		h.mu.Lock()
		clear(h.nonces)
		h.mu.Unlock()
	}
	// Another text with the same id edits.
	req.PreviousID, req.Text = first.ID, "Fixed"
	if got := s.Reply(t.Context(), req); got.Outcome != sdk.Created || got.ID != first.ID {
		t.Errorf("edit: %+v", got)
	}
	thread := m["id"].(string)
	if len(h.messages[thread]) != 1 || h.messages[thread][0]["content"] != "Fixed" {
		t.Errorf("the thread holds %v", h.messages[thread])
	}
	// One that was deleted is written anew.
	h.mu.Lock()
	h.messages[thread] = nil
	h.mu.Unlock()
	if got := s.Reply(t.Context(), req); got.Outcome != sdk.Created || got.ID == first.ID || len(h.messages[thread]) != 1 {
		t.Errorf("deleted: %+v", got)
	}
}

func TestReplyWhereAThreadIs(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	m := h.say(postID, ann, "It hangs")
	s := h.source("")
	req := to(m, "k", "Which version?")
	req.Target.ContextJSON = place{Guild: guildID, Channel: postID, Message: m["id"].(string), Thread: true}.json()
	if got := s.Reply(t.Context(), req); got.Outcome != sdk.Created || len(h.threads) != 0 || h.sent[0]["message_reference"].(map[string]any)["message_id"] != m["id"] {
		t.Errorf("in the thread: %+v, %v", got, h.sent)
	}
	req.Target.ContextJSON = place{Guild: guildID, Channel: textID, Command: true}.json()
	if got := s.Reply(t.Context(), req); got.Outcome != sdk.Rejected || len(h.sent) != 1 {
		t.Errorf("to a command: %+v", got)
	}
	s.config.AnswerCommands, req.Key = true, "k2"
	if got := s.Reply(t.Context(), req); got.Outcome != sdk.Created || len(h.messages[textID]) != 1 {
		t.Errorf("to a command, in the channel: %+v", got)
	}
	for _, context := range []string{"", "{", `{"channel":"../x"}`, `{"message":"1"}`, `{"channel":"` + textID + `"}`, `{"channel":"` + textID + `","message":"../../x"}`} {
		req.Target.ContextJSON = context
		if got := s.Reply(t.Context(), req); got.Outcome != sdk.Rejected {
			t.Errorf("%q: %+v", context, got)
		}
	}
}

func TestOutcomes(t *testing.T) {
	t.Parallel()
	limit := func(header http.Header, body string) func(*http.Request) (int, http.Header, string) {
		return func(r *http.Request) (int, http.Header, string) { return 429, header, body }
	}
	onSend := func(status int, body string) func(*http.Request) (int, http.Header, string) {
		return func(r *http.Request) (int, http.Header, string) {
			if strings.HasSuffix(r.URL.Path, "/threads") {
				return 0, nil, ""
			}
			return status, nil, body
		}
	}
	onThread := func(status int, body string) func(*http.Request) (int, http.Header, string) {
		return func(r *http.Request) (int, http.Header, string) { return status, nil, body }
	}
	for name, c := range map[string]struct {
		fail func(*http.Request) (int, http.Header, string)
		want sdk.Outcome
		wait time.Duration
	}{
		"400":                {onSend(400, `{"code":50035,"message":"Invalid Form Body"}`), sdk.Rejected, 0},
		"401":                {onSend(401, `{"code":0,"message":"401: Unauthorized"}`), sdk.Rejected, 0},
		"403":                {onSend(403, `{"code":50013,"message":"Missing Permissions"}`), sdk.Rejected, 0},
		"404":                {onSend(404, `{"code":10003,"message":"Unknown Channel"}`), sdk.Rejected, 0},
		"429":                {limit(nil, `{"message":"You are being rate limited.","retry_after":7.5,"global":false}`), sdk.NotCreated, 7500 * time.Millisecond},
		"429 of a proxy":     {limit(http.Header{"Content-Type": {"text/html"}, "Retry-After": {"33"}}, `<html>`), sdk.NotCreated, 33 * time.Second},
		"429 for ever":       {limit(http.Header{"Content-Type": {"text/html"}, "Retry-After": {"1e99"}}, `<html>`), sdk.NotCreated, time.Minute},
		"500":                {onSend(500, `{}`), "", 0},
		"502":                {onSend(502, `<html>`), "", 0},
		"503":                {onSend(503, ``), "", 0},
		"unreadable":         {onSend(200, `<html>`), "", 0},
		"no id":              {onSend(200, `{}`), "", 0},
		"thread refused":     {onThread(403, `{"code":50013,"message":"Missing Permissions"}`), sdk.Rejected, 0},
		"thread perhaps":     {onThread(502, ``), sdk.NotCreated, 0},
		"thread without id":  {onThread(201, `{}`), sdk.NotCreated, 0},
		"moved":              {onSend(302, ``), "", 0},
		"message unreadable": {onSend(200, `{"id":7}`), "", 0},
	} {
		h := newHub(t)
		m := h.say(textID, ann, "x")
		h.fail = c.fail
		got := h.source("").Reply(t.Context(), to(m, "k", "y"))
		if got.Outcome != c.want || (got.RetryAfter-c.wait).Abs() > 100*time.Millisecond || got.Message == "" || strings.Contains(got.Message, token) || strings.Contains(got.Message, "http") {
			t.Errorf("%s: %+v, want %q and %s", name, got, c.want, c.wait)
		}
		posts := 0
		for _, a := range h.asked {
			if strings.HasPrefix(a, "POST") && strings.HasSuffix(a, "/messages") {
				posts++
			}
		}
		if posts > 1 {
			t.Errorf("%s: sent %d times", name, posts)
		}
	}
	s := New()
	if wrong := s.Configure(t.Context(), sdk.Config{JSON: []byte(`{"token":"t","base_url":"http://127.0.0.1:1/api"}`)}); wrong != nil {
		t.Fatal(wrong)
	}
	m := map[string]any{"id": "300000000000000007", "channel_id": textID}
	if got := s.Reply(t.Context(), to(m, "k", "y")); got.Outcome != sdk.NotCreated || strings.Contains(got.Message, "127.0.0.1") {
		t.Errorf("nobody there: %+v", got)
	}
}

// A used-up rate limit is told, not slept through.
func TestRateLimitIsNotSleptThrough(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	m := h.say(textID, ann, "x")
	h.fail = func(r *http.Request) (int, http.Header, string) {
		if strings.HasSuffix(r.URL.Path, "/threads") {
			return 0, nil, ""
		}
		return 429, http.Header{"X-Ratelimit-Remaining": {"0"}, "X-Ratelimit-Reset-After": {"600"}, "Retry-After": {"600"}}, `{"message":"slow","retry_after":600}`
	}
	s := h.source("")
	for i := range 2 {
		got := s.Reply(t.Context(), to(m, fmt.Sprint("k", i), "y"))
		if got.Outcome != sdk.NotCreated || got.RetryAfter < 9*time.Minute {
			t.Errorf("%d: %+v", i, got)
		}
	}
}

func TestPlain(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"a *b* _c_ ~~d~~ ||e|| `f` > g": `a \*b\* \_c\_ \~\~d\~\~ \|\|e\|\| \` + "`" + `f\` + "`" + ` \> g`,
		"@here <@1> <#2> <:x:3>":        `\@here \<\@1\> \<\#2\> \<:x:3\>`,
		"see https://a.test/b-c?d=1#e.": "see https://a.test/b-c?d=1#e.",
		"[l](https://a.test)":           `\[l\]\(https://a.test\)`,
		" a\u202eb\x00\n- c ":           "ab\n\\- c",
	} {
		if got := plain(text); got != want {
			t.Errorf("plain(%q) = %q, want %q", text, got, want)
		}
	}
	for _, text := range []string{strings.Repeat("x", 4000), strings.Repeat("*", 4000), strings.Repeat("💥", 4000), strings.Repeat("https://a.test/ ", 400)} {
		got := plain(text)
		if n := len([]rune(got)); n > maxMessage || !strings.HasSuffix(got, "…") {
			t.Errorf("%q…: %d characters ending with %q", text[:8], n, got[len(got)-6:])
		}
	}
	if a, b := nonce(strings.Repeat("a", 64)), nonce(strings.Repeat("b", 64)); len(a) != 25 || a == b {
		t.Errorf("nonces %q, %q", a, b)
	}
}

func TestConfigureAndCheck(t *testing.T) {
	t.Parallel()
	for config, field := range map[string]string{
		`{}`:                                         "token",
		`{"token":"Bot x"}`:                          "token",
		`{"token":"x","public_key":"zz"}`:            "public_key",
		`{"token":"x","public_key":"00ff"}`:          "public_key",
		`{"token":"x","channels":["general"]}`:       "channels",
		`{"token":"x","channels":["1"]}`:             "channels",
		`{"token":"x","base_url":"http://h.test"}`:   "base_url",
		`{"token":"x","base_url":"https://u@h/api"}`: "base_url",
		`{"token":"x","more":1}`:                     "",
	} {
		wrong := New().Configure(t.Context(), sdk.Config{JSON: []byte(config)})
		if len(wrong) != 1 || wrong[0].Field != field {
			t.Errorf("%s: %v, want one about %q", config, wrong, field)
		}
	}
	for text, want := range map[string]string{"🐛": "🐛", "❤️": "❤", ":bug:": "bug", "<:bug:123>": "bug", "<a:bug:123>": "bug", " bug ": "bug", "": ""} {
		if got := emojiName(text); got != want {
			t.Errorf("emojiName(%q) = %q, want %q", text, got, want)
		}
	}
	h := newHub(t)
	if got := h.source(listening).Check(t.Context()); !got.OK {
		t.Errorf("Check = %+v", got)
	}
	s := New()
	s.Configure(t.Context(), sdk.Config{JSON: []byte(`{"token":"wrong","base_url":"` + h.server.URL + `/api/v10"}`)})
	if got := s.Check(t.Context()); got.OK || !strings.Contains(got.Detail, "does not accept the token") {
		t.Errorf("Check = %+v", got)
	}
}
