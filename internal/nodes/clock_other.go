//go:build !linux

package nodes

import "time"

var start = time.Now()

// Clock is never set. On macOS it stands still while the machine sleeps: a server that wakes holds itself for the
// active one until it writes, which it can not.
func Clock() time.Duration { return time.Since(start) }
