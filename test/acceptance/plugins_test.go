package acceptance

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/pocketbase/dbx"

	"github.com/iterateswarm/iterateswarm/internal/records"
	"github.com/iterateswarm/iterateswarm/internal/servertest"
)

// hello is sdk/example/hello, built once.
var hello = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "hello")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	out := filepath.Join(dir, "hello")
	if said, err := exec.Command("go", "build", "-o", out, "../../sdk/example/hello").CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build: %w\n%s", err, said)
	}
	return os.ReadFile(out)
})

// install puts a program into the plugin directory and returns its checksum.
func install(t *testing.T, s *servertest.Server, file string, program []byte) string {
	t.Helper()
	dir := filepath.Join(s.Dir, "plugins")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	fresh := filepath.Join(dir, ".new")
	if err := os.WriteFile(fresh, program, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(fresh, filepath.Join(dir, file)); err != nil { // a running program cannot be written
		t.Fatal(err)
	}
	sum := sha256.Sum256(program)
	return hex.EncodeToString(sum[:])
}

// An operator's own plugin, from the file to the message: nothing runs before a
// superuser says so, what runs is what was looked at, and everything happens
// while the server runs.
func TestOwnPlugin(t *testing.T) {
	t.Parallel()
	program, err := hello()
	if err != nil {
		t.Fatal(err)
	}
	s := servertest.Start(t)
	super, admin, triager := s.Superuser(), s.User("admin"), s.User("triager")
	do := func(method, path, token string, body any) answer {
		t.Helper()
		return must(t, call{method: method, url: s.URL + path, token: token, body: body})
	}
	plugin := func(name string) map[string]any {
		t.Helper()
		var list []map[string]any
		servertest.Answer{Body: do("GET", "/api/plugins", admin, nil).body}.JSON(t, &list)
		for _, p := range list {
			if p["name"] == name {
				return p
			}
		}
		return nil
	}
	if p := plugin("hello"); p != nil {
		t.Fatalf("hello before it was installed: %v", p)
	}
	if p := plugin("github"); p["origin"] != "bundled" || p["state"] != "ready" || p["schema"] == nil {
		t.Errorf("github = %v", p)
	}

	sum := install(t, s, "hello", program)
	if p := plugin("hello"); p["state"] != "found" || p["sha256"] != sum || p["schema"] != nil || p["version"] != "" {
		t.Fatalf("hello, not enabled: %v; nothing of it is known before it has run", p)
	}
	source := map[string]any{"project": s.Project(), "name": "Box", "slug": "box", "plugin": "hello", "enabled": true,
		"config": map[string]any{"file": "box.txt"}}
	if a := do("POST", "/api/collections/sources/records", admin, source); a.status != 422 {
		t.Errorf("a source of a plugin that is not enabled: %d %s", a.status, a.body)
	}
	for token, want := range map[string]int{"": 401, admin: 403} {
		if a := do("POST", "/api/plugins/hello/enable", token, map[string]any{"sha256": sum}); a.status != want {
			t.Errorf("enable: %d %s, want %d", a.status, a.body, want)
		}
	}
	if a := do("GET", "/api/plugins", triager, nil); a.status != 403 {
		t.Errorf("a triager lists plugins: %d", a.status)
	}
	if a := do("POST", "/api/plugins/hello/enable", super, map[string]any{"sha256": strings.Repeat("0", 64)}); a.status != 409 || !strings.Contains(string(a.body), sum) {
		t.Errorf("enable with another checksum: %d %s", a.status, a.body)
	}
	if a := do("POST", "/api/plugins/nobody/enable", super, map[string]any{}); a.status != 404 {
		t.Errorf("enable nothing: %d %s", a.status, a.body)
	}
	if a := do("POST", "/api/collections/pins/records", super, map[string]any{"name": "x", "file": "x", "sha256": sum}); a.status != 400 {
		t.Errorf("a pin by the records API: %d %s", a.status, a.body)
	}

	a := do("POST", "/api/plugins/hello/enable", super, map[string]any{"sha256": sum})
	if a.status != 200 || object(t, a)["state"] != "ready" || object(t, a)["version"] != "1.0.0" {
		t.Fatalf("enable: %d %s", a.status, a.body)
	}
	a = do("POST", "/api/collections/sources/records", admin, source)
	if a.status != 200 {
		t.Fatalf("make the source: %d %s", a.status, a.body)
	}
	id := object(t, a)["id"].(string)
	status := func() map[string]any { return object(t, do("GET", "/api/sources/"+id+"/status", admin, nil)) }
	s.Until("the source to run", func() bool { return status()["state"] == "running" })
	messages := func() int { return s.Count(records.Feedback, dbx.HashExp{"source": "box"}) }
	write := func(text string) {
		t.Helper()
		f, err := os.OpenFile(filepath.Join(s.Dir, "instances", id, "box.txt"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err == nil {
			_, err = f.WriteString(text)
		}
		if err != nil || f.Close() != nil {
			t.Fatal(err)
		}
	}
	write("The export hangs\nLogin crashes\n")
	s.Until("two messages", func() bool { return messages() == 2 && status()["items"] == 2.0 })
	if st := status(); st["sha256"] != sum || st["version"] != "1.0.0" || st["pid"].(float64) == 0 || st["rss"].(float64) == 0 || st["last_item"] == nil {
		t.Errorf("status = %v", st)
	}
	if a := do("POST", "/api/sources/"+id+"/check", admin, nil); object(t, a)["ok"] != true {
		t.Errorf("check: %s", a.body)
	}
	a = do("POST", "/api/sources/"+id+"/test", admin, nil)
	sample := s.Record(records.Feedback, object(t, a)["feedback"].(string))
	if sample.GetString("source") != "box" || !strings.Contains(sample.GetString("context"), `"sample":true`) {
		t.Errorf("sample = %v", sample)
	}
	pid := status()["pid"]
	if a := do("POST", "/api/sources/"+id+"/restart", admin, nil); object(t, a)["state"] != "running" || object(t, a)["pid"] == pid {
		t.Errorf("restart: %s, was pid %v", a.body, pid)
	}
	if a := do("GET", "/api/sources/"+id+"/logs?limit=500", admin, nil); !strings.Contains(string(a.body), `"message":"plugin started`) {
		t.Errorf("logs: %s", a.body)
	}
	for _, path := range []string{"status", "logs"} {
		if a := do("GET", "/api/sources/"+id+"/"+path, triager, nil); a.status != 403 {
			t.Errorf("%s for a triager: %d", path, a.status)
		}
	}
	if a := do("GET", "/metrics", super, nil); !strings.Contains(string(a.body), `iterateswarm_plugin_state{instance="`+id+`",plugin="hello",state="running"} 1`) ||
		!strings.Contains(string(a.body), `iterateswarm_plugin_items_total{instance="`+id+`",plugin="hello"} 2`) {
		t.Error("the metrics lack the plugin")
	}

	// One byte more: what runs goes on, nothing new starts, until it is enabled.
	changed := append(append([]byte{}, program...), '\n')
	upgraded := install(t, s, "hello", changed)
	if p := plugin("hello"); p["state"] != "changed" || p["sha256"] != upgraded {
		t.Errorf("after the file has changed: %v", p)
	}
	a = do("POST", "/api/sources/"+id+"/restart", admin, nil)
	if st := object(t, a); st["state"] != "disabled" || !strings.Contains(st["detail"].(string), "has changed since it was enabled") {
		t.Errorf("restart with a changed file: %s", a.body)
	}
	if a := do("POST", "/api/plugins/hello/enable", super, map[string]any{"sha256": upgraded}); a.status != 200 {
		t.Errorf("upgrade: %d %s", a.status, a.body)
	}
	s.Until("the upgraded plugin to run", func() bool { st := status(); return st["state"] == "running" && st["sha256"] == upgraded })
	write("Dark mode, please\n")
	s.Until("the third message", func() bool { return messages() == 4 }) // and the sample

	if a := do("POST", "/api/plugins/hello/disable", super, nil); a.status != 204 {
		t.Errorf("disable: %d %s", a.status, a.body)
	}
	s.Until("the source to stop", func() bool {
		st := status()
		return st["state"] == "disabled" && st["detail"] == "the plugin hello is not enabled"
	})
	if a := do("PATCH", "/api/collections/sources/records/"+id, admin, map[string]any{"enabled": false}); a.status != 200 {
		t.Errorf("switch the source off: %d %s", a.status, a.body)
	}
	if a := do("DELETE", "/api/collections/sources/records/"+id, admin, nil); a.status != 204 {
		t.Errorf("delete the source: %d %s", a.status, a.body)
	}
	s.Until("its directory to be gone", func() bool { _, err := os.Stat(filepath.Join(s.Dir, "instances", id)); return os.IsNotExist(err) })
}

// C26: what could be somebody else's program is refused with a reason.
func TestDoubtfulPluginFiles(t *testing.T) {
	t.Parallel()
	program, err := hello()
	if err != nil {
		t.Fatal(err)
	}
	s := servertest.Start(t)
	super := s.Superuser()
	dir := filepath.Join(s.Dir, "plugins")
	do := func(method, path string, body any) answer {
		t.Helper()
		return must(t, call{method: method, url: s.URL + path, token: super, body: body})
	}
	detail := func(file string) string {
		t.Helper()
		var list []struct{ File, State, Detail string }
		servertest.Answer{Body: do("POST", "/api/plugins/reload", nil).body}.JSON(t, &list)
		for _, p := range list {
			if p.File == file {
				return p.State + ": " + p.Detail
			}
		}
		return "not listed"
	}
	sum := install(t, s, "hello", program)
	for file, make := range map[string]func(path string) error{
		"link":       func(p string) error { return os.Symlink("hello", p) },
		"writable":   func(p string) error { return errors.Join(os.WriteFile(p, program, 0o755), os.Chmod(p, 0o775)) },
		"not-marked": func(p string) error { return os.WriteFile(p, program, 0o644) },
		"Capital":    func(p string) error { return os.WriteFile(p, program, 0o755) },
		"github.bin": func(p string) error { return os.WriteFile(p, program, 0o755) },
		"twin.a":     func(p string) error { return os.WriteFile(p, program, 0o755) },
		"twin.b":     func(p string) error { return os.WriteFile(p, program, 0o755) },
	} {
		if err := make(filepath.Join(dir, file)); err != nil {
			t.Fatal(err)
		}
	}
	for file, want := range map[string]string{
		"link": "refused: Never started: it is a symbolic link", "writable": "refused: Never started: the file can be written by its group",
		"not-marked": "refused: Never started: the file is not executable", "Capital": "refused: Never started: the file's name",
		"github.bin": "refused: Never started: github is a plugin that comes with the server",
		"twin.a":     "refused: Never started: several files have this name", "twin.b": "refused: Never started: several files",
		"hello": "found: A superuser has to enable it",
	} {
		if got := detail(file); !strings.HasPrefix(got, want) {
			t.Errorf("%s is %q, want %q", file, got, want)
		}
	}
	for _, name := range []string{"link", "writable", "not-marked", "twin"} {
		if a := do("POST", "/api/plugins/"+name+"/enable", map[string]any{"sha256": sum}); a.status != 422 {
			t.Errorf("enable %s: %d %s", name, a.status, a.body)
		}
	}
	// A program that is not what its name says, one that is no plugin, one that hangs.
	install(t, s, "other", program)
	installed := map[string]string{
		"other":  `it calls itself \"hello\"`,
		"script": "it does not start as a plugin",
	}
	sums := map[string]string{"other": sum, "script": install(t, s, "script", []byte("#!/bin/sh\necho hello\n"))}
	for name, want := range installed {
		if a := do("POST", "/api/plugins/"+name+"/enable", map[string]any{"sha256": sums[name]}); a.status != 422 || !strings.Contains(string(a.body), want) {
			t.Errorf("enable %s: %d %s, want 422 and %q", name, a.status, a.body, want)
		}
	}
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if got := detail("hello"); !strings.Contains(got, "the plugin directory can be written by its group or by everybody") {
		t.Errorf("in a directory for everybody hello is %q", got)
	}
	if a := do("POST", "/api/plugins/hello/enable", map[string]any{"sha256": sum}); a.status != 422 {
		t.Errorf("enable in a directory for everybody: %d %s", a.status, a.body)
	}
}
