//go:build unix

package content

import (
	"os"
	"syscall"
)

// Nonblock keeps the opening of a FIFO from waiting for its other end.
const Nonblock = syscall.O_NONBLOCK

func syncFolder(root *os.Root, name string) error { return syncOne(root, name, os.O_RDONLY) }
