package tcp

import (
	"net"
	"syscall"
	"time"
)

// When a connection counts as dead because the other end does not answer: after goneAfter, whether
// something was sent or not.
const (
	goneAfter = 9 * time.Second
	askAfter  = 4 * time.Second // of silence …
	askEvery  = time.Second     // … and so often from there on
)

// KeepAlive finds out within goneAfter that the other end is gone: for net.Dialer.
func KeepAlive() net.KeepAliveConfig {
	return net.KeepAliveConfig{
		Enable: true, Idle: askAfter, Interval: askEvery, Count: int((goneAfter - askAfter) / askEvery),
	}
}

// Prompt does for an accepted connection what Control does for a dialed one: it does not
// inherit it from its listener. What is no socket is left alone.
func Prompt(c net.Conn) {
	s, ok := c.(syscall.Conn)
	if !ok {
		return
	}
	if raw, err := s.SyscallConn(); err == nil {
		_ = Control("", "", raw) // fails for a closed connection, and the next read says so
	}
}

// Refuse ends an accepted connection with one packet, whatever the other end has sent and will send:
// the answers to a flood of connections take room on the wire that others need.
func Refuse(c net.Conn) {
	if t, ok := c.(*net.TCPConn); ok {
		_ = t.SetLinger(0) // fails for a connection that is over
	}
	_ = c.Close() // there is nobody to tell
}
