package mcast

import (
	"errors"

	"golang.org/x/sys/windows"
)

func isNoBuffers(err error) bool {
	return errors.Is(err, windows.WSAENOBUFS) || errors.Is(err, windows.WSAEWOULDBLOCK)
}

// reuse lets several receivers of one machine bind the group's port.
func reuse(fd uintptr) error {
	return windows.SetsockoptInt(windows.Handle(fd), windows.SOL_SOCKET, windows.SO_REUSEADDR, 1)
}
