package durability

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/iterateswarm/iterateswarm/internal/config"
	"github.com/iterateswarm/iterateswarm/internal/records"
	"github.com/iterateswarm/iterateswarm/internal/servertest"
)

// house is one installation under test: its data, the server's process of the
// moment, and what is needed to talk to it.
type house struct {
	t    testing.TB
	root string
	exe  string // this test binary under a name of this house
	spec spec
	hub  *hub

	url     atomic.Pointer[string] // of the server that runs; nil while none does
	started atomic.Int64           // when its process was started, in nanoseconds
	cmd     *exec.Cmd
	stdin   io.Closer
	exited  chan error

	key      string // an ingest key
	approver string // token of an approver
	admin    string // token of a superuser
	project  string
	tracker  string // id, once there is one
}

// build makes an installation with an approver, an ingest key and, unless hub
// is nil, a GitHub tracker that asks the hub. The server is not started.
func build(t *testing.T, h *hub, sp spec) *house {
	t.Helper()
	root := t.TempDir()
	o := &house{t: t, root: root, exe: filepath.Join(root, "iterateswarm"), spec: sp, hub: h}
	o.spec.Dir = filepath.Join(root, "pb_data")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(self, o.exe); err != nil {
		t.Fatal(err)
	}
	t.Run("build", func(t *testing.T) { // the server stops with the subtest
		s := servertest.StartIn(t, o.spec.Dir)
		o.key, o.project, o.approver, o.admin = s.Key(), s.Project(), s.User("approver"), s.Superuser()
		first, err := s.App.FindAllRecords(records.Trackers)
		if err != nil {
			t.Fatal(err)
		}
		for _, tr := range first {
			if err := s.App.Delete(tr); err != nil {
				t.Fatal(err)
			}
		}
		if h != nil {
			o.tracker = s.Save(records.Trackers, trackerFields(o, h)).Id
		}
	})
	t.Cleanup(o.kill)
	return o
}

// trackerFields describe the tracker that asks the hub.
func trackerFields(o *house, h *hub) map[string]any {
	return map[string]any{
		"project": o.project, "name": "Stand-in", "plugin": "github", "enabled": true,
		"settle": h.settle.Seconds(), "interval": 1,
		"config": map[string]any{"token": hubToken, "owner": "octo", "repo": "hello", "base_url": h.server.URL},
	}
}

// start runs the server and waits until it is ready.
func (o *house) start() {
	o.t.Helper()
	raw, err := json.Marshal(o.spec)
	if err != nil {
		o.t.Fatal(err)
	}
	cmd := exec.Command(o.exe, "server")
	cmd.Env = append(cleanEnviron(), specEnv+"="+string(raw))
	log, err := os.OpenFile(filepath.Join(o.root, "server.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		o.t.Fatal(err)
	}
	defer log.Close()
	cmd.Stderr = log
	out, err := cmd.StdoutPipe()
	if err != nil {
		o.t.Fatal(err)
	}
	if o.stdin, err = cmd.StdinPipe(); err != nil {
		o.t.Fatal(err)
	}
	o.started.Store(time.Now().UnixNano())
	if err := cmd.Start(); err != nil {
		o.t.Fatal(err)
	}
	ready := make(chan string, 1)
	exited := make(chan error, 1)
	go func() {
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			if addr, ok := strings.CutPrefix(lines.Text(), "ready "); ok {
				ready <- addr
			}
		}
		exited <- cmd.Wait()
	}()
	o.cmd, o.exited = cmd, exited
	select {
	case addr := <-ready:
		url := "http://" + addr
		o.url.Store(&url)
	case err := <-exited:
		exited <- err
		o.t.Fatalf("the server ended at its start: %v\n%s", err, o.log())
	case <-time.After(60 * time.Second):
		o.t.Fatalf("the server was not ready within 60 s\n%s", o.log())
	}
}

// cleanEnviron is the environment without settings of ours, which a server that
// runs inside this process leaves there.
func cleanEnviron() []string {
	return slices.DeleteFunc(os.Environ(), func(e string) bool { return strings.HasPrefix(e, config.Prefix) })
}

// kill ends the server as the OOM killer would, if it runs.
func (o *house) kill() {
	if o.cmd == nil {
		return
	}
	o.url.Store(nil)
	_ = o.cmd.Process.Kill()
	o.reap()
}

func (o *house) reap() error {
	err := <-o.exited
	_ = o.stdin.Close()
	o.cmd = nil
	return err
}

// stop asks the server to end and returns how long that took.
func (o *house) stop() time.Duration {
	o.t.Helper()
	begin := time.Now()
	if err := o.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		o.t.Fatal(err)
	}
	timer := time.AfterFunc(30*time.Second, func() { _ = o.cmd.Process.Kill() })
	defer timer.Stop()
	err := o.reap()
	o.url.Store(nil)
	if err != nil {
		o.t.Errorf("the server ended with %v\n%s", err, o.log())
	}
	return time.Since(begin)
}

// log is the end of what the servers have logged.
func (o *house) log() string {
	raw, _ := os.ReadFile(filepath.Join(o.root, "server.log"))
	return string(raw[max(0, len(raw)-8000):])
}

// orphans are the plugin processes of this house that run now.
func (o *house) orphans() []string {
	var found []string
	dirs, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, f := range dirs {
		raw, err := os.ReadFile(f)
		if err == nil && strings.HasPrefix(string(raw), o.exe+"\x00plugin\x00") {
			found = append(found, f+": "+strings.ReplaceAll(string(raw), "\x00", " "))
		}
	}
	return found
}

// until waits for a condition, at most for d.
func until(t testing.TB, d time.Duration, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("waited %v in vain for %s", d, what)
}

// ackLog is a file with one line a message that was acknowledged, synced before
// the message counts.
type ackLog struct {
	mu   sync.Mutex
	file *os.File
	n    atomic.Int64
}

func newAckLog(t testing.TB, dir string) *ackLog {
	t.Helper()
	f, err := os.Create(filepath.Join(dir, "acks"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return &ackLog{file: f}
}

func (l *ackLog) add(externalID, id string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, err := fmt.Fprintln(l.file, externalID, id); err != nil {
		return err
	}
	l.n.Add(1)
	return l.file.Sync()
}

// read returns the acknowledged messages: external id → id.
func (l *ackLog) read(t testing.TB) map[string]string {
	t.Helper()
	raw, err := os.ReadFile(l.file.Name())
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for line := range strings.Lines(string(raw)) {
		var ext, id string
		if _, err := fmt.Sscan(line, &ext, &id); err != nil {
			t.Fatal(err)
		}
		if old, ok := out[ext]; ok && old != id {
			t.Errorf("%s was acknowledged as %s and as %s", ext, old, id)
		}
		out[ext] = id
	}
	return out
}
