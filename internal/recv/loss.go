package recv

import (
	"time"

	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/wire"
)

// seenNumbers bounds how far packet numbers are counted around the last SYNC.
const seenNumbers = 1 << 16

type pn = protocol.PacketNumber

// losses counts what came of the ranges that signed SYNCs declared as sent, of packets that could
// be used (security.md I4): any member can seal one with any number.
// A range is evaluated when the SYNC after it comes, so that reordering is not loss.
type losses struct {
	seen     [seenNumbers / 64]uint64
	cleared  pn // numbers below are evaluated and forgotten
	pending  bool
	first    pn
	last     pn
	declared uint32 // since the last report
	received uint32
	total    uint64
	arrived  uint64
	smooth   float64
	bytes    float64 // rate heard
	rateAt   time.Time
	rate     float64
}

// mark notes that a packet was accepted.
func (l *losses) mark(n pn) {
	if n >= l.cleared && n < l.cleared+seenNumbers {
		l.seen[n%seenNumbers/64] |= 1 << (n % 64)
	}
}

// declare takes the range of a SYNC, after evaluating that of the SYNC before.
func (l *losses) declare(m wire.Sync) {
	if l.pending {
		l.evaluate()
	}
	l.first, l.last = min(m.RangeFirst, l.last+2), m.RangeLast // a SYNC that was lost declared what lies between
	l.pending = l.first <= l.last && l.last-l.first < seenNumbers
	if l.first > l.cleared {
		l.clear(l.first)
	}
	if l.cleared+seenNumbers <= l.last {
		l.pending = false
		l.clear(l.last + 1)
	}
}

// unsaid forgets the numbers from n on: the SYNC that came just now was sent before them, so that
// who used them numbers ahead to hide what will be lost.
func (l *losses) unsaid(n pn) {
	n = max(n, l.cleared)
	for end := l.cleared + seenNumbers; n < end; {
		if n%64 == 0 && end-n >= 64 {
			l.seen[n%seenNumbers/64] = 0
			n += 64
			continue
		}
		l.seen[n%seenNumbers/64] &^= 1 << (n % 64)
		n++
	}
}

// begin counts from after a SYNC on.
func (l *losses) begin(last pn) {
	l.last = last
	l.clear(max(l.cleared, last+1))
}

func (l *losses) evaluate() {
	n := uint32(l.last - l.first + 1)
	got := uint32(0)
	for i := l.first; i <= l.last; i++ {
		if l.seen[i%seenNumbers/64]&(1<<(i%64)) != 0 {
			got++
		}
	}
	l.declared += n
	l.received += got
	l.total += uint64(n)
	l.arrived += uint64(got)
	share := float64(n) / float64(n+2000)
	l.smooth += (float64(n-got)/float64(n) - l.smooth) * share
}

// clear forgets the numbers below n.
func (l *losses) clear(n pn) {
	if n-l.cleared >= seenNumbers {
		l.seen = [seenNumbers / 64]uint64{}
	} else {
		for i := l.cleared; i < n; i++ {
			l.seen[i%seenNumbers/64] &^= 1 << (i % 64)
		}
	}
	l.cleared = n
}

// heardBytes follows the rate at which packets come.
func (l *losses) heardBytes(now time.Time, n int) {
	const span = 500 * time.Millisecond
	l.bytes += float64(n)
	if d := now.Sub(l.rateAt); d >= span {
		l.rate = l.bytes / d.Seconds()
		l.bytes, l.rateAt = 0, now
	}
}
