package command_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// process is the product in a process of its own, as an operator starts it.
type process struct {
	t    *testing.T
	url  string
	dir  string // the data directory
	log  *output
	done chan error
}

// output collects what a process prints.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write appends.
func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

// String is all of it.
func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

func product(t *testing.T, dir string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0], append(args, "--dir", dir)...)
	cmd.Env = append(os.Environ(), asCommand+"=1")
	return cmd
}

// startProcess serves a data directory until the test ends.
func startProcess(t *testing.T, dir string) *process {
	t.Helper()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := free.Addr().String()
	free.Close()
	p := &process{t: t, url: "http://" + addr, dir: dir, log: &output{}, done: make(chan error, 1)}
	cmd := product(t, dir, "serve", "--http", addr)
	cmd.Stdout, cmd.Stderr = p.log, p.log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { p.done <- cmd.Wait() }()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // it may have ended
		if err := <-p.done; err != nil {
			t.Errorf("the process ended with %v", err)
		}
		if t.Failed() {
			t.Logf("it printed:\n%s", p.log)
		}
	})
	return p
}

// until waits for a condition while the process lives.
func (p *process) until(what string, ok func() bool) {
	p.t.Helper()
	for end := time.Now().Add(40 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		select {
		case err := <-p.done:
			p.done <- err
			p.t.Fatalf("the process ended with %v before %s", err, what)
		default:
		}
		if ok() {
			return
		}
	}
	p.t.Fatalf("waited 40 s in vain for %s", what)
}

// ask sends a request; status 0 means that nobody answered.
func (p *process) ask(method, path, token string, body any) (status int, answer string) {
	p.t.Helper()
	raw, err := json.Marshal(body)
	if err != nil {
		p.t.Fatal(err)
	}
	req, err := http.NewRequest(method, p.url+path, bytes.NewReader(raw))
	if err != nil {
		p.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if token != "" {
		req.Header.Set("Authorization", token)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, ""
	}
	defer res.Body.Close()
	text, _ := io.ReadAll(res.Body) // cut off by the restart; the caller asks again
	return res.StatusCode, string(text)
}

func (p *process) ready() bool {
	status, _ := p.ask("GET", "/api/ready", "", nil)
	return status == 200
}

func hookSaying(word string) string {
	return fmt.Sprintf("routerAdd('GET', '/said', (e) => e.string(200, %q))\n", word)
}

// A changed hook and a restored backup restart the process, and it serves
// again: with the new hook, with the restored data, and with the mark handled.
func TestItRestartsItself(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	dir := filepath.Join(home, "pb_data")
	hook := filepath.Join(home, "pb_hooks", "say.pb.js")
	if err := os.Mkdir(filepath.Dir(hook), 0o700); err != nil {
		t.Fatal(err)
	}
	write := func(word string) {
		t.Helper()
		if err := os.WriteFile(hook, []byte(hookSaying(word)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("one")
	// Stopping takes longer than the 3 s that PocketBase's Serve waits for the
	// new process, as with a tracker that hangs.
	slow := filepath.Join(filepath.Dir(hook), "slow.pb.js")
	if err := os.WriteFile(slow, []byte("onTerminate((e) => { if (e.isRestart) sleep(3500); e.next() })\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := product(t, dir, "superuser", "upsert", "root@example.com", "correct horse").CombinedOutput(); err != nil {
		t.Fatalf("superuser: %v\n%s", err, out)
	}
	p := startProcess(t, dir)
	says := func(word string) func() bool {
		return func() bool {
			status, text := p.ask("GET", "/said", "", nil)
			return status == 200 && text == word
		}
	}
	p.until("the first hook", says("one"))
	_, login := p.ask("POST", "/api/collections/_superusers/auth-with-password", "", map[string]string{"identity": "root@example.com", "password": "correct horse"})
	var auth struct{ Token string }
	if err := json.Unmarshal([]byte(login), &auth); err != nil || auth.Token == "" {
		t.Fatalf("sign in: %v %s", err, login)
	}
	// Mail with a password: the key that opens the settings must come along.
	if status, text := p.ask("PATCH", "/api/settings", auth.Token, map[string]any{"smtp": map[string]any{"enabled": true, "host": "mail.example.com",
		"port": 587, "password": "swordfish-mail"}}); status != 200 {
		t.Fatalf("settings: %d %s", status, text)
	}

	if err := os.Remove(slow); err != nil {
		t.Fatal(err)
	}
	write("two")
	p.until("the second hook", says("two"))
	p.until("it to be ready", p.ready)

	post := func(text string) {
		t.Helper()
		if status, answer := p.ask("POST", "/api/feedback", "", map[string]string{"content": text}); status != 200 {
			t.Fatalf("post: %d %s", status, answer)
		}
	}
	stored := func(text string) bool {
		_, list := p.ask("GET", "/api/collections/feedback/records?fields=content", auth.Token, nil)
		return strings.Contains(list, text)
	}
	post("The export crashes before the backup")
	if status, text := p.ask("POST", "/api/backups", auth.Token, map[string]string{"name": "one.zip"}); status != 204 {
		t.Fatalf("backup: %d %s", status, text)
	}
	post("The import hangs after the backup")
	if status, text := p.ask("POST", "/api/backups/one.zip/restore", auth.Token, nil); status != 204 {
		t.Fatalf("restore: %d %s", status, text)
	}
	// The log first: between two answers the old process may have gone.
	p.until("the new process to notice the restore", func() bool {
		return strings.Contains(p.log.String(), "a backup was restored: trackers are searched") && p.ready()
	})
	if !stored("before the backup") || stored("after the backup") {
		t.Error("the data is not that of the backup")
	}
	if _, err := os.Stat(filepath.Join(home, "iterateswarm.restored")); err == nil {
		t.Error("the mark of the restore is still there")
	}
	if !says("two")() {
		t.Error("the hook is gone after the restore")
	}
	post("The search works after the restore")

	// One process holds the directory, also after two restarts.
	if out, err := product(t, dir, "serve", "--http", "127.0.0.1:0").CombinedOutput(); err == nil || !strings.Contains(string(out), "another iterateswarm is running") {
		t.Errorf("a second server on the directory: %v\n%s", err, out)
	}
}
