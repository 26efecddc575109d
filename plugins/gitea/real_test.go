package gitea

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/iterateswarm/iterateswarm/sdk"
	"github.com/iterateswarm/iterateswarm/sdk/rest"
	"github.com/iterateswarm/iterateswarm/sdk/rest/trackertest"
)

// server is a Gitea that this test has started, with an administrator "bot".
type server struct {
	t     *testing.T
	url   string
	token string
	run   func(args ...string) string // a command of Gitea's, and what it prints
	repos atomic.Int32
}

const settings = `
APP_NAME = test
RUN_USER = %s
RUN_MODE = prod
WORK_PATH = %s
[server]
HTTP_ADDR = 127.0.0.1
HTTP_PORT = %d
ROOT_URL = %s/
STATIC_ROOT_PATH = %s
OFFLINE_MODE = true
DISABLE_SSH = true
[database]
DB_TYPE = sqlite3
PATH = %[2]s/gitea.db
[security]
INSTALL_LOCK = true
SECRET_KEY = a-key-of-this-test
INTERNAL_TOKEN =
[oauth2]
JWT_SECRET = n7-L9XG4Wg9u1Yk3jzJwS1q2e3r4t5y6u7i8o9p0a1s
[webhook]
ALLOWED_HOST_LIST = loopback
DELIVER_TIMEOUT = 20
[indexer]
ISSUE_INDEXER_TYPE = db
[log]
MODE = file
LEVEL = Warn
`

// startGitea runs the server in the folder that test/gitea/build.sh has made. It
// refuses to run as root, and then is run as nobody.
func startGitea(t *testing.T) *server {
	t.Helper()
	built := os.Getenv("GITEA_FOLDER")
	if built == "" {
		t.Skip("needs a Gitea server; make test-gitea builds one and runs this")
	}
	dir, err := os.MkdirTemp("", "gitea")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	program, static, who := filepath.Join(built, "gitea"), filepath.Join(built, "static"), os.Getenv("USER")
	attr := &syscall.SysProcAttr{}
	if os.Getuid() == 0 { // nobody may not read root's folders
		who, attr.Credential = "nobody", &syscall.Credential{Uid: 65534, Gid: 65534}
		if err := os.CopyFS(filepath.Join(dir, "static"), os.DirFS(static)); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(program)
		if err != nil {
			t.Fatal(err)
		}
		program, static = filepath.Join(dir, "gitea"), filepath.Join(dir, "static")
		if err := os.WriteFile(program, b, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(dir, 65534, 65534); err != nil {
			t.Fatal(err)
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	l.Close()
	s := &server{t: t, url: fmt.Sprintf("http://127.0.0.1:%d", port)}
	ini := filepath.Join(dir, "app.ini")
	if err := os.WriteFile(ini, fmt.Appendf(nil, settings, who, dir, port, s.url, static), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(ini, 0o666); err != nil { // Gitea writes its own secrets into it
		t.Fatal(err)
	}
	command := func(args ...string) *exec.Cmd {
		c := exec.Command(program, append([]string{"--config", ini, "--work-path", dir}, args...)...)
		c.Dir, c.SysProcAttr = dir, attr
		c.Env = []string{"HOME=" + dir, "USER=" + who, "PATH=" + os.Getenv("PATH"), "GITEA_WORK_DIR=" + dir}
		return c
	}
	s.run = func(args ...string) string {
		t.Helper()
		out, err := command(args...).Output()
		if err != nil {
			t.Fatalf("gitea %s: %v\n%s", args[0], err, out)
		}
		return strings.TrimSpace(string(out))
	}
	s.run("migrate")
	s.run("admin", "user", "create", "--admin", "--username", "bot", "--password", "a-password-0", "--email", "bot@x.test", "--must-change-password=false")
	s.token = s.makeToken("all")
	web := command("web")
	if err := web.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { web.Process.Signal(syscall.SIGTERM); web.Wait() })
	for began := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		resp, err := http.Get(s.url + "/api/v1/version")
		if err == nil {
			resp.Body.Close()
			return s
		}
		if time.Since(began) > time.Minute {
			t.Fatal("Gitea does not answer: ", err)
		}
	}
}

func (s *server) makeToken(scopes string) string {
	n := s.repos.Add(1)
	return s.run("admin", "user", "generate-access-token", "-u", "bot", "--scopes", scopes, "--raw", "-t", fmt.Sprint("t", n))
}

// call asks the API, and fails unless the answer is of 2xx.
func (s *server) call(t testing.TB, method, path string, body, v any) {
	t.Helper()
	b, _ := json.Marshal(body)
	req, _ := http.NewRequest(method, s.url+"/api/v1/"+path, bytes.NewReader(b))
	req.Header.Set("Authorization", "token "+s.token)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, _ = io.ReadAll(resp.Body)
	if resp.StatusCode > 299 {
		t.Fatalf("%s %s: %d %s", method, path, resp.StatusCode, b)
	}
	if v != nil {
		if err := json.Unmarshal(b, v); err != nil {
			t.Fatal(err)
		}
	}
}

// repo makes a repository with two labels and returns its name.
func (s *server) repo(t testing.TB) string {
	t.Helper()
	name := fmt.Sprint("r", s.repos.Add(1))
	s.call(t, "POST", "user/repos", map[string]any{"name": name, "auto_init": true, "default_branch": "main"}, nil)
	for _, l := range []string{"Bug", "ui"} {
		s.call(t, "POST", "repos/bot/"+name+"/labels", map[string]string{"name": l, "color": "#ee0701"}, nil)
	}
	return name
}

func (s *server) tracker(t testing.TB, base, repo, token, more string) *Tracker {
	t.Helper()
	tr := New()
	config := fmt.Sprintf(`{"base_url":%q,"token":%q,"owner":"bot","repo":%q%s}`, base, token, repo, more)
	if wrong := tr.Configure(t.Context(), sdk.Config{JSON: []byte(config)}); wrong != nil {
		t.Fatal(wrong)
	}
	return tr
}

func TestReal(t *testing.T) {
	s := startGitea(t)
	t.Run("issues", s.testIssues)
	t.Run("check", s.testCheck)
	t.Run("webhook", s.testWebhook)
	t.Run("propose", s.testPropose)
	t.Run("faults", func(t *testing.T) {
		target, _ := url.Parse(s.url)
		trackertest.Faults(t, func(t testing.TB) trackertest.Service {
			repo := s.repo(t)
			return trackertest.Service{
				Handler: httputil.NewSingleHostReverseProxy(target), Secrets: []string{s.token}, Accepted: 201,
				Creates: func(r *http.Request, _ []byte) bool {
					return r.Method == "POST" && strings.HasSuffix(r.URL.Path, "/issues")
				},
				Issues: func() int {
					var list []issue
					s.call(t, "GET", "repos/bot/"+repo+"/issues?state=all", nil, &list)
					return len(list)
				},
				New: func(base string, timeout time.Duration) sdk.Tracker {
					tr := s.tracker(t, base, repo, s.token, "")
					tr.api.Timeout = timeout
					return tr
				},
			}
		})
	})
}

func (s *server) testIssues(t *testing.T) {
	repo := s.repo(t)
	tr := s.tracker(t, s.url, repo, s.token, `,"missing_labels":"create"`)
	began := time.Now()
	options, err := tr.Options(t.Context())
	if err != nil || len(options.Labels) != 2 || options.Labels[0].Color != "ee0701" || len(options.Assignees) != 1 || options.Assignees[0].ID != "bot" {
		t.Errorf("Options = %+v, %v", options, err)
	}
	req := trackertest.Request("k1")
	req.Labels, req.Assignees = []string{"bug", "from-feedback"}, []string{"bot"}
	made := tr.Create(t.Context(), req)
	if made.Outcome != sdk.Created || made.Number != 1 || made.Message != "" {
		t.Fatalf("Create = %+v", made)
	}
	var got issue
	s.call(t, "GET", "repos/bot/"+repo+"/issues/1", nil, &got)
	if got.Body != req.Body || got.Title != req.Title || len(got.Labels) != 2 || len(got.Assignees) != 1 {
		t.Errorf("Gitea has %+v", got)
	}
	for i := range 60 { // two pages
		tr.Create(t.Context(), trackertest.Request(fmt.Sprintf("x%d", i)))
	}
	found, err := tr.Find(t.Context(), sdk.FindRequest{Key: "k1", Since: began})
	if err != nil || len(found) != 1 || found[0].Number != 1 || found[0].URL != made.URL || found[0].State != "open" {
		t.Errorf("Find = %+v, %v", found, err)
	}
	if all, err := tr.Find(t.Context(), sdk.FindRequest{}); err != nil || len(all) != 61 || all[0].Number != 61 {
		t.Errorf("Find of all: %d, %v; want 61", len(all), err)
	}
	if found, err := tr.Search(t.Context(), "crashes", 5); err != nil || len(found) != 5 || found[0].Title != req.Title {
		t.Errorf("Search = %+v, %v", found, err)
	}

	ref := sdk.IssueRef{Key: "k1", Number: 1, URL: made.URL}
	say := func(text, previous string) sdk.UpdateReply {
		return tr.Comment(t.Context(), sdk.CommentRequest{Issue: ref, Key: "c1", PreviousID: previous, Body: sdk.Marker("c1") + "\n+1, now " + text + " reporters"})
	}
	first := say("2", "")
	if again, third := say("3", ""), say("4", first.ID); first.Outcome != sdk.Created || again.ID != first.ID || third.ID != first.ID {
		t.Errorf("comments %+v, %+v, %+v", first, again, third)
	}
	if gone := say("5", "999999"); gone.ID != first.ID {
		t.Errorf("by an id that is gone: %+v", gone)
	}
	var comments []comment
	s.call(t, "GET", "repos/bot/"+repo+"/issues/1/comments", nil, &comments)
	if len(comments) != 1 || !strings.HasSuffix(comments[0].Body, "now 5 reporters") {
		t.Errorf("comments %+v", comments)
	}

	_, cursor, err := tr.Changes(t.Context(), "", began.Add(-time.Minute))
	if err != nil || cursor == "" {
		t.Fatalf("Changes: %q, %v", cursor, err)
	}
	closed, open, title := "closed", "open", "Better"
	update := sdk.UpdateRequest{Issue: ref, State: &closed, Title: &title, AddLabels: []string{"ui"}, RemoveLabels: []string{"BUG", "never had it"}, AddAssignees: []string{"bot"}}
	for range 2 {
		if got := tr.Update(t.Context(), update); got.Outcome != sdk.Created {
			t.Fatalf("Update = %+v", got)
		}
	}
	changes, cursor, err := tr.Changes(t.Context(), cursor, time.Time{})
	at := slices.IndexFunc(changes, func(c sdk.Change) bool { return c.Issue.Key == "k1" })
	if err != nil || at < 0 || changes[at].State != "closed" || len(changes[at].Labels) != 2 || changes[at].Assignees[0] != "bot" {
		t.Fatalf("Changes = %+v, %v", changes, err)
	}
	if got := tr.Update(t.Context(), sdk.UpdateRequest{Issue: ref, State: &open}); got.Outcome != sdk.Created {
		t.Errorf("reopen: %+v", got)
	}
	changes, _, err = tr.Changes(t.Context(), cursor, time.Time{})
	if at = slices.IndexFunc(changes, func(c sdk.Change) bool { return c.Issue.Key == "k1" }); err != nil || at < 0 || changes[at].State != "open" {
		t.Errorf("reopened: %+v, %v", changes, err)
	}
	ref.Number = 999
	if got := tr.Update(t.Context(), sdk.UpdateRequest{Issue: ref, State: &closed}); got.Outcome != sdk.Rejected || got.HTTPStatus != 404 {
		t.Errorf("no such issue: %+v", got)
	}
}

func (s *server) testCheck(t *testing.T) {
	repo := s.repo(t)
	for name, c := range map[string]struct {
		token, repo string
		ok          bool
		says        string
	}{
		"all scopes":    {s.token, repo, true, "shows bot/" + repo},
		"what we ask":   {s.makeToken("write:issue,read:repository,read:user"), repo, true, "shows"},
		"no issues":     {s.makeToken("read:repository,read:user"), repo, false, "lacks a scope"},
		"no repository": {s.makeToken("write:issue,read:user"), repo, false, "lacks a scope"},
		"no such token": {"nonsense", repo, false, "does not accept"},
		"no such place": {s.token, "none", false, "knows no bot/none"},
	} {
		if got := s.tracker(t, s.url, c.repo, c.token, "").Check(t.Context()); got.OK != c.ok || !strings.Contains(got.Detail, c.says) {
			t.Errorf("%s: %+v", name, got)
		} else {
			t.Logf("%s: %s", name, got.Detail)
		}
	}
}

func (s *server) testWebhook(t *testing.T) {
	const secret = "0123456789abcdef-é"
	repo := s.repo(t)
	tr := s.tracker(t, s.url, repo, s.token, fmt.Sprintf(`,"webhook_secret":%q`, secret))
	wrong := s.tracker(t, s.url, repo, s.token, `,"webhook_secret":"another-0123456789"`)
	replies := make(chan sdk.ChangeReply, 10)
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		req := sdk.WebhookRequest{Method: r.Method, Header: r.Header, Body: body}
		if reply, err := wrong.HandleChange(r.Context(), req); err != nil || reply.Status != 401 {
			t.Errorf("with another secret: %+v, %v", reply, err)
		}
		reply, err := tr.HandleChange(r.Context(), req)
		if err != nil {
			t.Error(err)
		}
		w.WriteHeader(reply.Status)
		replies <- reply
	}))
	t.Cleanup(receiver.Close)
	s.call(t, "POST", "repos/bot/"+repo+"/hooks", map[string]any{"type": "gitea", "active": true, "events": []string{"issues", "issue_label"},
		"config": map[string]string{"url": receiver.URL, "content_type": "json", "secret": secret}}, nil)
	made := tr.Create(t.Context(), trackertest.Request("k1"))
	next := func(what, state string) sdk.Change {
		t.Helper()
		select {
		case reply := <-replies:
			if reply.Status != 200 || len(reply.Changes) != 1 || reply.Changes[0].State != state || reply.Changes[0].Issue.Key != "k1" || reply.Changes[0].Issue.Number != made.Number {
				t.Fatalf("%s: %+v", what, reply)
			}
			return reply.Changes[0]
		case <-time.After(time.Minute):
			t.Fatalf("%s: no webhook in a minute", what)
		}
		panic("not reached")
	}
	next("opened", "open")
	closed, open := "closed", "open"
	ref := sdk.IssueRef{Number: made.Number}
	tr.Update(t.Context(), sdk.UpdateRequest{Issue: ref, State: &closed})
	if c := next("closed", "closed"); time.Since(c.At).Abs() > time.Hour {
		t.Errorf("closed at %v", c.At)
	}
	tr.Update(t.Context(), sdk.UpdateRequest{Issue: ref, State: &open})
	next("reopened", "open")
	tr.Update(t.Context(), sdk.UpdateRequest{Issue: ref, AddLabels: []string{"ui"}})
	if c := next("labelled", "open"); len(c.Labels) != 1 || c.Labels[0] != "ui" {
		t.Errorf("labelled: %+v", c)
	}
}

func (s *server) testPropose(t *testing.T) {
	repo := s.repo(t)
	tr := s.tracker(t, s.url, repo, s.token, "")
	req := sdk.ProposeRequest{Key: "k1", Title: "Fix the crash", Body: sdk.Marker("k1") + "\ntext", Message: "fix: the crash",
		Files: []sdk.File{{Path: "src/new.go", Content: []byte("package é\n")}, {Path: "README.md", Content: []byte("changed\n")}}}
	first, again := tr.Propose(t.Context(), req), tr.Propose(t.Context(), req)
	if first.Outcome != sdk.Created || first.Number == 0 || first.URL == "" || again.Number != first.Number {
		t.Fatalf("Propose = %+v, then %+v", first, again)
	}
	var pulls []struct {
		Draft  bool   `json:"draft"`
		Title  string `json:"title"`
		Number int    `json:"number"`
		Head   struct{ Ref string }
	}
	s.call(t, "GET", "repos/bot/"+repo+"/pulls?state=all", nil, &pulls)
	if len(pulls) != 1 || !pulls[0].Draft || pulls[0].Head.Ref != "iterateswarm/k1" {
		t.Errorf("pull requests %+v", pulls)
	}
	var commits []struct{ Commit struct{ Message string } }
	s.call(t, "GET", fmt.Sprintf("repos/bot/%s/pulls/%d/commits", repo, first.Number), nil, &commits)
	if len(commits) != 1 || !strings.HasPrefix(commits[0].Commit.Message, "fix: the crash") {
		t.Errorf("commits %+v", commits)
	}
	var file struct{ Content []byte }
	s.call(t, "GET", "repos/bot/"+repo+"/contents/src/new.go?ref="+url.QueryEscape(rest.Branch("k1")), nil, &file)
	if string(file.Content) != "package é\n" {
		t.Errorf("content %q", file.Content)
	}
	// The branch of a call that died is used.
	s.call(t, "POST", "repos/bot/"+repo+"/branches", map[string]string{"new_branch_name": rest.Branch("k2"), "old_ref_name": rest.Branch("k1")}, nil)
	req.Key = "k2"
	if got := tr.Propose(t.Context(), req); got.Outcome != sdk.Created || got.Number == first.Number {
		t.Errorf("with the branch there: %+v", got)
	}
	for name, change := range map[string]func(*sdk.ProposeRequest){
		"a workflow":     func(r *sdk.ProposeRequest) { r.Files[0].Path = ".gitea/workflows/x.yml" },
		"below a file":   func(r *sdk.ProposeRequest) { r.Files[0].Path = "README.md/x" },
		"no such branch": func(r *sdk.ProposeRequest) { r.Base = "none" },
	} {
		bad := sdk.ProposeRequest{Key: "k9", Title: "t", Message: "m", Files: []sdk.File{{Path: "a", Content: []byte("a")}}}
		change(&bad)
		if got := tr.Propose(t.Context(), bad); got.Outcome != sdk.Rejected {
			t.Errorf("%s: %+v, want rejected", name, got)
		}
	}
}
