package discord

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
	"github.com/gorilla/websocket"

	"github.com/iterateswarm/iterateswarm/sdk"
)

// specEnv names the file with Discord's document: specs/openapi.json of
// github.com/discord/discord-api-spec, whole or the paths used here.
const specEnv = "ITERATESWARM_TEST_DISCORD_SPEC"

func TestRequestsFitTheDocument(t *testing.T) {
	if os.Getenv(specEnv) == "" {
		t.Skip("requests are not checked against Discord's document: set " + specEnv + " to its openapi.json")
	}
	if router, err := readDocument(); err != nil || router == nil {
		t.Fatal(err)
	}
}

var readDocument = sync.OnceValues(func() (routers.Router, error) {
	file := os.Getenv(specEnv)
	if file == "" {
		return nil, nil
	}
	doc, err := openapi3.NewLoader().LoadFromFile(file)
	if err != nil {
		return nil, err
	}
	doc.Servers = openapi3.Servers{{URL: "/api/v10"}}
	return gorillamux.NewRouter(doc)
})

const (
	token   = "test.bot.token"
	me      = "900000000000000001"
	guildID = "100000000000000001"
	textID  = "200000000000000001"
	forumID = "200000000000000002"
	postID  = "300000000000000001" // a thread in the forum
	otherID = "200000000000000009" // a channel that is not ours
)

// hub stands in for Discord: its API, where every request is checked against the
// published document, and its gateway, which the unmodified discordgo talks to.
type hub struct {
	t      testing.TB
	server *httptest.Server
	router routers.Router

	mu       sync.Mutex
	messages map[string][]map[string]any // by channel
	threads  map[string]bool             // messages that have one
	last     map[string]string           // last_message_id by channel
	nonces   map[string]string
	sent     []map[string]any
	answers  []map[string]any // of interactions
	commands []string
	asked    []string
	next     int
	fail     func(r *http.Request) (status int, header http.Header, body string)

	intents  int
	resumed  int
	conns    []*websocket.Conn
	writing  sync.Mutex
	seq      int
	closing  int // the code that the gateway refuses to identify with
	sessions int
	beats    int // heartbeats answered
}

func newHub(t testing.TB) *hub {
	t.Helper()
	router, err := readDocument()
	if err != nil {
		t.Fatal(err)
	}
	h := &hub{t: t, router: router, messages: map[string][]map[string]any{}, threads: map[string]bool{}, nonces: map[string]string{}, last: map[string]string{}}
	h.server = httptest.NewServer(h)
	t.Cleanup(func() {
		h.cut()
		h.server.CloseClientConnections()
		h.server.Close()
	})
	return h
}

func (h *hub) source(more string) *Source {
	h.t.Helper()
	s := New()
	config := fmt.Sprintf(`{"token":%q,"base_url":%q%s}`, token, h.server.URL+"/api/v10", more)
	if wrong := s.Configure(h.t.Context(), sdk.Config{JSON: []byte(config)}); wrong != nil {
		h.t.Fatal(wrong)
	}
	return s
}

const listening = `,"channels":["` + textID + `","` + forumID + `"]`

var addresses = []struct {
	method string
	path   *regexp.Regexp
	answer func(h *hub, w http.ResponseWriter, r *http.Request, id []string, body map[string]any)
}{
	{"GET", regexp.MustCompile(`^/users/@me$`), func(h *hub, w http.ResponseWriter, _ *http.Request, _ []string, _ map[string]any) {
		h.answer(w, 200, map[string]any{"id": me, "username": "swarm", "bot": true})
	}},
	{"GET", regexp.MustCompile(`^/channels/(\d+)/messages$`), (*hub).list},
	{"GET", regexp.MustCompile(`^/channels/(\d+)/messages/(\d+)$`), func(h *hub, w http.ResponseWriter, _ *http.Request, id []string, _ map[string]any) {
		for _, m := range h.messages[id[1]] {
			if m["id"] == id[2] {
				h.answer(w, 200, m)
				return
			}
		}
		h.answer(w, 404, map[string]any{"code": 10008, "message": "Unknown Message"})
	}},
	{"POST", regexp.MustCompile(`^/channels/(\d+)/messages$`), (*hub).post},
	{"PATCH", regexp.MustCompile(`^/channels/(\d+)/messages/(\d+)$`), func(h *hub, w http.ResponseWriter, _ *http.Request, id []string, body map[string]any) {
		for _, m := range h.messages[id[1]] {
			if m["id"] == id[2] {
				m["content"] = body["content"]
				h.answer(w, 200, m)
				return
			}
		}
		h.answer(w, 404, map[string]any{"code": 10008, "message": "Unknown Message"})
	}},
	{"POST", regexp.MustCompile(`^/channels/(\d+)/messages/(\d+)/threads$`), func(h *hub, w http.ResponseWriter, _ *http.Request, id []string, body map[string]any) {
		if h.threads[id[2]] {
			h.answer(w, 400, map[string]any{"code": 160004, "message": "A thread has already been created for this message"})
			return
		}
		h.threads[id[2]] = true
		h.answer(w, 201, map[string]any{"id": id[2], "type": 11, "parent_id": id[1], "name": body["name"]})
	}},
	{"POST", regexp.MustCompile(`^/interactions/(\d+)/([^/]+)/callback$`), func(h *hub, w http.ResponseWriter, _ *http.Request, id []string, body map[string]any) {
		h.answers = append(h.answers, body)
		w.WriteHeader(204)
	}},
	{"POST", regexp.MustCompile(`^/applications/(\d+)/commands$`), func(h *hub, w http.ResponseWriter, _ *http.Request, id []string, body map[string]any) {
		h.commands = append(h.commands, body["name"].(string))
		h.answer(w, 201, body)
	}},
}

func (h *hub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/ws/" || r.URL.Path == "/ws" {
		h.gateway(w, r)
		return
	}
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	h.mu.Lock()
	defer h.mu.Unlock()
	path := strings.TrimPrefix(r.URL.Path, "/api/v10")
	h.asked = append(h.asked, r.Method+" "+path)
	if got := r.Header.Get("Authorization"); got != "Bot "+token {
		h.answer(w, 401, map[string]any{"code": 0, "message": "401: Unauthorized"})
		return
	}
	if path == "/gateway" { // not in the part of the document that is at hand
		h.answer(w, 200, map[string]string{"url": "ws" + strings.TrimPrefix(h.server.URL, "http") + "/ws"})
		return
	}
	if h.router != nil {
		route, params, err := h.router.FindRoute(r)
		if err != nil {
			h.t.Errorf("Discord's document has no %s %s: %v", r.Method, r.URL, err)
			h.answer(w, 404, nil)
			return
		}
		input := &openapi3filter.RequestValidationInput{Request: r, PathParams: params, Route: route,
			Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc}}
		if err := openapi3filter.ValidateRequest(context.Background(), input); err != nil {
			h.t.Errorf("Discord's document does not allow %s %s %s: %v", r.Method, r.URL, body, err)
			h.answer(w, 400, nil)
			return
		}
	}
	if h.fail != nil {
		if status, header, text := h.fail(r); status != 0 {
			maps.Copy(w.Header(), header)
			if w.Header().Get("Content-Type") == "" {
				w.Header().Set("Content-Type", "application/json")
			}
			w.WriteHeader(status)
			_, _ = io.WriteString(w, text)
			return
		}
	}
	var fields map[string]any
	_ = json.Unmarshal(body, &fields)
	for _, a := range addresses {
		if id := a.path.FindStringSubmatch(path); id != nil && r.Method == a.method {
			a.answer(h, w, r, id, fields)
			return
		}
	}
	h.t.Errorf("the stand-in has no %s %s", r.Method, path)
	w.WriteHeader(404)
}

func (h *hub) answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

// list is a channel's history as Discord gives it: the newest first.
func (h *hub) list(w http.ResponseWriter, r *http.Request, id []string, _ map[string]any) {
	q := r.URL.Query()
	limit, _ := strconv.Atoi(q.Get("limit"))
	list := slices.Clone(h.messages[id[1]])
	byID := func(a, b map[string]any) int {
		return cmp.Compare(snowflake(a["id"].(string)), snowflake(b["id"].(string)))
	}
	slices.SortFunc(list, byID)
	if after := q.Get("after"); after != "" {
		list = slices.DeleteFunc(list, func(m map[string]any) bool { return snowflake(m["id"].(string)) <= atoi(after) })
		list = list[:min(limit, len(list))]
	} else {
		list = list[max(0, len(list)-limit):]
	}
	slices.Reverse(list)
	if list == nil {
		list = []map[string]any{}
	}
	h.answer(w, 200, list)
}

func atoi(s string) uint64 { n, _ := strconv.ParseUint(s, 10, 64); return n }

func (h *hub) post(w http.ResponseWriter, _ *http.Request, id []string, body map[string]any) {
	h.sent = append(h.sent, body)
	nonce, _ := body["nonce"].(string)
	if was := h.nonces[nonce]; was != "" && body["enforce_nonce"] == true {
		h.answer(w, 200, map[string]any{"id": was, "channel_id": id[1]})
		return
	}
	m := h.write(id[1], me, body["content"].(string))
	m["author"].(map[string]any)["bot"] = true
	h.nonces[nonce] = m["id"].(string)
	h.answer(w, 200, m)
}

// write puts a message into a channel's history. The caller holds the lock.
func (h *hub) write(channel, author, content string) map[string]any {
	h.next++
	id := fmt.Sprint(idAt(time.Now()) + uint64(h.next))
	m := map[string]any{"id": id, "channel_id": channel, "content": content, "type": 0, "timestamp": time.Now().UTC().Format(time.RFC3339),
		"author": map[string]any{"id": author, "username": "user" + author[len(author)-1:], "global_name": "Ann"}, "attachments": []any{}}
	h.messages[channel] = append(h.messages[channel], m)
	h.last[channel] = id
	return m
}

// say writes a message and sends it over the gateway when somebody listens.
func (h *hub) say(channel, author, content string, more ...any) map[string]any {
	h.mu.Lock()
	m := h.write(channel, author, content)
	for i := 0; i+1 < len(more); i += 2 {
		m[more[i].(string)] = more[i+1]
	}
	event := maps.Clone(m)
	event["guild_id"] = guildID
	h.mu.Unlock()
	h.dispatch("MESSAGE_CREATE", event)
	return m
}

var upgrader = websocket.Upgrader{CheckOrigin: func(*http.Request) bool { return true }}

// gateway is one connection: hello, identify or resume, ready, the guild.
func (h *hub) gateway(w http.ResponseWriter, r *http.Request) {
	conn, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer conn.Close()
	_ = conn.WriteJSON(map[string]any{"op": 10, "d": map[string]any{"heartbeat_interval": 600}})
	for {
		var in struct {
			Op int `json:"op"`
			D  json.RawMessage
		}
		if conn.ReadJSON(&in) != nil {
			return
		}
		switch in.Op {
		case 1:
			h.send(conn, map[string]any{"op": 11})
			h.mu.Lock()
			h.beats++
			h.mu.Unlock()
		case 2, 6:
			var d struct {
				Token   string
				Intents int
			}
			_ = json.Unmarshal(in.D, &d)
			h.mu.Lock()
			closing := h.closing
			h.mu.Unlock()
			if d.Token != "Bot "+token {
				closing = 4004
			}
			if closing != 0 {
				h.writing.Lock()
				_ = conn.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(closing, "refused"))
				h.writing.Unlock()
				return
			}
			if in.Op == 6 {
				h.greet(conn, "RESUMED", map[string]any{})
				h.mu.Lock()
				h.resumed++
				h.conns = append(h.conns, conn)
				h.mu.Unlock()
				continue
			}
			h.mu.Lock()
			h.intents = d.Intents
			h.sessions++
			guild := map[string]any{"id": guildID, "channels": []any{
				map[string]any{"id": textID, "type": 0, "name": "feedback", "last_message_id": h.last[textID]},
				map[string]any{"id": forumID, "type": 15, "name": "bugs", "last_message_id": postID},
				map[string]any{"id": otherID, "type": 0, "name": "general", "last_message_id": h.last[otherID]},
			}, "threads": []any{map[string]any{"id": postID, "type": 11, "parent_id": forumID, "name": "Export hangs", "last_message_id": h.last[postID]}}}
			h.mu.Unlock()
			h.greet(conn, "READY", map[string]any{"v": 9, "session_id": "s1", "user": map[string]any{"id": me, "username": "swarm", "bot": true},
				"application": map[string]any{"id": me}, "guilds": []any{map[string]any{"id": guildID, "unavailable": true}}})
			h.greet(conn, "GUILD_CREATE", guild)
			h.mu.Lock()
			h.conns = append(h.conns, conn)
			h.mu.Unlock()
		}
	}
}

func (h *hub) send(conn *websocket.Conn, v any) {
	h.writing.Lock()
	defer h.writing.Unlock()
	_ = conn.WriteJSON(v)
}

func (h *hub) greet(conn *websocket.Conn, kind string, d any) {
	h.mu.Lock()
	h.seq++
	seq := h.seq
	h.mu.Unlock()
	h.send(conn, map[string]any{"op": 0, "t": kind, "s": seq, "d": d})
}

// dispatch sends an event to whoever is connected.
func (h *hub) dispatch(kind string, d any) {
	h.mu.Lock()
	conns := slices.Clone(h.conns)
	h.mu.Unlock()
	for _, c := range conns {
		h.greet(c, kind, d)
	}
}

// cut breaks every connection without a word.
func (h *hub) cut() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, c := range h.conns {
		_ = c.UnderlyingConn().Close()
	}
	h.conns = nil
}

// run is a listener that is running, and what it has stored.
type run struct {
	t      *testing.T
	h      *hub
	cancel context.CancelFunc
	done   chan error

	mu     sync.Mutex
	items  []sdk.Item
	cursor string
	hold   chan struct{} // nobody stores while it is open
}

func (h *hub) run(t *testing.T, s *Source, cursor string) *run {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r := &run{t: t, h: h, cancel: cancel, done: make(chan error, 1)}
	go func() {
		r.done <- s.Run(ctx, cursor, func(ctx context.Context, b sdk.Batch) error {
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
		})
	}()
	t.Cleanup(r.stop)
	return r
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
			r.t.Fatalf("no %s within a minute; %d are stored, asked %v", what, len(r.ids()), r.h.asked)
		}
	}
}

func (r *run) ids() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var ids []string
	for _, it := range r.items {
		if !slices.Contains(ids, it.ExternalID) {
			ids = append(ids, it.ExternalID)
		}
	}
	return ids
}

func (r *run) find(id string) (sdk.Item, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, it := range r.items {
		if it.ExternalID == id {
			return it, true
		}
	}
	return sdk.Item{}, false
}

func (r *run) has(m map[string]any) func() bool {
	return func() bool { _, ok := r.find(m["id"].(string)); return ok }
}

func (r *run) connected() func() bool {
	return func() bool {
		r.h.mu.Lock()
		defer r.h.mu.Unlock()
		return len(r.h.conns) > 0
	}
}
