package pluginhost

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestRunDirIsPrivateAndEmptyAtEveryStart(t *testing.T) {
	t.Parallel()
	state := t.TempDir()
	first, err := makeRunDir(state)
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(first)
	left := filepath.Join(first, "plugin-dir1", "socket") // of a host that was killed
	os.MkdirAll(filepath.Dir(left), 0o700)
	os.WriteFile(left, nil, 0o600)
	again, err := makeRunDir(state)
	if err != nil || again != first {
		t.Fatalf("second start: %s, %v; want %s", again, err, first)
	}
	entries, _ := os.ReadDir(again)
	info, _ := os.Stat(again)
	if len(entries) > 0 || info.Mode().Perm() != 0o700 {
		t.Errorf("%d entries, mode %v; want none, 0700", len(entries), info.Mode())
	}
	other, err := makeRunDir(t.TempDir())
	defer os.RemoveAll(other)
	if err != nil || other == first {
		t.Errorf("another host: %s, %v; want another directory", other, err)
	}
}

// Not parallel: it sets a variable.
func TestRunDirThatIsTooLongForASocket(t *testing.T) {
	t.Setenv("TMPDIR", filepath.Join(t.TempDir(), strings.Repeat("long", 15)))
	if dir, err := makeRunDir("x"); err == nil || !strings.Contains(err.Error(), "set TMPDIR to a shorter one") {
		t.Errorf("makeRunDir = %s, %v", dir, err)
	}
}
