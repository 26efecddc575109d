package pluginhost

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestCreateAndFindReachThePlugin(t *testing.T) {
	t.Parallel()
	h := newHost(t, nil)
	dir := t.TempDir()
	if err := h.Set(t.Context(), Instance{ID: "t", Plugin: "tracker", Enabled: true, DataDir: dir}); err != nil {
		t.Fatal(err)
	}
	req := CreateRequest{Key: "k1", Title: "echo", Body: "body \xff", Labels: []string{"bug", "ui"}, Reference: "r1", RequestID: "q1"}
	got := h.Create(t.Context(), "t", req)
	want := CreateReply{Outcome: Created, Number: 1, URL: "https://tracker.test/k1"}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("Create (-want +got):\n%s", d)
	}
	var seen CreateRequest
	b, _ := os.ReadFile(filepath.Join(dir, "echo"))
	if err := json.Unmarshal(b, &seen); err != nil {
		t.Fatal(err)
	}
	req.Body = Marker("k1") + "\n\nbody \uFFFD"
	if d := cmp.Diff(req, seen); d != "" {
		t.Errorf("request in the plugin (-want +got):\n%s", d)
	}

	h.Create(t.Context(), "t", CreateRequest{Key: "k2"})
	for key, want := range map[string]int{"k1": 1, "k2": 1, "k3": 0, "": 2} {
		found, err := h.Find(t.Context(), "t", FindRequest{Key: key})
		if err != nil || len(found) != want {
			t.Errorf("Find(%q) = %d issues, %v; want %d", key, len(found), err, want)
		}
		for _, f := range found {
			if key != "" && f.Key != key {
				t.Errorf("Find(%q) returned %q", key, f.Key)
			}
			if f.Created.UnixMilli() != 1_700_000_000_123 {
				t.Errorf("Found.Created = %v", f.Created)
			}
		}
	}
}

func TestWebhookPassesBytesAndHeadersThrough(t *testing.T) {
	t.Parallel()
	h := newHost(t, nil)
	mustSet(t, h, "s", "source")
	req := WebhookRequest{Method: "PUT", Path: "a/b", RawQuery: "x=%20", RemoteAddr: "192.0.2.1",
		Header: http.Header{"X-Two": {"1", "2"}}, Body: []byte("\x00\xff{}")}
	reply, err := h.HandleWebhook(t.Context(), "s", req)
	if err != nil {
		t.Fatal(err)
	}
	if reply.Status != 202 || !bytes.Equal(reply.Body, req.Body) {
		t.Errorf("reply = %d %q, want 202 %q", reply.Status, reply.Body, req.Body)
	}
	if d := cmp.Diff(http.Header{"Content-Type": {"text/plain"}}, reply.Header); d != "" {
		t.Errorf("headers (-want +got):\n%s", d)
	}
	it := reply.Items[0]
	var seen WebhookRequest
	if err := json.Unmarshal([]byte(it.ContextJSON), &seen); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(req, seen); d != "" {
		t.Errorf("request in the plugin (-want +got):\n%s", d)
	}
	it.ContextJSON = ""
	want := Item{ExternalID: "m1", Title: "t", Content: "c", AuthorID: "u1", AuthorHandle: "ann", InReplyTo: "m0",
		Created:     time.UnixMilli(1_700_000_000_123).UTC(),
		Attachments: []Attachment{{Name: "a.png", URL: "https://files.test/a.png", Size: 7, Type: "image/png"}}}
	if d := cmp.Diff(want, it); d != "" {
		t.Errorf("item (-want +got):\n%s", d)
	}

	if _, err := h.HandleWebhook(t.Context(), "s", WebhookRequest{Path: "fail"}); err == nil || !strings.Contains(err.Error(), "no such mailbox") {
		t.Errorf("error of the plugin = %v", err)
	}
	if _, err := h.HandleWebhook(t.Context(), "s", WebhookRequest{Path: "teapot"}); !errors.Is(err, ErrBadReply) {
		t.Errorf("status 700: %v, want ErrBadReply", err)
	}
	if _, err := h.Find(t.Context(), "s", FindRequest{}); !errors.Is(err, ErrWrongKind) {
		t.Errorf("Find on a source: %v, want ErrWrongKind", err)
	}
}

func TestOutcomesOfCreate(t *testing.T) {
	t.Parallel()
	h := newHost(t, func(c *Config) { c.Timing.Create = 2 * time.Second })
	mustSet(t, h, "t", "tracker")
	mustSet(t, h, "s", "source")
	if err := h.Set(t.Context(), Instance{ID: "off", Plugin: "tracker"}); err != nil {
		t.Fatal(err)
	}
	big := strings.Repeat("x", 3<<20)
	for _, c := range []struct {
		name, id string
		req      CreateRequest
		want     Outcome
	}{
		{"created", "t", CreateRequest{Key: "k"}, Created},
		{"rejected by the plugin", "t", CreateRequest{Key: "k", Title: "rejected"}, Rejected},
		{"later, says the plugin", "t", CreateRequest{Key: "k", Title: "later"}, NotCreated},
		{"created without a number", "t", CreateRequest{Key: "k", Title: "nameless"}, Unknown},
		{"reply over 4 MiB", "t", CreateRequest{Key: "k", Title: "huge"}, Unknown},
		{"no such instance", "nobody", CreateRequest{Key: "k"}, NotCreated},
		{"switched off", "off", CreateRequest{Key: "k"}, NotCreated},
		{"not a tracker", "s", CreateRequest{Key: "k"}, Rejected},
		{"no key", "t", CreateRequest{}, Rejected},
		{"key that could end the comment", "t", CreateRequest{Key: "a-->"}, Rejected},
		{"marker of another key", "t", CreateRequest{Key: "k", Body: Marker("other")}, Rejected},
		{"body that no message can hold", "t", CreateRequest{Key: "k", Body: big}, Rejected},
	} {
		got := h.Create(t.Context(), c.id, c.req)
		if got.Outcome != c.want {
			t.Errorf("%s: outcome %s (%s), want %s", c.name, got.Outcome, got.Message, c.want)
		}
		if strings.Contains(got.Message, secret) {
			t.Errorf("%s: message holds the secret: %s", c.name, got.Message)
		}
		if got.RetryAfter > time.Hour {
			t.Errorf("%s: retry after %v", c.name, got.RetryAfter)
		}
	}
	if got := h.Create(t.Context(), "t", CreateRequest{Key: "k", Title: "script"}); got.URL != "" {
		t.Errorf("URL %q was let through", got.URL)
	}
	if s := status(t, h, "t"); s.Restarts != 0 || s.State != Running {
		t.Errorf("after all that: %+v, want a process that was never restarted", s)
	}
}

func TestCrashDuringCreateIsUnknownAndThePluginComesBack(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"exit", "panic"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			h := newHost(t, nil)
			mustSet(t, h, "t", "tracker")
			before := status(t, h, "t").PID
			if got := h.Create(t.Context(), "t", CreateRequest{Key: "k", Title: how}); got.Outcome != Unknown {
				t.Errorf("outcome %s, want unknown", got.Outcome)
			}
			eventually(t, 5*time.Second, "a new process that works", func() bool {
				return h.Create(t.Context(), "t", CreateRequest{Key: "k"}).Outcome == Created
			})
			if s := status(t, h, "t"); s.PID == before || s.Restarts != 1 {
				t.Errorf("status %+v, want a new pid and one restart", s)
			}
		})
	}
}

func TestStoppedProcessIsKilledAndReplaced(t *testing.T) {
	t.Parallel()
	h := newHost(t, func(c *Config) {
		c.Timing.Create, c.Timing.Health, c.Timing.HealthEvery = 200*time.Millisecond, 300*time.Millisecond, time.Hour
	})
	mustSet(t, h, "t", "tracker")
	before := status(t, h, "t").PID
	if got := h.Create(t.Context(), "t", CreateRequest{Key: "k", Title: "stop"}); got.Outcome != Unknown {
		t.Errorf("outcome %s, want unknown", got.Outcome)
	}
	// HealthEvery is an hour: it is the missed deadline that asks for a check.
	eventually(t, 5*time.Second, "the old process gone", func() bool { return !alive(before) })
	eventually(t, 5*time.Second, "a new process", func() bool { return status(t, h, "t").State == Running })
}

func TestHealthCheckFindsAStoppedProcess(t *testing.T) {
	t.Parallel()
	h := newHost(t, func(c *Config) { c.Timing.Health = 300 * time.Millisecond })
	mustSet(t, h, "t", "tracker")
	before := status(t, h, "t").PID
	syscall.Kill(before, syscall.SIGSTOP)
	eventually(t, 5*time.Second, "a new process", func() bool {
		s := status(t, h, "t")
		return s.State == Running && s.PID != before && !alive(before)
	})
}

func TestOneSlowCallDoesNotKillTheProcess(t *testing.T) {
	t.Parallel()
	h := newHost(t, func(c *Config) { c.Timing.Create = 200 * time.Millisecond })
	mustSet(t, h, "t", "tracker")
	if got := h.Create(t.Context(), "t", CreateRequest{Key: "k", Title: "hang"}); got.Outcome != Unknown {
		t.Errorf("outcome %s, want unknown", got.Outcome)
	}
	time.Sleep(200 * time.Millisecond) // several health checks
	if got := h.Create(t.Context(), "t", CreateRequest{Key: "k"}); got.Outcome != Created {
		t.Errorf("next call: %s, want created", got.Outcome)
	}
	if s := status(t, h, "t"); s.Restarts != 0 {
		t.Errorf("%d restarts, want none", s.Restarts)
	}
}

func TestQuarantineAfterFourCrashes(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var states []State
	h := newHost(t, func(c *Config) {
		c.OnStatus = func(s Status) { mu.Lock(); defer mu.Unlock(); states = append(states, s.State) }
	})
	var down *Down
	if err := set(t, h, "t", "tracker", `,"mode":"exit"`); !errors.As(err, &down) {
		t.Fatalf("Set = %v, want *Down", err)
	}
	eventually(t, 10*time.Second, "quarantine", func() bool { return status(t, h, "t").State == Quarantined })
	s := status(t, h, "t")
	if !strings.Contains(s.Detail, "exit status 3") || !strings.Contains(s.Detail, "cannot go on with [secret]") {
		t.Errorf("detail %q does not say how it died", s.Detail)
	}
	mu.Lock()
	want := []State{Starting, Backoff, Starting, Backoff, Starting, Backoff, Starting, Quarantined}
	if d := cmp.Diff(want, states); d != "" {
		t.Errorf("states (-want +got):\n%s", d)
	}
	mu.Unlock()
	if got := h.Create(t.Context(), "t", CreateRequest{Key: "k"}); got.Outcome != NotCreated || got.RetryAfter == 0 {
		t.Errorf("Create in quarantine = %+v, want not_created with a time", got)
	}
	mustSet(t, h, "t", "tracker") // a new configuration starts it afresh
	if s := status(t, h, "t"); s.State != Running || s.Restarts != 0 {
		t.Errorf("after Set: %+v", s)
	}
}

func TestStartsThatFailSayWhy(t *testing.T) {
	t.Parallel()
	for plugin, want := range map[string]string{
		"garbage": "Starting up!",
		"liar":    `the program is tracker "tracker", want tracker "liar"`,
		"exits":   "exit status 3; its last words: panic: no licence",
		"silent":  "timeout while waiting for plugin to start",
	} {
		t.Run(plugin, func(t *testing.T) {
			t.Parallel()
			h := newHost(t, func(c *Config) {
				c.Timing.Backoff = time.Hour
				if plugin == "silent" {
					c.Timing.Start = time.Second
				}
			})
			err := set(t, h, "x", plugin, "")
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("Set = %v, want it to say %q", err, want)
			}
			if s := status(t, h, "x"); s.State != Backoff || s.RetryAt.IsZero() {
				t.Errorf("status %+v, want backoff", s)
			}
		})
	}
	t.Run("no such program", func(t *testing.T) {
		t.Parallel()
		h := newHost(t, func(c *Config) {
			c.Command = func(string) *exec.Cmd { return exec.Command("/nonexistent/plugin") }
			c.Timing.Backoff = time.Hour
		})
		if err := set(t, h, "x", "tracker", ""); err == nil || !strings.Contains(err.Error(), "no such file") {
			t.Errorf("Set = %v", err)
		}
	})
}

func TestNoiseOfAPluginDoesNotHurt(t *testing.T) {
	t.Parallel()
	h := newHost(t, nil)
	mustSet(t, h, "t", "talks")
	for _, title := range []string{"babble", "shout", ""} {
		if got := h.Create(t.Context(), "t", CreateRequest{Key: "k", Title: title}); got.Outcome != Created {
			t.Errorf("%s: %+v, want created", title, got)
		}
	}
	if s := status(t, h, "t"); s.Restarts != 0 {
		t.Errorf("%d restarts, want none", s.Restarts)
	}
}

func TestLogsCarryThePluginsNameAndNoSecret(t *testing.T) {
	t.Parallel()
	var out lockedBuffer
	h := newHost(t, func(c *Config) {
		c.Log = slog.New(slog.NewJSONHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	mustSet(t, h, "t7", "tracker")
	h.Create(t.Context(), "t7", CreateRequest{Key: "k", Title: "log"})
	want := `"level":"WARN","msg":"using [secret]","plugin":"tracker","instance":"t7","said":{"where":"[secret]"}`
	eventually(t, 5*time.Second, "the line "+want, func() bool { return strings.Contains(out.String(), want) })
	eventually(t, 5*time.Second, "what it printed", func() bool { return strings.Contains(out.String(), "printed with [secret]") })
	h.Create(t.Context(), "t7", CreateRequest{Key: "k", Title: "shout"})
	h.Close()
	if strings.Contains(out.String(), secret) {
		t.Error("the log holds the secret")
	}
	// "shout" prints 5,000 lines of 50,000 bytes, and 5,000 short ones.
	if n := len(out.String()); n > 1<<20 {
		t.Errorf("log has %d bytes after a flood, want less than 1 MiB", n)
	}
}

func TestRefusedConfigurationIsNotTriedAgain(t *testing.T) {
	t.Parallel()
	h := newHost(t, nil)
	for more, want := range map[string]string{
		`,"mode":"refuse"`: "token: [secret] is not a token",
		`,"mode":"loud"`:   "mode: is not one of refuse, exit, warn, flaky",
	} {
		err := set(t, h, "t", "tracker", more)
		var refused *Refused
		if !errors.As(err, &refused) || !strings.Contains(err.Error(), want) {
			t.Errorf("Set(%s) = %v, want refused: %s", more, err, want)
		}
		if s := status(t, h, "t"); s.State != Disabled || !strings.Contains(s.Detail, want) {
			t.Errorf("status %+v, want disabled: %s", s, want)
		}
	}
	if err := set(t, h, "t", "tracker", `,"mode":"warn"`); err != nil {
		t.Errorf("a warning refused the configuration: %v", err)
	}
	if s := status(t, h, "t"); s.State != Running || s.Detail != "mode: is old" {
		t.Errorf("status %+v, want running with the warning", s)
	}
	if got, want := h.Health(t.Context(), "t"), (Health{Detail: "spoke as [secret]"}); got != want {
		t.Errorf("Health = %+v, want %+v", got, want)
	}
	if err := h.Set(t.Context(), Instance{ID: "x", Plugin: "nobody", Enabled: true}); !errors.Is(err, ErrNoPlugin) {
		t.Errorf("Set of an unknown plugin: %v", err)
	}
}

func TestSetDisturbsOnlyWhatHasChanged(t *testing.T) {
	t.Parallel()
	h := newHost(t, nil)
	in := Instance{ID: "t", Plugin: "tracker", Enabled: true, Config: []byte(`{"count":1}`)}
	pid := func(in Instance) int {
		t.Helper()
		if err := h.Set(t.Context(), in); err != nil {
			t.Fatal(err)
		}
		return status(t, h, "t").PID
	}
	first := pid(in)
	if again := pid(in); again != first {
		t.Errorf("same configuration: pid %d became %d", first, again)
	}
	in.Config = []byte(`{"count":2}`)
	second := pid(in)
	if second == first || alive(first) {
		t.Errorf("new configuration: pid %d became %d, old alive: %v", first, second, alive(first))
	}
	in.Enabled = false
	if pid(in) != 0 || alive(second) || status(t, h, "t").State != Disabled {
		t.Errorf("switched off: %+v, old alive: %v", status(t, h, "t"), alive(second))
	}
	h.Remove("t")
	if len(h.Status()) != 0 {
		t.Errorf("after Remove: %+v", h.Status())
	}
}

func TestRunningCallFinishesBeforeARestart(t *testing.T) {
	t.Parallel()
	h := newHost(t, nil)
	mustSet(t, h, "t", "tracker")
	reply := make(chan CreateReply, 1)
	go func() { reply <- h.Create(context.Background(), "t", CreateRequest{Key: "k", Title: "slow"}) }()
	time.Sleep(50 * time.Millisecond)
	h.Remove("t")
	if got := <-reply; got.Outcome != Created {
		t.Errorf("the running call ended as %+v, want created", got)
	}
}

// Not parallel: it sets variables.
func TestPluginSeesNothingOfTheHostsEnvironment(t *testing.T) {
	t.Setenv("ITERATESWARM_LLM_KEY", "canary-key")
	t.Setenv("GITHUB_TOKEN", "canary-token")
	t.Setenv("TZ", "Europe/Vienna")
	h := newHost(t, nil)
	dir := t.TempDir()
	err := h.Set(t.Context(), Instance{ID: "t", Plugin: "tracker", Enabled: true, DataDir: dir, Config: []byte(`{"token":"` + secret + `"}`)})
	if err != nil {
		t.Fatal(err)
	}
	pid := status(t, h, "t").PID
	h.Create(t.Context(), "t", CreateRequest{Key: "k", Title: "environment"})
	inside, err := os.ReadFile(filepath.Join(dir, "environment"))
	if err != nil {
		t.Fatal(err)
	}
	outside, _ := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
	args, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	for where, text := range map[string]string{"environment": string(inside), "/proc environ": string(outside), "arguments": string(args)} {
		for _, bad := range []string{"canary", secret} {
			if strings.Contains(text, bad) {
				t.Errorf("%s holds %s", where, bad)
			}
		}
	}
	for _, good := range []string{"TZ=Europe/Vienna", "TMPDIR=" + h.runDir, "PATH="} {
		if !strings.Contains(string(inside), good) {
			t.Errorf("environment lacks %s", good)
		}
	}
}

func TestChildrenOfAPluginDieWithIt(t *testing.T) {
	t.Parallel()
	h := newHost(t, nil)
	mustSet(t, h, "t", "tracker")
	child := int(h.Create(t.Context(), "t", CreateRequest{Key: "k", Title: "bear"}).Number)
	if !alive(child) {
		t.Fatalf("child %d is not alive", child)
	}
	syscall.Kill(status(t, h, "t").PID, syscall.SIGKILL)
	eventually(t, 3*time.Second, "the child gone", func() bool { return !alive(child) })
	eventually(t, 3*time.Second, "a restart", func() bool { s := status(t, h, "t"); return s.State == Running && s.Restarts == 1 })
}

func TestPluginEndsByItselfWhenItsHostIsAnother(t *testing.T) {
	t.Parallel()
	// The kernel's help is left out here: this process is the parent, and the
	// plugin is told that its host was another one.
	cmd := fakeCommand("tracker")
	cmd.Env = append(cmd.Env, "ITERATESWARM_PLUGIN=1", "ITERATESWARM_HOST_PID=1", "TMPDIR="+t.TempDir())
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case <-ended:
	case <-time.After(3 * time.Second):
		cmd.Process.Kill()
		t.Error("the plugin lives on without its host")
	}
}

func TestRestartAfterTheRunDirectoryWasTidiedAway(t *testing.T) {
	t.Parallel()
	h := newHost(t, nil)
	mustSet(t, h, "t", "tracker")
	if err := os.RemoveAll(h.runDir); err != nil {
		t.Fatal(err)
	}
	if got := h.Create(t.Context(), "t", CreateRequest{Key: "k"}); got.Outcome != Created {
		t.Errorf("the running process: %+v, want created", got)
	}
	syscall.Kill(status(t, h, "t").PID, syscall.SIGKILL)
	eventually(t, 5*time.Second, "a new process that works", func() bool {
		return status(t, h, "t").Restarts == 1 && h.Create(t.Context(), "t", CreateRequest{Key: "k"}).Outcome == Created
	})
	info, err := os.Stat(h.runDir)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("run directory: %v, %v; want it back with 0700", info, err)
	}
}

func TestCloseLeavesNothing(t *testing.T) {
	t.Parallel()
	h := newHost(t, func(c *Config) { c.Timing.Grace = 300 * time.Millisecond })
	var pids []int
	for _, id := range []string{"a", "b", "c", "stopped"} {
		mustSet(t, h, id, "tracker")
		pids = append(pids, status(t, h, id).PID)
	}
	syscall.Kill(pids[3], syscall.SIGSTOP) // it cannot be asked to stop
	began := time.Now()
	if err := h.Close(); err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("Close took %v", took)
	}
	for _, pid := range pids {
		if alive(pid) {
			t.Errorf("process %d is alive", pid)
		}
	}
	if _, err := os.Stat(h.runDir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("run directory is there: %v", err)
	}
	if got := h.Create(t.Context(), "a", CreateRequest{Key: "k"}); got.Outcome != NotCreated {
		t.Errorf("Create after Close = %+v", got)
	}
	if err := set(t, h, "d", "tracker", ""); !errors.Is(err, ErrClosed) {
		t.Errorf("Set after Close = %v", err)
	}
}

func TestCloseDuringAStart(t *testing.T) {
	t.Parallel()
	h := newHost(t, nil)
	go set(t, h, "x", "silent", "")
	eventually(t, 3*time.Second, "a start", func() bool { return len(h.Status()) == 1 })
	began := time.Now()
	h.Close()
	if took := time.Since(began); took > 8*time.Second {
		t.Errorf("Close took %v, the start allows itself ten seconds", took)
	}
}

func TestManyCallersWhileThePluginIsReplaced(t *testing.T) {
	t.Parallel()
	h := newHost(t, nil)
	mustSet(t, h, "t", "tracker")
	var callers sync.WaitGroup
	for i := range 8 {
		callers.Go(func() {
			for j := range 30 {
				got := h.Create(t.Context(), "t", CreateRequest{Key: fmt.Sprintf("k%dx%d", i, j)})
				if got.Outcome != Created && got.Outcome != NotCreated {
					t.Errorf("outcome %s: %s", got.Outcome, got.Message)
				}
			}
		})
	}
	for i := range 3 {
		if err := set(t, h, "t", "tracker", fmt.Sprintf(`,"count":%d`, i+1)); err != nil {
			t.Error(err)
		}
	}
	callers.Wait()
}

// lockedBuffer is a bytes.Buffer for several goroutines.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
