package bench

import (
	"bufio"
	"database/sql"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	_ "modernc.org/sqlite"

	"github.com/iterateswarm/iterateswarm/internal/config"
)

// server is a process under measurement.
type server struct {
	t     testing.TB
	url   string
	dir   string
	cmd   *exec.Cmd
	in    io.Closer
	start time.Duration // until the first answer
}

// binary builds the product as a release is built and returns its path and size.
func binary(t testing.TB) (path string, size int64) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "iterateswarm")
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", path, ".")
	cmd.Dir, cmd.Env = "../..", append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return path, info.Size()
}

// product starts the binary on a data directory.
func product(t testing.TB, binary, dir string, procs int) *server {
	t.Helper()
	cmd := exec.Command(binary, "serve", "--dir", dir, "--http", "127.0.0.1:0")
	cmd.Env = append(slices.DeleteFunc(os.Environ(), func(e string) bool { return strings.HasPrefix(e, config.Prefix) }), "GOMAXPROCS="+strconv.Itoa(procs),
		"ITERATESWARM_API_RATE_BURST=100000", "ITERATESWARM_API_RATE_EVERY=1ms", "ITERATESWARM_LOG_LEVEL=warn")
	return run(t, cmd, dir, "/api/ready")
}

// bare starts a PocketBase as it comes.
func bare(t testing.TB) *server {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	return run(t, exec.Command(self, "bare", dir), dir, "/api/health")
}

func run(t testing.TB, cmd *exec.Cmd, dir, health string) *server {
	t.Helper()
	s := &server{t: t, dir: dir, cmd: cmd}
	log, err := os.Create(dir + ".log")
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	cmd.Stderr = log
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if s.in, err = cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.stop)
	lines := bufio.NewScanner(out)
	for s.url == "" && lines.Scan() {
		if _, url, ok := strings.Cut(lines.Text(), "Web app   "); ok {
			s.url = strings.TrimSuffix(url, "/")
		}
	}
	go func() { _, _ = io.Copy(io.Discard, out) }()
	for time.Since(begin) < time.Minute {
		res, err := http.Get(s.url + health)
		if err == nil {
			res.Body.Close()
			if res.StatusCode == 200 {
				s.start = time.Since(begin)
				return s
			}
		}
		time.Sleep(time.Millisecond)
	}
	raw, _ := os.ReadFile(dir + ".log")
	t.Fatalf("no server within a minute:\n%s", raw)
	return nil
}

func (s *server) stop() {
	if s.cmd.ProcessState != nil {
		return
	}
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	timer := time.AfterFunc(20*time.Second, func() { _ = s.cmd.Process.Kill() })
	defer timer.Stop()
	_ = s.cmd.Wait()
	_ = s.in.Close()
}

// memory reads a line of the process's status, in MB.
func (s *server) memory(field string) float64 {
	raw, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	for line := range strings.Lines(string(raw)) {
		if rest, ok := strings.CutPrefix(line, field+":"); ok {
			kb, _ := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			return kb / 1024
		}
	}
	return 0
}

// processor is the processor time that the process has used.
func (s *server) processor() time.Duration {
	raw, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.cmd.Process.Pid))
	_, rest, _ := strings.Cut(string(raw), ") ")
	f := strings.Fields(rest)
	if len(f) < 13 {
		return 0
	}
	user, _ := strconv.Atoi(f[11])
	system, _ := strconv.Atoi(f[12])
	return time.Duration(user+system) * 10 * time.Millisecond // a hundred ticks a second on Linux
}

// waiting counts the messages that are not settled, past the server.
func (s *server) waiting(db *sql.DB) int {
	s.t.Helper()
	var n int
	if err := db.QueryRow(`SELECT count(*) FROM feedback WHERE state = 'received'`).Scan(&n); err != nil {
		s.t.Fatal(err)
	}
	return n
}

func (s *server) database() *sql.DB {
	s.t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(s.dir, "data.db")+"?mode=ro&_pragma=busy_timeout(10000)")
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { db.Close() })
	return db
}
