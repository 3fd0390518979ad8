package session

import (
	"net"
	"sync/atomic"
	"time"
)

var errClosed = net.ErrClosed

// reason says why a packet was not used. Each is counted, none is logged.
type reason int

// The reasons, in the order of the checks of docs/protocol.md.
const (
	dropLength reason = iota
	dropKind
	dropSource
	dropTag
	dropNumber
	dropKey
	dropSequence
	dropBudget
	dropSignature
	dropBody
	dropInjected
	reasons
)

var reasonNames = [reasons]string{
	"length", "kind", "source", "tag", "number", "key", "sequence", "budget", "signature", "body", "injected",
}

type drops [reasons]atomic.Uint64

func (d *drops) add(r reason) { d[r].Add(1) }

// counts lists those that occurred.
func (d *drops) counts() map[string]uint64 {
	out := make(map[string]uint64)
	for i := range d {
		if n := d[i].Load(); n > 0 {
			out[reasonNames[i]] = n
		}
	}
	return out
}

// budget allows so many things a second, with bursts. It is not safe for concurrent use.
type budget struct {
	rate, burst float64
	left        float64
	at          time.Time
}

func newBudget(rate, burst float64) budget { return budget{rate: rate, burst: burst, left: burst} }

func (b *budget) take(now time.Time) bool {
	if !b.at.IsZero() {
		b.left = min(b.burst, b.left+now.Sub(b.at).Seconds()*b.rate)
	}
	b.at = now
	if b.left < 1 {
		return false
	}
	b.left--
	return true
}
