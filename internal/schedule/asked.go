package schedule

import (
	"time"

	"github.com/groupcast/groupcast/internal/protocol"
)

// mayMove says why a device's delivery cannot be changed now.
func (s *Scheduler) mayMove(r *run, d *delivery, dev protocol.DeviceID) error {
	switch {
	case d == nil:
		return ErrNotOwed
	case s.paused:
		return ErrPaused
	case r.hold:
		return ErrHeld
	case r.suspended:
		return ErrSuspended
	case r.unread:
		return ErrUnread
	case !s.active[dev]:
		return ErrAway
	case s.misfit(r.transfer, dev) != "":
		return ErrUnfit
	case d.state == StateStored:
		return ErrStored
	}
	return nil
}

// CatchUp lets a device fetch what it lacks over HTTPS at once. It returns ErrNotOwed, ErrPaused,
// ErrHeld, ErrSuspended, ErrUnread, ErrAway, ErrUnfit, ErrOccupied, ErrStored or ErrFetches if that cannot be.
func (s *Scheduler) CatchUp(now time.Time, no protocol.TransferNo, dev protocol.DeviceID) error {
	r, d := s.deliveryOf(no, dev)
	if err := s.mayMove(r, d, dev); err != nil {
		return err
	}
	if s.occupied(r.transfer, dev) != 0 {
		return ErrOccupied
	}
	if d.state == StateHTTPS {
		d.httpsOnly = true // and no multicast session takes it away from there
		return ErrFetches
	}
	s.leaveMulticast(now, r, dev, Reason{Code: AsAsked})
	s.closeIfOver(now, r)
	return nil
}

// PutOff takes a device out of what runs; it stays owed. Its errors are CatchUp's, with
// ErrPutOffAlready instead of ErrFetches. It is served with the transfer's
// next session, when the transfer is sent again, when it reconnects, or after a while.
func (s *Scheduler) PutOff(now time.Time, no protocol.TransferNo, dev protocol.DeviceID) error {
	r, d := s.deliveryOf(no, dev)
	if err := s.mayMove(r, d, dev); err != nil {
		return err
	}
	if d.state == StateLater {
		return ErrPutOffAlready
	}
	s.detach(r, dev, d)
	d.state, d.httpsOnly, d.reason, d.since = StateLater, false, Reason{}, now
	s.closeIfOver(now, r)
	return nil
}

// takeUp gives those who were put off, or did not answer, another try.
func (r *run) takeUp() {
	for _, d := range r.deliveries {
		if d.state == StateLater || d.state == StateSilent {
			d.state = StateIdle
		}
	}
}

// Heard says that a device does something about a transfer: it is there and answers.
func (s *Scheduler) Heard(now time.Time, no protocol.TransferNo, dev protocol.DeviceID) {
	_, d := s.deliveryOf(no, dev)
	if d == nil {
		return
	}
	switch d.state {
	case StateSilent:
		d.state = StateHTTPS
		d.since, d.heard = now, true
	case StateAsked, StateHTTPS, StateStored:
		d.since, d.heard = now, true
	default: // nothing is waited for
	}
}

// answerBy is until when a device that is served must have reported; zero for one that is not waited for,
// or that its session watches.
func (s *Scheduler) answerBy(d *delivery) (time.Time, bool) {
	switch {
	case d.state == StateHTTPS && !d.heard:
		return d.quietUntil(s.t.Answer), true
	case d.state == StateHTTPS || d.state == StateStored:
		return d.quietUntil(s.t.Stall), true
	}
	return time.Time{}, false
}

// leaveSilent stops waiting for devices that are connected and do nothing: a machine that
// hangs must not keep its transfer in sending for ever. They stay owed.
func (s *Scheduler) leaveSilent(now time.Time, r *run) {
	silent := r.devices(func(dev protocol.DeviceID, d *delivery) bool {
		by, waits := s.answerBy(d)
		return waits && s.active[dev] && !now.Before(by)
	})
	for _, dev := range silent {
		d := r.deliveries[dev]
		s.detach(r, dev, d)
		d.state, d.since = StateSilent, now
	}
}

// Fetched says that a device asks for n bytes over HTTPS, and gives what it was given so since its
// allowance was renewed (F4); 0 if it is owed nothing.
func (s *Scheduler) Fetched(now time.Time, no protocol.TransferNo, dev protocol.DeviceID, n uint64) uint64 {
	s.LooksOn(now, no, dev) // the pages that it compares with
	_, d := s.deliveryOf(no, dev)
	if d == nil {
		return 0
	}
	d.asked += n
	return d.asked
}
