package sim

import (
	"slices"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/schedule"
)

// What administrators do while transfers run, and what happens to the server.

// deed is one of them: what is done at a time to a transfer and a device.
type deed struct {
	at       time.Duration
	kind     deedKind
	transfer int
	device   int
}

type deedKind uint8

const (
	deedCancel deedKind = iota
	deedRetry
	deedCatchUp
	deedPutOff
	deedSendNow
	deedDrop
	deedHinder
	deedHalt
	deedConfirm
	deedReplan
)

// do does a deed, once the server is up and knows the transfer.
func (s *server) do(what deed) {
	if !s.up() {
		s.w.clock.After(300*time.Millisecond, func() { s.do(what) })
		return
	}
	switch what.kind {
	case deedHalt:
		if !s.w.calm { // else it was put off until after the last confirmation
			s.halt()
		}
		return
	case deedConfirm:
		s.confirm()
		return
	case deedReplan:
		s.replan(s.moods)
		return
	default: // is about a transfer
	}
	if what.transfer >= len(s.transfers) {
		return
	}
	t, i := s.transfers[what.transfer], what.device
	switch what.kind {
	case deedCancel:
		s.cancel(t)
	case deedRetry:
		s.again(t)
	case deedCatchUp:
		if s.sched.CatchUp(s.now(), t.no, deviceID(i)) == nil {
			s.w.count("deed: catch up")
			t.deliveries[i].later = time.Time{}
			s.poke()
		}
	case deedPutOff:
		s.putOff(t, i)
	case deedSendNow:
		s.sendNow(t)
	case deedDrop:
		s.dropDelivery(t, i)
	case deedHinder:
		s.hinder(t)
	default:
		s.w.fail("nobody here can do %d", what.kind)
	}
}

// add promises a transfer to the members there are.
func (s *server) add() {
	if !s.up() {
		s.w.clock.After(100*time.Millisecond, s.add)
		return
	}
	p := s.w.plan.transfers[len(s.transfers)]
	c := p.content(s)
	t := s.addTransfer(c, p.hold > 0, p.pick, s.w.sabotage)
	s.put(t, p.now)
	if t.hold {
		s.w.count("deed: held")
		s.w.clock.After(p.hold, func() { s.do(deed{kind: deedSendNow, transfer: int(t.no - 1)}) })
	}
}

// cancel takes back what is still owed.
func (s *server) cancel(t *transfer) {
	if t.closed != "" {
		return
	}
	s.w.count("deed: cancelled")
	if r := s.running(); r != nil && r.transfer == t {
		s.w.count("deed: cancelled in mid-session")
	}
	s.w.note("cancelled", uint64(t.no))
	s.closeTransfer(t, groupcast.TransferCancelled, s.now())
	s.drop(t)
}

// drop ends a transfer's session and catch-ups at once.
func (s *server) drop(t *transfer) {
	stop, owed := s.runsOf(t), []int{}
	for i := range s.w.devices {
		if _, is := s.sched.Delivery(t.no, deviceID(i)); is && !s.sched.Held(t.no) {
			owed = append(owed, i)
		}
	}
	s.sched.Drop(t.no)
	if d := s.direct[t.no]; d != nil {
		delete(s.open, d.number)
	}
	delete(s.direct, t.no)
	for _, r := range stop {
		if s.w.sabotage != KeepCancelled {
			r.stop()
		}
	}
	for i := range s.w.devices {
		key := deliveryKey{t.no, i}
		g, had := s.given[key]
		delete(s.given, key)
		if had {
			s.tell(i, groupcast.AgentEvent{Kind: groupcast.AgentEnd, Transfer: t.no, Session: &g.session, Over: true})
		} else if slices.Contains(owed, i) {
			s.tell(i, groupcast.AgentEvent{Kind: groupcast.AgentEnd, Transfer: t.no, Over: true})
		}
	}
	s.poke()
}

func (s *server) runsOf(t *transfer) (out []*session) {
	for _, r := range s.sorted() {
		if r.transfer == t {
			out = append(out, r)
		}
	}
	return out
}

// again owes again what ended badly.
func (s *server) again(t *transfer) {
	if t.first != nil {
		return // the files as they are now would be another content
	}
	s.retry(t)
	if t.closed != "" {
		return
	}
	s.w.count("deed: owed again")
	s.put(t, true)
	for i := range t.deliveries {
		s.change(func(sch *schedule.Scheduler, _ time.Time) {
			sch.Renewed(t.no)
			sch.LookedAgain(t.no, deviceID(i))
		})
	}
}

// sendNow releases a transfer that is held, and spares any other the gather window.
func (s *server) sendNow(t *transfer) {
	if t.closed != "" {
		return
	}
	if t.hold {
		s.w.count("deed: released")
	}
	s.release(t)
	s.change(func(sch *schedule.Scheduler, _ time.Time) { sch.Release(t.no) })
}

// putOff takes a device out of what runs; it stays owed.
func (s *server) putOff(t *transfer, i int) {
	if s.sched.PutOff(s.now(), t.no, deviceID(i)) != nil {
		return
	}
	s.w.count("deed: put off")
	s.takeBack(t, i, false)
	t.deliveries[i].later = s.now()
	s.poke()
}

// takeBack ends a device's work on the offer it has, for good if the transfer is over for it.
func (s *server) takeBack(t *transfer, i int, over bool) {
	key := deliveryKey{t.no, i}
	g, had := s.given[key]
	delete(s.given, key)
	if s.sched.Held(t.no) || !had && !over {
		return
	}
	end := groupcast.AgentEvent{Kind: groupcast.AgentEnd, Transfer: t.no, Over: over}
	if had {
		end.Session = &g.session
	}
	s.tell(i, end)
}

// dropDelivery cancels what one device is owed.
func (s *server) dropDelivery(t *transfer, i int) {
	if t.closed != "" || !t.deliveries[i].owed() {
		return
	}
	s.w.count("deed: dropped")
	s.takeBack(t, i, true)
	s.close(t, i, groupcast.DeliveryCancelled)
}

// hinder says that a transfer's content cannot be read now.
func (s *server) hinder(t *transfer) {
	if t.closed == "" {
		s.w.count("fault: content that cannot be read")
		s.change(func(sch *schedule.Scheduler, now time.Time) { sch.Hinder(now, t.no, "it cannot be read") })
	}
}

// halt stops sending and handing out until somebody confirms the memberships: the server learned that its
// home was set back.
func (s *server) halt() {
	s.w.count("fault: server stood still")
	s.unconfirmed = true
	s.lastOffer += 1 << 30
	s.sched.StandStill()
	direct := s.direct
	s.direct = map[protocol.TransferNo]*directOffer{}
	clear(s.given)
	for _, r := range s.sorted() {
		r.stop()
	}
	for _, d := range direct {
		delete(s.open, d.number)
	}
	s.hint()
	s.poke()
}

func (s *server) confirm() {
	s.unconfirmed = false
	s.sched.Pause(false)
	s.change(func(sch *schedule.Scheduler, _ time.Time) { sch.SettleBy(time.Time{}) })
	s.hint()
}

// hint tells every device to read the state again.
func (s *server) hint() {
	for _, st := range s.attached() {
		st.put(groupcast.AgentEvent{Kind: groupcast.AgentHint})
	}
}

// remove ends a membership (security.md K2): when it returns, nothing more is sealed under a key that the
// removed device has. Those who are left get a new session.
func (s *server) remove(i int) {
	if !s.up() {
		s.w.clock.After(300*time.Millisecond, func() { s.remove(i) })
		return
	}
	if !s.members[i] {
		return
	}
	s.w.count("fault: removal")
	s.w.note("removed", uint64(i))
	s.removeMember(i, s.now())
	if s.w.sabotage != IgnoreRemoval {
		s.exclude(i)
	}
	for _, t := range s.transfers {
		if t.closed == "" && t.owed() == 0 && t.had() {
			s.complete(t)
		}
	}
	s.tell(i, groupcast.AgentEvent{Kind: groupcast.AgentHint})
}

func (s *server) exclude(i int) {
	for _, no := range s.sched.Forget(s.group, func(dev protocol.DeviceID) bool { return dev == deviceID(i) }) {
		delete(s.given, deliveryKey{no, i})
	}
	s.sched.Interrupt(s.now(), s.group)
	for _, r := range s.sorted() { // also one that the schedule has closed and that was not stopped yet
		s.w.count("session: stopped for a removal")
		if r.begun {
			s.w.count("fault: removal in mid-session")
		}
		r.stop()
	}
	s.poke()
}

// admit makes a member again, who is owed what is open.
func (s *server) admit(i int) {
	if !s.up() {
		s.w.clock.After(300*time.Millisecond, func() { s.admit(i) })
		return
	}
	if s.members[i] {
		return
	}
	s.w.count("fault: admitted again")
	for _, t := range s.addMember(i) {
		s.owe(t, i)
	}
	s.cameLater(i)
	s.tell(i, groupcast.AgentEvent{Kind: groupcast.AgentHint})
	s.poke()
}
