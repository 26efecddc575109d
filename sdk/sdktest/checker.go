package sdktest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/iterateswarm/iterateswarm/internal/pluginhost"
	"github.com/iterateswarm/iterateswarm/sdk"
)

// checker is what the checks of one subject share: what they have found out, and
// a process that most of them talk to.
type checker struct {
	subject Subject
	host    identity
	m       sdk.Manifest
	config  string // accepted by the plugin
	refused string // why there is no config
	dataDir string

	took              time.Duration // the first start
	resident, private int64

	process *process   // configured with config when there is one
	gone    []*process // others, whose output is looked at in the end
}

// canary is the secret that no answer and no log may hold.
const canary = "canary-4f1d9b7e2c"

// tidy ends every process but the shared one.
func (c *checker) tidy() {
	for _, p := range c.gone {
		if p != c.process {
			p.kill()
		}
	}
}

func (c *checker) close() {
	c.process = nil
	c.tidy()
	if c.dataDir != "" {
		_ = os.RemoveAll(c.dataDir)
	}
}

// fresh starts another process. It is killed and looked at in the end.
func (c *checker) fresh(ctx context.Context) (*process, error) {
	p, err := begin(ctx, c.subject, c.host, os.Getpid())
	if err != nil {
		return nil, err
	}
	c.gone = append(c.gone, p)
	return p, nil
}

// ready is the shared process, configured.
func (c *checker) ready(ctx context.Context) (*process, error) {
	if c.config == "" {
		return nil, skip("there is no configuration that the plugin accepts: " + c.refused)
	}
	if c.process != nil && c.process.alive() {
		return c.process, nil
	}
	p, err := c.fresh(ctx)
	if err != nil {
		return nil, err
	}
	if err := c.configure(ctx, p, c.config); err != nil {
		return nil, fmt.Errorf("a new process refuses the configuration that was accepted before: %w", err)
	}
	c.process = p
	return p, nil
}

// configure hands a configuration over. The error is what the plugin has
// against it.
func (c *checker) configure(ctx context.Context, p *process, config string) error {
	list, err := p.Configure(ctx, sdk.Config{JSON: []byte(config), DataDir: c.dataDir})
	if err != nil {
		return err
	}
	return refusal(list)
}

// refusal makes an error of the diagnostics of severity Error.
func refusal(list []sdk.Diagnostic) error {
	var wrong []string
	for _, d := range list {
		if d.Severity == sdk.Error {
			wrong = append(wrong, d.String())
		}
	}
	if wrong == nil {
		return nil
	}
	return errors.New(strings.Join(wrong, "; "))
}

// died is the error of a process that should be alive.
func died(p *process, what string) error {
	return fmt.Errorf("the process has ended after %s: %v; it said: %s", what, p.state, clip(p.stderr.String()))
}

// choose finds a configuration that the plugin accepts.
func (c *checker) choose(ctx context.Context, p *process) {
	config := c.subject.Config
	if config == "" {
		config = string(pluginhost.Example(c.m))
	}
	if err := c.configure(ctx, p, config); err != nil {
		c.refused = err.Error()
		return
	}
	c.config = config
}
