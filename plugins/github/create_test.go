package github

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	gh "github.com/google/go-github/v62/github"

	"github.com/iterateswarm/iterateswarm/sdk"
	"github.com/iterateswarm/iterateswarm/sdk/rest/trackertest"
)

func request(key string) sdk.CreateRequest {
	return sdk.CreateRequest{Key: key, Title: "Save <crashes> & burns", Body: sdk.Marker(key) + "\n\nText é 💥",
		Labels: []string{"bug", "ui"}, RequestID: "req-7"}
}

// bare has no labels, so that only the POST is sent.
func bare(key string) sdk.CreateRequest {
	req := request(key)
	req.Labels = nil
	return req
}

func TestCreate(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	tr := h.tracker(`,"labels":["from-feedback","bug"]`)
	h.issues = make([]stored, 41)
	got := tr.Create(t.Context(), request("k1"))
	want := sdk.CreateReply{Outcome: sdk.Created, Number: 42, NodeID: "I_42", HTTPStatus: 201,
		URL: "https://github.test/octo/hello/issues/42"}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("reply (-want +got):\n%s", d)
	}
	issue := h.issues[41]
	if issue.title != "Save <crashes> & burns" || issue.body != sdk.Marker("k1")+"\n\nText é 💥" {
		t.Errorf("stored %q, %q", issue.title, issue.body)
	}
	if d := cmp.Diff([]string{"Bug", "ui", "from-feedback"}, issue.labels); d != "" {
		t.Errorf("labels (-want +got):\n%s", d)
	}
	head := h.posts[0].Header
	for name, want := range map[string]string{"X-Request-Id": "req-7", "Idempotency-Key": "", "X-Idempotency-Key": "",
		"Content-Type": "application/json", "X-Github-Api-Version": "2022-11-28", "User-Agent": "iterateswarm"} {
		if got := head.Get(name); got != want {
			t.Errorf("header %s = %q, want %q", name, got, want)
		}
	}

	h.noPush = true
	if got := tr.Create(t.Context(), request("k2")); got.Outcome != sdk.Created || !strings.Contains(got.Message, "did not set the label Bug, the label ui, the label from-feedback") {
		t.Errorf("labels dropped in silence: %+v", got)
	}
	if got := tr.Create(t.Context(), sdk.CreateRequest{Key: "k3", Body: "no marker"}); got.Outcome != sdk.Rejected {
		t.Errorf("without marker: %+v, want rejected", got)
	}
	if posts, _ := h.count(); posts != 2 {
		t.Errorf("%d POSTs, want 2", posts)
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestRequestCannotBeSentTwice looks at what the transport is given.
func TestRequestCannotBeSentTwice(t *testing.T) {
	t.Parallel()
	tr := tracker(t, "https://x.test", "")
	var seen *http.Request
	tr.client = gh.NewClient(&http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
		seen = r
		return nil, io.ErrUnexpectedEOF
	})})
	tr.Create(t.Context(), bare("k1"))
	if seen == nil || seen.GetBody != nil || seen.Header.Get("Idempotency-Key") != "" || seen.Header.Get("X-Idempotency-Key") != "" {
		t.Errorf("the transport got %+v, want no GetBody and no key", seen)
	}
}

func TestOutcomes(t *testing.T) {
	t.Parallel()
	soon := time.Now().Add(20 * time.Minute)
	const secondary = `{"message":"You have exceeded a secondary rate limit.","documentation_url":"https://docs.github.com/rest/overview/rate-limits-for-the-rest-api#about-secondary-rate-limits"}`
	retry := func(v string) http.Header { return http.Header{"Retry-After": {v}} }
	used := http.Header{"X-Ratelimit-Remaining": {"0"}, "X-Ratelimit-Limit": {"5000"}, "X-Ratelimit-Reset": {fmt.Sprint(soon.Unix())}}
	for name, c := range map[string]struct {
		fault fault
		want  sdk.Outcome
		wait  time.Duration // RetryAfter, give or take a tenth
	}{
		"400": {fault{status: 400, body: `{"message":"Problems parsing JSON"}`}, sdk.Rejected, 0},
		"401": {fault{status: 401, body: `{"message":"Bad credentials"}`}, sdk.Rejected, 0},
		"403": {fault{status: 403, body: `{"message":"Resource not accessible by personal access token"}`}, sdk.Rejected, 0},
		"404": {fault{status: 404, body: `{"message":"Not Found"}`}, sdk.Rejected, 0},
		"410": {fault{status: 410, body: `{"message":"Issues are disabled for this repo"}`}, sdk.Rejected, 0},
		"413": {fault{status: 413}, sdk.Rejected, 0},
		"422": {fault{status: 422, body: `{"message":"Validation Failed","errors":[{"resource":"Issue","field":"title","code":"custom","message":"title is too long"}]}`}, sdk.Rejected, 0},
		"301": {fault{status: 301, header: http.Header{"Location": {"/repositories/1/issues"}}}, sdk.Rejected, 0},
		"307": {fault{status: 307, header: http.Header{"Location": {"/repos/octo/hello/issues"}}}, sdk.Rejected, 0},

		"408":                       {fault{status: 408}, sdk.NotCreated, 0},
		"429":                       {fault{status: 429, header: retry("7")}, sdk.NotCreated, 7 * time.Second},
		"429 without a time":        {fault{status: 429}, sdk.NotCreated, time.Minute},
		"429 with a date":           {fault{status: 429, header: retry(soon.UTC().Format(http.TimeFormat))}, sdk.NotCreated, 20 * time.Minute},
		"429 with nonsense":         {fault{status: 429, header: retry("soon")}, sdk.NotCreated, time.Minute},
		"429 for a day":             {fault{status: 429, header: retry("86400")}, sdk.NotCreated, time.Hour},
		"429 in the past":           {fault{status: 429, header: retry("-5")}, sdk.NotCreated, time.Second},
		"403 primary limit":         {fault{status: 403, header: used, body: `{"message":"API rate limit exceeded"}`}, sdk.NotCreated, 20 * time.Minute},
		"403 secondary limit":       {fault{status: 403, header: retry("30"), body: secondary}, sdk.NotCreated, 30 * time.Second},
		"403 secondary, no time":    {fault{status: 403, body: secondary}, sdk.NotCreated, time.Minute},
		"403 with only Retry-After": {fault{status: 403, header: retry("9"), body: `{}`}, sdk.NotCreated, 9 * time.Second},

		"commit, then 500":              {fault{commit: true, status: 500}, sdk.Unknown, 0},
		"commit, then 502":              {fault{commit: true, status: 502, body: "<html>"}, sdk.Unknown, 0},
		"commit, then 503, Retry-After": {fault{commit: true, status: 503, header: retry("5")}, sdk.Unknown, 0},
		"commit, then 504":              {fault{commit: true, status: 504}, sdk.Unknown, 0},
		"commit, then reset":            {fault{commit: true, how: "reset"}, sdk.Unknown, 0},
		"commit, then end":              {fault{commit: true, how: "eof"}, sdk.Unknown, 0},
		"commit, then silence":          {fault{commit: true, how: "hang"}, sdk.Unknown, 0},
		"201 and half an answer":        {fault{commit: true, how: "truncate"}, sdk.Unknown, 0},
		"201 and a body that stops":     {fault{commit: true, how: "drip"}, sdk.Unknown, 0},
		"201 of a proxy":                {fault{commit: true, how: "garbage"}, sdk.Unknown, 0},
		"201 without a body":            {fault{commit: true, how: "empty"}, sdk.Unknown, 0},
		"200":                           {fault{commit: true, status: 200, body: `{"number":7}`}, sdk.Unknown, 0},
		"202":                           {fault{commit: true, status: 202, body: `{}`}, sdk.Unknown, 0},
		"500 and nothing made":          {fault{status: 500}, sdk.Unknown, 0},
		"409":                           {fault{status: 409}, sdk.Unknown, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHub(t)
			h.faults = []fault{c.fault}
			tr := h.tracker("")
			if c.fault.how == "hang" || c.fault.how == "drip" {
				tr.timeout = 150 * time.Millisecond
			}
			got := tr.Create(t.Context(), request("k1"))
			if got.Outcome == "" {
				got.Outcome = sdk.Unknown // the zero reply means it
			}
			if got.Outcome != c.want || (got.RetryAfter-c.wait).Abs() > c.wait/10 {
				t.Errorf("got %s after %v (%s), want %s after %v", got.Outcome, got.RetryAfter, got.Message, c.want, c.wait)
			}
			if got.HTTPStatus != c.fault.status && c.fault.status != 0 {
				t.Errorf("status %d, want %d", got.HTTPStatus, c.fault.status)
			}
			if got.Message == "" || strings.Contains(got.Message, token) || strings.Contains(got.Message, "127.0.0.1") {
				t.Errorf("message %q", got.Message)
			}
			posts, issues := h.count()
			if posts != 1 {
				t.Errorf("%d POSTs, want exactly one", posts)
			}
			if issues > 0 && got.Outcome != sdk.Unknown || issues == 0 && got.Outcome == sdk.Created {
				t.Errorf("said %s with %d issues made", got.Outcome, issues)
			}
		})
	}
}

func TestNeverSentIsNotCreated(t *testing.T) {
	t.Parallel()
	closed := httptest.NewServer(nil)
	closed.Close()
	plain := httptest.NewServer(nil) // speaks no TLS
	t.Cleanup(plain.Close)
	stranger := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a request was sent to a stranger") }))
	stranger.Config.ErrorLog = log.New(io.Discard, "", 0)
	t.Cleanup(stranger.Close)
	for name, base := range map[string]string{
		"refused":             closed.URL,
		"no such host":        "https://no-such-host.invalid",
		"no TLS":              strings.Replace(plain.URL, "http:", "https:", 1),
		"unknown certificate": stranger.URL,
	} {
		t.Run(name, func(t *testing.T) {
			got := tracker(t, base, "").Create(t.Context(), bare("k1"))
			if got.Outcome != sdk.NotCreated || !strings.HasPrefix(got.Message, "the request was not sent") {
				t.Errorf("got %+v, want not_created", got)
			}
		})
	}
	t.Run("context over", func(t *testing.T) {
		h := newHub(t)
		over, cancel := context.WithCancel(t.Context())
		cancel()
		if got := h.tracker("").Create(over, bare("k1")); got.Outcome != sdk.NotCreated {
			t.Errorf("got %+v, want not_created", got)
		}
		if posts, _ := h.count(); posts != 0 {
			t.Errorf("%d POSTs", posts)
		}
	})
	t.Run("held back by go-github", func(t *testing.T) {
		h := newHub(t)
		h.faults = []fault{{status: 403, header: http.Header{"Retry-After": {"40"}},
			body: `{"documentation_url":"https://docs.github.com/x#about-secondary-rate-limits"}`}}
		tr := h.tracker("")
		tr.Create(t.Context(), bare("k1"))
		got := tr.Create(t.Context(), bare("k1"))
		if posts, _ := h.count(); posts != 1 || got.Outcome != sdk.NotCreated || got.RetryAfter < 30*time.Second {
			t.Errorf("second try: %d POSTs, %+v", posts, got)
		}
	})
}

// net/http repeats a request by itself when a kept-alive connection turns out to
// be dead, if it thinks that it may.
func TestDeadConnectionMakesOneIssue(t *testing.T) {
	t.Parallel()
	// The server answers the first request of a connection. The second one it
	// carries out, and closes the connection instead of answering.
	var created atomic.Int32
	server := httptest.NewServer(nil)
	t.Cleanup(server.Close)
	seen := make(map[string]bool) // one request at a time
	server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		second := seen[r.RemoteAddr]
		seen[r.RemoteAddr] = true
		if r.Method == "POST" {
			created.Add(1)
		}
		if second {
			cut(w, false)
			return
		}
		w.WriteHeader(201)
		io.WriteString(w, `{"number":1,"node_id":"I_1"}`)
	})
	warm := func(c *http.Client) *http.Client {
		resp, err := c.Get(server.URL + "/warm")
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		created.Store(0)
		return c
	}
	base, _ := url.Parse(server.URL + "/")

	t.Run("control: an Idempotency-Key header makes two", func(t *testing.T) {
		client := warm(&http.Client{Transport: &http.Transport{}})
		req, _ := http.NewRequest("POST", server.URL, strings.NewReader("{}"))
		req.Header.Set("Idempotency-Key", "k1")
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if n := created.Load(); n != 2 {
			t.Errorf("%d issues; the server of this test does not bite", n)
		}
	})
	t.Run("over a kept-alive connection", func(t *testing.T) {
		tr := tracker(t, server.URL, "")
		tr.client = gh.NewClient(warm(&http.Client{Transport: &http.Transport{}})) // not what Configure makes
		tr.client.BaseURL = base
		got := tr.Create(t.Context(), bare("k1"))
		if n := created.Load(); n != 1 || got.Outcome == sdk.Created || got.Outcome == sdk.NotCreated {
			t.Errorf("%d issues and outcome %q, want one and unknown", n, got.Outcome)
		}
	})
	t.Run("as configured", func(t *testing.T) {
		tr := tracker(t, server.URL, "")
		tr.Check(t.Context()) // opens a connection
		for i := range 3 {
			created.Store(0)
			got := tr.Create(t.Context(), bare("k1"))
			if n := created.Load(); n != 1 || got.Outcome != sdk.Created {
				t.Errorf("create %d: %d issues and outcome %q, want one and created", i, n, got.Outcome)
			}
		}
	})
}

func TestConfigure(t *testing.T) {
	t.Parallel()
	for config, want := range map[string]string{
		`{"token":"t","owner":"o","repo":"r"}`:                                             "",
		`{"token":"t","owner":"o","repo":"r.js_2-x","base_url":"https://ghe.test/api/v3"}`: "",
		`{"token":"t","owner":"o","repo":"r","base_url":"http://127.0.0.1:1"}`:             "",
		`{"token":"t","owner":"o","repo":"r","base_url":"http://ghe.test/"}`:               "base_url",
		`{"token":"t","owner":"o","repo":"r","base_url":"https://u:p@ghe.test/"}`:          "base_url",
		`{"token":"t","owner":"o","repo":"r","base_url":"ghe.test"}`:                       "base_url",
		`{"token":"","owner":"o","repo":"r"}`:                                              "token",
		`{"token":"a\nb","owner":"o","repo":"r"}`:                                          "token",
		`{"token":"t","owner":"o/x","repo":"r"}`:                                           "owner",
		`{"token":"t","owner":"..","repo":"r"}`:                                            "owner",
		`{"token":"t","owner":"o","repo":"o/r"}`:                                           "repo",
		`{"token":"t","owner":"o","repo":".."}`:                                            "repo",
		`{"token":"t","owner":"o","repo":7}`:                                               "repo",
	} {
		wrong := New().Configure(t.Context(), sdk.Config{JSON: []byte(config)})
		got := ""
		if len(wrong) > 0 {
			got = wrong[0].Field
		}
		if got != want || len(wrong) > 1 {
			t.Errorf("%s: %v, want one about %q", config, wrong, want)
		}
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	for name, c := range map[string]struct {
		repo map[string]any
		ok   bool
		says string
	}{
		"fine":      {map[string]any{"archived": false, "has_issues": true}, true, "octo/hello"},
		"archived":  {map[string]any{"archived": true}, false, "archived"},
		"no issues": {map[string]any{"has_issues": false}, false, "switched off"},
	} {
		h.repo = c.repo
		if got := h.tracker("").Check(t.Context()); got.OK != c.ok || !strings.Contains(got.Detail, c.says) {
			t.Errorf("%s: %+v", name, got)
		}
	}
	for status, says := range map[int]string{401: "does not accept the token", 404: "knows no octo/hello", 301: "has moved", 500: "500"} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
		if got := tracker(t, server.URL, "").Check(t.Context()); got.OK || !strings.Contains(got.Detail, says) {
			t.Errorf("%d: %+v", status, got)
		}
		server.Close()
		if got := tracker(t, server.URL, "").Check(t.Context()); got.OK || !strings.Contains(got.Detail, "cannot be reached") {
			t.Errorf("down: %+v", got)
		}
	}
}

// recorder is a testing.TB that counts errors instead of failing.
type recorder struct {
	testing.TB
	errors int
}

func (r *recorder) Errorf(string, ...any) { r.errors++ }

func TestTheStandInKnowsGitHubsDocument(t *testing.T) {
	t.Parallel()
	for request, want := range map[string]int{
		`POST /repos/octo/hello/issues {"title":"x"}`:              0,
		`POST /repos/octo/hello/issues {"body":"no title"}`:        1,
		`POST /repos/octo/hello/issues {"title":"x","labels":"y"}`: 1,
		`GET /repos/octo/hello/issues?state=all `:                  0,
		`GET /repos/octo/hello/issues?state=bogus `:                1,
		`GET /repos/octo/hello/tickets `:                           1,
	} {
		h := newHub(t)
		counted := &recorder{TB: t}
		h.t = counted
		f := strings.SplitN(request, " ", 3)
		req, _ := http.NewRequest(f[0], h.server.URL+f[1], strings.NewReader(f[2]))
		req.Header.Set("Authorization", "Bearer "+token)
		req.Header.Set("Content-Type", "application/json")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if counted.errors != want {
			t.Errorf("%s: %d complaints, want %d", request, counted.errors, want)
		}
	}
}

// TestFaults is what every tracker over HTTP stands; TestOutcomes has what only
// GitHub does.
func TestFaults(t *testing.T) {
	t.Parallel()
	trackertest.Faults(t, func(t testing.TB) trackertest.Service {
		h := newHub(t)
		return trackertest.Service{
			Handler: h, Secrets: []string{token}, Accepted: 201,
			Issues: func() int { _, n := h.count(); return n },
			Creates: func(r *http.Request, _ []byte) bool {
				return r.Method == "POST" && strings.HasSuffix(r.URL.Path, "/issues")
			},
			New: func(base string, timeout time.Duration) sdk.Tracker {
				tr := tracker(t, base, "")
				tr.timeout = timeout
				return tr
			},
		}
	})
}
