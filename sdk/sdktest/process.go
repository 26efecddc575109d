package sdktest

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/iterateswarm/iterateswarm/sdk"
)

// process is the plugin, started as the host starts it. The handshake is done
// by hand here, from the protocol's description.
type process struct {
	*sdk.Client
	cmd    *exec.Cmd
	dir    string // for its socket
	addr   string
	server *x509.CertPool // holds its certificate
	conn   *grpc.ClientConn
	took   time.Duration // from exec to the handshake line

	stdout, stderr *output
	pipes          sync.WaitGroup
	ended          chan struct{}
	state          error // how it ended; read it after ended
}

// output is what a process has written to a pipe.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

const maxOutput = 4 << 20 // bytes that are kept

// Write keeps the beginning.
func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.b.Write(p[:min(len(p), max(0, maxOutput-o.b.Len()))])
	return len(p), nil
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// startLimit is how long the host waits for the handshake.
const startLimit = 10 * time.Second

// identity is the certificate of a host.
type identity struct {
	pem  []byte
	pair tls.Certificate
}

func newIdentity() (identity, error) {
	key, err := ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	if err != nil {
		return identity{}, err
	}
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"}, SerialNumber: big.NewInt(time.Now().UnixNano()),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment | x509.KeyUsageKeyAgreement | x509.KeyUsageCertSign,
		NotBefore:   time.Now().Add(-30 * time.Second), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return identity{}, err
	}
	return identity{
		pem:  pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pair: tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key},
	}, nil
}

// spawn starts the program. The environment is what a host gives, and more.
func spawn(command *exec.Cmd, dir string, env ...string) (*process, io.Reader, error) {
	p := &process{cmd: command, dir: dir, stdout: &output{}, stderr: &output{}, ended: make(chan struct{})}
	own := p.cmd.Env
	p.cmd.Env = append([]string{"TMPDIR=" + dir, "PLUGIN_UNIX_SOCKET_DIR=" + dir}, env...)
	for _, name := range []string{"PATH", "HOME", "TZ", "SystemRoot"} {
		if v, ok := os.LookupEnv(name); ok {
			p.cmd.Env = append(p.cmd.Env, name+"="+v)
		}
	}
	p.cmd.Env = append(p.cmd.Env, own...)
	group(p.cmd)
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, nil, err
	}
	stderr, err := p.cmd.StderrPipe()
	if err != nil {
		return nil, nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, nil, err
	}
	seen, say := io.Pipe()
	p.pipes.Go(func() { _, _ = io.Copy(io.MultiWriter(p.stdout, &first{to: say}), stdout); say.Close() })
	p.pipes.Go(func() { _, _ = io.Copy(p.stderr, stderr) })
	go func() {
		p.pipes.Wait()
		p.state = p.cmd.Wait()
		close(p.ended)
	}()
	return p, seen, nil
}

// first passes the first line on, and swallows the rest.
type first struct {
	to   *io.PipeWriter
	done bool
}

// Write never blocks after the first line.
func (f *first) Write(p []byte) (int, error) {
	if f.done {
		return len(p), nil
	}
	line, _, whole := bytes.Cut(p, []byte("\n"))
	if whole {
		line = append(bytes.Clone(line), '\n')
		f.done = true
	}
	_, _ = f.to.Write(line)
	if f.done {
		f.to.Close()
	}
	return len(p), nil
}

// begin starts the program and shakes hands.
func begin(ctx context.Context, s Subject, host identity, hostPID int) (*process, error) {
	dir, err := os.MkdirTemp("", "is-check") // short: a socket's path has at most 104 bytes
	if err != nil {
		return nil, err
	}
	began := time.Now()
	p, line, err := spawn(s.Command(), dir, sdk.CookieName+"="+sdk.CookieValue, sdk.HostPID+"="+strconv.Itoa(hostPID),
		"PLUGIN_PROTOCOL_VERSIONS="+strconv.Itoa(sdk.ProtocolVersion), "PLUGIN_CLIENT_CERT="+string(host.pem))
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	fail := func(err error) (*process, error) {
		p.kill()
		if said := strings.TrimSpace(p.stderr.String()); said != "" {
			err = fmt.Errorf("%w; it said: %s", err, clip(said))
		}
		return nil, err
	}
	read := make(chan string, 1)
	go func() {
		text, _ := bufio.NewReader(line).ReadString('\n')
		read <- text
	}()
	select {
	case text := <-read:
		p.took = time.Since(began)
		if err := p.shake(text); err != nil {
			return fail(err)
		}
	case <-time.After(startLimit):
		return fail(fmt.Errorf("no line on standard output within %v of its start", startLimit))
	case <-ctx.Done():
		return fail(ctx.Err())
	}
	if err := p.dial(host); err != nil {
		return fail(err)
	}
	return p, nil
}

// shake reads the handshake line.
func (p *process) shake(line string) error {
	const want = "1|1|unix|PATH|grpc|CERTIFICATE"
	if !strings.HasSuffix(line, "\n") {
		return fmt.Errorf("standard output ends before the handshake line %s; it has %q", want, clip(line))
	}
	parts := strings.Split(strings.TrimSpace(line), "|")
	if len(parts) < 6 {
		return fmt.Errorf("the first line on standard output is %q, want %s", clip(line), want)
	}
	for i, v := range []string{"1", "1", "unix", "", "grpc"} {
		if v != "" && parts[i] != v {
			return fmt.Errorf("field %d of the handshake line is %q, want %q", i+1, clip(parts[i]), v)
		}
	}
	p.addr = parts[3]
	in, err := filepath.EvalSymlinks(filepath.Dir(p.addr))
	dir, dirErr := filepath.EvalSymlinks(p.dir)
	if err != nil || dirErr != nil || in != dir {
		return fmt.Errorf("its socket %s is not in the directory that PLUGIN_UNIX_SOCKET_DIR names", clip(p.addr))
	}
	der, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(parts[5], "="))
	if err != nil {
		return fmt.Errorf("field 6 of the handshake line is not base64: %w", err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return fmt.Errorf("field 6 of the handshake line is not a certificate: %w", err)
	}
	p.server = x509.NewCertPool()
	p.server.AddCert(cert)
	return nil
}

// dial opens the connection. What is wrong with it shows in the first call.
func (p *process) dial(host identity) error {
	conn, err := p.connect(&tls.Config{
		Certificates: []tls.Certificate{host.pair}, RootCAs: p.server, ServerName: "localhost", MinVersion: tls.VersionTLS12,
	})
	if err != nil {
		return err
	}
	p.conn, p.Client = conn, sdk.NewClient(conn)
	return nil
}

func (p *process) connect(conf *tls.Config) (*grpc.ClientConn, error) {
	return grpc.NewClient("passthrough:///localhost", grpc.WithTransportCredentials(credentials.NewTLS(conf)),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", p.addr)
		}),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(sdk.MaxMessage), grpc.MaxCallSendMsgSize(2*sdk.MaxMessage)))
}

// ask asks the process to end.
func (p *process) ask(ctx context.Context) error {
	return p.conn.Invoke(ctx, "/plugin.GRPCController/Shutdown", &emptypb.Empty{}, &emptypb.Empty{})
}

// alive says whether the process has not ended.
func (p *process) alive() bool {
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

// within reports whether the process ends within d.
func (p *process) within(d time.Duration) bool {
	select {
	case <-p.ended:
		return true
	case <-time.After(d):
		return false
	}
}

// kill ends the process and its children, and forgets its directory.
func (p *process) kill() {
	if p.conn != nil {
		p.conn.Close()
	}
	if p.alive() {
		killGroup(p.cmd)
	}
	p.within(5 * time.Second) // a grandchild in a group of its own may hold the pipes
	_ = os.RemoveAll(p.dir)
}

func clip(s string) string {
	if len(s) > 300 {
		s = strings.ToValidUTF8(s[:300], "") + "…"
	}
	return s
}
