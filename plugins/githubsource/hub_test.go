package githubsource

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
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
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/iterateswarm/iterateswarm/sdk"
)

// hub stands in for GitHub. Every request is checked against GitHub's published
// documents (testdata/NOTICE), and what it answers is too.
type hub struct {
	t      testing.TB
	server *httptest.Server
	docs   documents

	mu          sync.Mutex
	login       string // the token's account
	issues      []map[string]any
	comments    []map[string]any
	discussions string // the GraphQL answer
	labels      []label
	asked       []string // method and path of every request
	fail        func(r *http.Request) (status int, header http.Header, body string)
}

type documents struct {
	examples map[string][]byte
	router   routers.Router
	graph    *ast.Schema
}

var readDocuments = sync.OnceValues(func() (documents, error) {
	raw, err := unzip("testdata/github.json.gz")
	if err != nil {
		return documents{}, err
	}
	doc, err := openapi3.NewLoader().LoadFromData(raw)
	if err != nil {
		return documents{}, err
	}
	doc.Servers = openapi3.Servers{{URL: "/"}}
	router, err := gorillamux.NewRouter(doc)
	if err != nil {
		return documents{}, err
	}
	examples := map[string][]byte{}
	for name, e := range doc.Components.Examples {
		examples[name], _ = json.Marshal(e.Value.Value)
	}
	text, err := os.ReadFile("testdata/discussions.graphql")
	if err != nil {
		return documents{}, err
	}
	graph, err := gqlparser.LoadSchema(&ast.Source{Name: "discussions.graphql", Input: string(text)})
	if err != nil {
		return documents{}, err
	}
	return documents{examples, router, graph}, nil
})

func unzip(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(z)
}

const token = "ghp_testtoken0123456789"

func newHub(t testing.TB) *hub {
	t.Helper()
	docs, err := readDocuments()
	if err != nil {
		t.Fatal(err)
	}
	h := &hub{t: t, docs: docs, login: "swarm", discussions: `{"data":{"repository":{"discussions":{"pageInfo":{"hasNextPage":false},"nodes":[]}}}}`}
	h.server = httptest.NewServer(h)
	t.Cleanup(h.server.Close)
	return h
}

// source is the plugin, configured for the hub.
func (h *hub) source(more string) *Source {
	h.t.Helper()
	return source(h.t, fmt.Sprintf(`"token":%q,"base_url":%q%s`, token, h.server.URL, more))
}

func source(t testing.TB, config string) *Source {
	t.Helper()
	s := New()
	if wrong := s.Configure(t.Context(), sdk.Config{JSON: []byte(`{"owner":"octo","repo":"hello",` + config + `}`)}); wrong != nil {
		t.Fatal(wrong)
	}
	return s
}

func (h *hub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	h.mu.Lock()
	defer h.mu.Unlock()
	h.asked = append(h.asked, r.Method+" "+r.URL.Path)
	if r.Header.Get("Authorization") != "Bearer "+token {
		h.plain(w, 401, nil, `{"message":"Bad credentials"}`)
		return
	}
	if r.URL.Path == "/graphql" {
		h.graph(w, body)
		return
	}
	route, params, err := h.docs.router.FindRoute(r)
	if err != nil {
		h.t.Errorf("%s %s: %v", r.Method, r.URL, err)
		h.plain(w, 404, nil, `{"message":"Not Found"}`)
		return
	}
	input := &openapi3filter.RequestValidationInput{Request: r, PathParams: params, Route: route,
		Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc}}
	if err := openapi3filter.ValidateRequest(context.Background(), input); err != nil {
		h.t.Errorf("GitHub's document does not allow %s %s %s: %v", r.Method, r.URL, body, err)
		h.plain(w, 422, nil, `{"message":"Validation Failed"}`)
		return
	}
	if h.fail != nil {
		if status, header, text := h.fail(r); status != 0 {
			h.plain(w, status, header, text)
			return
		}
	}
	number, _ := strconv.Atoi(params["issue_number"])
	switch at := r.Method + " " + strings.TrimPrefix(route.Path, "/repos/{owner}/{repo}"); at {
	case "GET /user":
		user := h.example("private-user-response-with-public-profile-information")
		user["login"], user["user_view_type"] = h.login, "public"
		h.answer(w, input, 200, user, nil)
	case "GET ":
		repo := h.example("full-repository-default-response")
		delete(repo, "source") // neither these two nor the whole fit the document's own schema
		delete(repo, "parent")
		repo["language"] = "Go"
		h.answer(w, input, 200, repo, nil)
	case "GET /issues":
		h.list(w, r, input, h.issues)
	case "GET /issues/{issue_number}":
		for _, i := range h.issues {
			if i["number"] == number {
				h.answer(w, input, 200, i, nil)
				return
			}
		}
		h.plain(w, 404, nil, `{"message":"Not Found"}`)
	case "GET /issues/comments":
		h.list(w, r, input, h.comments)
	case "GET /issues/{issue_number}/comments":
		h.list(w, r, input, slices.DeleteFunc(slices.Clone(h.comments), func(c map[string]any) bool {
			return !strings.HasSuffix(c["issue_url"].(string), "/"+params["issue_number"])
		}))
	case "POST /issues/{issue_number}/comments":
		var req struct{ Body string }
		_ = json.Unmarshal(body, &req)
		c := h.comment(number, h.login, "User", req.Body, time.Now())
		h.comments = append(h.comments, c)
		h.answer(w, input, 201, c, nil)
	case "PATCH /issues/comments/{comment_id}":
		for _, c := range h.comments {
			if fmt.Sprint(c["id"]) == params["comment_id"] {
				var req struct{ Body string }
				_ = json.Unmarshal(body, &req)
				c["body"] = req.Body
				h.answer(w, input, 200, c, nil)
				return
			}
		}
		h.plain(w, 404, nil, `{"message":"Not Found"}`)
	case "POST /issues/{issue_number}/labels":
		var req struct{ Labels []label }
		_ = json.Unmarshal(body, &req)
		h.labels = append(h.labels, req.Labels...)
		h.answer(w, input, 200, []any{}, nil)
	default:
		h.t.Errorf("the stand-in has no %s", at)
	}
}

// graph checks a query and its variables against GitHub's schema.
func (h *hub) graph(w http.ResponseWriter, body []byte) {
	var req struct {
		Query     string
		Variables map[string]any
	}
	if err := json.Unmarshal(body, &req); err != nil {
		h.t.Error(err)
	}
	if _, err := gqlparser.LoadQueryWithRules(h.docs.graph, req.Query, nil); err != nil {
		h.t.Errorf("GitHub's schema does not allow the query: %v", err)
	}
	if req.Variables["owner"] != "octo" || req.Variables["repo"] != "hello" {
		h.t.Errorf("variables %v", req.Variables)
	}
	h.plain(w, 200, nil, h.discussions)
}

// list pages through what was updated since, sorted as asked.
func (h *hub) list(w http.ResponseWriter, r *http.Request, input *openapi3filter.RequestValidationInput, all []map[string]any) {
	q := r.URL.Query()
	since, _ := time.Parse(time.RFC3339, q.Get("since"))
	shown := []map[string]any{}
	for _, p := range all {
		if at, _ := time.Parse(time.RFC3339, p["updated_at"].(string)); !at.Before(since) {
			shown = append(shown, p)
		}
	}
	if q.Get("sort") == "updated" && q.Get("direction") == "asc" {
		slices.SortStableFunc(shown, func(a, b map[string]any) int {
			return cmp.Compare(a["updated_at"].(string), b["updated_at"].(string))
		})
	}
	size, _ := strconv.Atoi(q.Get("per_page"))
	page, _ := strconv.Atoi(q.Get("page"))
	header := http.Header{}
	if len(shown) > page*size {
		next := *r.URL
		q.Set("page", strconv.Itoa(page+1))
		next.RawQuery = q.Encode()
		header.Set("Link", fmt.Sprintf(`<%s%s>; rel="next"`, h.server.URL, next.RequestURI()))
	}
	h.answer(w, input, 200, shown[min(len(shown), (page-1)*size):min(len(shown), page*size)], header)
}

func (h *hub) example(name string) map[string]any {
	var m map[string]any
	if err := json.Unmarshal(h.docs.examples[name], &m); err != nil {
		h.t.Errorf("example %s: %v", name, err)
	}
	return m
}

// issue is one as GitHub shows it.
func (h *hub) issue(number int, login, kind, body string, at time.Time) map[string]any {
	m := h.example("issue")
	delete(m, "pull_request")
	m["number"], m["title"], m["body"] = number, fmt.Sprintf("Issue %d", number), body
	m["html_url"] = fmt.Sprintf("https://github.test/octo/hello/issues/%d", number)
	m["created_at"], m["updated_at"] = stamp(at), stamp(at)
	m["user"].(map[string]any)["login"], m["user"].(map[string]any)["type"] = login, kind
	return m
}

func (h *hub) comment(number int, login, kind, body string, at time.Time) map[string]any {
	m := h.example("issue-comment")
	m["id"], m["body"] = 1000+len(h.comments), body
	m["issue_url"] = fmt.Sprintf("https://api.github.test/repos/octo/hello/issues/%d", number)
	m["html_url"] = fmt.Sprintf("https://github.test/octo/hello/issues/%d#issuecomment-%d", number, m["id"])
	m["created_at"], m["updated_at"] = stamp(at), stamp(at)
	m["user"].(map[string]any)["login"], m["user"].(map[string]any)["type"] = login, kind
	return m
}

func stamp(at time.Time) string { return at.UTC().Format(time.RFC3339) }

// answer sends v after checking it against the document.
func (h *hub) answer(w http.ResponseWriter, input *openapi3filter.RequestValidationInput, status int, v any, header http.Header) {
	b, err := json.Marshal(v)
	if err != nil {
		h.t.Error(err)
	}
	sample := b
	if list, ok := v.([]map[string]any); ok && len(list) > 2 { // a whole page takes long to check
		sample, _ = json.Marshal(list[:2])
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
	_, _ = w.Write(b)
}

func (h *hub) plain(w http.ResponseWriter, status int, header http.Header, body string) {
	maps.Copy(w.Header(), header)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
}
