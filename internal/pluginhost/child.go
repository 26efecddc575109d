package pluginhost

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// child is the operating system's side of a plugin: go-plugin's runner. It
// differs from go-plugin's own in four ways. The thread that starts the process
// stays with it, so that the kernel kills the process with the host. It kills
// the whole process group. It reads standard error itself, because go-plugin
// panics on a line such as {"@message":1}. And it goes on reading standard
// output after the handshake, whatever comes.
type child struct {
	cmd    *exec.Cmd
	logs   *logs
	stdout io.ReadCloser
	stderr io.ReadCloser
	hello  *io.PipeReader // standard output's first line, for go-plugin
	say    *io.PipeWriter
	pipes  sync.WaitGroup // the readers of stdout and stderr
	pid    int

	mu     sync.Mutex
	killed bool        // by us
	reaped atomic.Bool // the process id may belong to another process

	exited chan struct{} // closed when the process is gone
	end    error         // how it ended; read it after exited
}

// maxHello bounds the handshake line: it holds a path and a certificate.
const maxHello = 8 << 10

func newChild(cmd *exec.Cmd, l *logs) (*child, error) {
	cmd.Stdin = nil
	cmd.SysProcAttr = processAttr()
	c := &child{cmd: cmd, logs: l, exited: make(chan struct{})}
	var err error
	if c.stdout, err = cmd.StdoutPipe(); err != nil {
		return nil, err
	}
	if c.stderr, err = cmd.StderrPipe(); err != nil {
		return nil, err
	}
	c.hello, c.say = io.Pipe()
	return c, nil
}

// Start starts the process.
func (c *child) Start(context.Context) error {
	started := make(chan error, 1)
	go c.live(started)
	return <-started
}

// live is the life of the process, on one thread from its start to its end.
func (c *child) live(started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := c.spawn(); err != nil {
		c.end = err
		close(c.exited)
		started <- err
		return
	}
	c.pipes.Add(2)
	go c.readOut()
	go c.readErr()
	started <- nil

	if waitDead(c.pid) {
		killGroup(c.cmd.Process) // its children
		// A child in a session of its own may still hold the pipes.
		giveUp := time.AfterFunc(time.Second, func() { c.stdout.Close(); c.stderr.Close() })
		defer giveUp.Stop()
	}
	c.pipes.Wait()
	err := c.reap()
	if last := c.logs.lastLine(); last != "" {
		err = fmt.Errorf("%w; its last words: %s", err, last)
	}
	c.end = err
	close(c.exited)
}

// spawn starts the process unless it has been killed before its birth.
func (c *child) spawn() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.killed {
		return errors.New("stopped before it was started")
	}
	if err := c.cmd.Start(); err != nil {
		return err
	}
	c.pid = c.cmd.Process.Pid
	return nil
}

// reap collects the exit status.
func (c *child) reap() error {
	if canWaitDead { // Wait returns at once; elsewhere it blocks, and kill must be able to end it
		c.mu.Lock()
		defer c.mu.Unlock()
	}
	err := c.cmd.Wait()
	c.reaped.Store(true)
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return fmt.Errorf("process ended: %w", exit)
	}
	return errors.New("process ended by itself")
}

func (c *child) readOut() {
	defer c.pipes.Done()
	out := bufio.NewReaderSize(c.stdout, maxHello)
	line, _ := out.ReadSlice('\n')
	c.say.Write(line)
	c.say.Close()
	io.Copy(io.Discard, out)
}

func (c *child) readErr() {
	defer c.pipes.Done()
	c.logs.read(c.stderr)
}

// kill ends the process and its children at once. It may be called at any time.
func (c *child) kill() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.killed = true
	if c.cmd.Process != nil && !c.reaped.Load() {
		killGroup(c.cmd.Process)
	}
}

func (c *child) wasKilled() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.killed
}

// ownEnd waits a moment for the process's end and returns how it ended, or nil
// when it is alive or has been killed by us.
func (c *child) ownEnd() error {
	select {
	case <-c.exited:
	case <-time.After(100 * time.Millisecond):
		return nil
	}
	exit, ok := errors.AsType[*exec.ExitError](c.end)
	if c.wasKilled() && (!ok || exit.ExitCode() < 0) {
		return nil
	}
	return c.end
}

// The rest is go-plugin's runner interface.

// Wait returns when the process is gone.
func (c *child) Wait(context.Context) error { <-c.exited; return nil }

// Kill ends the process group.
func (c *child) Kill(context.Context) error { c.kill(); return nil }

// Stdout is the handshake line.
func (c *child) Stdout() io.ReadCloser { return c.hello }

// Stderr is empty for go-plugin: logs reads the real one.
func (c *child) Stderr() io.ReadCloser { return io.NopCloser(eof{}) }

// Name is the program's path.
func (c *child) Name() string { return c.cmd.Path }

// ID is the process id.
func (c *child) ID() string { return strconv.Itoa(c.pid) }

// Diagnose has nothing to add.
func (c *child) Diagnose(context.Context) string { return "" }

// PluginToHost changes nothing: both see the same files.
func (c *child) PluginToHost(network, addr string) (string, string, error) { return network, addr, nil }

// HostToPlugin changes nothing.
func (c *child) HostToPlugin(network, addr string) (string, string, error) { return network, addr, nil }

type eof struct{}

func (eof) Read([]byte) (int, error) { return 0, io.EOF }
