package schedule

import (
	"iter"
	"time"

	"github.com/groupcast/groupcast/internal/protocol"
)

// Transfer is what the schedule holds of an open transfer, at one moment.
type Transfer struct {
	No      protocol.TransferNo
	Group   protocol.GroupID
	Held    bool
	Paused  bool   // an administrator paused it
	Waiting string // why its content cannot be read at present; empty: it can
	Planned bool   // its content is planned anew, and it goes on by itself
	Owed    int    // devices
}

// Transfer shows an open transfer.
func (s *Scheduler) Transfer(now time.Time, no protocol.TransferNo) (Transfer, bool) {
	t := s.transfers[no]
	if t == nil {
		return Transfer{}, false
	}
	out := Transfer{No: t.no, Group: t.group, Held: t.hold, Paused: t.suspended}
	if t.stuck.until.After(now) {
		out.Waiting, out.Planned = t.stuck.reason, t.stuck.planned
	}
	for _, r := range t.runs {
		out.Owed += len(r.deliveries)
	}
	return out, true
}

// Held says whether an open transfer is held.
func (s *Scheduler) Held(no protocol.TransferNo) bool {
	t := s.transfers[no]
	return t != nil && t.hold
}

// Busy is the oldest transfer whose session a group runs; 0: it runs none.
func (s *Scheduler) Busy(group protocol.GroupID) (oldest protocol.TransferNo) {
	for at, no := range s.busy {
		if at.group == group && (oldest == 0 || no < oldest) {
			oldest = no
		}
	}
	return oldest
}

// Open lists the open transfers, oldest first.
func (s *Scheduler) Open() []protocol.TransferNo { return s.order }

// Run is a transfer in one site, at one moment.
type Run struct {
	Site    Site
	Phase   Phase
	Session protocol.SessionID  // of PhaseAsking and PhaseSending
	Closes  time.Time           // when the gather window closes, of PhaseGathering
	Ahead   protocol.TransferNo // the other transfer whose session the group runs here; 0: none
	Waits   ReasonCode          // for the site's relay: RelayAway or RelayFetching; NoReason: for nothing of it
	Since   time.Time           // of RelayAway: since when
}

// Runs lists the sites in which a device was owed a transfer.
func (s *Scheduler) Runs(no protocol.TransferNo) []Run {
	t := s.transfers[no]
	if t == nil {
		return nil
	}
	out := make([]Run, len(t.runs))
	for i, r := range t.runs {
		out[i] = s.show(r)
	}
	return out
}

// RunOf shows the run of the site that a device is in.
func (s *Scheduler) RunOf(no protocol.TransferNo, dev protocol.DeviceID) (Run, bool) {
	r := s.runIn(no, s.sites[dev])
	if r == nil {
		return Run{}, false
	}
	return s.show(r), true
}

func (s *Scheduler) show(r *run) Run {
	out := Run{Site: r.site, Phase: r.phase, Session: r.session, Waits: s.waitsFor(r), Since: s.place(r.site).away}
	if r.phase == PhaseGathering {
		out.Closes = s.windowEnd(r)
		if out.Waits != NoReason {
			out.Phase = PhaseWaiting
		}
	}
	if no, taken := s.busy[r.line()]; taken && no != r.no {
		out.Ahead = no
	}
	return out
}

// Delivery is what a device is owed of a transfer, at one moment.
type Delivery struct {
	Site   Site
	State  State
	Active bool // its stream is open
	Sticky bool // it gets what it lacks over HTTPS only
	Lapsed bool // it fell silent in a session
	Reason Reason

	Occupied protocol.TransferNo // the other transfer with the same paths that the device is at work on; 0: none
}

// Delivery shows what a device is owed of a transfer; false for nothing.
func (s *Scheduler) Delivery(no protocol.TransferNo, dev protocol.DeviceID) (Delivery, bool) {
	r, d := s.deliveryOf(no, dev)
	if d == nil {
		return Delivery{}, false
	}
	return s.look(r, dev, d), true
}

// Deliveries walks over everybody who is owed a transfer, in no particular order. The schedule must
// not be changed meanwhile.
func (s *Scheduler) Deliveries(no protocol.TransferNo) iter.Seq2[protocol.DeviceID, Delivery] {
	return func(yield func(protocol.DeviceID, Delivery) bool) {
		t := s.transfers[no]
		if t == nil {
			return
		}
		for _, r := range t.runs {
			for dev, d := range r.deliveries {
				if !yield(dev, s.look(r, dev, d)) {
					return
				}
			}
		}
	}
}

func (s *Scheduler) look(r *run, dev protocol.DeviceID, d *delivery) Delivery {
	return Delivery{
		Site: r.site, State: d.state, Active: s.active[dev], Sticky: d.httpsOnly, Lapsed: d.lapsed > 0, Reason: d.reason,
		Occupied: s.occupied(r.transfer, dev),
	}
}

// Unfit says why an active device cannot be sent a transfer, or anything; empty if it can.
func (s *Scheduler) Unfit(no protocol.TransferNo, dev protocol.DeviceID) string {
	if t := s.transfers[no]; t != nil {
		return s.misfit(t, dev)
	}
	return s.unfit[dev]
}

// Active says whether a device's stream is open.
func (s *Scheduler) Active(dev protocol.DeviceID) bool { return s.active[dev] }
