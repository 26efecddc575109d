package pluginhost

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/iterateswarm/iterateswarm/sdk"
)

// The tests run real processes: this test binary, started again with one of the
// variables below.
const (
	envPlugin = "PLUGINHOST_TEST_PLUGIN" // serve the plugin of this name
	envHost   = "PLUGINHOST_TEST_HOST"   // be a host with one plugin; the value is its state directory
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(envHost); dir != "" {
		beHost(dir)
	}
	name := os.Getenv(envPlugin)
	if filepath.Base(os.Args[0]) == "filed" { // a copy in a plugin directory
		name = "filed"
	}
	switch name {
	case "":
		os.Exit(m.Run())
	case "raw":
		serveRaw()
	case "version2":
		fmt.Println("1|2|unix|/nowhere|grpc|")
		time.Sleep(time.Hour)
	case "nocert":
		fmt.Println("1|1|unix|/nowhere|grpc|")
		time.Sleep(time.Hour)
	case "garbage":
		fmt.Println("Starting up!")
	case "liar":
		sdk.Serve(&fake{name: "tracker", kind: sdk.KindTracker})
	case "exits":
		fmt.Fprintln(os.Stderr, "panic: no licence")
		os.Exit(3)
	case "silent":
		time.Sleep(time.Hour)
	case "talks":
		// What it logs before the handshake would make go-plugin panic.
		fmt.Fprintln(os.Stderr, `{"@message":1,"@level":[],"@timestamp":{}}`)
		fallthrough
	default:
		sdk.Serve(&fake{name: name, kind: kindOfFake(name)})
	}
	os.Exit(0)
}

func kindOfFake(name string) sdk.Kind {
	if name == "source" || name == "raw" {
		return sdk.KindSource
	}
	return sdk.KindTracker
}

const fakeSchema = `{"type":"object","properties":{
	"token":{"type":"string","secret":true,"description":"Anything."},
	"mode":{"type":"string","enum":["refuse","exit","warn","flaky"]},
	"run":{"type":"string"},
	"count":{"type":"integer","minimum":1,"maximum":9}}}`

func fakeManifest(name string) Manifest {
	return sdk.Describe(&fake{name: name, kind: kindOfFake(name)})
}

// rawStderr is the pipe to the host; go-plugin puts another into os.Stderr.
var rawStderr = os.NewFile(2, "stderr")

// fake is a plugin that misbehaves on demand: Create does what the title says.
type fake struct {
	name    string
	kind    sdk.Kind
	config  struct{ Token, Mode, Run string }
	dataDir string
	made    []sdk.Found
}

func (f *fake) Manifest() sdk.Manifest {
	return Manifest{Name: f.name, Kind: f.kind, Version: "1.2.3", ConfigSchema: fakeSchema,
		Description: "Does what it is told.", MinCreateInterval: time.Second, Settle: time.Minute}
}

func (f *fake) Configure(_ context.Context, c sdk.Config) []sdk.Diagnostic {
	if err := json.Unmarshal(c.JSON, &f.config); err != nil {
		return []sdk.Diagnostic{sdk.Wrong("", "%v", err)}
	}
	f.dataDir = c.DataDir
	switch f.config.Mode {
	case "refuse":
		return []sdk.Diagnostic{sdk.Wrong("token", "%s is not a token", f.config.Token)}
	case "warn":
		return []sdk.Diagnostic{{Severity: sdk.Warning, Field: "mode", Summary: "is old"}}
	case "flaky":
		time.AfterFunc(200*time.Millisecond, func() { os.Exit(5) })
	case "exit":
		fmt.Fprintln(rawStderr, "cannot go on with", f.config.Token)
		os.Exit(3)
	}
	return nil
}

func (f *fake) Check(context.Context) sdk.Health {
	return sdk.Health{OK: f.config.Mode != "warn", Detail: "spoke as " + f.config.Token}
}

func (f *fake) Create(ctx context.Context, req sdk.CreateRequest) sdk.CreateReply {
	reply := sdk.CreateReply{Outcome: sdk.Created, Number: int64(len(f.made) + 1), URL: "https://tracker.test/" + req.Key}
	switch req.Title {
	case "exit":
		os.Exit(7)
	case "panic":
		panic("with " + f.config.Token)
	case "stop":
		syscall.Kill(os.Getpid(), syscall.SIGSTOP)
		select {} // the signal may reach another thread a moment later
	case "hang":
		select {}
	case "huge":
		reply.Message = strings.Repeat("x", sdk.MaxMessage+1)
	case "slow":
		time.Sleep(200 * time.Millisecond)
	case "environment":
		os.WriteFile(filepath.Join(f.dataDir, "environment"), []byte(strings.Join(os.Environ(), "\n")), 0o600)
	case "log":
		slog.Warn("using "+f.config.Token, "where", f.config.Token)
		fmt.Println("printed with", f.config.Token)
	case "shout":
		for range 5000 {
			fmt.Fprintln(rawStderr, strings.Repeat("a", 50_000))
		}
		fmt.Print(strings.Repeat("to go-plugin's own pipe\n", 5000))
	case "babble": // past os.Stdout, which go-plugin has replaced
		syscall.Write(1, []byte(strings.Repeat("no newline ", 30_000)))
	case "bear": // a child of its own, that holds the pipes
		child := exec.Command("sleep", "60")
		child.Stdout, child.Stderr = rawStderr, rawStderr
		if err := child.Start(); err != nil {
			return sdk.CreateReply{Message: err.Error()}
		}
		reply.Number = int64(child.Process.Pid)
	case "rejected":
		return sdk.CreateReply{Outcome: sdk.Rejected, HTTPStatus: 422, Message: "no, said " + f.config.Token}
	case "later":
		return sdk.CreateReply{Outcome: sdk.NotCreated, HTTPStatus: 429, RetryAfter: 1000 * time.Hour}
	case "nameless":
		return sdk.CreateReply{Outcome: sdk.Created}
	case "script":
		reply.URL = "javascript:alert(1)"
	case "echo":
		b, _ := json.Marshal(req)
		os.WriteFile(filepath.Join(f.dataDir, "echo"), b, 0o600)
	}
	f.made = append(f.made, sdk.Found{Key: req.Key, Number: reply.Number, URL: reply.URL, State: "open", Created: time.UnixMilli(1_700_000_000_123)})
	return reply
}

func (f *fake) Find(_ context.Context, req sdk.FindRequest) ([]sdk.Found, error) {
	if req.Key == "fail" {
		return nil, errors.New("the tracker is away, " + f.config.Token)
	}
	return append(f.made, sdk.Found{Key: "not a key", Number: 9}, sdk.Found{Key: "noNumber"}), nil
}

func (f *fake) HandleWebhook(_ context.Context, req sdk.WebhookRequest) (sdk.WebhookReply, error) {
	if req.Path == "fail" {
		return sdk.WebhookReply{}, errors.New("no such mailbox")
	}
	if req.Path == "teapot" {
		return sdk.WebhookReply{Status: 700}, nil
	}
	about, _ := json.Marshal(req)
	return sdk.WebhookReply{
		Status: 202,
		Header: map[string][]string{"Content-Type": {"text/plain"}, "Set-Cookie": {"a=b"}},
		Body:   req.Body,
		Items: []sdk.Item{{ExternalID: "m1", Title: "t", Content: "c", Permalink: "javascript:alert(1)",
			AuthorID: "u1", AuthorHandle: "ann", ContextJSON: string(about), InReplyTo: "m0",
			Created:     time.UnixMilli(1_700_000_000_123),
			Attachments: []sdk.Attachment{{Name: "a.png", URL: "https://files.test/a.png", Size: 7, Type: "image/png"}}}},
	}, nil
}

// fakeCommand starts this test binary as a plugin.
func fakeCommand(name string) *exec.Cmd {
	cmd := exec.Command(os.Args[0])
	cmd.Env = []string{envPlugin + "=" + name}
	return cmd
}

// quick is a Timing for tests: everything that only waits is short.
var quick = Timing{
	HealthEvery: 50 * time.Millisecond, Health: time.Second,
	Backoff: 20 * time.Millisecond, MaxBackoff: 100 * time.Millisecond,
}

// newHost opens a host that knows the fakes. Close is the test's end.
func newHost(t *testing.T, change func(*Config)) *Host {
	t.Helper()
	config := Config{Command: fakeCommand, StateDir: t.TempDir(), Timing: quick}
	for _, name := range []string{"tracker", "source", "garbage", "liar", "exits", "silent", "talks", "raw", "version2", "nocert"} {
		config.Manifests = append(config.Manifests, fakeManifest(name))
	}
	if change != nil {
		change(&config)
	}
	h, err := Open(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	return h
}

const secret = "tok-3f9a1c77"

// set starts an instance called id, with the secret and more configuration.
func set(t *testing.T, h *Host, id, plugin, more string) error {
	t.Helper()
	return h.Set(t.Context(), Instance{ID: id, Plugin: plugin, Enabled: true, DataDir: filepath.Join(t.TempDir(), id),
		Config: []byte(`{"token":"` + secret + `"` + more + `}`)})
}

// mustSet is set for an instance that must start.
func mustSet(t *testing.T, h *Host, id, plugin string) {
	t.Helper()
	if err := set(t, h, id, plugin, ""); err != nil {
		t.Fatalf("Set(%s): %v", plugin, err)
	}
}

// status returns the status of one instance.
func status(t *testing.T, h *Host, id string) Status {
	t.Helper()
	for _, s := range h.Status() {
		if s.ID == id {
			return s
		}
	}
	t.Fatalf("no status of %s", id)
	return Status{}
}

// eventually waits until the condition holds.
func eventually(t *testing.T, limit time.Duration, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(limit); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("not within %v: %s", limit, what)
}

// alive reports whether a process exists and is no zombie.
func alive(pid int) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(b), ") ")
	return !strings.HasPrefix(rest, "Z") && !strings.HasPrefix(rest, "X")
}

// hostPlugins is how many plugins the host process of a test has.
const hostPlugins = 3

// beHost is a host process: it starts plugins, prints their pids on one line and
// waits for its end.
func beHost(dir string) {
	h, err := Open(Config{Command: fakeCommand, StateDir: dir, Timing: quick, Manifests: []Manifest{fakeManifest("tracker")}})
	if err != nil {
		panic(err)
	}
	for i := range hostPlugins {
		if err := h.Set(context.Background(), Instance{ID: fmt.Sprint(i), Plugin: "tracker", Enabled: true}); err != nil {
			panic(err)
		}
	}
	for _, s := range h.Status() {
		fmt.Print(s.PID, " ")
	}
	fmt.Println()
	time.Sleep(time.Hour)
}
