package mcast

import "golang.org/x/sys/windows"

// errQueue is what the system says of a full queue.
var errQueue error = windows.WSAENOBUFS
