// Package egress keeps connections out of private networks. An address that a
// project's admin or a stranger's server names must not lead a plugin to the
// machine it runs on, its neighbours, or a cloud's metadata service. The check
// is at the moment of connecting, when the name has become an address: a name
// that changes its address after it was looked at gains nothing.
package egress

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"time"
)

// ErrPrivate is in the chain of a connection's error when its address is not
// a public one.
var ErrPrivate = errors.New("not a public address")

// dialTimeout is how long one connection may take to open.
const dialTimeout = 10 * time.Second

// Dialer returns a dialer that connects to public addresses only, or to all
// when allowPrivate is set.
func Dialer(allowPrivate bool) *net.Dialer {
	d := &net.Dialer{Timeout: dialTimeout, KeepAlive: 30 * time.Second}
	if !allowPrivate {
		d.Control = refusePrivate
	}
	return d
}

func refusePrivate(network, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("%s %s: %w", network, address, ErrPrivate)
	}
	if !Public(at.Addr()) {
		return fmt.Errorf("%s: %w", at.Addr(), ErrPrivate)
	}
	return nil
}

// reserved are the ranges that lead to no public host, beside those net/netip
// knows: from the IANA registries of special-purpose addresses. Ranges that
// carry an IPv4 address inside are refused whole.
var reserved = prefixes("0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15",
	"198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
	"::/96", "::ffff:0:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20", "5f00::/16", "fec0::/10")

func prefixes(list ...string) []netip.Prefix {
	var parsed []netip.Prefix
	for _, p := range list {
		parsed = append(parsed, netip.MustParsePrefix(p))
	}
	return parsed
}

// Public reports whether an address can belong to a host on the internet.
func Public(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	if !a.IsGlobalUnicast() || a.IsPrivate() {
		return false
	}
	for _, p := range reserved {
		if p.Contains(a) {
			return false
		}
	}
	return true
}
