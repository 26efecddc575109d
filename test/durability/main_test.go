// Package durability kills the real server and counts what is left: every
// message that was acknowledged is stored once, every issue is filed once. The
// server is a process of its own, this test binary started again, and so are
// its plugins; the tracker is a stand-in inside the test.
//
//	go test ./test/durability -run TestKill -v
//	go test ./test/durability -run TestKill -v -timeout 60m -durability.cycles=200 -durability.items=10000
package durability

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/pocketbase/pocketbase/core"

	"github.com/iterateswarm/iterateswarm/internal/command"
	"github.com/iterateswarm/iterateswarm/internal/config"
	"github.com/iterateswarm/iterateswarm/internal/pipeline"
	"github.com/iterateswarm/iterateswarm/internal/records"
	"github.com/iterateswarm/iterateswarm/internal/servertest"
	"github.com/iterateswarm/iterateswarm/internal/triage"
	"github.com/iterateswarm/iterateswarm/plugins"
)

var (
	cycles = flag.Int("durability.cycles", 50, "how often the server is killed")
	items  = flag.Int("durability.items", 2000, "how many messages are sent meanwhile")
	seed   = flag.Uint64("durability.seed", 0, "repeats a run; 0: a new one")
)

// specEnv hands a spec to the server's process.
const specEnv = "ITERATESWARM_TEST_SERVER"

// poison is the text of a message that takes its triage worker's process down.
const poison = "Poison: the app crashes when I open the file"

// spec says what server to run.
type spec struct {
	Dir       string
	NoSweep   bool          // the control run: nothing looks for lost work
	BlindPost bool          // the control run: an unclear create is sent again
	Sweep     time.Duration // 0: the default
	Breaker   time.Duration // how long it stays open; 0: the default
	Cooldown  time.Duration // between two looks into the queue; 0: the default
}

func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "server":
			if err := serve(); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
			os.Exit(0)
		case "iterateswarm": // the real command line
			os.Exit(command.Main(os.Args[2:], os.Environ(), command.Bundled{
				Manifests: plugins.Manifests(), Serve: plugins.Serve, Command: pluginCommand,
			}, os.Stdout, os.Stderr))
		}
	}
	servertest.Main(m)
}

// pluginCommand starts a plugin by the name that this process was started by,
// which tells the processes of one test from those of all others.
func pluginCommand(name string) *exec.Cmd { return exec.Command(os.Args[0], "plugin", name) }

// serve is the server's process. It prints its address when it is ready and
// ends with the test that started it.
func serve() error {
	var sp spec
	if err := json.Unmarshal([]byte(os.Getenv(specEnv)), &sp); err != nil {
		return fmt.Errorf("read spec: %w", err)
	}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(3)
	}()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	s, err := command.Open(ctx, options(sp, slog.New(slog.NewJSONHandler(os.Stderr, nil))))
	if err != nil {
		return err
	}
	s.App.OnRecordUpdate(records.Feedback).BindFunc(dieOfPoison)
	return s.Serve(ctx, command.Listen{HTTP: "127.0.0.1:0", Ready: func(addr string) { fmt.Println("ready", addr) }})
}

func options(sp spec, lg *slog.Logger) command.Options {
	o := command.Options{Dir: sp.Dir, Config: config.Default(), Log: lg, Manifests: plugins.Manifests(), PluginCommand: pluginCommand}
	o.Config.API.RateBurst, o.Config.API.RateEvery = 100_000, time.Millisecond
	if sp.Sweep > 0 {
		o.Config.Queue.SweepInterval = sp.Sweep
	}
	if sp.Breaker > 0 {
		o.Config.Breaker.Open = sp.Breaker
	}
	if sp.Cooldown > 0 {
		o.Config.Queue.FetchCooldown = sp.Cooldown
	}
	o.Tune = func(c *pipeline.Config) { c.NoSweep, c.BlindPost = sp.NoSweep, sp.BlindPost }
	return o
}

// dieOfPoison kills this process while a triage job moves the poisoned message,
// inside its transaction.
func dieOfPoison(e *core.RecordEvent) error {
	moved := e.Record.GetString("state") != string(triage.Received) && e.Record.GetString("held_reason") != "quarantined"
	if moved && strings.HasPrefix(e.Record.GetString("content"), poison) {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	}
	return e.Next()
}
