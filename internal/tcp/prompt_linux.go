package tcp

import (
	"errors"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Times of a prompt socket beyond the round trip.
const (
	minRepeat  = 20 * time.Millisecond // the least of RFC 6298's time-out; FreeBSD's is 30 ms
	mostAckLag = 5 * time.Millisecond  // an acknowledgement held back for longer would look like a loss
)

// Control makes a socket repeat lost segments soon, where the kernel can (Linux 6.15): for
// net.Dialer. An older kernel keeps its own times, which is no error.
func Control(_, _ string, c syscall.RawConn) error {
	return c.Control(func(fd uintptr) {
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_RTO_MIN_US, int(minRepeat.Microseconds()))
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_DELACK_MAX_US, int(mostAckLag.Microseconds()))
	})
}

// Watched is Control for a connection that must not hang: what it sends is acknowledged within
// goneAfter, or it ends.
func Watched(network, address string, c syscall.RawConn) error {
	err := c.Control(func(fd uintptr) {
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(goneAfter.Milliseconds()))
	})
	return errors.Join(err, Control(network, address, c))
}
