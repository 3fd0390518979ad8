package server

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

// hinder stops a transfer whose content cannot be read now. Nobody is at fault and nobody is
// given up: it goes on when it can be read.
func (s *schedule) hinder(now time.Time, no protocol.TransferNo, reason string) {
	p := s.promises[no]
	if p == nil {
		return
	}
	if now.Sub(p.stuck.since) > stuckCalm {
		p.stuck.tries = 0
	}
	wait := min(stuckFirst<<min(p.stuck.tries, 10), stuckMost)
	p.stuck.tries++
	p.stuck.planned = false
	s.halt(now, p, reason, wait)
}

// replan stops a transfer while its content is planned anew; resumed goes on with it.
func (s *schedule) replan(now time.Time, no protocol.TransferNo, reason string) {
	if p := s.promises[no]; p != nil {
		p.stuck.planned = true
		s.halt(now, p, reason, planning)
	}
}

func (s *schedule) halt(now time.Time, p *promise, reason string, wait time.Duration) {
	s.closeSession(p, reason)
	for _, l := range p.legs {
		switch l.place {
		case placeAsked, placeMulticast, placeHTTPS, placePaused:
			l.place, l.fruitless = placeIdle, max(0, l.fruitless-1)
		}
	}
	p.stuck.until, p.stuck.since, p.stuck.reason = now.Add(wait), now, reason
}

// resumed says that a transfer's content can be read again, or is other content: what devices
// verified of it counts from nothing.
func (s *schedule) resumed(no protocol.TransferNo) {
	if p := s.promises[no]; p != nil {
		p.stuck.until = time.Time{}
		p.now = true // they have waited already
		for _, l := range p.legs {
			l.fruitless, l.blocks = 0, 0
		}
	}
}

// waits says whether a promise is stuck.
func (p *promise) waits(now time.Time) bool {
	if p.stuck.until.IsZero() {
		return false
	}
	if now.Before(p.stuck.until) {
		return true
	}
	p.stuck.until, p.now = time.Time{}, true
	return false
}
