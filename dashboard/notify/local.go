package notify

import (
	"errors"
	"net"
	"net/netip"
	"syscall"
)

// errLocal says that a channel leads to this machine or no further than its link.
// It tells nothing of what answers there.
var errLocal = errors.New("the address belongs to this machine or its link, where channels may not lead (setting notify_local)")

// newDialer returns a dialer that refuses, unless local, addresses of this machine
// and of its link with errLocal: whoever may enter a channel must not be able to ask
// what listens there. It looks at the address that is really dialled, so that no name
// can be pointed elsewhere after it was checked.
func newDialer(local bool) *net.Dialer {
	d := &net.Dialer{Timeout: attemptTimeout}
	if !local {
		d.Control = func(_, address string, _ syscall.RawConn) error {
			to, err := netip.ParseAddrPort(address)
			if err != nil || isLocal(to.Addr().Unmap()) {
				return errLocal
			}
			return nil
		}
	}
	return d
}

// isLocal reports whether an address is of this machine or its link. The unspecified
// one reaches this machine too.
func isLocal(ip netip.Addr) bool {
	return ip.IsLoopback() || ip.IsUnspecified() || ip.IsLinkLocalUnicast() || ip.IsMulticast()
}
