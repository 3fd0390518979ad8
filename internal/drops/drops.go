// Package drops counts packets that were not used, by reason.
package drops

import "sync/atomic"

// Reason says why a packet was not used. Each is counted, none is logged.
type Reason int

// The reasons, in the order of the checks of docs/protocol.md.
const (
	Length Reason = iota
	Kind
	Source
	Tag
	Number
	Key
	Sequence
	Chain
	Budget
	Signature
	Body
	Late
	Held
	Forged
	Injected
	reasons
)

var reasonNames = [reasons]string{
	"length", "kind", "source", "tag", "number", "key", "sequence", "chain", "budget", "signature", "body", "late",
	"held", "forged", "injected",
}

// String is the name of the reason in statistics.
func (r Reason) String() string { return reasonNames[r] }

// Counter counts drops. The zero value is ready; it is safe for concurrent use.
type Counter [reasons]atomic.Uint64

// Add counts one packet.
func (c *Counter) Add(r Reason) { c[r].Add(1) }

// Counts lists the reasons that occurred.
func (c *Counter) Counts() map[string]uint64 {
	out := make(map[string]uint64)
	for i := range c {
		if n := c[i].Load(); n > 0 {
			out[Reason(i).String()] = n
		}
	}
	return out
}
