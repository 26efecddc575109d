package egress

import (
	"errors"
	"net"
	"net/netip"
	"testing"
)

func TestPublic(t *testing.T) {
	t.Parallel()
	for _, a := range []string{"1.1.1.1", "93.184.215.14", "172.15.0.1", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "2a00:1450::1", "::ffff:1.1.1.1"} {
		if !Public(netip.MustParseAddr(a)) {
			t.Errorf("%s is refused", a)
		}
	}
	for _, a := range []string{"0.0.0.0", "0.1.2.3", "127.0.0.1", "127.9.9.9", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254",
		"100.64.0.1", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "::", "::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::7f00:1", "fe80::1", "fe80::1%eth0",
		"fd00::1", "fec0::1", "ff02::1", "64:ff9b::7f00:1", "2002:7f00:1::", "2001:db8::1"} {
		if Public(netip.MustParseAddr(a)) {
			t.Errorf("%s is taken for public", a)
		}
	}
}

// A listener tells whether a packet arrived; however the address is written,
// none does.
func TestDialerRefusesAtConnect(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	accepted := make(chan net.Conn, 16)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				close(accepted)
				return
			}
			accepted <- c
		}
	}()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	for _, host := range []string{"127.0.0.1", "localhost", "localhost.", "::ffff:127.0.0.1", "0.0.0.0", "::ffff:7f00:1", "::"} {
		c, err := Dialer(false).DialContext(t.Context(), "tcp", net.JoinHostPort(host, port))
		if err == nil {
			c.Close()
			t.Errorf("%s: connected", host)
		}
		if dns, ok := errors.AsType[*net.DNSError](err); !errors.Is(err, ErrPrivate) && !ok { // "localhost." may not resolve
			t.Errorf("%s: %v, want ErrPrivate (%v)", host, err, dns)
		}
	}
	c, err := Dialer(true).DialContext(t.Context(), "tcp", l.Addr().String())
	if err != nil {
		t.Fatalf("allowed: %v", err)
	}
	c.Close()
	if first := <-accepted; first.RemoteAddr().String() != c.LocalAddr().String() {
		t.Errorf("a refused connection from %s arrived", first.RemoteAddr())
	}
}
