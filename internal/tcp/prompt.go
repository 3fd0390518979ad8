package tcp

import (
	"net"
	"syscall"
)

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
