package schedule

import (
	"time"

	"github.com/groupcast/groupcast/internal/protocol"
)

// StandStill pauses everything and resets it: earlier offers are void, and what continues after
// Pause(false) is offered again. Only devices that were put off stay so. The driver must stop the
// sessions: there is no action for it.
func (s *Scheduler) StandStill() {
	s.paused, s.actions = true, nil
	clear(s.busy)
	for _, t := range s.transfers {
		for _, r := range t.runs {
			r.phase, r.rekeyed, r.session = PhaseWaiting, false, protocol.SessionID{}
			r.fetch, r.staged = false, false
			for _, d := range r.deliveries {
				if d.state != StateLater {
					d.state, d.httpsOnly, d.lapsed, d.reason = StateIdle, false, 0, Reason{}
				}
			}
		}
	}
}

// SettleBy keeps everything that an administrator did not send by hand until a time: after a start
// devices come back first, and say what they know. The zero time lets it go.
func (s *Scheduler) SettleBy(at time.Time) { s.settled = at }
