package github

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
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

	"github.com/iterateswarm/iterateswarm/sdk"
)

// hub stands in for GitHub. Every request, and every answer that is not a
// fault, is checked against GitHub's own OpenAPI document.
type hub struct {
	t      testing.TB
	server *httptest.Server
	document

	mu        sync.Mutex
	issues    []stored
	posts     []*http.Request // every POST that arrived
	lists     []*http.Request // every GET of the list
	faults    []fault         // for the next POSTs, in turn
	listFault []fault         // for the next lists, in turn; the zero fault is none
	lag       time.Duration   // until a fresh issue shows in the list
	blind     bool            // the filter by creator shows nothing
	noPush    bool            // labels are dropped in silence
	login     string          // whose token it is
	repo      map[string]any  // changes to the repository in GET /repos/…

	labels    []string // of the repository
	labelAsks []int    // what the requests for them were answered
	labelFail int      // answer them with this
	comments  []comment
	branches  map[string]string // to their commits
	tree      []map[string]any  // entries of every commit
	trees     [][]map[string]any
	pulls     []map[string]any
	pullFault []fault
	writes    []time.Time
}

type stored struct {
	number      int
	title, body string
	labels      []string
	login       string
	state       string
	created     time.Time
	pull        bool
	assignees   []string
	kind        string // its type
	reason      string
	updated     time.Time
}

// fault is what happens to one request.
type fault struct {
	commit bool // the issue is created all the same
	status int  // answer with it; 0 with how "" means no fault
	header http.Header
	body   string
	how    string // "reset", "hang", "truncate", "garbage", "empty", "drip", "flap"
}

const token = "ghp_testtoken0123456789"

func newHub(t testing.TB) *hub {
	t.Helper()
	spec, err := readDocument()
	if err != nil {
		t.Fatal(err)
	}
	h := &hub{t: t, login: "swarm-bot", document: spec, labels: []string{"Bug", "ui", "from-feedback"},
		branches: map[string]string{"main": sha(1)}}
	h.server = httptest.NewServer(h)
	t.Cleanup(h.server.Close)
	return h
}

// document is GitHub's, for all tests. It takes 0.2 s to read.
type document struct {
	examples map[string][]byte // its own examples of answers, by name
	router   routers.Router
}

var readDocument = sync.OnceValues(func() (document, error) {
	f, err := os.Open("testdata/github.json.gz")
	if err != nil {
		return document{}, err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return document{}, err
	}
	doc, err := openapi3.NewLoader().LoadFromIoReader(z)
	if err != nil {
		return document{}, err
	}
	doc.Servers = openapi3.Servers{{URL: "/"}} // wherever the test server is
	router, err := gorillamux.NewRouter(doc)
	examples := make(map[string][]byte)
	for name, e := range doc.Components.Examples {
		examples[name], _ = json.Marshal(e.Value.Value)
	}
	return document{examples, router}, err
})

// tracker is the plugin, configured for the hub.
func (h *hub) tracker(more string) *Tracker {
	h.t.Helper()
	return tracker(h.t, h.server.URL, more)
}

func tracker(t testing.TB, base, more string) *Tracker {
	t.Helper()
	tr := New()
	tr.pace.Every = 0 // TestWritesAreASecondApart looks at it
	config := fmt.Sprintf(`{"token":%q,"owner":"octo","repo":"hello","base_url":%q%s}`, token, base, more)
	if wrong := tr.Configure(t.Context(), sdk.Config{JSON: []byte(config)}); wrong != nil {
		t.Fatal(wrong)
	}
	return tr
}

func (h *hub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	if r.Header.Get("Authorization") != "Bearer "+token {
		h.plain(w, 401, `{"message":"Bad credentials"}`)
		return
	}
	route, params, err := h.router.FindRoute(r)
	if err != nil {
		h.t.Errorf("%s %s: %v", r.Method, r.URL, err)
		h.plain(w, 404, `{"message":"Not Found"}`)
		return
	}
	input := &openapi3filter.RequestValidationInput{Request: r, PathParams: params, Route: route,
		Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc}}
	if err := openapi3filter.ValidateRequest(context.Background(), input); err != nil {
		h.t.Errorf("GitHub's document does not allow %s %s %s: %v", r.Method, r.URL, body, err)
		h.plain(w, 422, `{"message":"Validation Failed"}`)
		return
	}
	if h.more(w, r, route.Path, body, input) {
		return
	}
	switch {
	case r.Method == "POST":
		h.create(w, r, body, input)
	case strings.HasSuffix(route.Path, "/issues"):
		h.list(w, r, input)
	case route.Path == "/user":
		user := h.example("private-user-response-with-public-profile-information")
		user["login"], user["user_view_type"] = h.login, "public"
		h.answer(w, input, 200, user, nil)
	default:
		repo := h.example("full-repository-default-response")
		delete(repo, "source") // neither these two nor the whole fit the document's own schema
		delete(repo, "parent")
		repo["language"] = "Go"
		repo["default_branch"] = "main"
		maps.Copy(repo, h.repo)
		h.answer(w, input, 200, repo, nil)
	}
}

func (h *hub) create(w http.ResponseWriter, r *http.Request, body []byte, input *openapi3filter.RequestValidationInput) {
	var req struct {
		Title, Body, Type string
		Labels, Assignees []string
	}
	if err := json.Unmarshal(body, &req); err != nil {
		h.t.Error(err)
	}
	h.mu.Lock()
	h.posts = append(h.posts, r)
	var f fault
	if len(h.faults) > 0 {
		f, h.faults = h.faults[0], h.faults[1:]
	}
	fails := f.status != 0 || f.how != ""
	issue := stored{number: len(h.issues) + 1, title: req.Title, body: req.Body, labels: req.Labels, login: h.login,
		state: "open", created: time.Now(), assignees: req.Assignees, kind: req.Type}
	if h.noPush {
		issue.labels, issue.assignees = nil, nil
	}
	if !fails || f.commit {
		h.issues = append(h.issues, issue)
	}
	h.mu.Unlock()
	if fails {
		h.fail(w, r, f)
		return
	}
	h.answer(w, input, 201, h.show(issue), nil)
}

func (h *hub) list(w http.ResponseWriter, r *http.Request, input *openapi3filter.RequestValidationInput) {
	q := r.URL.Query()
	h.mu.Lock()
	h.lists = append(h.lists, r)
	var f fault
	if len(h.listFault) > 0 {
		f, h.listFault = h.listFault[0], h.listFault[1:]
	}
	since, _ := time.Parse(time.RFC3339, q.Get("since"))
	var match []stored
	for _, i := range h.issues {
		hidden := time.Since(i.created) < h.lag || i.changed().Before(since)
		other := q.Get("creator") != "" && (q.Get("creator") != i.login || h.blind)
		if !hidden && !other && (q.Get("state") == "all" || q.Get("state") == i.state) {
			match = append(match, i)
		}
	}
	h.mu.Unlock()
	if f.how == "flap" {
		match = nil
	} else if f.status != 0 || f.how != "" {
		h.fail(w, r, f)
		return
	}
	slices.SortStableFunc(match, func(a, b stored) int {
		if q.Get("sort") == "updated" {
			return b.changed().Compare(a.changed())
		}
		return b.created.Compare(a.created)
	})
	if q.Get("direction") == "asc" {
		slices.Reverse(match)
	}
	size, page := atoi(q.Get("per_page"), 30), atoi(q.Get("page"), 1)
	last := max(1, (len(match)+size-1)/size)
	header := http.Header{}
	if page < last {
		next := *r.URL
		q.Set("page", strconv.Itoa(page+1))
		next.RawQuery = q.Encode()
		header.Set("Link", fmt.Sprintf(`<%s%s>; rel="next"`, h.server.URL, next.RequestURI()))
	}
	shown := []any{}
	for _, i := range match[min(len(match), (page-1)*size):min(len(match), page*size)] {
		shown = append(shown, h.show(i))
	}
	h.answer(w, input, 200, shown, header)
}

func atoi(s string, or int) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		return or
	}
	return n
}

// example returns a copy of one of the document's own examples.
func (h *hub) example(name string) map[string]any {
	var m map[string]any
	if err := json.Unmarshal(h.examples[name], &m); err != nil {
		h.t.Errorf("example %s: %v", name, err)
	}
	return m
}

// show is an issue as GitHub shows it.
func (h *hub) show(i stored) map[string]any {
	m := h.example("issue")
	delete(m, "pull_request")
	if i.pull {
		m["pull_request"] = map[string]any{"url": "https://x.test/1", "html_url": "https://x.test/1", "diff_url": "https://x.test/1", "patch_url": "https://x.test/1"}
	}
	labels := []any{}
	for n, l := range i.labels {
		labels = append(labels, map[string]any{"id": n + 1, "node_id": "L", "url": "https://x.test/l", "name": l, "description": "", "color": "f29513", "default": false})
	}
	m["labels"] = labels
	m["number"], m["title"], m["body"], m["state"] = i.number, i.title, i.body, i.state
	m["node_id"] = fmt.Sprintf("I_%d", i.number)
	m["html_url"] = fmt.Sprintf("https://github.test/octo/hello/issues/%d", i.number)
	m["created_at"] = i.created.UTC().Format(time.RFC3339)
	m["updated_at"] = i.changed().UTC().Format(time.RFC3339)
	m["closed_at"], m["state_reason"] = nil, nil
	if i.state == "closed" {
		m["closed_at"], m["state_reason"] = m["updated_at"], "completed"
		if i.reason != "" {
			m["state_reason"] = i.reason
		}
	}
	people := []any{}
	for _, a := range i.assignees {
		p := maps.Clone(m["user"].(map[string]any))
		p["login"] = a
		people = append(people, p)
	}
	m["assignees"] = people
	m["user"].(map[string]any)["login"] = i.login
	return m
}

// answer sends v after checking it against the document.
func (h *hub) answer(w http.ResponseWriter, input *openapi3filter.RequestValidationInput, status int, v any, header http.Header) {
	b, err := json.Marshal(v)
	if err != nil {
		h.t.Error(err)
	}
	sample := b
	if list, ok := v.([]any); ok && len(list) > 2 { // a whole page takes long to check
		sample, _ = json.Marshal(list[len(list)-2:])
	}
	if header == nil {
		header = http.Header{}
	}
	header.Set("Content-Type", "application/json")
	err = openapi3filter.ValidateResponse(context.Background(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: input, Status: status, Header: header, Body: io.NopCloser(bytes.NewReader(sample))})
	if err != nil {
		h.t.Errorf("the stand-in is wrong: %v", err)
	}
	maps.Copy(w.Header(), header)
	w.WriteHeader(status)
	w.Write(b)
}

func (h *hub) plain(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	io.WriteString(w, body)
}

// fail plays a fault.
func (h *hub) fail(w http.ResponseWriter, r *http.Request, f fault) {
	switch f.how {
	case "":
		maps.Copy(w.Header(), f.header)
		h.plain(w, f.status, f.body)
	case "garbage":
		h.plain(w, 201, "<html>proxy</html>")
	case "empty":
		w.WriteHeader(201)
	case "truncate":
		w.Header().Set("Content-Length", "5000")
		h.plain(w, 201, `{"number": 7, "title": "cut`)
		http.NewResponseController(w).Flush()
		cut(w, false)
	case "drip": // the head at once, the rest never
		h.plain(w, 201, `{"number":`)
		http.NewResponseController(w).Flush()
		<-r.Context().Done()
	case "hang":
		<-r.Context().Done()
	case "eof":
		cut(w, false)
	case "reset":
		cut(w, true)
	default:
		h.t.Errorf("no fault %q", f.how)
	}
}

// cut closes the connection without another byte.
func cut(w http.ResponseWriter, reset bool) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	if tcp, ok := conn.(*net.TCPConn); ok && reset {
		tcp.SetLinger(0)
	}
	conn.Close()
}

// count returns how many POSTs arrived and how many issues there are.
func (h *hub) count() (posts, issues int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.posts), len(h.issues)
}
