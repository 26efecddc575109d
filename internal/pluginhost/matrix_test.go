package pluginhost

import (
	"bufio"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// neighbour is a source that is called without a pause while others break.
type neighbour struct {
	h      *Host
	pid    int
	failed atomic.Int64

	mu   sync.Mutex
	took []time.Duration // since p99 was read
}

func newNeighbour(t *testing.T, h *Host) *neighbour {
	t.Helper()
	mustSet(t, h, "neighbour", "source")
	n := &neighbour{h: h, pid: status(t, h, "neighbour").PID}
	ctx := t.Context()
	done := start(func() {
		for ctx.Err() == nil {
			began := time.Now()
			_, err := h.HandleWebhook(ctx, "neighbour", WebhookRequest{Method: "POST", Body: []byte("{}")})
			if err != nil && ctx.Err() == nil {
				n.failed.Add(1)
			}
			n.mu.Lock()
			n.took = append(n.took, time.Since(began))
			n.mu.Unlock()
			time.Sleep(time.Millisecond)
		}
	})
	t.Cleanup(func() { <-done })
	return n
}

// p99 is the 99th percentile of the calls since it was last read.
func (n *neighbour) p99() (time.Duration, int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	slices.Sort(n.took)
	calls := len(n.took)
	if calls == 0 {
		return 0, 0
	}
	at := n.took[calls*99/100]
	n.took = n.took[:0]
	return at, calls
}

// filed copies this test binary into a plugin directory, where it serves the
// fake of the file's name.
func filed(t *testing.T, dir, name string, more ...byte) {
	t.Helper()
	self, err := os.ReadFile(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	fresh := filepath.Join(dir, ".new")
	if err := os.WriteFile(fresh, append(self, more...), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(fresh, filepath.Join(dir, name)); err != nil {
		t.Fatal(err)
	}
}

// The fault matrix: twelve ways in which a plugin is broken or hostile, one
// after the other, in real processes beside a neighbour that is called all the
// while. In every case the host and the neighbour go on undisturbed. Not
// parallel: it looks at the memory of this process.
func TestFaultMatrix(t *testing.T) {
	dir := t.TempDir()
	s := &taker{seen: map[string]int{}}
	h := newHost(t, func(c *Config) {
		c.Dir = dir
		c.OnBatch, c.Cursor = s.take, s.at
		c.Timing.ItemBurst, c.Timing.ItemEvery = 200, time.Millisecond
	})
	n := newNeighbour(t, h)
	eventually(t, 30*time.Second, "500 calls of the neighbour", func() bool { n.mu.Lock(); defer n.mu.Unlock(); return len(n.took) >= 500 })
	alone, _ := n.p99()
	t.Logf("neighbour alone: p99 %v", alone.Round(10*time.Microsecond))

	for _, c := range []struct {
		name string
		run  func(*testing.T)
	}{
		{"P1 ends at its start", func(t *testing.T) {
			if err := set(t, h, "x", "exits", ""); err == nil || !strings.Contains(err.Error(), "panic: no licence") {
				t.Errorf("Set = %v, want its last words", err)
			}
			quarantined(t, h)
		}},
		{"P2 ends every 200 ms", func(t *testing.T) {
			_ = set(t, h, "x", "tracker", `,"mode":"flaky"`)
			quarantined(t, h)
			if r := status(t, h, "x").Restarts; r != 3 {
				t.Errorf("%d restarts before the quarantine, want 3", r)
			}
		}},
		{"P3 is frozen", func(t *testing.T) {
			mustSet(t, h, "x", "tracker")
			frozen := status(t, h, "x").PID
			syscall.Kill(frozen, syscall.SIGSTOP)
			eventually(t, 20*time.Second, "a new process", func() bool {
				st := status(t, h, "x")
				return st.State == Running && st.PID != frozen && !alive(frozen)
			})
		}},
		{"P4 never answers", func(t *testing.T) {
			mustSet(t, h, "x", "tracker")
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if got := h.Create(ctx, "x", CreateRequest{Key: "k", Title: "hang"}); got.Outcome != Unknown {
				t.Errorf("Create = %+v, want unknown", got)
			}
			if got := h.Create(t.Context(), "x", CreateRequest{Key: "k"}); got.Outcome != Created {
				t.Errorf("the next one = %+v, want created", got)
			}
		}},
		{"P5 answers with 64 and with 512 MiB", func(t *testing.T) {
			mustSet(t, h, "x", "raw")
			before := residentBytes(os.Getpid())
			for _, mib := range []string{"64", "512"} {
				if _, err := h.HandleWebhook(t.Context(), "x", WebhookRequest{Path: mib}); err == nil {
					t.Errorf("%s MiB were taken", mib)
				}
			}
			if grown := residentBytes(os.Getpid()) - before; grown > 64<<20 {
				t.Errorf("the host grew by %d MiB", grown>>20)
			}
		}},
		{"P6 brings messages without end", func(t *testing.T) {
			if err := set(t, h, "x", "source", `,"run":"flood"`); err != nil {
				t.Fatal(err)
			}
			eventually(t, 60*time.Second, "2,000 messages", func() bool { n, _ := s.taken(); return n >= 2000 })
			h.Remove("x")
			s.mu.Lock()
			defer s.mu.Unlock()
			for i := range s.ids { // in order, each once
				if want := strconv.Itoa(i + 1); s.ids[i] != want || s.seen[want] != 1 {
					t.Fatalf("message %d is %s, which came %d times", i+1, s.ids[i], s.seen[s.ids[i]])
				}
			}
		}},
		{"P7 floods its log", func(t *testing.T) {
			mustSet(t, h, "x", "tracker")
			if got := h.Create(t.Context(), "x", CreateRequest{Key: "k", Title: "shout"}); got.Outcome != Created {
				t.Errorf("Create = %+v, want created", got)
			}
			if lines := h.Logs("x", 10_000); len(lines) > maxLines {
				t.Errorf("%d lines are kept, want at most %d", len(lines), maxLines)
			}
		}},
		{"P8 answers nonsense", func(t *testing.T) {
			mustSet(t, h, "x", "raw")
			pid := status(t, h, "x").PID
			for _, what := range []string{"not UTF-8", "no id", "401 with an item", "status 99"} {
				if reply, err := h.HandleWebhook(t.Context(), "x", WebhookRequest{Path: what}); err == nil {
					t.Errorf("%s: was taken as %+v", what, reply)
				}
			}
			reply, err := h.HandleWebhook(t.Context(), "x", WebhookRequest{Path: "year 9999"})
			if err != nil || len(reply.Items) != 1 || !reply.Items[0].Created.IsZero() {
				t.Errorf("year 9999: %+v, %v; want the message without a time", reply, err)
			}
			eventually(t, 20*time.Second, "the stream's nonsense in the status", func() bool {
				return strings.Contains(status(t, h, "x").Detail, "brings no messages")
			})
			if st := status(t, h, "x"); st.PID != pid || st.State != Running {
				t.Errorf("status %+v, want the same process", st)
			}
		}},
		{"P9 shakes hands wrongly", func(t *testing.T) {
			for plugin, want := range map[string]string{
				"garbage": "Starting up!", "version2": "incompatible API version", "nocert": "nowhere", "liar": `want tracker "liar"`,
			} {
				if err := set(t, h, "x", plugin, ""); err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("%s: Set = %v, want %q", plugin, err, want)
				}
				h.Remove("x")
			}
		}},
		{"P10 is another file than the enabled one", func(t *testing.T) { anotherFile(t, h, dir) }},
		{"P11 leaves a grandchild behind", func(t *testing.T) {
			mustSet(t, h, "x", "tracker")
			child := int(h.Create(t.Context(), "x", CreateRequest{Key: "k", Title: "bear"}).Number)
			if !alive(child) {
				t.Fatalf("the grandchild %d is not alive", child)
			}
			h.Create(t.Context(), "x", CreateRequest{Key: "k", Title: "exit"})
			eventually(t, 10*time.Second, "the grandchild gone", func() bool { return !alive(child) })
			eventually(t, 10*time.Second, "a new process", func() bool { return status(t, h, "x").State == Running })
		}},
		{"P12 loses its host", killedHost},
	} {
		t.Run(c.name, func(t *testing.T) {
			n.p99()
			c.run(t)
			h.Remove("x")
			if st := status(t, h, "neighbour"); st.PID != n.pid || st.State != Running {
				t.Errorf("the neighbour is %+v, was process %d", st, n.pid)
			}
			if failed := n.failed.Swap(0); failed > 0 {
				t.Errorf("%d calls of the neighbour failed", failed)
			}
			during, calls := n.p99()
			t.Logf("neighbour meanwhile: p99 %v of %d calls, alone %v", during.Round(10*time.Microsecond), calls, alone.Round(10*time.Microsecond))
		})
	}
}

func quarantined(t *testing.T, h *Host) {
	t.Helper()
	eventually(t, 30*time.Second, "quarantine", func() bool { return status(t, h, "x").State == Quarantined })
}

// anotherFile: a program runs while it is what was pinned, and not a byte else.
func anotherFile(t *testing.T, h *Host, dir string) {
	filed(t, dir, "filed")
	program := func() Program {
		t.Helper()
		list, err := h.Programs()
		if err != nil || len(list) != 1 {
			t.Fatalf("Programs = %+v, %v", list, err)
		}
		return list[0]
	}
	enable := func() {
		t.Helper()
		pin := Pin{Name: "filed", File: "filed", SHA256: program().SHA256}
		m, err := h.Inspect(t.Context(), pin)
		if err == nil {
			err = h.Trust(pin, m)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	refused := func(what, want string) {
		t.Helper()
		unfit, ok := errors.AsType[*Unfit](h.Restart(t.Context(), Instance{ID: "x", Plugin: "filed", Enabled: true}))
		if !ok || !strings.Contains(unfit.Why, want) {
			t.Errorf("%s: %v, want unfit: %s", what, unfit, want)
		}
		if st := status(t, h, "x"); st.State != Disabled || st.PID != 0 {
			t.Errorf("%s: %+v, want disabled", what, st)
		}
	}
	if err := set(t, h, "x", "filed", ""); !errors.Is(err, ErrNoPlugin) {
		t.Errorf("not enabled: %v, want ErrNoPlugin", err)
	}
	enable()
	if err := set(t, h, "x", "filed", ""); err != nil {
		t.Fatal(err)
	}
	running := status(t, h, "x").PID
	path := filepath.Join(dir, "filed")

	filed(t, dir, "filed", 0)
	if !alive(running) {
		t.Error("the running process ended because its file was replaced")
	}
	syscall.Kill(running, syscall.SIGKILL) // a crash does not start the new file either
	eventually(t, 20*time.Second, "it disabled", func() bool { return status(t, h, "x").State == Disabled })
	refused("one byte more", "has changed since it was enabled")
	enable()
	if err := set(t, h, "x", "filed", ""); err != nil {
		t.Errorf("enabled again: %v", err)
	}

	for what, c := range map[string]struct {
		want       string
		make, undo func() error
	}{
		"a symbolic link": {"symbolic link", func() error {
			return errors.Join(os.Rename(path, path+".real"), os.Symlink(path+".real", path))
		}, func() error { return os.Rename(path+".real", path) }},
		"a file for everybody":      {"can be written by its group", func() error { return os.Chmod(path, 0o777) }, func() error { return os.Chmod(path, 0o755) }},
		"a directory for everybody": {"the plugin directory can be written", func() error { return os.Chmod(dir, 0o777) }, func() error { return os.Chmod(dir, 0o700) }},
		"no file":                   {"not readable", func() error { return os.Rename(path, path+".away") }, func() error { return os.Rename(path+".away", path) }},
	} {
		if err := c.make(); err != nil {
			t.Fatal(err)
		}
		refused(what, c.want)
		if err := c.undo(); err != nil {
			t.Fatal(err)
		}
	}
	if err := h.Restart(t.Context(), Instance{ID: "x", Plugin: "filed", Enabled: true}); err != nil {
		t.Errorf("all of it undone: %v", err)
	}
	h.Distrust("filed")
	refusedNow := func() bool {
		st := status(t, h, "x")
		return st.State == Disabled && strings.Contains(st.Detail, "not enabled")
	}
	eventually(t, 10*time.Second, "it stopped", refusedNow)
	if err := h.Trust(Pin{Name: "tracker", File: "filed"}, fakeManifest("tracker")); err == nil {
		t.Error("a file took a bundled plugin's name")
	}
}

// killedHost: nothing that a host has started outlives it.
func killedHost(t *testing.T) {
	tmp, err := os.MkdirTemp("", "host") // what a killed host leaves behind; t.TempDir is too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(tmp)
	host := exec.Command(os.Args[0])
	host.Env = append(os.Environ(), envHost+"="+t.TempDir(), "TMPDIR="+tmp)
	out, err := host.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := host.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	var pids []int
	for field := range strings.FieldsSeq(line) {
		pid, _ := strconv.Atoi(field)
		pids = append(pids, pid)
	}
	if err != nil || len(pids) != hostPlugins || slices.ContainsFunc(pids, func(pid int) bool { return !alive(pid) }) {
		t.Fatalf("the host printed %q, %v", line, err)
	}
	host.Process.Kill()
	host.Wait()
	eventually(t, 10*time.Second, "every plugin gone", func() bool { return !slices.ContainsFunc(pids, alive) })
}
