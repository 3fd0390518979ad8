package schedule

import (
	"time"

	"github.com/groupcast/groupcast/internal/protocol"
)

// StandStill pauses everything and takes it back to its beginning: what was offered so far is worth
// nothing, and what goes on after Pause(false) is offered anew. Only who was put off stays so. The
// sessions are for the driver to stop: no action tells it.
func (s *Scheduler) StandStill() {
	s.paused, s.actions = true, nil
	clear(s.busy)
	for _, t := range s.transfers {
		for _, r := range t.runs {
			r.phase, r.rekeyed, r.session = PhaseWaiting, false, protocol.SessionID{}
			for _, d := range r.deliveries {
				if d.state != StateLater {
					d.state, d.sticky, d.lapsed, d.reason = StateIdle, false, 0, Reason{}
				}
			}
		}
	}
}

// SettleBy keeps everything that an administrator did not send by hand until a time: after a start
// devices come back first, and say what they know. The zero time lets it go.
func (s *Scheduler) SettleBy(at time.Time) { s.settled = at }
