package sdktest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/iterateswarm/iterateswarm/sdk"
)

// quiet is how long a stream brings nothing until it is taken to be at its end.
const quiet = 2 * time.Second

// stream: a stream that is cut and opened again at its first cursor brings the
// same ids, and at its last one none of them.
func (c *checker) stream(ctx context.Context) error {
	if !c.subject.Stream || !c.m.Can(sdk.CanRun) {
		return skip("it was not asked to bring messages")
	}
	if c.config == "" {
		return skip("there is no configuration that the plugin accepts: " + c.refused)
	}
	first, cursor, err := c.run(ctx, "")
	if err != nil {
		return err
	}
	if len(first) == 0 {
		return errors.New("it brought no message; give it a configuration with some")
	}
	again, _, err := c.run(ctx, "")
	if err != nil {
		return err
	}
	if !slices.Equal(first, again) {
		return fmt.Errorf("from the beginning it brought %v and, after a restart, %v", first, again)
	}
	if cursor == "" {
		return nil // it starts from the beginning each time
	}
	rest, _, err := c.run(ctx, cursor)
	if err != nil {
		return fmt.Errorf("after a restart at its last cursor: %w", err)
	}
	for _, id := range rest {
		if slices.Contains(first, id) {
			return fmt.Errorf("after a restart at its last cursor it brings %s again", id)
		}
	}
	return nil
}

// run starts a process, takes what it brings until it is quiet, and kills it.
func (c *checker) run(ctx context.Context, cursor string) (ids []string, last string, err error) {
	p, err := c.fresh(ctx)
	if err != nil {
		return nil, "", err
	}
	if err := c.configure(ctx, p, c.config); err != nil {
		return nil, "", err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	idle := time.AfterFunc(quiet, cancel)
	err = p.Run(ctx, cursor, func(_ context.Context, b sdk.Batch) error {
		idle.Reset(quiet)
		for _, it := range b.Items {
			if wrong := inOrder(it); wrong != nil && err == nil {
				err = wrong
			}
			ids = append(ids, it.ExternalID)
		}
		if b.Cursor != "" {
			last = b.Cursor
		}
		return nil
	})
	p.kill()
	if ctx.Err() != nil {
		err = nil // we cut it
	}
	return ids, last, err
}

// killed: nothing that a process leaves behind keeps the next from starting.
func (c *checker) killed(ctx context.Context) error {
	p, err := c.ready(ctx)
	if err != nil {
		return err
	}
	killGroup(p.cmd)
	p.within(5 * time.Second)
	_, err = c.ready(ctx)
	return err
}

// shutdown: it ends by itself when it is asked to.
func (c *checker) shutdown(ctx context.Context) error {
	p, err := c.fresh(ctx)
	if err != nil {
		return err
	}
	short, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	err = p.ask(short) // the answer may be lost with the process
	if !p.within(2 * time.Second) {
		return fmt.Errorf("two seconds after plugin.GRPCController/Shutdown (%v) it still runs", orNil(err))
	}
	return nil
}

// orphan: it is told that its host is another process than its parent, as if
// that one had died.
func (c *checker) orphan(ctx context.Context) error {
	p, err := begin(ctx, c.subject, c.host, 1)
	if os.Getpid() == 1 {
		return skip("this process cannot be told from an init process")
	}
	if err != nil {
		return nil // it has ended before the handshake
	}
	c.gone = append(c.gone, p)
	if !p.within(10 * time.Second) {
		return fmt.Errorf("ten seconds after its parent was no longer %s it still runs; compare the two once a second", sdk.HostPID)
	}
	return nil
}

// stdout: after the handshake line standard output is silent, in every process
// that was started.
func (c *checker) stdout(context.Context) error {
	for _, p := range c.gone {
		if _, rest, _ := strings.Cut(p.stdout.String(), "\n"); rest != "" {
			return fmt.Errorf("after the handshake it printed %q to standard output", clip(rest))
		}
	}
	return nil
}

// logs: every line on standard error is one that the host can read.
func (c *checker) logs(context.Context) error {
	for _, p := range c.gone {
		text := p.stderr.String()
		if strings.Contains(text, canary) {
			return errors.New("its log holds a secret of its configuration")
		}
		for line := range strings.Lines(text) {
			var fields map[string]any
			if line = strings.TrimSpace(line); line == "" {
				continue
			}
			if err := json.Unmarshal([]byte(line), &fields); err != nil {
				return fmt.Errorf("a line on standard error is not JSON: %s", clip(line))
			}
			for _, key := range []string{"@level", "@message", "@timestamp"} {
				if v, ok := fields[key].(string); !ok || v == "" {
					return fmt.Errorf("a line on standard error has no %s: %s", key, clip(line))
				}
			}
		}
	}
	return nil
}
