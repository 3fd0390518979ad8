package schedule

import (
	"time"

	"github.com/groupcast/groupcast"
)

// Next gives the time of the next thing to do, if there is one. It is always after now: what is
// due was dealt with by Pump, or waits for something else.
func (s *Scheduler) Next(now time.Time) (time.Time, bool) {
	n := nearest{now: now}
	if !s.paused {
		n.take(s.settled)
		for _, t := range s.transfers {
			if !t.stuck.until.IsZero() {
				n.take(t.stuck.until)
			}
			for _, r := range t.runs {
				s.nextOf(r, &n)
			}
		}
	}
	return n.at, !n.at.IsZero()
}

// nearest keeps the earliest of the times after now.
type nearest struct{ now, at time.Time }

func (n *nearest) take(t time.Time) {
	if t.After(n.now) && (n.at.IsZero() || t.Before(n.at)) {
		n.at = t
	}
}

func (s *Scheduler) nextOf(r *run, n *nearest) {
	switch r.phase {
	case PhaseGathering:
		n.take(s.windowEnd(r))
	case PhaseAsking:
		n.take(r.until)
		n.take(r.until.Add(groupcast.MostLooking))
		if at, ok := s.lastCall(r); ok {
			n.take(at)
		}
	case PhaseRekeying:
		n.take(r.until)
	case PhaseWaiting, PhaseOpening, PhaseSending: // they have no time of their own
	}
	for _, d := range r.deliveries {
		if d.state == StateAsked && (r.phase == PhaseSending || r.phase == PhaseAsking) {
			n.take(d.quietUntil(s.t.Answer))
		}
		if by, waits := s.answerBy(d); waits {
			n.take(by)
		}
		if d.state == StatePaused {
			n.take(d.since.Add(s.pause(d)))
		}
		if d.state == StateLater && r.phase < PhaseOpening {
			n.take(d.since.Add(s.t.Later))
		}
		if !d.gone.IsZero() && d.state != StateIdle {
			n.take(d.gone.Add(s.t.Grace))
		}
	}
}

// windowEnd is when a gather window closes.
func (s *Scheduler) windowEnd(r *run) time.Time {
	end, most := r.last.Add(s.t.Gather), r.first.Add(s.t.GatherMax)
	if most.Before(end) {
		end = most
	}
	if end.Before(s.settled) {
		return s.settled
	}
	return end
}
