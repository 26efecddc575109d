// Package trackertest holds what every tracker that speaks HTTP has to stand:
// a service that fails in all the ways in which one can fail while an issue is
// made, and senders of webhooks who are not who they say. Tests call it; nothing
// else does.
package trackertest

import (
	"bytes"
	"context"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/iterateswarm/iterateswarm/sdk"
)

// Service is a stand-in for a tracker's service, with no issue in it.
type Service struct {
	Handler  http.Handler                         // does what the service does
	Creates  func(r *http.Request, b []byte) bool // whether a request creates an issue
	Issues   func() int                           // how many there are
	Secrets  []string                             // what no message may hold
	Accepted int                                  // the status of a confirmation: 201, or 200 for Linear
	New      func(base string, timeout time.Duration) sdk.Tracker
}

// fault is what happens to one request that creates.
type fault struct {
	commit bool // the issue is made all the same
	status int
	header http.Header
	how    string // "reset", "eof", "hang", "truncate", "garbage", "empty", "drip", "page"
}

// Request is one to file an issue with the key.
func Request(key string) sdk.CreateRequest {
	return sdk.CreateRequest{Key: key, Title: "Save <crashes> & burns", Body: sdk.Marker(key) + "\n\nText é 💥\n",
		RequestID: "req-7", Class: "bug", Severity: "high"}
}

// Faults files one issue for each fault and checks what the tracker says about
// it: one request, the outcome that the fault proves and no better, and after
// an Unknown the truth from Find.
func Faults(t *testing.T, make func(t testing.TB) Service) {
	retry := func(v string) http.Header { return http.Header{"Retry-After": {v}} }
	for name, c := range map[string]struct {
		fault fault
		want  sdk.Outcome
		wait  time.Duration // RetryAfter, give or take a tenth
	}{
		"no fault": {fault{}, sdk.Created, 0},

		"400": {fault{status: 400}, sdk.Rejected, 0},
		"401": {fault{status: 401}, sdk.Rejected, 0},
		"403": {fault{status: 403}, sdk.Rejected, 0},
		"404": {fault{status: 404}, sdk.Rejected, 0},
		"410": {fault{status: 410}, sdk.Rejected, 0},
		"413": {fault{status: 413}, sdk.Rejected, 0},
		"422": {fault{status: 422}, sdk.Rejected, 0},
		"301": {fault{status: 301, header: http.Header{"Location": {"/elsewhere"}}}, sdk.Rejected, 0},
		"308": {fault{status: 308, header: http.Header{"Location": {"/elsewhere"}}}, sdk.Rejected, 0},

		"408":                         {fault{status: 408}, sdk.NotCreated, 0},
		"429":                         {fault{status: 429, header: retry("7")}, sdk.NotCreated, 7 * time.Second},
		"429 without a time":          {fault{status: 429}, sdk.NotCreated, time.Minute},
		"429 for a year":              {fault{status: 429, header: retry("31536000")}, sdk.NotCreated, time.Hour},
		"403 and a time":              {fault{status: 403, header: retry("30")}, sdk.NotCreated, 30 * time.Second},
		"500 and nothing made":        {fault{status: 500}, sdk.Unknown, 0},
		"409":                         {fault{status: 409}, sdk.Unknown, 0},
		"commit, then 500":            {fault{commit: true, status: 500}, sdk.Unknown, 0},
		"commit, then 502":            {fault{commit: true, status: 502}, sdk.Unknown, 0},
		"commit, then 503 and a time": {fault{commit: true, status: 503, header: retry("3")}, sdk.Unknown, 0},
		"commit, then 504":            {fault{commit: true, status: 504}, sdk.Unknown, 0},
		"commit, then reset":          {fault{commit: true, how: "reset"}, sdk.Unknown, 0},
		"commit, then end":            {fault{commit: true, how: "eof"}, sdk.Unknown, 0},
		"commit, then silence":        {fault{commit: true, how: "hang"}, sdk.Unknown, 0},
		"a confirmation and half":     {fault{commit: true, how: "truncate"}, sdk.Unknown, 0},
		"a confirmation that stops":   {fault{commit: true, how: "drip"}, sdk.Unknown, 0},
		"a confirmation of a proxy":   {fault{commit: true, how: "garbage"}, sdk.Unknown, 0},
		"a confirmation without body": {fault{commit: true, how: "empty"}, sdk.Unknown, 0},
		"a confirmation of nothing":   {fault{commit: true, how: "page"}, sdk.Unknown, 0},
		"202":                         {fault{commit: true, status: 202}, sdk.Unknown, 0},
		"reset and nothing made":      {fault{how: "reset"}, sdk.Unknown, 0},
		"silence and nothing made":    {fault{how: "hang"}, sdk.Unknown, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := make(t)
			front := &front{Service: s, t: t, fault: c.fault}
			server := httptest.NewServer(front)
			t.Cleanup(server.Close)
			timeout := time.Minute
			if c.fault.how == "hang" || c.fault.how == "drip" {
				timeout = time.Second
			}
			tr := s.New(server.URL, timeout)
			began := time.Now()
			got := tr.Create(t.Context(), Request("k1"))
			if got.Outcome == "" {
				got.Outcome = sdk.Unknown // the zero reply means it
			}
			if got.Outcome != c.want || (got.RetryAfter-c.wait).Abs() > c.wait/10 {
				t.Errorf("got %s after %v (%s), want %s after %v", got.Outcome, got.RetryAfter, got.Message, c.want, c.wait)
			}
			if c.fault.status != 0 && got.HTTPStatus != c.fault.status {
				t.Errorf("status %d, want %d", got.HTTPStatus, c.fault.status)
			}
			if got.Message == "" && c.want != sdk.Created {
				t.Error("no message")
			}
			for _, secret := range append(s.Secrets, "127.0.0.1") {
				if strings.Contains(got.Message, secret) {
					t.Errorf("message %q holds %q", got.Message, secret)
				}
			}
			if n := front.creates(); n != 1 {
				t.Errorf("%d requests to create, want exactly one", n)
			}
			made := s.Issues()
			if made > 0 && got.Outcome != sdk.Unknown && got.Outcome != sdk.Created || made == 0 && got.Outcome == sdk.Created {
				t.Errorf("said %s with %d issues made", got.Outcome, made)
			}
			found, err := s.New(server.URL, time.Minute).Find(t.Context(), sdk.FindRequest{Key: "k1", Since: began})
			if err != nil || len(found) != made {
				t.Fatalf("Find = %+v, %v; want %d", found, err, made)
			}
			if made == 0 {
				return
			}
			f := found[0]
			if f.Key != "k1" || f.URL == "" || f.Number == 0 && f.NodeID == "" || f.State != "open" || f.Title != Request("k1").Title {
				t.Errorf("found %+v", f)
			}
			if got.Outcome == sdk.Created && (got.Number != f.Number || got.NodeID != f.NodeID || got.Name != f.Name || got.URL != f.URL) {
				t.Errorf("created %+v and found %+v", got, f)
			}
		})
	}
	t.Run("never sent", func(t *testing.T) {
		t.Parallel()
		closed := httptest.NewServer(nil)
		closed.Close()
		s := make(t)
		if got := s.New(closed.URL, time.Minute).Create(t.Context(), Request("k1")); got.Outcome != sdk.NotCreated {
			t.Errorf("refused: %+v, want not_created", got)
		}
		server := httptest.NewServer(s.Handler)
		t.Cleanup(server.Close)
		over, cancel := context.WithCancel(t.Context())
		cancel()
		if got := s.New(server.URL, time.Minute).Create(over, Request("k1")); got.Outcome != sdk.NotCreated || s.Issues() != 0 {
			t.Errorf("context over: %+v, want not_created", got)
		}
		bare := Request("k1")
		bare.Body = "no marker"
		if got := s.New(server.URL, time.Minute).Create(t.Context(), bare); got.Outcome != sdk.Rejected || s.Issues() != 0 {
			t.Errorf("without marker: %+v, want rejected", got)
		}
		if _, err := s.New(closed.URL, time.Minute).Find(t.Context(), sdk.FindRequest{Key: "k1"}); err == nil {
			t.Error("Find without a service: no error")
		}
	})
}

// front is the service with a fault before it.
type front struct {
	Service
	t     testing.TB
	fault fault

	mu sync.Mutex
	n  int
}

func (f *front) creates() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.n
}

func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	if !f.Creates(r, body) {
		f.Handler.ServeHTTP(w, r)
		return
	}
	for _, name := range []string{"Idempotency-Key", "X-Idempotency-Key"} {
		if r.Header.Get(name) != "" {
			f.t.Errorf("the request has a header %s, by which net/http would repeat it", name)
		}
	}
	f.mu.Lock()
	f.n++
	f.mu.Unlock()
	if f.fault.status == 0 && f.fault.how == "" {
		f.Handler.ServeHTTP(w, r)
		return
	}
	if f.fault.commit {
		f.Handler.ServeHTTP(httptest.NewRecorder(), r)
	}
	f.fail(w, r)
}

func (f *front) fail(w http.ResponseWriter, r *http.Request) {
	say := func(text string) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(f.Accepted)
		io.WriteString(w, text)
		http.NewResponseController(w).Flush()
	}
	switch f.fault.how {
	case "":
		maps.Copy(w.Header(), f.fault.header)
		w.WriteHeader(f.fault.status)
		io.WriteString(w, `{"message":"no"}`)
	case "garbage":
		say("<html>proxy</html>")
	case "page":
		say("{}")
	case "empty":
		w.WriteHeader(f.Accepted)
	case "truncate":
		w.Header().Set("Content-Length", "5000")
		say(`{"number": 7, "title": "cut`)
		cut(w, false)
	case "drip": // the head at once, the rest never
		say(`{"number":`)
		<-r.Context().Done()
	case "hang":
		<-r.Context().Done()
	case "eof":
		cut(w, false)
	case "reset":
		cut(w, true)
	default:
		f.t.Errorf("no fault %q", f.fault.how)
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
