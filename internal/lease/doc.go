// Package lease says how long somebody far away may go on sending (docs/adr/0015-relays.md): Grants at the server, who
// may seal for a group until when, and Holding at a relay, whether it may at this moment. Both are state machines
// without clock and I/O.
//
// The server's end of a lease is never before the relay's: the server counts from when it grants, 2 % longer, and the
// relay from before it asked. So what Grants says after a removal is true though the relay does not answer: from a
// moment on, nothing is sealed there any more.
package lease

import "time"

// Times of a lease.
const (
	Length = 15 * time.Second       // of one lease
	Every  = 5 * time.Second        // it is renewed
	Again  = time.Second            // and so long after a renewal that was not answered
	Gap    = 500 * time.Millisecond // between two looks at the clock: whoever was away for longer asks first
	Memory = 10 * time.Minute       // that a session which is paused is kept for
)

// margin is how much longer the server counts than the relay: their clocks run at different speeds.
func margin(length time.Duration) time.Duration { return length + length/50 }
