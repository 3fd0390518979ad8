package schedule

import "github.com/groupcast/groupcast/internal/protocol"

// Suspend stops a transfer until GoOn, Release or the end: its sessions close, and nothing of it is offered. Devices
// stay owed what they lack.
func (s *Scheduler) Suspend(no protocol.TransferNo) {
	t := s.transfers[no]
	if t == nil {
		return
	}
	t.suspended = true
	for _, r := range t.runs {
		s.closeSession(r, Reason{})
		for _, d := range r.deliveries {
			switch d.state {
			case StateAsked, StateMulticast, StateHTTPS, StatePaused, StateSilent:
				d.state, d.fruitless = StateIdle, max(0, d.fruitless-1)
			default: // nothing of it is under way, or its receipt is to come
			}
		}
	}
}

// GoOn lets a transfer that was suspended go on at once.
func (s *Scheduler) GoOn(no protocol.TransferNo) {
	if t := s.transfers[no]; t != nil && t.suspended {
		t.suspended, t.now = false, true // they have waited already
	}
}
