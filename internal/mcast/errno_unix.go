//go:build unix && !linux

package mcast

import (
	"errors"

	"golang.org/x/sys/unix"
)

func isNoBuffers(err error) bool {
	return errors.Is(err, unix.ENOBUFS) || errors.Is(err, unix.EAGAIN)
}

// reuse lets several receivers of one machine bind the group's port; BSDs ask for both.
func reuse(fd uintptr) error {
	return errors.Join(
		unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEADDR, 1),
		unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1))
}
