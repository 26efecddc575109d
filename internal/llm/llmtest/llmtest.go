// Package llmtest stands in for a model's server: it speaks OpenAI's chat
// completions and Responses (and Azure's addresses for them), checks every
// request against OpenAI's published document when that is at hand, and fails
// in every way a server can. Only tests import it.
package llmtest

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
)

// SpecEnv names the file with OpenAI's document: openapi.json of
// github.com/openai/openai-openapi, whole or the paths used here.
const SpecEnv = "ITERATESWARM_TEST_OPENAI_SPEC"

// Request is what the server was asked.
type Request struct {
	Number int // counts from 1
	At     time.Time
	Path   string
	Key    string
	Model  string
	Mode   string // "strict", "json" or "prompt"
	Body   string // as it came
	Turns  int    // 1, or 3 for a repair
	Title  string // of the message
	Text   string // of the message
	Labels []string

	Language string    // of the project
	Similar  []Similar // the issues that were offered
	Inputs   []string  // texts to embed
}

// Similar is an issue that was offered as the one a message may be about.
type Similar struct{ ID, Title, Lead string }

// Server is a running stand-in.
type Server struct {
	URL    string // up to and without /chat/completions
	router routers.Router
	answer func(Request) Reply
	vector func(text string) []float64 // nil: no embeddings here
	lacks  map[string]bool
	done   chan struct{}

	mu       sync.Mutex
	requests []Request
	invalid  []string
}

// Start runs a stand-in until the test ends. It answers well until Respond says
// otherwise. Requests that do not fit the document fail the test.
func Start(t testing.TB) *Server {
	t.Helper()
	s := &Server{answer: func(r Request) Reply { return Text(Good(r)) }, lacks: map[string]bool{}, done: make(chan struct{})}
	if file := os.Getenv(SpecEnv); file != "" {
		s.router = document(t, file)
	}
	h := httptest.NewServer(s)
	s.URL = h.URL + "/v1"
	t.Cleanup(func() {
		close(s.done)
		h.CloseClientConnections()
		h.Close()
		for _, why := range s.invalid {
			t.Errorf("a request that OpenAI's document does not allow: %s", why)
		}
	})
	return s
}

// NeedSpec skips a test that is about the document alone.
func NeedSpec(t testing.TB) {
	t.Helper()
	if os.Getenv(SpecEnv) == "" {
		t.Skip("requests are not checked against OpenAI's document: set " + SpecEnv + " to its openapi.json")
	}
}

func document(t testing.TB, file string) routers.Router {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromFile(file)
	if err != nil {
		t.Fatalf("%s: %v", SpecEnv, err)
	}
	doc.Servers = nil
	r, err := gorillamux.NewRouter(doc)
	if err != nil {
		t.Fatalf("%s: %v", SpecEnv, err)
	}
	return r
}

// Respond sets what the server answers from now on.
func (s *Server) Respond(answer func(Request) Reply) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = answer
}

// Unchecked leaves requests unchecked: a check costs a few milliseconds, which a
// test with short deadlines does not have.
func (s *Server) Unchecked() { s.router = nil }

// Embed sets what the server says of a text that is to be embedded.
func (s *Server) Embed(vector func(text string) []float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.vector = vector
}

// embed answers a request for embeddings.
func embed(vector func(string) []float64, req Request) Reply {
	if vector == nil {
		return Status(404, `{"error":{"message":"no such model","type":"invalid_request_error","code":"model_not_found"}}`)
	}
	data := []any{}
	for i, s := range req.Inputs {
		data = append(data, map[string]any{"object": "embedding", "index": i, "embedding": vector(s)})
	}
	slices.Reverse(data) // the order is in the index
	tokens := len(req.Body) / 4
	raw, _ := json.Marshal(map[string]any{"object": "list", "model": req.Model, "data": data,
		"usage": map[string]any{"prompt_tokens": tokens, "total_tokens": tokens}}) // numbers and texts
	return Status(200, string(raw))
}

// Lacks makes the server refuse a way of asking for the form of an answer.
func (s *Server) Lacks(modes ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range modes {
		s.lacks[m] = true
	}
}

// Requests are all requests so far.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Request(nil), s.requests...)
}

// Calls is the number of requests so far.
func (s *Server) Calls() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.requests)
}

var azurePath = regexp.MustCompile(`^/openai/deployments/([^/]+)(/.*)$`)

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		return
	}
	path := strings.TrimPrefix(r.URL.Path, "/v1")
	if m := azurePath.FindStringSubmatch(path); m != nil {
		path = m[2]
	}
	req := read(path, body)
	req.Key = strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	if k := r.Header.Get("Api-Key"); k != "" {
		req.Key = "azure:" + k + ":" + r.URL.Query().Get("api-version")
	}
	s.check(r, path, body)
	s.mu.Lock()
	req.Number, req.At = len(s.requests)+1, time.Now()
	s.requests = append(s.requests, req)
	answer, lacks, vector := s.answer, s.lacks[req.Mode], s.vector
	s.mu.Unlock()
	if path == "/embeddings" {
		embed(vector, req).write(w, r, req, s.done)
		return
	}
	if lacks {
		Status(400, `{"error":{"message":"response_format is not supported","type":"invalid_request_error","param":"response_format","code":null}}`).write(w, r, req, s.done)
		return
	}
	answer(req).write(w, r, req, s.done)
}

// check validates a request against the document.
func (s *Server) check(r *http.Request, path string, body []byte) {
	if s.router == nil {
		return
	}
	plain, err := http.NewRequestWithContext(context.Background(), r.Method, path, bytes.NewReader(body))
	if err == nil {
		plain.Header = r.Header.Clone()
		var route *routers.Route
		var params map[string]string
		if route, params, err = s.router.FindRoute(plain); err == nil {
			err = openapi3filter.ValidateRequest(context.Background(), &openapi3filter.RequestValidationInput{
				Request: plain, Route: route, PathParams: params,
				Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc},
			})
		}
	}
	if err != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		why, _, _ := strings.Cut(err.Error(), "Schema:")
		if !slices.Contains(s.invalid, why) {
			s.invalid = append(s.invalid, why)
		}
	}
}

var message = regexp.MustCompile(`(?s)<<<MESSAGE [0-9a-f]+\n(.*)\nMESSAGE`)

var project = regexp.MustCompile(`(?m)^Project: (.*)$`)

// read takes a request of either kind apart.
func read(path string, body []byte) Request {
	type turn struct {
		Role    string `json:"role"`
		Content string `json:"content"`
	}
	type format struct {
		Type string `json:"type"`
	}
	var b struct {
		Model          string `json:"model"`
		Messages       []turn `json:"messages"`
		Input          []turn `json:"input"`
		ResponseFormat format `json:"response_format"`
		Text           struct {
			Format format `json:"format"`
		} `json:"text"`
	}
	_ = json.Unmarshal(body, &b) // what it does not say stays empty
	if path == "/embeddings" {
		var e struct{ Input []string }
		_ = json.Unmarshal(body, &e)
		return Request{Path: path, Model: b.Model, Body: string(body), Inputs: e.Input}
	}
	r := Request{Path: path, Model: b.Model, Body: string(body), Mode: "prompt"}
	turns := b.Input
	for _, t := range b.Messages {
		if t.Role != "system" {
			turns = append(turns, t)
		}
	}
	r.Turns = len(turns)
	switch b.ResponseFormat.Type + b.Text.Format.Type {
	case "json_schema":
		r.Mode = "strict"
	case "json_object":
		r.Mode = "json"
	}
	if len(turns) == 0 {
		return r
	}
	var m struct {
		Title, Text string
		Similar     []Similar
	}
	if hit := message.FindStringSubmatch(turns[0].Content); hit != nil {
		_ = json.Unmarshal([]byte(hit[1]), &m)
	}
	var p struct {
		Labels   []string
		Language string
	}
	if hit := project.FindStringSubmatch(turns[0].Content); hit != nil {
		_ = json.Unmarshal([]byte(hit[1]), &p)
	}
	r.Title, r.Text, r.Labels = m.Title, m.Text, p.Labels
	r.Similar, r.Language = m.Similar, p.Language
	return r
}
