package command_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/iterateswarm/iterateswarm/internal/command"
	"github.com/iterateswarm/iterateswarm/internal/records"
	"github.com/iterateswarm/iterateswarm/internal/servertest"
	"github.com/iterateswarm/iterateswarm/plugins"
)

// pluginCLI runs "iterateswarm plugin …" with the bundled plugins.
func pluginCLI(dir string, args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	bundled := command.Bundled{Manifests: plugins.Manifests(), Serve: plugins.Serve,
		Command: func(name string) *exec.Cmd { return exec.Command(os.Args[0], "plugin", name) }}
	code = command.Main(append([]string{"plugin", "--dir", dir}, args...), nil, bundled, &out, &errs)
	return code, out.String(), errs.String()
}

// hello builds the example into the plugin folder of a data directory.
func hello(t *testing.T, dir string) {
	t.Helper()
	to := filepath.Join(dir, "plugins", "hello")
	if said, err := exec.Command("go", "build", "-o", to, "../../sdk/example/hello").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, said)
	}
}

func TestPluginsFromTheCommandLine(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "pb_data")
	expect := func(code int, text string, args ...string) {
		t.Helper()
		got, out, errs := pluginCLI(dir, args...)
		if got != code || !strings.Contains(out+errs, text) {
			t.Errorf("plugin %s: exit %d, want %d and %q\n%s%s", strings.Join(args, " "), got, code, text, out, errs)
		}
	}
	expect(0, "webhook", "list")
	expect(1, "there is no database", "enable", "hello")
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Error("listing plugins made a data directory")
	}
	expect(2, "accepts 1 arg", "check")
	expect(2, "unknown", "paint", "it")
	expect(1, "neither a file nor a bundled plugin", "check", "/nowhere")
	expect(1, "FAIL  starts and shakes hands", "check", "/bin/true")
	expect(0, "ok    starts and shakes hands", "check", "local")
	expect(0, "MB of them its own", "check", "local")

	s, err := command.Open(context.Background(), servertest.Options(dir))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	hello(t, dir)
	expect(0, "found", "list")
	config := filepath.Join(dir, "hello.json")
	if err := os.WriteFile(config, []byte(`{"file":"`+filepath.Join(dir, "box.txt")+`"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "box.txt"), []byte("one\n\ntwo\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	expect(0, "ok    brings messages once, across restarts", "check", "--config", config, "--stream", filepath.Join(dir, "plugins", "hello"))
	expect(1, "hello has the SHA-256", "enable", "hello", "--sha256", strings.Repeat("0", 64))
	expect(1, "There is no plugin", "enable", "nobody")
	expect(0, "hello 1.0.0 is enabled", "enable", "hello")
	expect(0, "ready", "list")
	expect(1, "no server runs", "logs", "hello")

	running := servertest.StartIn(t, dir)
	project := running.Project()
	source := running.Save(records.Sources, map[string]any{"project": project, "name": "Box", "slug": "box", "plugin": "hello",
		"enabled": true, "config": map[string]any{"file": "box.txt"}})
	status := func() string { return running.Record(records.Sources, source.Id).GetString("status") }
	running.Until("the plugin that was enabled before to run", func() bool { return status() == "running" })
	expect(1, "no superuser yet", "logs", "hello", "--url", running.URL)
	running.Superuser()
	expect(1, "is not at http://127.0.0.1:1", "disable", "hello", "--url", "http://127.0.0.1:1")
	expect(0, "plugin started", "logs", "hello", "--url", running.URL)
	expect(1, "nothing is configured", "logs", "nobody", "--url", running.URL)
	expect(0, "", "disable", "hello", "--url", running.URL)
	running.Until("the plugin to stop", func() bool { return status() == "disabled" })
	expect(0, "found", "list")
	expect(0, "is enabled", "enable", "hello", "--url", running.URL)
	running.Until("the plugin to run again", func() bool { return status() == "running" })
}
