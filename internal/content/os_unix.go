//go:build unix

package content

import (
	"os"
	"syscall"
)

// nonblock keeps the opening of a FIFO from waiting for its other end.
const nonblock = syscall.O_NONBLOCK

func syncFolder(root *os.Root, name string) error { return syncOne(root, name, os.O_RDONLY) }
