package pluginhost

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"github.com/hashicorp/go-plugin/runner"
	"google.golang.org/grpc"

	"github.com/iterateswarm/iterateswarm/sdk"
)

// process is one started plugin.
type process struct {
	*sdk.Client
	client  *plugin.Client
	runner  *child
	timing  Timing
	suspect chan struct{} // a call has missed its deadline: check health now
	notes   string        // the warnings of Configure

	mu     sync.Mutex
	ending bool
	calls  sync.WaitGroup
}

// launch starts the program, checks that it is the plugin it should be, and
// configures it. The error is a *Refused when the configuration is to blame, an
// *Unfit when the program must not run.
func (k *keeper) launch(ctx context.Context) (*process, error) {
	if k.instance.DataDir != "" {
		if err := os.MkdirAll(k.instance.DataDir, 0o700); err != nil {
			return nil, err
		}
	}
	cmd, err := k.host.program(k.manifest.Name)
	if err != nil {
		return nil, err
	}
	p, m, err := k.host.begin(ctx, cmd, newLogs(k.log, k.scrub))
	if err != nil {
		return nil, err
	}
	defer context.AfterFunc(ctx, p.runner.kill)()
	if m.Name != k.manifest.Name || m.Kind != k.manifest.Kind {
		p.end(false)
		return nil, fmt.Errorf("the program is %s %q, want %s %q", m.Kind, m.Name, k.manifest.Kind, k.manifest.Name)
	}
	if err := p.configure(ctx, k.instance); err != nil {
		return nil, p.fail(err)
	}
	return p, nil
}

// begin starts a program, connects to it and asks what it is.
func (h *Host) begin(ctx context.Context, cmd *exec.Cmd, logs *logs) (*process, Manifest, error) {
	// Systems that tidy up /tmp take the directory away after some days.
	if err := os.Mkdir(h.runDir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, Manifest{}, err
	}
	cmd.Env = append(cleanEnv(os.Environ(), h.runDir), cmd.Env...)
	child, err := newChild(cmd, logs)
	if err != nil {
		return nil, Manifest{}, err
	}
	p := &process{runner: child, timing: h.timing, suspect: make(chan struct{}, 1)}
	p.client = plugin.NewClient(&plugin.ClientConfig{
		HandshakeConfig: sdk.Handshake(),
		Plugins:         sdk.ClientSet(),
		RunnerFunc: func(_ hclog.Logger, handshake *exec.Cmd, _ string) (runner.Runner, error) {
			cmd.Env = append(cmd.Env, handshake.Env...)
			return child, nil
		},
		UnixSocketConfig: &plugin.UnixSocketConfig{TempDir: h.runDir},
		AllowedProtocols: []plugin.Protocol{plugin.ProtocolGRPC},
		SkipHostEnv:      true,
		AutoMTLS:         true,
		StartTimeout:     h.timing.Start,
		Logger:           hclog.NewNullLogger(),
		SyncStdout:       logs,
		SyncStderr:       logs,
		GRPCDialOptions: []grpc.DialOption{grpc.WithDefaultCallOptions(
			grpc.MaxCallRecvMsgSize(sdk.MaxMessage), grpc.MaxCallSendMsgSize(sdk.MaxMessage))},
	})
	defer context.AfterFunc(ctx, child.kill)() // go-plugin's start knows no context
	m, err := p.open(ctx)
	if err != nil {
		return nil, m, p.fail(err)
	}
	return p, m, nil
}

// fail ends a process that did not start, and returns its own words where it
// has some.
func (p *process) fail(err error) error {
	if own := p.runner.ownEnd(); own != nil && !errors.As(err, new(*Refused)) {
		err = fmt.Errorf("start: %w", own)
	}
	p.end(false)
	return err
}

// open connects and describes.
func (p *process) open(ctx context.Context) (Manifest, error) {
	protocol, err := p.client.Client()
	if err != nil {
		return Manifest{}, fmt.Errorf("start: %w", err)
	}
	if p.Client, err = sdk.Dispense(protocol); err != nil {
		return Manifest{}, fmt.Errorf("connect: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, p.timing.Health)
	defer cancel()
	m, err := p.Describe(ctx)
	if err != nil {
		return m, fmt.Errorf("describe: %w", err)
	}
	return m, nil
}

// configure hands the configuration over.
func (p *process) configure(ctx context.Context, in Instance) error {
	ctx, cancel := context.WithTimeout(ctx, p.timing.Configure)
	defer cancel()
	list, err := p.Configure(ctx, sdk.Config{JSON: in.Config, DataDir: in.DataDir})
	if err != nil {
		return fmt.Errorf("configure: %w", err)
	}
	if hasErrors(list) {
		return &Refused{list}
	}
	for _, d := range list {
		p.notes += d.String() + " "
	}
	return nil
}

// watch returns nil when ctx ends, or why the process is of no use any more: it
// has died, or has missed a health check.
func (p *process) watch(ctx context.Context) error {
	tick := time.NewTicker(p.timing.HealthEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-p.runner.exited:
			return p.runner.end
		case <-tick.C:
		case <-p.suspect:
		}
		short, cancel := context.WithTimeout(ctx, p.timing.Health)
		err := p.Alive(short)
		cancel()
		select {
		case <-p.runner.exited:
			return p.runner.end
		default:
		}
		if err != nil && ctx.Err() == nil {
			return fmt.Errorf("no answer to a health check within %v: %w", p.timing.Health, err)
		}
	}
}

// end makes sure that the process and its children are gone. Gracefully means
// that running calls may finish and that the plugin is asked first.
func (p *process) end(gracefully bool) {
	p.mu.Lock()
	p.ending = true
	p.mu.Unlock()
	if gracefully {
		wait(start(p.calls.Wait), p.timing.Drain)
	} else {
		p.runner.kill()
	}
	killed := start(p.client.Kill) // blocks for as long as the plugin ignores it
	if !wait(killed, p.timing.Grace) {
		p.runner.kill()
		wait(killed, 2*time.Second)
	}
}

// acquire counts a call in. It is false when the process is about to end.
func (p *process) acquire() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ending {
		return false
	}
	p.calls.Add(1)
	return true
}

// release counts a call out.
func (p *process) release() { p.calls.Done() }

// doubt asks for a health check at once.
func (p *process) doubt() {
	select {
	case p.suspect <- struct{}{}:
	default:
	}
}

// start runs f in the background and returns a channel that is closed at its
// end.
func start(f func()) <-chan struct{} {
	done := make(chan struct{})
	go func() { defer close(done); f() }()
	return done
}

// wait reports whether done was closed within d.
func wait(done <-chan struct{}, d time.Duration) bool {
	select {
	case <-done:
		return true
	case <-time.After(d):
		return false
	}
}
