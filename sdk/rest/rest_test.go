package rest

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/iterateswarm/iterateswarm/sdk"
)

func FuzzRetryAfter(f *testing.F) {
	for _, v := range []string{"7", "-1", "99999999999999999999", "1e9", "Fri, 31 Dec 1999 23:59:59 GMT", " 3 ", "\xff"} {
		f.Add(v, v)
	}
	f.Fuzz(func(t *testing.T, after, reset string) {
		h := http.Header{"Retry-After": {after}, "X-Ratelimit-Remaining": {"0"}, "X-Ratelimit-Reset": {reset}}
		if d := RetryAfter(h, time.Now()); d < time.Second || d > time.Hour {
			t.Errorf("Retry-After %q, reset %q: %v", after, reset, d)
		}
	})
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_800_000_000, 0)
	for _, c := range []struct {
		name, value string
		want        time.Duration
	}{
		{"Retry-After", "7", 7 * time.Second}, {"Retry-After", now.Add(90 * time.Second).UTC().Format(http.TimeFormat), 90 * time.Second},
		{"X-Ratelimit-Reset", "1800000040", 40 * time.Second}, {"Ratelimit-Reset", "1800000040", 40 * time.Second}, {"X-Other", "7", time.Minute},
	} {
		h := http.Header{"Ratelimit-Remaining": {"0"}, c.name: {c.value}}
		if got := RetryAfter(h, now); got != c.want {
			t.Errorf("%s %s: %v, want %v", c.name, c.value, got, c.want)
		}
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// A client of a service that builds its own requests goes through bounded.
func TestNoRequestCanBeSentTwice(t *testing.T) {
	t.Parallel()
	var seen *http.Request
	transport := &bounded{roundTrip(func(r *http.Request) (*http.Response, error) {
		seen = r
		return nil, io.ErrUnexpectedEOF
	})}
	req := httptest.NewRequest("POST", "https://x.test/", nil)
	req.GetBody = func() (io.ReadCloser, error) { return http.NoBody, nil }
	if _, err := transport.RoundTrip(req); err == nil || seen == nil || seen.GetBody != nil || req.GetBody == nil {
		t.Errorf("the transport got %+v, and the caller's request is %+v", seen, req)
	}
}

func TestAnAnswerIsBounded(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for range maxReply>>20 + 1 {
			w.Write(make([]byte, 1<<20))
		}
	}))
	t.Cleanup(server.Close)
	base, wrong := Address(server.URL)
	if wrong != "" {
		t.Fatal(wrong)
	}
	c := &Client{Service: "X", Base: base}
	if a := c.Do(t.Context(), Request{Method: "GET"}); a.OK() || len(a.Body) > maxReply || !strings.Contains(a.Problem().Error(), "longer than") {
		t.Errorf("%d bytes, %v", len(a.Body), a.Err)
	}
}

func TestAddress(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"https://git.test": "https://git.test/", "https://git.test/x/": "https://git.test/x/", "http://127.0.0.1:3000/a": "http://127.0.0.1:3000/a/",
		"http://localhost": "http://localhost/", "http://git.test": "", "git.test": "", "https://u:p@git.test": "", "https://git.test/?q": "",
		"https://git.test/#x": "", "ftp://git.test": "", "": "", "http://127.0.0.1.evil.test": "", "https://": "", "javascript:alert(1)": "",
	} {
		u, wrong := Address(text)
		if (wrong == "") != (want != "") || u != nil && u.String() != want {
			t.Errorf("Address(%q) = %v, %q; want %q", text, u, wrong, want)
		}
	}
}

func TestPaceEndsWithItsContext(t *testing.T) {
	t.Parallel()
	p := Pace{Every: time.Hour}
	over, cancel := context.WithCancel(t.Context())
	if err := p.Wait(over); err != nil {
		t.Fatal(err)
	}
	cancel()
	c := &Client{Service: "X", Base: &url.URL{Scheme: "http", Host: "127.0.0.1:1", Path: "/"}, Pace: &p}
	if got := c.Do(over, Request{Method: "POST"}).Failed(); got.Outcome != sdk.NotCreated {
		t.Errorf("%+v, want not_created", got)
	}
}

func TestProposalsTouchNothingThatRuns(t *testing.T) {
	t.Parallel()
	with := func(names ...string) sdk.ProposeRequest {
		r := sdk.ProposeRequest{Key: "k1"}
		for _, n := range names {
			r.Files = append(r.Files, sdk.File{Path: n, Content: []byte("text é\n")})
		}
		return r
	}
	for _, name := range []string{"main.go", "src/hooks/useLogin.ts", "docs/ci.md", "a b/ü.txt", "locked.go", "go.summary", "Makefile"} {
		if err := CheckProposal(with(name)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, name := range []string{
		"", ".", "/etc/passwd", "../x", "a/../b", "a//b", "a/", `a\b`, "a\nb", "a\x00b", "C:/x", "x:y", "\u202ea", "\xff", strings.Repeat("a", 256),
		".github/workflows/ci.yml", ".GitHub/x", "sub/.github/x", ".git/hooks/pre-commit", ".git/config", ".gitmodules", ".gitattributes", ".gitlab-ci.yml",
		".gitea/workflows/x", ".forgejo/x", ".circleci/config.yml", ".husky/pre-commit", "Jenkinsfile", "azure-pipelines.yml", ".pre-commit-config.yaml",
		"CODEOWNERS", "docs/CODEOWNERS", ".vscode/tasks.json", ".envrc", ".github./x", ".git /config", "GIT~1/config", "githooks/x",
		"go.sum", "package-lock.json", "yarn.lock", "sub/Cargo.lock", "pnpm-lock.yaml", "gradle.lockfile", "Poetry.Lock", "x.lock",
	} {
		if CheckProposal(with(name)) == nil {
			t.Errorf("%q may be proposed", name)
		}
	}
	binary, huge, many := with("a"), with("a"), make([]string, mostFiles+1)
	binary.Files[0].Content = []byte("a\x00b")
	huge.Files[0].Content = []byte(strings.Repeat("x", mostBytes+1))
	for i := range many {
		many[i] = strings.Repeat("a", i+1)
	}
	latin := with("a")
	latin.Files[0].Content = []byte("\xe9")
	for name, r := range map[string]sdk.ProposeRequest{"NUL": binary, "Latin-1": latin, "huge": huge, "many": with(many...), "none": with(), "twice": with("a", "A"), "no key": {Files: with("a").Files}} {
		if CheckProposal(r) == nil {
			t.Errorf("%s may be proposed", name)
		}
	}
	tree := []Entry{{"link", "120000"}, {"dir", "040000"}, {"sub", "160000"}, {"file", "100644"}, {"run", "100755"}, {"tree", "40000"}}
	for name, ok := range map[string]bool{"new": true, "file": true, "run": true, "dir/x": true, "tree/x": true, "new/dir/x": true,
		"link": false, "link/x": false, "sub/a/b": false, "dir": false, "file/x": false} {
		if err := CheckTree([]sdk.File{{Path: name}}, tree); (err == nil) != ok {
			t.Errorf("CheckTree(%s) = %v", name, err)
		}
	}
}

func TestSearchWords(t *testing.T) {
	t.Parallel()
	for query, want := range map[string]string{
		`login "fails" repo:other/one`: "login fails repo other one", "a OR b AND NOT c": "a b c", "größe_x 日本": "größe_x 日本", `::""()`: "",
		strings.Repeat("w ", 30): strings.TrimSpace(strings.Repeat("w ", 10)), strings.Repeat("x", 99): "",
	} {
		if got := SearchWords(query); got != want {
			t.Errorf("SearchWords(%q) = %q, want %q", query, got, want)
		}
	}
}
