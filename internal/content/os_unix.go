//go:build unix

package content

import (
	"errors"
	"os"
	"syscall"
)

// nonblock keeps the opening of a FIFO from waiting for its other end.
const nonblock = syscall.O_NONBLOCK

func isFull(err error) bool { return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) }

func syncFolder(root *os.Root, name string) error { return syncOne(root, name, os.O_RDONLY) }
