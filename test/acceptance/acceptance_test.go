// Package acceptance asks the running product, over HTTP, whether it keeps its
// promises. The twelve checks of the original are here twice: as they were,
// and made so hard that a server of constant answers fails them. Beside them
// are the bad inputs, the rules, the rate limit, the numbers and the official
// JavaScript SDK.
package acceptance

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/iterateswarm/iterateswarm/internal/command"
	"github.com/iterateswarm/iterateswarm/internal/records"
	"github.com/iterateswarm/iterateswarm/internal/servertest"
)

func TestMain(m *testing.M) { servertest.Main(m) }

// repository is the root of the repository, seen from a test's folder.
const repository = "../.."

// required reports whether a missing tool is a failure and not a skip.
func required() bool { return os.Getenv("ITERATESWARM_TEST_REQUIRE") != "" }

// missing skips a test that lacks a tool, or fails it where all are required.
func missing(t *testing.T, how string) {
	t.Helper()
	if required() {
		t.Fatal(how)
	}
	t.Skip(how)
}

// webApp serves the web app of the working tree.
func webApp(o *command.Options) { o.Public = os.DirFS(repository).(fs.ReadFileFS) }

// verbose logs everything, debug lines too.
func verbose(w io.Writer) func(*command.Options) {
	return func(o *command.Options) {
		o.Log = slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
}

// A call is one request.
type call struct {
	method, url string
	body        any // nil, string, []byte, io.Reader, or a value that is sent as JSON
	token, key  string
	header      map[string]string
}

// An answer is what came back.
type answer struct {
	status int
	header http.Header
	body   []byte
	took   time.Duration
}

// client never follows a redirect: a redirect is an answer.
var client = &http.Client{
	Timeout:       40 * time.Second,
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

func (c call) do() (answer, error) {
	var body io.Reader
	kind := ""
	switch b := c.body.(type) {
	case nil:
	case string:
		body = strings.NewReader(b)
	case []byte:
		body = bytes.NewReader(b)
	case io.Reader:
		body = b
	default:
		raw, err := json.Marshal(b)
		if err != nil {
			return answer{}, fmt.Errorf("encode body: %w", err)
		}
		body, kind = bytes.NewReader(raw), "application/json"
	}
	req, err := http.NewRequest(c.method, c.url, body)
	if err != nil {
		return answer{}, fmt.Errorf("make request: %w", err)
	}
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	if c.token != "" {
		req.Header.Set("Authorization", c.token)
	}
	if c.key != "" {
		req.Header.Set("X-API-Key", c.key)
	}
	for name, v := range c.header {
		req.Header[http.CanonicalHeaderKey(name)] = []string{v}
	}
	start := time.Now()
	res, err := client.Do(req)
	if err != nil {
		return answer{}, fmt.Errorf("%s %s: %w", c.method, c.url, err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		return answer{}, fmt.Errorf("%s %s: %w", c.method, c.url, err)
	}
	return answer{status: res.StatusCode, header: res.Header, body: raw, took: time.Since(start)}, nil
}

// must sends a request that a test cannot go on without.
func must(t testing.TB, c call) answer {
	t.Helper()
	a, err := c.do()
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// object decodes an answer that must be a JSON object.
func object(t testing.TB, a answer) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal(a.body, &m); err != nil {
		t.Fatalf("answer %d is no JSON object: %v\n%s", a.status, err, clip(string(a.body)))
	}
	return m
}

// clip keeps messages readable.
func clip(s string) string {
	if r := []rune(s); len(r) > 300 {
		return string(r[:300]) + "…"
	}
	return s
}

// filedFiles maps the reference of each issue that the local tracker has filed
// to its file's text.
func filedFiles(s *servertest.Server) (map[string]string, error) {
	names, err := filepath.Glob(filepath.Join(filepath.Dir(s.Dir), "issues", "*", "*.md"))
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		for line := range strings.Lines(string(text)) {
			if v, ok := strings.CutPrefix(strings.TrimSpace(line), "reference: "); ok {
				out[strings.Trim(v, `"`)] = string(text)
				break
			}
		}
	}
	return out, nil
}

// body takes the front matter off a file of the local tracker, and the title
// out of it.
func split(text string) (title, body string) {
	front, body, _ := strings.Cut(strings.TrimPrefix(text, "---\n"), "\n---\n")
	for line := range strings.Lines(front) {
		if v, ok := strings.CutPrefix(strings.TrimSpace(line), "title: "); ok {
			_ = json.Unmarshal([]byte(v), &title) // quoted as JSON by the tracker
		}
	}
	return title, body
}

// fileIssue approves a draft and returns what the local tracker wrote.
func fileIssue(s *servertest.Server, issue, token string) (title, body string, err error) {
	a, err := call{method: "POST", url: s.URL + "/api/issues/" + issue + "/approve", body: map[string]any{}, token: token}.do()
	if err != nil {
		return "", "", err
	}
	if a.status != http.StatusOK {
		return "", "", fmt.Errorf("approve %s: %d %s", issue, a.status, clip(string(a.body)))
	}
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		r, err := s.App.FindRecordById(records.Issues, issue)
		if err != nil {
			return "", "", fmt.Errorf("read issue: %w", err)
		}
		if r.GetString("state") != "filed" {
			continue
		}
		files, err := filedFiles(s)
		if err != nil {
			return "", "", err
		}
		text, ok := files[fmt.Sprint(r.GetInt("number"))]
		if !ok {
			return "", "", fmt.Errorf("issue %d is filed and has no file", r.GetInt("number"))
		}
		title, body = split(text)
		return title, body, nil
	}
	return "", "", fmt.Errorf("issue %s is not filed after 20 s", issue)
}

// outsideCode is Markdown without its fenced blocks and inline code.
func outsideCode(md string) string {
	var b strings.Builder
	fence := ""
	for line := range strings.Lines(md) {
		plain := strings.TrimRight(line, "\r\n")
		ticks := plain[:len(plain)-len(strings.TrimLeft(plain, "`"))]
		switch {
		case fence != "":
			if len(ticks) >= len(fence) && strings.TrimSpace(plain[len(ticks):]) == "" {
				fence = ""
			}
		case len(ticks) >= 3 && !strings.Contains(plain[len(ticks):], "`"):
			fence = ticks
		default:
			b.WriteString(line)
		}
	}
	return withoutSpans(b.String())
}

// withoutSpans removes inline code: a run of backticks up to the next run of
// the same length.
func withoutSpans(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); {
		if s[i] != '`' {
			b.WriteByte(s[i])
			i++
			continue
		}
		n := len(s[i:]) - len(strings.TrimLeft(s[i:], "`"))
		end := closing(s[i+n:], n)
		if end < 0 {
			b.WriteString(s[i : i+n])
			i += n
			continue
		}
		i += n + end
	}
	return b.String()
}

// closing is the offset after the first run of exactly n backticks, or -1.
func closing(s string, n int) int {
	for i := 0; i < len(s); {
		if s[i] != '`' {
			i++
			continue
		}
		run := len(s[i:]) - len(strings.TrimLeft(s[i:], "`"))
		if i += run; run == n {
			return i
		}
	}
	return -1
}
