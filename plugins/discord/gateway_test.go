package discord

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bwmarrin/discordgo"
	"github.com/google/go-cmp/cmp"

	"github.com/iterateswarm/iterateswarm/sdk"
)

const (
	ann = "400000000000000001"
	bob = "400000000000000002"
)

func TestListening(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	r := h.run(t, h.source(listening), "")
	r.until("connection", r.connected())
	if want := int(discordgo.IntentGuilds | discordgo.IntentGuildMessages | discordgo.IntentMessageContent); h.intents != want {
		t.Errorf("intents %b, want %b", h.intents, want)
	}
	h.say(otherID, ann, "in another channel")
	h.say(textID, me, "our own")
	h.say(textID, ann, "by a bot", "author", map[string]any{"id": bob, "username": "ci", "bot": true})
	h.say(textID, ann, "by a webhook", "webhook_id", "500000000000000001")
	h.say(textID, ann, "", "type", 7) // somebody joined
	first := h.say(textID, ann, "The export *hangs* @everyone 💥", "attachments", []any{
		map[string]any{"filename": "log.txt", "url": "https://cdn.discordapp.com/attachments/1/2/log.txt", "size": 12, "content_type": "text/plain"},
		map[string]any{"filename": "evil", "url": "https://evil.test/x"}}, "components", []any{map[string]any{"type": 99}})
	r.until("first message", r.has(first))
	got, _ := r.find(first["id"].(string))
	want := sdk.Item{ExternalID: first["id"].(string), Content: "The export *hangs* @everyone 💥", AuthorID: ann, AuthorHandle: "Ann (user1)",
		Permalink: "https://discord.com/channels/" + guildID + "/" + textID + "/" + first["id"].(string), Created: timeOf(first["id"].(string)),
		ContextJSON: fmt.Sprintf(`{"guild":%q,"channel":%q,"message":%q}`, guildID, textID, first["id"]),
		Attachments: []sdk.Attachment{{Name: "log.txt", URL: "https://cdn.discordapp.com/attachments/1/2/log.txt", Size: 12, Type: "text/plain"}, {Name: "evil"}}}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("item (-want +got):\n%s", d)
	}
	if time.Since(got.Created).Abs() > time.Hour {
		t.Errorf("created %s", got.Created)
	}

	// A file alone, an answer, an answer to our answer, a forum post, a thread.
	file := h.say(textID, ann, " ", "attachments", []any{map[string]any{"filename": "shot.png", "url": "https://cdn.discordapp.com/a"}})
	answer := h.say(textID, bob, "me too", "type", 19, "message_reference", map[string]any{"message_id": first["id"]})
	again := h.say(textID, ann, "version 2", "type", 19, "message_reference", map[string]any{"message_id": "700000000000000001"},
		"referenced_message", map[string]any{"id": "700000000000000001", "author": map[string]any{"id": me}, "message_reference": map[string]any{"message_id": first["id"]}})
	h.dispatch("THREAD_CREATE", map[string]any{"id": "300000000000000009", "guild_id": guildID, "type": 11, "parent_id": forumID, "name": "Login fails"})
	starter := h.say("300000000000000009", ann, "I cannot log in", "id", "300000000000000009")
	under := h.say("300000000000000009", bob, "nor can I")
	h.dispatch("THREAD_CREATE", map[string]any{"id": first["id"], "guild_id": guildID, "type": 11, "parent_id": textID, "name": "t"})
	inThread := h.say(first["id"].(string), ann, "more about it")
	h.dispatch("THREAD_CREATE", map[string]any{"id": "300000000000000010", "guild_id": guildID, "type": 11, "parent_id": otherID, "name": "t"})
	h.say("300000000000000010", ann, "in a thread elsewhere")
	for m, want := range map[string]sdk.Item{
		file["id"].(string):     {Content: "[file: shot.png]"},
		answer["id"].(string):   {Content: "me too", InReplyTo: first["id"].(string)},
		again["id"].(string):    {Content: "version 2", InReplyTo: first["id"].(string)},
		starter["id"].(string):  {Content: "I cannot log in", Title: "Login fails"},
		under["id"].(string):    {Content: "nor can I", InReplyTo: "300000000000000009"},
		inThread["id"].(string): {Content: "more about it", InReplyTo: first["id"].(string)},
	} {
		r.until("message "+want.Content, func() bool { _, ok := r.find(m); return ok })
		got, _ := r.find(m)
		if got.Content != want.Content || got.Title != want.Title || got.InReplyTo != want.InReplyTo {
			t.Errorf("item %+v, want %+v", got, want)
		}
	}
	if ids := r.ids(); len(ids) != 7 {
		t.Errorf("%d messages are stored, want 7", len(ids))
	}
	r.until("commands", func() bool { h.mu.Lock(); defer h.mu.Unlock(); return len(h.commands) == 2 })
	if !slices.Equal(h.commands, []string{"feedback", "Send to triage"}) {
		t.Errorf("commands %v", h.commands)
	}
}

// What was written while nobody listened is read from the history, and nothing
// twice under another name.
func TestGapIsFilledAfterARestart(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	r := h.run(t, h.source(listening), "")
	r.until("connection", r.connected())
	before := h.say(textID, ann, "before")
	r.until("first message", r.has(before))
	r.until("cursor", func() bool { r.mu.Lock(); defer r.mu.Unlock(); return r.cursor >= before["id"].(string) })
	r.stop()
	h.cut()
	var missed []map[string]any
	h.mu.Lock()
	for n := range 250 {
		missed = append(missed, h.write(textID, ann, fmt.Sprintf("missed %d", n)))
	}
	missed = append(missed, h.write(postID, bob, "missed in the forum"))
	h.write(otherID, bob, "elsewhere")
	h.mu.Unlock()
	r.mu.Lock()
	cursor := r.cursor
	r.mu.Unlock()
	again := h.run(t, h.source(listening), cursor)
	for _, m := range missed {
		again.until("missed message", again.has(m))
	}
	last := missed[len(missed)-1]["id"].(string)
	again.until("cursor", func() bool { again.mu.Lock(); defer again.mu.Unlock(); return again.cursor == last })
	if n := len(again.ids()); n < 251 || n > 252 { // the overlap may bring the one before
		t.Errorf("%d messages, want 251 or 252", n)
	}
	live := h.say(textID, ann, "live again")
	again.until("live message", again.has(live))
}

// While the host cannot store, heartbeats go on, memory is bounded, and nothing
// is lost: what did not fit is read from the history.
func TestStoringThatHangs(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	r := h.run(t, h.source(listening), "")
	r.until("connection", r.connected())
	first := h.say(textID, ann, "first")
	r.until("first message", r.has(first))
	hold := make(chan struct{})
	r.mu.Lock()
	r.hold = hold
	r.mu.Unlock()
	var all []map[string]any
	for n := range buffered + 200 {
		all = append(all, h.say(textID, ann, fmt.Sprintf("while it hangs %d", n)))
	}
	if n := len(r.ids()); n > 1+sdk.MaxBatch {
		t.Errorf("%d stored while nobody stores", n)
	}
	h.mu.Lock()
	before := h.beats
	h.mu.Unlock()
	r.until("heartbeats", func() bool { h.mu.Lock(); defer h.mu.Unlock(); return h.beats > before+8 }) // it gives up after five unanswered
	h.mu.Lock()
	if h.sessions != 1 || h.resumed != 0 {
		t.Errorf("%d sessions, %d resumed: the heartbeat stood still", h.sessions, h.resumed)
	}
	h.mu.Unlock()
	r.mu.Lock()
	r.hold = nil
	r.mu.Unlock()
	close(hold)
	for _, m := range all {
		r.until("message after the hang", r.has(m))
	}
}

// The cursor does not pass what is still to be read.
func TestCursorWaitsForGaps(t *testing.T) {
	t.Parallel()
	id := func(n uint64) string { return fmt.Sprint(idAt(now) + n) }
	var cursor string
	l := &listener{messages: make(chan sdk.Item, 1), wake: make(chan struct{}, 1), gaps: map[string]bool{}, awaited: map[string]bool{}, cursor: snowflake(id(1)), high: snowflake(id(1)),
		store: func(_ context.Context, b sdk.Batch) error { cursor = b.Cursor; return nil }}
	for n, step := range []struct {
		change func()
		want   string
	}{
		{func() {}, id(10)},
		{func() { l.awaited["g"] = true }, id(10)},
		{func() { l.gaps["g"] = true; delete(l.awaited, "g") }, id(10)},
		{func() { delete(l.gaps, "g"); l.overflow = true }, id(10)},
		{func() { l.overflow = false }, id(14)},
	} {
		step.change()
		if err := l.keep(t.Context(), []sdk.Item{{ExternalID: id(uint64(10 + n))}}); err != nil || cursor != step.want {
			t.Errorf("step %d: cursor %s, %v; want %s", n, cursor, err, step.want)
		}
	}
}

func TestConnectionThatBreaksIsResumed(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	r := h.run(t, h.source(listening), "")
	r.until("connection", r.connected())
	m := h.say(textID, ann, "before")
	r.until("message", r.has(m))
	h.cut()
	r.until("resumed session", func() bool { h.mu.Lock(); defer h.mu.Unlock(); return h.resumed == 1 && len(h.conns) == 1 })
	m = h.say(textID, ann, "after")
	r.until("message after the break", r.has(m))
	// Discord asks to come again.
	h.mu.Lock()
	conn := h.conns[0]
	h.conns = nil
	h.mu.Unlock()
	h.send(conn, map[string]any{"op": 7})
	r.until("second resumed session", func() bool { h.mu.Lock(); defer h.mu.Unlock(); return h.resumed == 2 && len(h.conns) == 1 })
}

func TestGatewayThatRefuses(t *testing.T) {
	t.Parallel()
	for code, want := range map[int]string{4014: "Message Content Intent", 4004: "does not accept the token", 4000: "4000 refused"} {
		h := newHub(t)
		h.closing = code
		s := h.source(listening)
		err := s.Run(t.Context(), "", func(context.Context, sdk.Batch) error { return nil })
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), token) {
			t.Errorf("%d: %v, want %q", code, err, want)
		}
		if got := s.Check(t.Context()); got.OK || !strings.Contains(got.Detail, want) {
			t.Errorf("%d: Check = %+v", code, got)
		}
	}
}

func TestEmoji(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	r := h.run(t, h.source(`,"emoji":":bug:"`), "")
	r.until("connection", r.connected())
	if want := int(discordgo.IntentGuildMessageReactions | discordgo.IntentMessageContent); h.intents != want {
		t.Errorf("intents %b, want %b", h.intents, want)
	}
	m, unmarked := h.say(otherID, ann, "It crashes"), h.say(otherID, ann, "Lovely weather")
	own := h.say(otherID, me, "ours", "author", map[string]any{"id": me, "bot": true})
	mark := func(m map[string]any, by, emoji string) {
		h.dispatch("MESSAGE_REACTION_ADD", map[string]any{"user_id": by, "channel_id": otherID, "message_id": m["id"], "guild_id": guildID,
			"emoji": map[string]any{"name": emoji, "id": nil}, "member": map[string]any{"user": map[string]any{"id": by}}})
	}
	mark(unmarked, bob, "👍")
	mark(unmarked, me, "bug")
	mark(own, bob, "bug")
	mark(m, bob, "bug")
	r.until("marked message", r.has(m))
	got, _ := r.find(m["id"].(string))
	if got.AuthorID != ann || got.Permalink != permalink(guildID, otherID, m["id"].(string)) || len(r.ids()) != 1 {
		t.Errorf("item %+v of %v", got, r.ids())
	}
}

func TestCommandsOverTheGateway(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	r := h.run(t, h.source(""), "")
	r.until("connection", r.connected())
	if h.intents != 0 {
		t.Errorf("intents %b, want none", h.intents)
	}
	h.dispatch("INTERACTION_CREATE", jsonOf(t, slash))
	r.until("answer", func() bool { h.mu.Lock(); defer h.mu.Unlock(); return len(h.answers) == 1 })
	data := h.answers[0]["data"].(map[string]any)
	if h.answers[0]["type"] != 4.0 || data["flags"] != 64.0 || !strings.Contains(data["content"].(string), "stored") || fmt.Sprint(data["allowed_mentions"]) != "map[parse:[]]" {
		t.Errorf("answer %v", h.answers[0])
	}
	if ids := r.ids(); !slices.Equal(ids, []string{"1156284521323905034"}) {
		t.Errorf("stored %v", ids)
	}
	// When it cannot be stored, the one who wrote it is told.
	r.mu.Lock()
	r.hold = make(chan struct{})
	r.mu.Unlock()
	h.dispatch("INTERACTION_CREATE", jsonOf(t, strings.Replace(slash, "1156284521323905034", "1156284521323905035", 1)))
	r.until("second answer", func() bool { h.mu.Lock(); defer h.mu.Unlock(); return len(h.answers) == 2 })
	if text := h.answers[1]["data"].(map[string]any)["content"].(string); !strings.Contains(text, "could not be stored") {
		t.Errorf("answer %q", text)
	}
}

// A channel that may not be read, or a rate limit, does not end the listener.
func TestHistoryThatIsRefused(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	limits := 0
	h.fail = func(r *http.Request) (int, http.Header, string) {
		if !strings.HasSuffix(r.URL.Path, "/messages") {
			return 0, nil, ""
		}
		if strings.Contains(r.URL.Path, textID) {
			return 403, nil, `{"code":50001,"message":"Missing Access"}`
		}
		if limits++; limits == 1 {
			return 429, nil, `{"message":"You are being rate limited.","retry_after":0.2,"global":false}`
		}
		return 0, nil, ""
	}
	h.mu.Lock()
	h.write(textID, ann, "x")
	m := h.write(postID, ann, "in the forum")
	h.mu.Unlock()
	r := h.run(t, h.source(listening), fmt.Sprint(idAt(time.Now().Add(-time.Hour))))
	r.until("message of the channel that can be read", r.has(m))
	if got := h.source(listening).Check(t.Context()); got.OK || !strings.Contains(got.Detail, textID) || !strings.Contains(got.Detail, "Read Message History") {
		t.Errorf("Check = %+v", got)
	}
}
