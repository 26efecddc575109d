package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/pocketbase/pocketbase/apis"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/hook"
	"github.com/spf13/cobra"
	"golang.org/x/net/netutil"
)

// Limits of the HTTP server against slow and many clients.
const (
	headerTimeout  = 5 * time.Second
	readTimeout    = 30 * time.Second
	idleTimeout    = 60 * time.Second
	maxConnections = 4096
)

// Listen says where to serve. With Domains PocketBase fetches certificates.
type Listen struct {
	HTTP, HTTPS string
	Domains     []string
	Public      string    // folder of the web app; empty: the one in the binary
	Banner      io.Writer // gets the lines for the person who started it; nil: nobody
	Ready       func(addr string)
}

func serveCommand(o *Options) *cobra.Command {
	var l Listen
	c := &cobra.Command{
		Use:   "serve [domain ...]",
		Short: "Start the server",
		Long: `Start the server on http://127.0.0.1:8090, or on ports 80 and 443 of the given
domains with certificates from Let's Encrypt. All data lies in --dir.`,
		Example: "  iterateswarm serve\n  iterateswarm serve --http 0.0.0.0:8090\n  iterateswarm serve feedback.example.com",
		RunE: func(cmd *cobra.Command, domains []string) error {
			l.Domains = domains
			l.Banner = cmd.OutOrStdout()
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			s, err := Open(ctx, *o)
			if err != nil {
				return err
			}
			return s.Serve(ctx, l)
		},
	}
	c.Flags().StringVar(&l.HTTP, "http", "", "address for HTTP (default 127.0.0.1:8090, with domains 0.0.0.0:80)")
	c.Flags().StringVar(&l.HTTPS, "https", "", "address for HTTPS (default none, with domains 0.0.0.0:443)")
	c.Flags().StringVar(&l.Public, "publicDir", "", "serve the web app from this folder instead of the binary, for development")
	return c
}

// Serve listens and works until ctx ends, then stops gracefully and closes the
// server.
func (s *Server) Serve(ctx context.Context, l Listen) error {
	if l.HTTP == "" {
		l.HTTP = "127.0.0.1:8090"
		if len(l.Domains) > 0 {
			l.HTTP = "0.0.0.0:80"
		}
	}
	if l.HTTPS == "" && len(l.Domains) > 0 {
		l.HTTPS = "0.0.0.0:443"
	}
	addr := l.HTTP
	if l.HTTPS != "" {
		addr = l.HTTPS
	}
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return errors.Join(listenError(addr, err), s.Close(ctx))
	}
	s.bindServe(ctx, l, netutil.LimitListener(listener, maxConnections))

	served := make(chan error, 1)
	go func() {
		served <- apis.Serve(s.App, apis.ServeConfig{HttpAddr: l.HTTP, HttpsAddr: l.HTTPS, CertificateDomains: l.Domains, AllowedOrigins: s.origins()})
	}()
	select {
	case err = <-served:
		err = errors.Join(err, s.awaitRestart())
	case <-ctx.Done():
		err = s.terminate()
		<-served
	}
	if errors.Is(err, http.ErrServerClosed) {
		err = nil
	}
	return errors.Join(err, s.Close(context.Background()))
}

// terminate lets PocketBase end its connections; the pipeline stops in the
// hook, before the databases close.
func (s *Server) terminate() error {
	e := new(core.TerminateEvent)
	e.App = s.App
	return s.App.OnTerminate().Trigger(e, func(*core.TerminateEvent) error { return nil })
}

func (s *Server) bindServe(ctx context.Context, l Listen, listener net.Listener) {
	s.bindRestarting(ctx)
	s.App.OnTerminate().Bind(&hook.Handler[*core.TerminateEvent]{
		Id: "iterateswarmStop",
		Func: func(e *core.TerminateEvent) error {
			stopCtx, cancel := context.WithTimeout(context.Background(), 6*time.Second)
			defer cancel()
			if err := s.Pipeline.Stop(stopCtx); err != nil {
				s.opts.Log.Error("stop pipeline", "err", err)
			}
			return e.Next()
		},
	})
	s.App.OnServe().Bind(&hook.Handler[*core.ServeEvent]{
		Id: "iterateswarmServe",
		Func: func(se *core.ServeEvent) error {
			se.InstallerFunc = nil // no superuser token on any terminal
			se.Listener = listener
			se.Server.ReadHeaderTimeout = headerTimeout
			se.Server.ReadTimeout = readTimeout
			se.Server.IdleTimeout = idleTimeout
			s.API.Version = Version
			s.API.Bind(se)
			if err := s.API.BindConsole(ctx, se); err != nil {
				return err
			}
			if err := s.bindPublic(se, l.Public); err != nil {
				return err
			}
			if err := s.Pipeline.Start(ctx); err != nil {
				return err
			}
			if err := se.Next(); err != nil {
				return err
			}
			if l.Banner != nil {
				s.banner(l, listener.Addr())
			}
			if l.Ready != nil {
				l.Ready(listener.Addr().String())
			}
			return nil
		},
	})
}

// origins are the web origins that may call the API from a browser. Naming
// none must not mean all, as it does to PocketBase.
func (s *Server) origins() []string {
	if o := s.opts.Config.API.TrustedOrigins; len(o) > 0 {
		return o
	}
	return []string{"https://none.invalid"}
}

func (s *Server) banner(l Listen, addr net.Addr) {
	w := l.Banner
	url := l.address(addr.String())
	if s.opts.Config.App.URL != "" {
		url = s.opts.Config.App.URL
	}
	fmt.Fprintf(w, "\nIterateSwarm is ready.\n  Web app   %s/\n  Console   %s/_/\n  Data      %s\n", url, url, s.opts.Dir)
	code, err := s.API.SetupCode(s.App)
	switch {
	case err != nil:
		s.opts.Log.Error("setup code", "err", err)
	case code != "":
		fmt.Fprintf(w, "\nThere is no admin yet. Open %s/ and enter this code: %s\n"+
			"Or on this machine: %s superuser upsert EMAIL PASSWORD\n", url, code, filepath.Base(os.Args[0]))
	}
	fmt.Fprintln(w)
}

// address is where a person opens a server that listens on addr.
func (l Listen) address(addr string) string {
	switch {
	case len(l.Domains) > 0:
		return "https://" + l.Domains[0]
	case l.HTTPS != "":
		return "https://" + reachable(addr)
	}
	return "http://" + reachable(addr)
}

// reachable is an address that a browser on this machine can open, for one that
// stands for all interfaces.
func reachable(addr string) string {
	host, port, err := net.SplitHostPort(addr)
	if ip := net.ParseIP(host); err == nil && ip != nil && ip.IsUnspecified() {
		return net.JoinHostPort("127.0.0.1", port)
	}
	return addr
}

// listenError says in one sentence why an address cannot be listened on.
func listenError(addr string, err error) error {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("%s is taken by another program; choose another with --http 127.0.0.1:8091", addr)
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("no permission to listen on %s; choose a port above 1023 with --http", addr)
	}
	return fmt.Errorf("cannot listen on %s: %w", addr, err)
}

// bindPublic serves the web app from a folder, or from the binary.
func (s *Server) bindPublic(se *core.ServeEvent, folder string) error {
	if folder != "" {
		s.API.BindPublic(se, os.DirFS(folder))
		return nil
	}
	if s.opts.Public == nil {
		return nil // a test without a web app
	}
	files, err := fs.Sub(s.opts.Public, "pb_public")
	if err != nil {
		return fmt.Errorf("web app: %w", err)
	}
	s.API.BindPublic(se, files)
	return nil
}
