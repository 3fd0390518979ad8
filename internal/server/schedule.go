package server

import (
	"slices"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
)

// timing holds the waits of the schedule; tests shorten them.
type timing struct {
	Gather    time.Duration // nobody new for so long closes the gather window
	GatherMax time.Duration // and so long after the first it closes anyway
	Ready     time.Duration // the most a session waits for answers before data flows
	RekeyWait time.Duration // the same for a session that replaces another (K2)
	Rekey     time.Duration // changes of members within it share one new session
	Answer    time.Duration // a device that was asked and says nothing is left for HTTPS
	Grace     time.Duration // a device whose stream broke keeps its place for so long
	Pause     time.Duration // between a catch-up that failed and the next
	Stall     time.Duration // a device that fetches or has stored and says nothing is no longer waited for
	Later     time.Duration // who was put off is tried again by itself, if no session runs
}

func defaultTiming() timing {
	return timing{
		Gather: 10 * time.Second, GatherMax: 60 * time.Second,
		Ready: 500 * time.Millisecond, RekeyWait: 600 * time.Millisecond, Rekey: 200 * time.Millisecond,
		Answer: 30 * time.Second, Grace: 10 * time.Second, Pause: 5 * time.Second,
		Stall: 2 * time.Minute, Later: 15 * time.Minute,
	}
}

// maxFruitless is how many multicast runs a delivery may take part in without a new
// verified block before it is left to HTTPS (F4).
const maxFruitless = 3

// maxLapses is how many sessions a device may leave for silence and still be taken into another.
const maxLapses = 1

// maxPause is the longest pause between two tries of a device that gets nowhere.
const maxPause = 5 * time.Minute

// phase is where a promise stands in the schedule.
type phase uint8

const (
	phaseWaiting   phase = iota // nobody who lacks it is active, or the group is busy
	phaseGathering              // the window is open
	phaseOpening                // step open was given, the session is being made
	phaseAsking                 // offers are out, data does not flow yet
	phaseSending                // data flows
	phaseRekeying               // stopped for a change of members; a new session follows
)

// place is where one device stands in a promise.
type place uint8

const (
	placeIdle      place = iota
	placeAsked           // holds the session's offer, has not answered
	placeMulticast       // has the keys
	placeStored          // stored every block; its receipt is awaited
	placeHTTPS           // catches up over HTTPS
	placeRefused         // said why it cannot take it
	placePaused          // its catch-up failed: it is offered again after a while
	placeLater           // an administrator put it off
	placeSilent          // is connected and does not answer; its offer stands
)

// leg is one owed delivery of a device.
type leg struct {
	place     place
	sticky    bool   // HTTPS for good: multicast does not serve this device
	lapsed    int    // multicast sessions left for mere silence: that may have been the network
	reason    string // in words
	since     time.Time
	heard     bool      // it did something about the offer it has
	gone      time.Time // when its stream broke
	refusal   string    // the reason that it refused for last
	stumbles  int       // catch-ups that failed one after another and brought nothing
	brought   uint64    // bytes that it held when one failed
	asked     uint64    // bytes that it was given over HTTPS since its allowance was renewed (F4)
	renewed   time.Time
	renewals  int
	fruitless int
	blocks    int // verified, at the last run's begin
}

// promise is an open transfer in the schedule.
type promise struct {
	no      protocol.TransferNo
	group   protocol.GroupID
	hold    bool
	now     bool
	via     groupcast.Via
	legs    map[protocol.DeviceID]*leg
	phase   phase
	first   time.Time // gather window: when it opened, and who came last
	last    time.Time
	until   time.Time // asking, rekeying: when it ends
	rekeyed bool      // the session to come replaces another
	session protocol.SessionID
	stuck   stuck
}

// stuck says that the content of a promise cannot be read now: it waits, and is tried again.
type stuck struct {
	until   time.Time // zero: it is not
	since   time.Time // of the last time
	reason  string
	tries   int
	planned bool // it is planned anew, and goes on by itself
}

// step is something the schedule wants done.
type step struct {
	kind    stepKind
	no      protocol.TransferNo
	session protocol.SessionID
	devices []protocol.DeviceID
	reason  string
}

type stepKind uint8

const (
	stepOpen   stepKind = iota // make a multicast session, offer it to devices, answer opened
	stepOffer                  // offer the running session to devices
	stepBegin                  // let data flow
	stepHTTPS                  // offer the transfer over HTTPS to devices
	stepDetach                 // take devices out of the session
	stepClose                  // end the session
	stepRefuse                 // note that devices cannot take it
)

// schedule decides which open transfer goes when, to whom and which way. It is a machine:
// no clock, no I/O, not safe for concurrent use.
type schedule struct {
	t        timing
	paused   bool // after a restore nothing is sent (O4)
	promises map[protocol.TransferNo]*promise
	order    []protocol.TransferNo // increasing
	active   map[protocol.DeviceID]bool
	unfit    map[protocol.DeviceID]string             // why those who are active and of another version get nothing
	busy     map[protocol.GroupID]protocol.TransferNo // whose session a group runs
	steps    []step
}

func newSchedule(t timing) *schedule {
	return &schedule{
		t: t, promises: map[protocol.TransferNo]*promise{},
		active: map[protocol.DeviceID]bool{}, unfit: map[protocol.DeviceID]string{}, busy: map[protocol.GroupID]protocol.TransferNo{},
	}
}

// add puts an open transfer under the schedule.
func (s *schedule) add(tr groupcast.Transfer, now bool) {
	if s.promises[tr.No] != nil {
		return
	}
	s.promises[tr.No] = &promise{
		no: tr.No, group: tr.GroupID, hold: tr.Hold, now: now, via: tr.Via,
		legs: map[protocol.DeviceID]*leg{},
	}
	at, _ := slices.BinarySearch(s.order, tr.No)
	s.order = slices.Insert(s.order, at, tr.No)
}

// drop ends a promise: done, cancelled, expired, failed.
func (s *schedule) drop(no protocol.TransferNo) {
	p := s.promises[no]
	if p == nil {
		return
	}
	s.closeSession(p, "")
	delete(s.promises, no)
	if at, found := slices.BinarySearch(s.order, no); found {
		s.order = slices.Delete(s.order, at, at+1)
	}
}

// owe says that a device lacks a transfer.
func (s *schedule) owe(no protocol.TransferNo, dev protocol.DeviceID) {
	if p := s.promises[no]; p != nil && p.legs[dev] == nil {
		p.legs[dev] = &leg{}
	}
}

// leaveOut puts a device off that was put off before the server was started again.
func (s *schedule) leaveOut(no protocol.TransferNo, dev protocol.DeviceID, since time.Time) {
	if _, l := s.legOf(no, dev); l != nil && l.place == placeIdle {
		l.place, l.since = placeLater, since
	}
}

// settle says that a device is no longer owed a transfer.
func (s *schedule) settle(now time.Time, no protocol.TransferNo, dev protocol.DeviceID) {
	p := s.promises[no]
	if p == nil || p.legs[dev] == nil {
		return
	}
	delete(p.legs, dev)
	s.closeIfOver(now, p)
}

// release lets a held transfer go, and any other without a gather window.
func (s *schedule) release(no protocol.TransferNo) {
	if p := s.promises[no]; p != nil {
		p.hold, p.now = false, true
		p.takeUp()
	}
}

// attached says that a device's stream opened. One that comes back within the grace keeps its
// place: its keys live on, and if the receiver was started anew it finds the offer in the
// state and asks for others. One that refused, or had not answered, is asked again.
func (s *schedule) attached(now time.Time, dev protocol.DeviceID) {
	s.active[dev] = true
	for _, p := range s.promises {
		l := p.legs[dev]
		if l == nil {
			continue
		}
		if s.lost(now, l) || l.place == placeRefused || l.place == placeAsked || l.place == placePaused || l.place == placeSilent {
			s.unseat(p, dev, l)
		}
		l.gone = time.Time{}
	}
}

// lost says that a device's stream has been broken for longer than the grace.
func (s *schedule) lost(now time.Time, l *leg) bool {
	return !l.gone.IsZero() && !now.Before(l.gone.Add(s.t.Grace))
}

// unseat takes a device back to the beginning: all ways are open to it again.
func (s *schedule) unseat(p *promise, dev protocol.DeviceID, l *leg) {
	s.detach(p, dev, l)
	l.place, l.sticky, l.lapsed, l.reason = placeIdle, false, 0, ""
}

// detached says that a device's stream broke.
func (s *schedule) detached(now time.Time, dev protocol.DeviceID) {
	delete(s.active, dev)
	delete(s.unfit, dev)
	for _, p := range s.promises {
		if l := p.legs[dev]; l != nil {
			l.gone = now
		}
	}
}

// pump moves everything on and gives the steps to take.
func (s *schedule) pump(now time.Time) []step {
	if !s.paused {
		for _, no := range s.order {
			s.advance(now, s.promises[no])
		}
	}
	out := s.steps
	s.steps = nil
	return out
}

func (s *schedule) advance(now time.Time, p *promise) {
	if p.hold || p.waits(now) {
		return
	}
	s.dropGone(now, p)
	s.turnAway(now, p)
	s.endPauses(now, p)
	s.leaveSilent(now, p)
	switch p.phase {
	case phaseWaiting, phaseGathering:
		s.gather(now, p)
	case phaseAsking:
		s.offerLate(now, p)
		s.beginIfReady(now, p)
	case phaseSending:
		s.offerLate(now, p)
		s.giveUpSilent(now, p)
		s.closeIfOver(now, p)
	case phaseRekeying:
		if !now.Before(p.until) {
			s.open(now, p)
		}
	}
}

// next gives the time of the next thing to do, if there is one.
func (s *schedule) next(now time.Time) (time.Time, bool) {
	var at time.Time
	earlier := func(t time.Time) {
		// What is due already was dealt with by pump, or waits for something else.
		if t.After(now) && (at.IsZero() || t.Before(at)) {
			at = t
		}
	}
	if s.paused {
		return at, false
	}
	for _, p := range s.promises {
		if !p.stuck.until.IsZero() {
			earlier(p.stuck.until)
		}
		switch p.phase {
		case phaseGathering:
			earlier(s.windowEnd(p))
		case phaseAsking, phaseRekeying:
			earlier(p.until)
		}
		for _, l := range p.legs {
			if l.place == placeAsked && (p.phase == phaseSending || p.phase == phaseAsking) {
				earlier(l.since.Add(s.t.Answer))
			}
			if by, waits := s.answerBy(l); waits {
				earlier(by)
			}
			if l.place == placePaused {
				earlier(l.since.Add(s.pause(l)))
			}
			if l.place == placeLater && p.phase < phaseOpening {
				earlier(l.since.Add(s.t.Later))
			}
			if !l.gone.IsZero() && l.place != placeIdle {
				earlier(l.gone.Add(s.t.Grace))
			}
		}
	}
	return at, !at.IsZero()
}

// windowEnd is when a gather window closes.
func (s *schedule) windowEnd(p *promise) time.Time {
	end, most := p.last.Add(s.t.Gather), p.first.Add(s.t.GatherMax)
	if most.Before(end) {
		return most
	}
	return end
}
