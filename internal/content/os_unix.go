//go:build unix

package content

import "syscall"

// Nonblock keeps the opening of a FIFO from waiting for its other end.
const Nonblock = syscall.O_NONBLOCK
