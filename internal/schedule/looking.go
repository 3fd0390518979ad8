package schedule

import (
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
)

// looks is a device's word that it compares what it has, before it answers an offer.
type looks struct {
	at    time.Time // when it said so: any later word, or change of its state, ends it
	until time.Time
}

// Looking says that a device compares what it has with what it was offered, for so long at most without a further
// word. It is heard by that, and its answer is waited for.
func (s *Scheduler) Looking(now time.Time, no protocol.TransferNo, dev protocol.DeviceID, long time.Duration) {
	s.Heard(now, no, dev)
	if _, d := s.deliveryOf(no, dev); d != nil {
		d.looks = looks{at: now, until: now.Add(min(max(long, 0), groupcast.MostLooking))}
	}
}

// LooksOn says that a device reports how far it is with comparing, or fetches what it compares with: it is heard, and
// what it said of how long it looks holds.
func (s *Scheduler) LooksOn(now time.Time, no protocol.TransferNo, dev protocol.DeviceID) {
	_, d := s.deliveryOf(no, dev)
	looks := d != nil && d.looks.at.Equal(d.since)
	if s.Heard(now, no, dev); looks {
		d.looks.at = d.since
	}
}

// Reported says that a device reported, perhaps what it works on.
func (s *Scheduler) Reported(now time.Time, no protocol.TransferNo, dev protocol.DeviceID, w *groupcast.Work) {
	if w != nil && w.Phase == groupcast.WorkLooking {
		s.LooksOn(now, no, dev)
	} else {
		s.Heard(now, no, dev)
	}
}

// quietUntil is until when a device that is waited for may be silent: for least, or while it looks.
func (d *delivery) quietUntil(least time.Duration) time.Time {
	by := d.since.Add(least)
	if d.looks.at.Equal(d.since) && d.looks.until.After(by) {
		return d.looks.until
	}
	return by
}
