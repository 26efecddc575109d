package acceptance

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/pocketbase/dbx"
	"github.com/slack-go/slack/slacktest"

	"github.com/iterateswarm/iterateswarm/internal/records"
	"github.com/iterateswarm/iterateswarm/internal/servertest"
)

// One way round for each source with a service behind it: a message comes in
// through the real plugin process, is judged, and its author is answered. The
// services are stand-ins; the plugins' own tests check every request.

// kept is what a stand-in was asked to write.
type kept struct {
	sync.Mutex
	list []string
}

func (k *kept) add(s string) {
	k.Lock()
	defer k.Unlock()
	k.list = append(k.list, s)
}

func (k *kept) has(s string) func() bool {
	return func() bool {
		k.Lock()
		defer k.Unlock()
		for _, l := range k.list {
			if strings.Contains(l, s) {
				return true
			}
		}
		return false
	}
}

// arrived waits for the message of a source, judged.
func arrived(s *servertest.Server, source, externalID string) string {
	id := ""
	s.Until("message "+externalID+" of "+source, func() bool {
		r, err := s.App.FindFirstRecordByFilter(records.Feedback, "source = {:s} && external_id = {:e} && state != 'received'", dbx.Params{"s": source, "e": externalID})
		if err == nil {
			id = r.Id
		}
		return err == nil
	})
	return id
}

// answerTo writes to the author of a message and waits until that is sent.
func answerTo(t *testing.T, s *servertest.Server, id, text string) {
	t.Helper()
	a := must(t, call{method: "POST", url: s.URL + "/api/feedback/" + id + "/reply", token: s.User("triager"), body: map[string]any{"kind": "message", "text": text}})
	var answer struct{ Reply string }
	if a.status != 200 || json.Unmarshal(a.body, &answer) != nil {
		t.Fatalf("reply: %d %s", a.status, a.body)
	}
	s.Until("the reply to be sent", func() bool {
		r := s.Record(records.Replies, answer.Reply)
		if state := r.GetString("state"); state == "failed" || state == "skipped" {
			t.Fatalf("the reply is %s: %s", state, r.GetString("error"))
		}
		return r.GetString("state") == "sent" && r.GetString("external_id") != ""
	})
}

func TestSlackSource(t *testing.T) {
	t.Parallel()
	var posts kept
	hub := slacktest.NewTestServer(func(c slacktest.Customize) {
		c.Handle("/conversations.replies", func(w http.ResponseWriter, r *http.Request) {
			_ = r.ParseForm()
			_, _ = fmt.Fprintf(w, `{"ok":true,"messages":[{"type":"message","user":"U9","text":"The import crashes every time","ts":%q,"thread_ts":%[1]q}]}`, r.PostForm.Get("ts"))
		})
		c.Handle("/chat.postMessage", func(w http.ResponseWriter, r *http.Request) {
			_ = r.ParseForm()
			posts.add(r.PostForm.Get("channel") + " " + r.PostForm.Get("thread_ts") + " " + r.PostForm.Get("text"))
			_, _ = io.WriteString(w, `{"ok":true,"channel":"C7","ts":"1700000500.000100"}`)
		})
	})
	hub.Start()
	t.Cleanup(hub.Stop)
	s := servertest.Start(t)
	startSource(s, "chat", "slack", map[string]any{"bot_token": "xoxb-1", "signing_secrets": []string{hookSecret}, "emoji": "bug", "base_url": hub.GetAPIURL()})
	send := func(body string) int {
		header, raw := signHook(t, "slack", "valid", []byte(body))
		h := map[string]string{}
		for name := range header {
			h[name] = header.Get(name)
		}
		return must(t, call{method: "POST", url: s.URL + "/webhooks/chat", body: raw, header: h}).status
	}
	if status := send(`{"type":"event_callback","team_id":"T1","event":{"type":"message","user":"U2","channel":"C7","text":"The export crashes with error 500","ts":"1700000301.000100"}}`); status != 200 {
		t.Fatalf("event: %d", status)
	}
	id := arrived(s, "chat", "C7:1700000301.000100")
	if r := s.Record(records.Feedback, id); r.GetString("content") != "The export crashes with error 500" || r.GetString("class") != "bug" {
		t.Errorf("stored %q as %s", r.GetString("content"), r.GetString("class"))
	}
	answerTo(t, s, id, "Thanks <!channel>, which version?")
	if !posts.has("C7 1700000301.000100 Thanks &lt;!channel&gt;, which version?")() {
		t.Errorf("sent %q", posts.list)
	}
	// A marked message is fetched by the plugin and comes by its stream.
	s.Until("the mark to be taken", func() bool {
		return send(`{"type":"event_callback","team_id":"T1","event":{"type":"reaction_added","user":"U2","reaction":"bug","item":{"type":"message","channel":"C8","ts":"1700000302.000100"}}}`) == 200
	})
	arrived(s, "chat", "C8:1700000302.000100")
}

func TestDiscordSource(t *testing.T) {
	t.Parallel()
	const channel, guild, bot = "200000000000000001", "100000000000000001", "900000000000000001"
	const message = "1156284521323905034"
	var posts kept
	connected := make(chan *websocket.Conn, 8)
	mux := http.NewServeMux()
	hub := httptest.NewServer(mux)
	t.Cleanup(func() { hub.CloseClientConnections(); hub.Close() })
	answer := func(pattern, body string) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			sent, _ := io.ReadAll(r.Body)
			posts.add(r.Method + " " + r.URL.Path + " " + string(sent))
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, body)
		})
	}
	answer("GET /api/gateway", `{"url":"ws`+strings.TrimPrefix(hub.URL, "http")+`/ws"}`)
	answer("POST /api/applications/{id}/commands", `{}`)
	answer("POST /api/channels/{id}/messages/{message}/threads", `{"id":"`+message+`"}`)
	answer("POST /api/channels/{id}/messages", `{"id":"1156284521323905999"}`)
	mux.HandleFunc("/ws/", func(w http.ResponseWriter, r *http.Request) {
		upgrader := websocket.Upgrader{}
		conn, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer conn.Close()
		_ = conn.WriteJSON(map[string]any{"op": 10, "d": map[string]any{"heartbeat_interval": 41250}})
		for {
			var in struct{ Op int }
			if conn.ReadJSON(&in) != nil {
				return
			}
			switch in.Op {
			case 1:
				_ = conn.WriteJSON(map[string]any{"op": 11})
			case 2:
				_ = conn.WriteJSON(map[string]any{"op": 0, "t": "READY", "s": 1, "d": map[string]any{"session_id": "s", "user": map[string]any{"id": bot}, "application": map[string]any{"id": bot}}})
				_ = conn.WriteJSON(map[string]any{"op": 0, "t": "GUILD_CREATE", "s": 2, "d": map[string]any{"id": guild, "channels": []any{map[string]any{"id": channel, "type": 0}}}})
				connected <- conn
			}
		}
	})
	s := servertest.Start(t)
	startSource(s, "guild", "discord", map[string]any{"token": "t0ken", "channels": []string{channel}, "base_url": hub.URL + "/api"})
	conn := <-connected
	event := map[string]any{"id": message, "channel_id": channel, "guild_id": guild, "content": "The export crashes with error 500", "type": 0, "author": map[string]any{"id": "400000000000000001", "username": "ann"}}
	for range 2 { // Discord may send an event twice
		if err := conn.WriteJSON(map[string]any{"op": 0, "t": "MESSAGE_CREATE", "s": 3, "d": event}); err != nil {
			t.Fatal(err)
		}
	}
	id := arrived(s, "guild", message)
	if n := s.Count(records.Feedback, dbx.HashExp{"source": "guild"}); n != 1 {
		t.Errorf("%d messages are stored, want 1", n)
	}
	answerTo(t, s, id, "Which version, @everyone?")
	if !posts.has("POST /api/channels/"+channel+"/messages/"+message+"/threads")() || !posts.has("POST /api/channels/"+message+"/messages {\"content\":\"Which version, \\\\@everyone?\"")() {
		t.Errorf("asked %q", posts.list)
	}
}

func TestGitHubSource(t *testing.T) {
	t.Parallel()
	var posts kept
	mux := http.NewServeMux()
	hub := httptest.NewServer(mux)
	t.Cleanup(hub.Close)
	answer := func(pattern string, status int, body func(r *http.Request) string) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			sent, _ := io.ReadAll(r.Body)
			posts.add(r.Method + " " + r.URL.Path + " " + string(sent))
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body(r))
		})
	}
	text := func(s string) func(*http.Request) string { return func(*http.Request) string { return s } }
	now := time.Now().UTC().Add(time.Minute).Format(time.RFC3339)
	answer("GET /user", 200, text(`{"login":"swarm"}`))
	answer("GET /repos/acme/web/issues", 200, func(r *http.Request) string {
		if since, _ := url.QueryUnescape(r.URL.Query().Get("since")); since == "" {
			return `[]`
		}
		return fmt.Sprintf(`[{"id":8,"number":8,"title":"Polled","body":"The import crashes every time","html_url":"https://github.com/acme/web/issues/8","user":{"id":42,"login":"ann","type":"User"},"created_at":%q,"updated_at":%[1]q}]`, now)
	})
	answer("GET /repos/acme/web/issues/comments", 200, text(`[]`))
	answer("GET /repos/acme/web/issues/{n}/comments", 200, text(`[]`))
	answer("POST /repos/acme/web/issues/{n}/comments", 201, text(`{"id":77,"html_url":"https://github.com/acme/web/issues/7#issuecomment-77"}`))
	answer("POST /repos/acme/web/issues/{n}/labels", 200, text(`[]`))
	s := servertest.Start(t)
	startSource(s, "repo", "github-issues", map[string]any{"owner": "acme", "repo": "web", "secrets": []string{hookSecret}, "token": "t0ken", "base_url": hub.URL}, "loop", map[string]any{"annotate": true})
	header, raw := signHook(t, "github", "valid", []byte(`{"action":"opened","issue":{"id":7,"number":7,"title":"Crash","body":"The export crashes with error 500","html_url":"https://github.com/acme/web/issues/7","user":{"id":42,"login":"ann","type":"User"},"created_at":"2026-01-02T03:04:05Z"},"repository":{"full_name":"acme/web"}}`))
	h := map[string]string{}
	for name := range header {
		h[name] = header.Get(name)
	}
	if a := must(t, call{method: "POST", url: s.URL + "/webhooks/repo", body: raw, header: h}); a.status != 200 {
		t.Fatalf("webhook: %d %s", a.status, a.body)
	}
	id := arrived(s, "repo", "issues/7")
	arrived(s, "repo", "issues/8") // asked for
	s.Until("labels", posts.has(`POST /repos/acme/web/issues/7/labels {"labels":[{"name":"`))
	s.Until("the verdict", posts.has(`POST /repos/acme/web/issues/7/comments {"body":"<!-- iterateswarm:v1 k=`))
	answerTo(t, s, id, "Which version?")

	// Approved, it is the issue that is there: nothing is filed a second time.
	issue := s.Record(records.Feedback, id).GetString("issue")
	if a := must(t, call{method: "POST", url: s.URL + "/api/issues/" + issue + "/approve", token: s.User("approver"), body: map[string]any{}}); a.status != 200 {
		t.Fatalf("approve: %d %s", a.status, a.body)
	}
	s.Until("the issue to be filed", func() bool { return s.Record(records.Issues, issue).GetString("state") == "filed" })
	if got := s.Record(records.Issues, issue).GetString("tracker_url"); got != "https://github.com/acme/web/issues/7" {
		t.Errorf("filed at %q, want where it was", got)
	}
}
