package durability

import (
	"bytes"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// mistakes at the start are answered with one line and an exit code.
func TestAStartThatCannotBe(t *testing.T) {
	t.Parallel()
	o := build(t, nil, spec{})
	o.start()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		args []string
		says string
		code int
	}{
		{"a second server on the same data", []string{"serve", "--dir", o.spec.Dir, "--http", "127.0.0.1:0"}, "another iterateswarm is running on this data directory", 1},
		{"a port that is taken", []string{"serve", "--dir", filepath.Join(t.TempDir(), "d"), "--http", taken.Addr().String()}, "is taken by another program", 1},
		{"a data directory that is a file", []string{"serve", "--dir", file, "--http", "127.0.0.1:0"}, "data directory", 1},
		{"a data directory below a file", []string{"serve", "--dir", filepath.Join(file, "d"), "--http", "127.0.0.1:0"}, "data directory", 1},
		{"a flag that there is not", []string{"serve", "--prot", "1"}, "unknown flag", 2},
		{"a command that there is not", []string{"sevre"}, "sevre", 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			cmd := exec.Command(o.exe, append([]string{"iterateswarm"}, c.args...)...)
			cmd.Env, cmd.Dir = cleanEnviron(), t.TempDir()
			var out, errs bytes.Buffer
			cmd.Stdout, cmd.Stderr = &out, &errs
			timer := time.AfterFunc(20*time.Second, func() { _ = cmd.Process.Kill() })
			defer timer.Stop()
			_ = cmd.Run()
			if got := cmd.ProcessState.ExitCode(); got != c.code {
				t.Errorf("exit code %d, want %d", got, c.code)
			}
			lines := plain(errs.String())
			if len(lines) == 0 || len(lines) > 2 || !strings.Contains(lines[0], c.says) {
				t.Errorf("it says %q, want a line with %q", errs.String(), c.says)
			}
			if strings.Contains(out.String()+errs.String(), "goroutine ") {
				t.Errorf("it panics:\n%s", errs.String())
			}
		})
	}
	if o.ids(t.Context(), "projects", "slug='default'", 1) == nil {
		t.Error("the first server no longer answers")
	}
}

// plain are the lines for the person, without those of the log.
func plain(s string) []string {
	var out []string
	for line := range strings.Lines(s) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "{") {
			out = append(out, line)
		}
	}
	return out
}
