package schedule

import (
	"time"

	"github.com/groupcast/groupcast/internal/protocol"
)

// closeIfOver ends a session without devices.
func (s *Scheduler) closeIfOver(now time.Time, r *run) {
	if r.phase != PhaseSending {
		return
	}
	for _, d := range r.deliveries {
		if d.state == StateMulticast || d.state == StateAsked {
			return
		}
	}
	s.closeSession(r, Reason{})
}

func (s *Scheduler) closeSession(r *run, reason Reason) {
	if s.busy[r.line()] == r.no {
		delete(s.busy, r.line())
	}
	if r.phase == PhaseAsking || r.phase == PhaseSending {
		s.act(r, CloseSession, reason)
	}
	r.phase, r.rekeyed, r.session = PhaseWaiting, false, protocol.SessionID{}
}

// Ended reports that the session ended by itself. Devices that lack something continue over HTTPS at
// once, with the reason; those that had not answered wait for the next session.
func (s *Scheduler) Ended(now time.Time, no protocol.TransferNo, session protocol.SessionID, reason Reason) {
	r := s.runOf(no, session)
	if r == nil {
		return
	}
	if reason.Code == RelayAway {
		r.takeBack() // multicast serves them well
	}
	for _, dev := range r.devices(attending) {
		switch d := r.deliveries[dev]; d.state {
		case StateAsked:
			d.state = StateIdle
		case StateMulticast:
			s.leaveMulticast(now, r, dev, reason)
		default: // not of the session
		}
	}
	s.closeSession(r, Reason{})
}

// FailedToOpen says that the session could not be made: all devices continue over HTTPS.
func (s *Scheduler) FailedToOpen(now time.Time, no protocol.TransferNo, site Site, reason string) {
	r := s.runIn(no, site)
	if r == nil || r.phase != PhaseOpening {
		return
	}
	if s.waitsFor(r) == RelayAway {
		r.takeBack()
	}
	for _, dev := range r.devices(asked) {
		s.leaveMulticast(now, r, dev, because(reason))
	}
	s.closeSession(r, Reason{})
}

// Interrupt stops the sessions of a group, because its members changed: new sessions for those who
// are left follow. It gives the sessions to stop sealing under, now.
func (s *Scheduler) Interrupt(now time.Time, group protocol.GroupID) []protocol.SessionID {
	var stop []protocol.SessionID
	for _, no := range s.order {
		for _, r := range s.transfers[no].runs {
			if r.group != group || r.phase < PhaseOpening || r.phase == PhaseRekeying {
				continue
			}
			if r.phase != PhaseOpening {
				stop = append(stop, r.session)
			}
			r.phase, r.rekeyed, r.until = PhaseRekeying, true, now.Add(s.t.Rekey)
			r.session = protocol.SessionID{}
			r.takeBack()
		}
	}
	return stop
}
