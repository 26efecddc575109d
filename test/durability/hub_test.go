package durability

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/iterateswarm/iterateswarm/sdk"
)

const (
	hubToken = "ghp_standin0123456789"
	hubLogin = "swarm-bot"
)

// hub stands in for GitHub, in what the github tracker calls of it. Its list of
// creates is only ever appended to.
type hub struct {
	server *httptest.Server
	settle time.Duration // what the tracker's record says of lag

	mu      sync.Mutex
	dice    *rand.Rand
	created []create
	posts   int // requests to create, taken or not

	// Knobs. Change them with set.
	before, after time.Duration // delay around the commit
	lag           time.Duration // until a create shows in the list
	flap          float64       // chance that a list is empty
	broken        float64       // chance that a create is committed and its answer lost
	dead          float64       // chance that a create is answered 500 and not committed
	limited       float64       // chance of 403 or 429 with Retry-After
	hang          time.Duration // how long a lost answer may hang before the connection ends
	down          bool          // 503 to everything
	hold          chan struct{} // creates wait for it to be closed; nil: none does
}

// create is one issue that the hub has made.
type create struct {
	Number int
	Key    string
	Title  string
	At     time.Time
}

func newHub(t testing.TB, seed uint64) *hub {
	t.Helper()
	h := &hub{dice: rand.New(rand.NewPCG(seed, 3)), settle: time.Second, hang: time.Second}
	h.server = httptest.NewServer(h)
	t.Cleanup(func() {
		h.server.CloseClientConnections()
		h.server.Close()
	})
	return h
}

// set changes knobs.
func (h *hub) set(change func(h *hub)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	change(h)
}

// creates is the log so far.
func (h *hub) creates() []create {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]create(nil), h.created...)
}

func (h *hub) asked() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.posts
}

func (h *hub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	h.mu.Lock()
	down := h.down
	h.mu.Unlock()
	switch {
	case down:
		answer(w, 503, map[string]any{"message": "down"})
	case r.Header.Get("Authorization") != "Bearer "+hubToken:
		answer(w, 401, map[string]any{"message": "Bad credentials"})
	case r.URL.Path == "/user":
		answer(w, 200, map[string]any{"login": hubLogin})
	case r.URL.Path == "/repos/octo/hello":
		answer(w, 200, map[string]any{"name": "hello", "has_issues": true})
	case r.URL.Path == "/repos/octo/hello/issues" && r.Method == http.MethodPost:
		h.post(w, r, body)
	case r.URL.Path == "/repos/octo/hello/issues" && r.Method == http.MethodGet:
		h.list(w, r)
	default:
		answer(w, 404, map[string]any{"message": "Not Found"})
	}
}

func (h *hub) post(w http.ResponseWriter, r *http.Request, body []byte) {
	var req struct{ Title, Body string }
	if err := json.Unmarshal(body, &req); err != nil {
		answer(w, 400, map[string]any{"message": "no JSON"})
		return
	}
	key, _ := sdk.MarkerOf(req.Body)
	h.mu.Lock()
	h.posts++
	roll, how, hold, before := h.dice.Float64(), h.dice.IntN(4), h.hold, h.before
	h.mu.Unlock()
	if hold != nil {
		select {
		case <-hold:
		case <-r.Context().Done():
			return
		}
	}
	time.Sleep(before)

	h.mu.Lock()
	refused, dead := h.limited, h.limited+h.dead
	var made create
	if roll >= dead {
		made = create{Number: len(h.created) + 1, Key: key, Title: req.Title, At: time.Now()}
		h.created = append(h.created, made)
	}
	lost := roll >= dead && roll < dead+h.broken
	after, hang := h.after, h.hang
	h.mu.Unlock()
	time.Sleep(after)

	switch {
	case roll < refused:
		w.Header().Set("Retry-After", "1")
		answer(w, [2]int{403, 429}[how%2], map[string]any{"message": "secondary rate limit"})
	case roll < dead:
		answer(w, 500, map[string]any{"message": "oops"})
	case lost && how < 2:
		answer(w, [2]int{500, 502}[how], map[string]any{"message": "oops"})
	case lost:
		if how == 3 {
			time.Sleep(hang)
		}
		panic(http.ErrAbortHandler) // the connection breaks
	default:
		answer(w, 201, made.show())
	}
}

func (c create) show() map[string]any {
	return map[string]any{
		"number": c.Number, "node_id": fmt.Sprint("I_", c.Number), "title": c.Title, "state": "open",
		"html_url":   fmt.Sprint("https://github.example/octo/hello/issues/", c.Number),
		"body":       sdk.Marker(c.Key) + "\n",
		"user":       map[string]any{"login": hubLogin},
		"created_at": c.At.UTC().Format(time.RFC3339),
	}
}

func (h *hub) list(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	page, _ := strconv.Atoi(q.Get("page"))
	page = max(page, 1)
	size, _ := strconv.Atoi(q.Get("per_page"))
	since, _ := time.Parse(time.RFC3339, q.Get("since"))
	h.mu.Lock()
	empty := h.dice.Float64() < h.flap
	visible := time.Now().Add(-h.lag)
	var all []map[string]any
	for i := len(h.created) - 1; i >= 0 && !empty; i-- {
		if c := h.created[i]; c.At.Before(visible) && !c.At.Before(since) {
			all = append(all, c.show())
		}
	}
	h.mu.Unlock()
	from, to := min((page-1)*size, len(all)), min(page*size, len(all))
	if to < len(all) {
		next := *r.URL
		q.Set("page", strconv.Itoa(page+1))
		next.RawQuery = q.Encode()
		w.Header().Set("Link", fmt.Sprintf("<%s%s>; rel=\"next\"", h.server.URL, next.String()))
	}
	if all == nil {
		all = []map[string]any{}
	}
	answer(w, 200, all[from:to])
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}
