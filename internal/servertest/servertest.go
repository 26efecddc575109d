// Package servertest starts the real product for tests, as net/http/httptest
// starts a server: a data directory of its own, a free port on 127.0.0.1, real
// PocketBase, River and plugin processes. Only tests import it.
package servertest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"github.com/iterateswarm/iterateswarm/internal/command"
	"github.com/iterateswarm/iterateswarm/internal/config"
	"github.com/iterateswarm/iterateswarm/internal/records"
	"github.com/iterateswarm/iterateswarm/plugins"
	"github.com/iterateswarm/iterateswarm/sdk"
)

// Main is the TestMain of a package that starts servers: the test binary
// serves a plugin when the host starts it as "plugin NAME", one of its own or a
// bundled one.
func Main(m *testing.M, own ...sdk.Plugin) {
	if len(os.Args) == 3 && os.Args[1] == "plugin" {
		for _, p := range own {
			if p.Manifest().Name == os.Args[2] {
				sdk.Serve(p)
				os.Exit(0)
			}
		}
		if err := plugins.Serve(os.Args[2]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// With lets a server start plugins of the test; the same were given to Main.
func With(own ...sdk.Plugin) func(*command.Options) {
	return func(o *command.Options) {
		for _, p := range own {
			o.Manifests = append(o.Manifests, sdk.Describe(p))
		}
	}
}

// Server is a running product.
type Server struct {
	*command.Server
	URL  string
	Dir  string // the data directory; the key and the filed issues lie beside it
	logs *lockedBuffer
	t    testing.TB
}

// Start runs a server until the test ends. change may alter its options.
func Start(t testing.TB, change ...func(*command.Options)) *Server {
	t.Helper()
	return StartIn(t, filepath.Join(t.TempDir(), "pb_data"), change...)
}

// Options open a data directory as Start does, with plugins served by the test
// binary and no log.
func Options(dir string) command.Options {
	return command.Options{
		Dir: dir, Config: config.Default(), Log: slog.New(slog.DiscardHandler), Manifests: plugins.Manifests(),
		PluginCommand: func(name string) *exec.Cmd { return exec.Command(os.Args[0], "plugin", name) },
	}
}

// StartIn runs a server on a data directory that may exist.
func StartIn(t testing.TB, dir string, change ...func(*command.Options)) *Server {
	t.Helper()
	logs := &lockedBuffer{}
	o := Options(dir)
	o.Log = slog.New(slog.NewJSONHandler(logs, nil))
	o.Config.API.RateBurst = 100_000
	for _, c := range change {
		c(&o)
	}
	ctx, cancel := context.WithCancel(context.Background())
	s, err := command.Open(ctx, o)
	if err != nil {
		cancel()
		t.Fatalf("open server: %v", err)
	}
	ready, done := make(chan string, 1), make(chan error, 1)
	go func() {
		done <- s.Serve(ctx, command.Listen{HTTP: "127.0.0.1:0", Ready: func(addr string) { ready <- addr }})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("serve: %v", err)
		}
		if t.Failed() {
			t.Logf("server log:\n%s", logs.String())
		}
	})
	select {
	case addr := <-ready:
		return &Server{Server: s, URL: "http://" + addr, Dir: dir, logs: logs, t: t}
	case err := <-done:
		done <- err
		t.Fatalf("serve: %v", err)
	case <-time.After(30 * time.Second):
		t.Fatal("the server was not ready within 30 s")
	}
	return nil
}

// Log is what the server has logged so far, JSON lines.
func (s *Server) Log() string { return s.logs.String() }

// Answer is what a server said.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// JSON decodes the body into v.
func (a Answer) JSON(t testing.TB, v any) {
	t.Helper()
	if err := json.Unmarshal(a.Body, v); err != nil {
		t.Fatalf("answer %d is no JSON: %v\n%s", a.Status, err, a.Body)
	}
}

// Map decodes the body as a JSON object.
func (a Answer) Map(t testing.TB) map[string]any {
	t.Helper()
	var m map[string]any
	a.JSON(t, &m)
	return m
}

// Do sends a request. body is nil, a string, bytes, or a value sent as JSON.
// header holds names and values in turn; "Authorization" is a token.
func (s *Server) Do(method, path string, body any, header ...string) Answer {
	s.t.Helper()
	var r io.Reader
	kind := ""
	switch b := body.(type) {
	case nil:
	case string:
		r = strings.NewReader(b)
	case []byte:
		r = bytes.NewReader(b)
	default:
		raw, err := json.Marshal(b)
		if err != nil {
			s.t.Fatal(err)
		}
		r, kind = bytes.NewReader(raw), "application/json"
	}
	req, err := http.NewRequest(method, s.URL+path, r)
	if err != nil {
		s.t.Fatal(err)
	}
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatalf("%s %s: %v", method, path, err)
	}
	return Answer{Status: res.StatusCode, Header: res.Header, Body: raw}
}

// Post sends one message and returns its id once it is settled.
func (s *Server) Post(content string, more ...string) string {
	s.t.Helper()
	body := map[string]any{"content": content, "source": "discord", "user_id": "u1"}
	for i := 0; i+1 < len(more); i += 2 {
		body[more[i]] = more[i+1]
	}
	a := s.Do("POST", "/api/feedback?wait=20s", body)
	if a.Status != 200 {
		s.t.Fatalf("post %q: %d %s", content, a.Status, a.Body)
	}
	return a.Map(s.t)["FeedbackID"].(string)
}

// Project is the id of the default project.
func (s *Server) Project() string {
	s.t.Helper()
	p, err := records.ProjectBySlug(s.App, "")
	if err != nil {
		s.t.Fatal(err)
	}
	return p.Id
}

// User makes a user with a role in the default project ("" for none) and
// returns its token.
func (s *Server) User(role string) string {
	s.t.Helper()
	u := s.save(records.Users, map[string]any{"email": core.GenerateDefaultRandomId() + "@example.com", "password": "correct horse", "verified": true})
	if role != "" {
		s.save(records.Members, map[string]any{"user": u.Id, "project": s.Project(), "role": role})
	}
	return s.token(u)
}

// Superuser makes a superuser and returns its token.
func (s *Server) Superuser() string {
	s.t.Helper()
	return s.token(s.save(core.CollectionNameSuperusers, map[string]any{"email": core.GenerateDefaultRandomId() + "@example.com", "password": "correct horse"}))
}

func (s *Server) token(r *core.Record) string {
	s.t.Helper()
	token, err := r.NewAuthToken()
	if err != nil {
		s.t.Fatal(err)
	}
	return token
}

// Key makes an ingest key for the default project with a bucket that tests do not empty.
func (s *Server) Key() string {
	s.t.Helper()
	key, prefix := records.NewKey()
	s.save(records.Keys, map[string]any{"project": s.Project(), "name": "test", "hash": records.KeyHash(key), "prefix": prefix, "burst": 100_000, "every_ms": 1})
	return key
}

// Save makes a record of a collection.
func (s *Server) Save(collection string, fields map[string]any) *core.Record {
	s.t.Helper()
	return s.save(collection, fields)
}

func (s *Server) save(collection string, fields map[string]any) *core.Record {
	s.t.Helper()
	c, err := s.App.FindCollectionByNameOrId(collection)
	if err != nil {
		s.t.Fatal(err)
	}
	r := core.NewRecord(c)
	r.Load(fields)
	if err := s.App.Save(r); err != nil {
		s.t.Fatalf("save %s: %v", collection, err)
	}
	return r
}

// Record reads a record; the test fails when there is none.
func (s *Server) Record(collection, id string) *core.Record {
	s.t.Helper()
	r, err := s.App.FindRecordById(collection, id)
	if err != nil {
		s.t.Fatalf("%s %s: %v", collection, id, err)
	}
	return r
}

// Count counts the records with the given values; nil counts all.
func (s *Server) Count(collection string, where dbx.HashExp) int {
	s.t.Helper()
	var by []dbx.Expression
	if len(where) > 0 {
		by = append(by, where)
	}
	n, err := s.App.CountRecords(collection, by...)
	if err != nil {
		s.t.Fatal(err)
	}
	return int(n)
}

// Until waits for a condition, at most 30 s.
func (s *Server) Until(what string, ok func() bool) {
	s.t.Helper()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if ok() {
			return
		}
	}
	s.t.Fatalf("waited 30 s in vain for %s", what)
}
