package schedule

import (
	"time"

	"github.com/groupcast/groupcast/internal/protocol"
)

const (
	stuckFirst = 5 * time.Second // content that cannot be read is tried again after so long …
	stuckMost  = 5 * time.Minute // … which doubles up to this
	stuckCalm  = time.Hour       // after so long without trouble it begins anew
	planning   = 24 * time.Hour  // content that is planned anew: resumed ends it
)

// Hinder stops a transfer because its content cannot be read now. No device is given up: the transfer
// continues when the content can be read.
func (s *Scheduler) Hinder(now time.Time, no protocol.TransferNo, reason string) {
	t := s.transfers[no]
	if t == nil {
		return
	}
	if now.Sub(t.stuck.since) > stuckCalm {
		t.stuck.tries = 0
	}
	wait := min(stuckFirst<<min(t.stuck.tries, 10), stuckMost)
	t.stuck.tries++
	t.stuck.planned = false
	s.halt(now, t, reason, wait)
}

// Replan stops a transfer while its content is planned again; resumed continues with it.
func (s *Scheduler) Replan(now time.Time, no protocol.TransferNo, reason string) {
	if t := s.transfers[no]; t != nil {
		t.stuck.planned = true
		s.halt(now, t, reason, planning)
		for _, r := range t.runs {
			for _, d := range r.deliveries {
				if d.state == StateStored || d.state == StateSilent {
					d.state = StateIdle // of other content than what is to come
				}
			}
		}
	}
}

func (s *Scheduler) halt(now time.Time, t *transfer, reason string, wait time.Duration) {
	for _, r := range t.runs {
		s.closeSession(r, because(reason))
		for _, d := range r.deliveries {
			switch d.state {
			case StateAsked, StateMulticast, StateHTTPS, StatePaused:
				d.state, d.fruitless = StateIdle, max(0, d.fruitless-1)
			default: // nothing of it is under way
			}
		}
	}
	t.stuck.until, t.stuck.since, t.stuck.reason = now.Add(wait), now, reason
}

// Resumed says that a transfer's content can be read again, or is other content: what devices
// verified of it counts from nothing.
func (s *Scheduler) Resumed(no protocol.TransferNo) {
	t := s.transfers[no]
	if t == nil {
		return
	}
	t.stuck.until = time.Time{}
	t.now = true // they have waited already
	for _, r := range t.runs {
		r.fetch, r.staged = false, false
		for _, d := range r.deliveries {
			d.fruitless, d.blocks = 0, 0
		}
	}
}

// still says that nothing of a transfer may be offered now.
func (s *Scheduler) still(now time.Time, r *run) bool {
	return s.paused || r.hold || r.suspended || r.unread || now.Before(r.stuck.until)
}

// waits says whether a transfer is stuck.
func (t *transfer) waits(now time.Time) bool {
	if t.stuck.until.IsZero() {
		return false
	}
	if now.Before(t.stuck.until) {
		return true
	}
	t.stuck.until, t.now = time.Time{}, true
	return false
}
