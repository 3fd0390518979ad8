package send

import (
	"fmt"
	"time"

	"github.com/groupcast/groupcast/internal/wire"
)

// What one device alone may say of itself before the others stop heeding it (security.md F2).
const (
	oddOverrun  = 0.10                    // of the packets, dropped by its own machine
	oddLoss     = 0.25                    // of the packets, lost
	oddDelay    = 100 * time.Millisecond  // above the least
	oddLeast    = 32                      // packets between two looks that tell anything
	oddFor      = 1500 * time.Millisecond // without a better look in between
	oddWaits    = 4 * oddFor              // with what it asks for, when nothing new is said of it
	oddMismatch = 64                      // symbols asked for because of forged packets, by it alone
)

// lately is what a device reported since it was looked at last.
type lately struct {
	declared, overrun, lost float64
	delay                   time.Duration
	marked                  bool
}

func (l *lately) add(delay time.Duration, f wire.Feedback) {
	l.delay, l.marked = delay, l.marked || f.Flags&wire.FeedbackMarked != 0
	if f.Received <= f.Declared {
		l.declared += float64(f.Declared)
		l.overrun += float64(f.Overrun)
		l.lost += float64(f.Declared - f.Received)
	}
}

// oddity is what a device alone says; the empty one is none.
type oddity uint8

const (
	ordinary oddity = iota
	overrunAlone
	lossAlone
	delayAlone
	markedAlone
)

// claims is the worst that a device said lately.
func (l lately) claims() oddity {
	switch {
	case l.declared < oddLeast:
		return ordinary
	case l.overrun > oddOverrun*l.declared:
		return overrunAlone
	case l.lost > oddLoss*l.declared:
		return lossAlone
	case l.delay > oddDelay:
		return delayAlone
	case l.marked:
		return markedAlone
	}
	return ordinary
}

// judgeOdd sets devices aside that alone report that they cannot keep up: rate and parity follow the
// others from the next round on, and after a while the session does not wait for them. If several report
// it, the cause is the network or the rate.
func (s *Sender) judgeOdd(now time.Time) {
	if s.devices.active < outlierGroup || s.stalled(now) { // nobody is alone among so few, and few SYNCs tell nothing
		for _, d := range s.devices.order {
			d.lately, d.odd = lately{}, time.Time{}
		}
		return
	}
	many := max(2, (s.devices.active+19)/20)
	alike := map[oddity]int{}
	for _, d := range s.devices.order {
		if d.waited() && d.lately.declared >= oddLeast {
			alike[d.lately.claims()]++
		}
	}
	for _, d := range s.devices.order {
		l := d.lately
		if !d.waited() || l.declared < oddLeast && !d.heard.IsZero() && now.Sub(d.heard) < oddFor {
			if now.Sub(d.odd) > oddWaits { // it has said nothing new for long: it is not kept waiting for ever
				d.odd = time.Time{}
			}
			continue
		}
		d.lately = lately{}
		claim := l.claims()
		if claim == ordinary || alike[claim] >= many || alike[ordinary] < s.devices.active/2 {
			d.odd = time.Time{}
			continue
		}
		if d.odd.IsZero() {
			d.odd = now
		}
		if d.claims = claim; d.doubted() && now.Sub(d.odd) >= oddFor {
			s.leave(now, d, CauseAlone, l.words(claim))
		}
	}
}

func (l lately) words(claim oddity) string {
	if claim == overrunAlone {
		return fmt.Sprintf("it alone says that its machine drops packets (%.0f %%): it cannot keep up, or what it says is "+
			"not true",
			100*l.overrun/l.declared)
	}
	return fmt.Sprintf("it alone says that it loses packets (%.0f %%): its network is bad, or what it says is not true",
		100*l.lost/l.declared)
}

// heeded says whether the word of a device counts for rate and parity.
func (d *device) heeded() bool { return d.odd.IsZero() }

// doubted says whether a device waits with what it alone asks for, until its word or that of the others
// is another one.
func (d *device) doubted() bool {
	return !d.heeded() && (d.claims == overrunAlone || d.claims == lossAlone)
}

// mayBeForged says whether a device gets repair for a block that it alone reports with a wrong digest. A
// member that forges does so to all: a device that alone reports many such blocks for a while is left behind.
func (s *Sender) mayBeForged(now time.Time, d *device, symbols int) bool {
	if d.unconfirmed == 0 {
		d.unconfirmedAt = now
	}
	d.unconfirmed += symbols
	if len(s.devices.order) < outlierGroup || d.unconfirmed <= oddMismatch || now.Sub(d.unconfirmedAt) < oddFor {
		return true
	}
	for _, o := range s.devices.order {
		if o != d && o.forged {
			return true
		}
	}
	s.leave(now, d, CauseAlone, "it alone says that blocks come with a wrong digest: "+
		"somebody forges packets to it and to nobody else, or what it says is not true")
	return false
}
