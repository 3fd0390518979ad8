//go:build unix

package mcast

import "syscall"

// errQueue is what the system says of a full queue.
var errQueue error = syscall.ENOBUFS
