package sdktest

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"regexp"
	"strings"
	"time"

	"google.golang.org/grpc/health/grpc_health_v1"

	"github.com/iterateswarm/iterateswarm/internal/pluginhost"
	"github.com/iterateswarm/iterateswarm/sdk"
)

// cookie: a person who starts the program by hand is told that it is a plugin.
func (c *checker) cookie(context.Context) error {
	dir, err := os.MkdirTemp("", "is-check")
	if err != nil {
		return err
	}
	p, out, err := spawn(c.subject.Command(), dir)
	if err != nil {
		return errors.Join(err, os.RemoveAll(dir))
	}
	go func() { _, _ = io.Copy(io.Discard, out) }()
	defer p.kill()
	if !p.within(startLimit) {
		return fmt.Errorf("without the variable %s=%s it runs on; it must end with a status other than 0", sdk.CookieName, sdk.CookieValue)
	}
	if p.state == nil {
		return fmt.Errorf("without the variable %s=%s it ends with status 0; it must be another", sdk.CookieName, sdk.CookieValue)
	}
	return nil
}

// handshake: the line on standard output, the connection, and the health
// service that the host asks for first.
func (c *checker) handshake(ctx context.Context) error {
	var err error
	if c.host, err = newIdentity(); err != nil {
		return err
	}
	if c.dataDir, err = os.MkdirTemp("", "is-data"); err != nil {
		return err
	}
	p, err := c.fresh(ctx)
	if err != nil {
		return err
	}
	c.process, c.took = p, p.took
	reply, err := grpc_health_v1.NewHealthClient(p.conn).Check(ctx, &grpc_health_v1.HealthCheckRequest{Service: "plugin"})
	if err != nil {
		return fmt.Errorf("grpc.health.v1.Health of the service \"plugin\": %w", err)
	}
	if reply.Status != grpc_health_v1.HealthCheckResponse_SERVING {
		return fmt.Errorf("grpc.health.v1.Health of the service \"plugin\" is %s, want SERVING", reply.Status)
	}
	return nil
}

// strangers: whoever can open the socket and has not the host's certificate is
// turned away.
func (c *checker) strangers(ctx context.Context) error {
	other, err := newIdentity()
	if err != nil {
		return err
	}
	for what, certificates := range map[string][]tls.Certificate{"no certificate": nil, "another certificate": {other.pair}} {
		conn, err := c.process.connect(&tls.Config{Certificates: certificates, RootCAs: c.process.server, ServerName: "localhost", MinVersion: tls.VersionTLS12})
		if err != nil {
			return err
		}
		short, cancel := context.WithTimeout(ctx, 10*time.Second)
		_, err = sdk.NewClient(conn).Describe(short)
		cancel()
		conn.Close()
		if err == nil {
			return fmt.Errorf("a client with %s can call it; require and verify the certificate in PLUGIN_CLIENT_CERT", what)
		}
	}
	return nil
}

var version = regexp.MustCompile(`^\d+\.\d+\.\d+([-+][0-9A-Za-z.+-]+)?$`)

// manifest: what it says of itself is in order, and the same every time.
func (c *checker) manifest(ctx context.Context) error {
	m, err := c.process.Describe(ctx)
	if err != nil {
		return fmt.Errorf("the call Describe: %w", err)
	}
	c.m = m
	checked := m
	if err := pluginhost.CheckManifest(&checked); err != nil {
		return err
	}
	switch {
	case !version.MatchString(m.Version):
		return fmt.Errorf("the version %q is not of the form 1.2.3", clip(m.Version))
	case m.Description == "" || checked.Description != m.Description:
		return fmt.Errorf("the description %q is not one line of text", clip(m.Description))
	case len(checked.Capabilities) != len(m.Capabilities):
		return fmt.Errorf("of the capabilities %v of a %s the host knows only %v", m.Capabilities, m.Kind, checked.Capabilities)
	case m.Kind == sdk.KindSource && !m.Can(sdk.CanReceive) && !m.Can(sdk.CanRun):
		return errors.New("a source needs one of the capabilities webhook and run")
	case m.Icon != "" && !strings.HasPrefix(strings.TrimSpace(m.Icon), "<svg"):
		return errors.New("the icon is not an SVG document that begins with <svg")
	case m.Documentation != checked.Documentation:
		return fmt.Errorf("the documentation %q is not a web address", clip(m.Documentation))
	}
	other, err := c.fresh(ctx)
	if err != nil {
		return err
	}
	for range 2 {
		again, err := other.Describe(ctx)
		if err != nil {
			return fmt.Errorf("the call Describe in a second process: %w", err)
		}
		if !reflect.DeepEqual(m, again) {
			return errors.New("the call Describe gives another answer in a second process, or a second time")
		}
	}
	return nil
}

// schema: the host can make a form of it and check a configuration with it.
func (c *checker) schema(context.Context) error {
	for _, d := range pluginhost.CheckConfig(c.m, []byte(`{"`+canary+`":1}`)) {
		if d.Field == "" {
			return errors.New(d.String())
		}
	}
	if c.subject.Config == "" {
		return nil
	}
	for _, d := range pluginhost.CheckConfig(c.m, []byte(c.subject.Config)) {
		return fmt.Errorf("the schema does not allow the given configuration: %s", d)
	}
	return nil
}
