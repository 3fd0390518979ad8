package schedule

import (
	"time"

	"github.com/groupcast/groupcast/internal/protocol"
)

// lastCalls is in how many parts Timing.Ready is cut for those who are waited for only as long as the others still
// answer: one part more if they are not known to answer in time, else two, in which TCP repeats a segment that was
// lost.
const lastCalls = 5

// most of a group is there if at most one in so many of those that take part is still missing: what those few miss of
// the beginning is sent once more, and the others do not wait for it.
const most = 4

// maxPrompt is how many devices are remembered as prompt.
const maxPrompt = 1 << 16

// markLate notes that data flows without those who have not answered.
func (s *Scheduler) markLate(r *run) {
	for dev, d := range r.deliveries {
		if d.state == StateAsked {
			delete(s.prompt, dev)
		}
	}
}

// answered notes that a device answers an offer, and whether it is in time.
func (s *Scheduler) answered(now time.Time, r *run, dev protocol.DeviceID, d *delivery) {
	d.known = s.prompt[dev]
	if !now.Before(r.until) {
		return
	}
	if len(s.prompt) >= maxPrompt {
		clear(s.prompt) // a fresh start for all is better than a scan for each
	}
	s.prompt[dev] = true
}

// lastCall is when data flows without the devices that have not answered: most of the group has, or none of those
// missing is known to answer in time while at least half of those that take part are. Devices that only keep a stream
// open must not delay each session, nor one that is busy all the others. It is false while another device is waited
// for.
func (s *Scheduler) lastCall(r *run) (at time.Time, ok bool) {
	attached, known, missing, awaited := 0, 0, 0, false
	for dev, d := range r.deliveries {
		switch d.state {
		case StateMulticast:
			attached++
			if d.known {
				known++
			}
			if d.since.After(at) {
				at = d.since
			}
		case StateAsked:
			if s.active[dev] {
				missing++
				awaited = awaited || s.prompt[dev]
			}
		default: // takes no part
		}
	}
	part := s.t.Ready / lastCalls
	switch {
	case attached == 0:
		return time.Time{}, false
	case !awaited && known > 0 && 2*known >= attached:
		return at.Add(part), true
	}
	return at.Add(2 * part), most*missing <= attached+missing
}

func (s *Scheduler) lastCalled(now time.Time, r *run) bool {
	at, ok := s.lastCall(r)
	return ok && !now.Before(at)
}
