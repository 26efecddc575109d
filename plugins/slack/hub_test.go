package slack

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/slack-go/slack/slacktest"

	"github.com/iterateswarm/iterateswarm/sdk"
)

// hub stands in for Slack: slack-go's own test server, with handlers for what it
// does not have.
type hub struct {
	t      testing.TB
	server *slacktest.Server

	mu       sync.Mutex
	asked    []string
	posts    []url.Values // to chat.postMessage
	updates  []url.Values
	threads  map[string][]map[string]any // by channel:root
	scopes   string
	fail     func(method string, form url.Values) (status int, header http.Header, body string)
	confirms []string // bodies sent to response URLs

	history []map[string]any // of channel, oldest first

	closed bool // Socket Mode is not to be had
	conns  []*websocket.Conn
	acks   []string
}

const (
	me      = "U0BOT"
	channel = "C024BE91L"
	root    = "1700000001.000100"
)

func newHub(t testing.TB) *hub {
	t.Helper()
	h := &hub{t: t, threads: map[string][]map[string]any{}}
	h.server = slacktest.NewTestServer(func(c slacktest.Customize) {
		c.Handle("/auth.test", h.api(func(w http.ResponseWriter, _ url.Values) {
			if h.scopes != "" {
				w.Header().Set("X-OAuth-Scopes", h.scopes)
			}
			_, _ = io.WriteString(w, `{"ok":true,"url":"https://acme.slack.com/","team":"Acme","user":"swarm","team_id":"T1","user_id":"`+me+`","bot_id":"B1"}`)
		}))
		c.Handle("/users.info", h.api(func(w http.ResponseWriter, form url.Values) {
			_, _ = fmt.Fprintf(w, `{"ok":true,"user":{"id":%q,"name":"ann"}}`, form.Get("user"))
		}))
		c.Handle("/conversations.replies", h.api(h.replies))
		c.Handle("/conversations.history", h.api(h.past))
		c.Handle("/apps.connections.open", func(w http.ResponseWriter, _ *http.Request) {
			h.mu.Lock()
			closed := h.closed
			h.mu.Unlock()
			if closed {
				_, _ = io.WriteString(w, `{"ok":false,"error":"internal_error"}`)
				return
			}
			_, _ = fmt.Fprintf(w, `{"ok":true,"url":%q}`, h.server.GetWSURL())
		})
		c.Handle("/chat.postMessage", h.api(h.post))
		c.Handle("/chat.update", h.api(h.update))
		c.Handle("/ws", h.socket)
	})
	h.server.Start()
	t.Cleanup(func() {
		h.mu.Lock()
		for _, c := range h.conns {
			_ = c.Close()
		}
		h.mu.Unlock()
		h.server.Stop()
	})
	return h
}

// api is a method of the Web API.
func (h *hub) api(answer func(http.ResponseWriter, url.Values)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		form := r.PostForm
		h.mu.Lock()
		defer h.mu.Unlock()
		method := strings.TrimPrefix(r.URL.Path, "/")
		h.asked = append(h.asked, method)
		w.Header().Set("Content-Type", "application/json")
		if r.Header.Get("Authorization") != "Bearer xoxb-1" && form.Get("token") != "xoxb-1" {
			_, _ = io.WriteString(w, `{"ok":false,"error":"invalid_auth"}`)
			return
		}
		if h.fail != nil {
			if status, header, body := h.fail(method, form); status != 0 {
				maps.Copy(w.Header(), header)
				w.WriteHeader(status)
				_, _ = io.WriteString(w, body)
				return
			}
		}
		answer(w, form)
	}
}

// replies is a thread, oldest first, with what oldest and latest leave of it.
func (h *hub) replies(w http.ResponseWriter, form url.Values) {
	var list []map[string]any
	for key, thread := range h.threads {
		at, _, _ := strings.Cut(key, ":")
		inIt := slices.ContainsFunc(thread, func(m map[string]any) bool { return m["ts"] == form.Get("ts") })
		if at != form.Get("channel") || !inIt {
			continue
		}
		for _, m := range thread {
			ts := m["ts"].(string)
			if form.Get("oldest") != "" && ts < form.Get("oldest") || form.Get("latest") != "" && ts > form.Get("latest") {
				continue
			}
			m = maps.Clone(m)
			if form.Get("include_all_metadata") != "1" && form.Get("include_all_metadata") != "true" {
				delete(m, "metadata")
			}
			list = append(list, m)
		}
	}
	if list == nil {
		_, _ = io.WriteString(w, `{"ok":false,"error":"thread_not_found"}`)
		return
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"ok": true, "messages": list, "has_more": false})
}

// past is a channel's history as Slack gives it: the newest first, in pages of two.
func (h *hub) past(w http.ResponseWriter, form url.Values) {
	var list []map[string]any
	for _, m := range slices.Backward(h.history) {
		if form.Get("channel") == channel && m["ts"].(string) > form.Get("oldest") {
			list = append(list, m)
		}
	}
	at, _ := strconv.Atoi(form.Get("cursor"))
	end, next := min(at+2, len(list)), ""
	if end < len(list) {
		next = strconv.Itoa(end)
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"ok": true, "messages": list[at:end], "has_more": next != "", "response_metadata": map[string]any{"next_cursor": next}})
}

func (h *hub) post(w http.ResponseWriter, form url.Values) {
	h.posts = append(h.posts, form)
	m := map[string]any{"type": "message", "user": me, "bot_id": "B1", "text": form.Get("text"), "thread_ts": form.Get("thread_ts"),
		"ts": fmt.Sprintf("1700000009.%06d", len(h.posts)), "metadata": json.RawMessage(form.Get("metadata"))}
	key := form.Get("channel") + ":" + form.Get("thread_ts")
	h.threads[key] = append(h.threads[key], m)
	_ = json.NewEncoder(w).Encode(map[string]any{"ok": true, "channel": form.Get("channel"), "ts": m["ts"], "message": m})
}

func (h *hub) update(w http.ResponseWriter, form url.Values) {
	for _, thread := range h.threads {
		for _, m := range thread {
			if m["ts"] == form.Get("ts") {
				h.updates = append(h.updates, form)
				m["text"] = form.Get("text")
				_ = json.NewEncoder(w).Encode(map[string]any{"ok": true, "channel": form.Get("channel"), "ts": m["ts"], "text": m["text"]})
				return
			}
		}
	}
	_, _ = io.WriteString(w, `{"ok":false,"error":"message_not_found"}`)
}

// socket is a Socket Mode connection.
func (h *hub) socket(w http.ResponseWriter, r *http.Request) {
	upgrader := websocket.Upgrader{CheckOrigin: func(*http.Request) bool { return true }}
	conn, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer conn.Close()
	h.mu.Lock()
	_ = conn.WriteJSON(map[string]any{"type": "hello", "num_connections": 1})
	h.conns = append(h.conns, conn)
	h.mu.Unlock()
	for {
		var ack struct {
			EnvelopeID string `json:"envelope_id"`
		}
		if conn.ReadJSON(&ack) != nil {
			return
		}
		h.mu.Lock()
		h.acks = append(h.acks, ack.EnvelopeID)
		h.mu.Unlock()
	}
}

// push sends an envelope over the newest connection.
func (h *hub) push(id, kind, body string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.conns) == 0 {
		h.t.Error("nobody is connected")
		return
	}
	_ = h.conns[len(h.conns)-1].WriteJSON(map[string]any{"type": kind, "envelope_id": id, "accepts_response_payload": false, "payload": json.RawMessage(body)})
}

// RoundTrip stands in for hooks.slack.com.
func (h *hub) RoundTrip(req *http.Request) (*http.Response, error) {
	body, _ := io.ReadAll(req.Body)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.confirms = append(h.confirms, req.URL.Host+" "+string(body))
	return &http.Response{StatusCode: 200, Body: io.NopCloser(strings.NewReader("ok")), Request: req}, nil
}

func (h *hub) source(more string) *Source {
	h.t.Helper()
	s := New()
	config := fmt.Sprintf(`{"bot_token":"xoxb-1","signing_secrets":[%q],"base_url":%q%s}`, secretA, h.server.GetAPIURL(), more)
	if wrong := s.Configure(h.t.Context(), sdk.Config{JSON: []byte(config)}); wrong != nil {
		h.t.Fatal(wrong)
	}
	s.now = func() time.Time { return now }
	s.hooks = &http.Client{Transport: h}
	return s
}

// run is a Run that is running, and what it has stored.
type run struct {
	t      *testing.T
	h      *hub
	of     *Source
	cancel context.CancelFunc
	done   chan error

	mu     sync.Mutex
	items  []sdk.Item
	cursor string
	hold   chan struct{} // nobody stores until it is closed
}

func (h *hub) run(t *testing.T, s *Source, cursor string) *run {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r := &run{t: t, h: h, of: s, cancel: cancel, done: make(chan error, 1)}
	go func() { r.done <- s.Run(ctx, cursor, r.keep) }()
	t.Cleanup(r.stop)
	r.until("Run", func() bool { s.mu.Lock(); defer s.mu.Unlock(); return s.desk != nil })
	return r
}

func (r *run) keep(ctx context.Context, b sdk.Batch) error {
	r.mu.Lock()
	hold := r.hold
	r.mu.Unlock()
	if hold != nil {
		select {
		case <-hold:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.items = append(r.items, b.Items...)
	if b.Cursor != "" {
		r.cursor = b.Cursor
	}
	return nil
}

func (r *run) stop() {
	r.cancel()
	select {
	case err := <-r.done:
		r.done <- err
	case <-time.After(time.Minute):
		r.t.Error("Run does not end")
	}
}

// until waits for a condition.
func (r *run) until(what string, ok func() bool) {
	r.t.Helper()
	for end := time.Now().Add(time.Minute); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			r.t.Fatalf("no %s within a minute; stored %v, asked %v", what, r.ids(), r.h.asked)
		}
	}
}

func (r *run) ids() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var ids []string
	for _, it := range r.items {
		ids = append(ids, it.ExternalID)
	}
	return ids
}

func (h *hub) until(r *run, what string, ok func() bool) {
	r.t.Helper()
	r.until(what, func() bool { h.mu.Lock(); defer h.mu.Unlock(); return ok() })
}

// say puts a message into a thread; its root is the first one.
func (h *hub) say(root, ts, user, text string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	key := channel + ":" + root
	h.threads[key] = append(h.threads[key], map[string]any{"type": "message", "user": user, "text": text, "ts": ts, "thread_ts": root})
}
