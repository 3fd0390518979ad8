package server

import (
	"slices"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
)

// candidates lists the active devices that the next run would serve: those that wait, and
// those that catch up alone and could as well hear multicast.
func (s *schedule) candidates(p *promise) (waiting, alone []protocol.DeviceID) {
	waiting = p.devices(func(dev protocol.DeviceID, l *leg) bool {
		return s.active[dev] && l.place == placeIdle && !l.sticky
	})
	alone = p.devices(func(dev protocol.DeviceID, l *leg) bool {
		return s.active[dev] && l.place == placeHTTPS && !l.sticky
	})
	return waiting, alone
}

// gather opens, keeps open or closes the gather window of a promise without a session.
func (s *schedule) gather(now time.Time, p *promise) {
	s.resumeSticky(now, p)
	waiting, alone := s.candidates(p)
	if len(waiting) == 0 {
		p.phase = phaseWaiting
		s.regather(now, p)
		return
	}
	if p.via == groupcast.ViaHTTPS {
		s.toHTTPS(now, p, waiting, "sent with --via https")
		return
	}
	if p.phase == phaseWaiting {
		p.phase, p.first, p.last = phaseGathering, now, now
	}
	for _, dev := range waiting {
		if l := p.legs[dev]; l.since.Before(p.first) {
			l.since, p.last = now, now
		}
	}
	if !p.now && now.Before(s.windowEnd(p)) && !s.allHere(p) {
		return
	}
	s.closeWindow(now, p, waiting, alone)
}

// regather opens a session for those who fell silent in one and are back: several who fetch over
// HTTPS are worth one.
func (s *schedule) regather(now time.Time, p *promise) {
	back := p.devices(func(dev protocol.DeviceID, l *leg) bool {
		return s.active[dev] && l.place == placeHTTPS && !l.sticky && l.lapsed > 0 && l.heard
	})
	if _, taken := s.busy[p.group]; len(back) >= 2 && !taken && p.via != groupcast.ViaHTTPS {
		s.open(now, p)
	}
}

// allHere says that no other device could still come: waiting longer serves nobody.
func (s *schedule) allHere(p *promise) bool {
	for dev, l := range p.legs {
		if !s.active[dev] && l.place != placeStored {
			return false
		}
	}
	return true
}

func (s *schedule) closeWindow(now time.Time, p *promise, waiting, alone []protocol.DeviceID) {
	if len(waiting)+len(alone) == 1 && p.via != groupcast.ViaMulticast {
		s.toHTTPS(now, p, waiting, "")
		p.phase = phaseWaiting
		return
	}
	if _, taken := s.busy[p.group]; taken {
		return // transfers of one group go one after another
	}
	s.open(now, p)
}

// open asks for a session for everyone who can take part.
func (s *schedule) open(now time.Time, p *promise) {
	if !p.rekeyed { // else it is the same run: who was put off from it stays so
		p.takeUp()
	}
	waiting, alone := s.candidates(p)
	if len(waiting)+len(alone) == 0 {
		s.closeSession(p, "")
		return
	}
	devices := append(waiting, alone...)
	for _, dev := range devices {
		l := p.legs[dev]
		l.place, l.since = placeAsked, now
	}
	s.busy[p.group] = p.no
	p.phase = phaseOpening
	s.steps = append(s.steps, step{kind: stepOpen, no: p.no, devices: devices})
}

// opened says that the session stands and its offers are out.
func (s *schedule) opened(now time.Time, no protocol.TransferNo, session protocol.SessionID) bool {
	p := s.promises[no]
	if p == nil || p.phase != phaseOpening {
		return false
	}
	wait := s.t.Ready
	if p.rekeyed {
		wait = s.t.RekeyWait
	}
	wait += protocol.Spread(len(p.devices(asked))) // many take turns to answer
	p.phase, p.session, p.until, p.rekeyed = phaseAsking, session, now.Add(wait), false
	return true
}

// beginIfReady lets data flow when everyone asked has answered, or the wait is over. With
// nobody attached it goes on waiting for the first.
func (s *schedule) beginIfReady(now time.Time, p *promise) {
	attached, open := 0, 0
	for dev, l := range p.legs {
		switch {
		case l.place == placeMulticast:
			attached++
		case l.place == placeAsked && s.active[dev]:
			open++
		}
	}
	switch {
	case attached == 0 && open == 0:
		s.closeSession(p, "nobody took part")
	case attached == 0 && !now.Before(p.until):
		s.giveUpSilent(now, p)
	case open == 0 || !now.Before(p.until):
		p.phase = phaseSending
		s.steps = append(s.steps, step{kind: stepBegin, no: p.no, session: p.session})
	}
}

// ready says that a device took the session's keys. blocks is what it holds already.
func (s *schedule) ready(now time.Time, no protocol.TransferNo, session protocol.SessionID, dev protocol.DeviceID, blocks int) bool {
	p := s.promises[no]
	if p == nil || p.legs[dev] == nil || p.session != session || (p.phase != phaseAsking && p.phase != phaseSending) {
		return false
	}
	l := p.legs[dev]
	if blocks > l.blocks {
		l.fruitless = 0
	}
	l.blocks = blocks
	if l.place == placeMulticast {
		return true // asked for its keys again
	}
	if l.fruitless++; l.fruitless > maxFruitless {
		s.leaveMulticast(now, p, dev, "three multicast runs brought it nothing new")
		return false
	}
	l.place, l.since, l.reason = placeMulticast, now, ""
	return true
}

// fetching says that a device answered an offer over HTTPS.
func (s *schedule) fetching(now time.Time, no protocol.TransferNo, dev protocol.DeviceID) {
	if p := s.promises[no]; p != nil && p.legs[dev] != nil {
		l := p.legs[dev]
		s.detach(p, dev, l)
		l.place, l.since, l.heard = placeHTTPS, now, true
		s.closeIfOver(now, p)
	}
}

// refused says that a device cannot take the transfer, and why. It is false if that is known.
func (s *schedule) refused(now time.Time, no protocol.TransferNo, dev protocol.DeviceID, reason string) (fresh bool) {
	p, l := s.legOf(no, dev)
	if l == nil {
		return false
	}
	s.detach(p, dev, l)
	fresh = l.refusal != reason
	l.place, l.reason, l.refusal, l.since = placeRefused, reason, reason, now
	s.closeIfOver(now, p)
	return fresh
}

// lookedAgain says that a device which may have refused the transfer can take it now. It is false
// if it had not.
func (s *schedule) lookedAgain(no protocol.TransferNo, dev protocol.DeviceID) bool {
	_, l := s.legOf(no, dev)
	if l == nil || l.place != placeRefused {
		return false
	}
	l.place = placeIdle
	return true
}

// stored says that a device holds every block of the session.
func (s *schedule) stored(now time.Time, no protocol.TransferNo, dev protocol.DeviceID) {
	if p := s.promises[no]; p != nil && p.legs[dev] != nil {
		p.legs[dev].place, p.legs[dev].since = placeStored, now
		s.closeIfOver(now, p)
	}
}

// behind says that multicast does not serve a device: it catches up over HTTPS at once. If it was
// only silent, it may take part in a later session, once.
func (s *schedule) behind(now time.Time, no protocol.TransferNo, dev protocol.DeviceID, reason string, silent bool) {
	p := s.promises[no]
	if p == nil || p.legs[dev] == nil || p.legs[dev].place == placeHTTPS {
		return
	}
	l := p.legs[dev]
	s.leaveMulticast(now, p, dev, reason)
	if silent && l.lapsed < maxLapses {
		l.lapsed++
		l.sticky = false
	}
	s.closeIfOver(now, p)
}

// stumbled says that a catch-up over HTTPS failed at the device, when it held so many bytes: it
// is offered again after a pause, which grows as long as the tries bring nothing.
func (s *schedule) stumbled(now time.Time, no protocol.TransferNo, dev protocol.DeviceID, reason string, bytes uint64) bool {
	p := s.promises[no]
	if p == nil || p.legs[dev] == nil || p.legs[dev].place != placeHTTPS {
		return false
	}
	l := p.legs[dev]
	if bytes > l.brought {
		l.stumbles, l.brought = 0, bytes
	}
	l.stumbles++
	l.place, l.since, l.reason = placePaused, now, reason
	return true
}

// pause is how long a device waits after its catch-up failed.
func (s *schedule) pause(l *leg) time.Duration {
	return s.grown(l.stumbles - 1)
}

// grown is the pause after so many others.
func (s *schedule) grown(n int) time.Duration {
	return min(s.t.Pause<<min(max(n, 0), 10), max(s.t.Pause, maxPause))
}

// renew allows a device that begins anew to fetch what it lost of an earlier try. What it asks
// for twice without such a reason counts (F4), and so do tries in short order.
func (s *schedule) renew(now time.Time, l *leg) {
	if l.asked > 0 && !now.Before(l.renewed.Add(s.grown(l.renewals))) {
		l.asked, l.renewed = 0, now
		l.renewals++
	}
}

func (s *schedule) endPauses(now time.Time, p *promise) {
	for _, l := range p.legs {
		paused := l.place == placePaused && !now.Before(l.since.Add(s.pause(l)))
		later := l.place == placeLater && p.phase < phaseOpening && !now.Before(l.since.Add(s.t.Later))
		if paused || later {
			l.place = placeIdle
		}
	}
}

func (s *schedule) leaveMulticast(now time.Time, p *promise, dev protocol.DeviceID, reason string) {
	l := p.legs[dev]
	s.detach(p, dev, l)
	l.sticky, l.reason = true, reason
	if s.active[dev] {
		s.toHTTPS(now, p, []protocol.DeviceID{dev}, reason)
	} else {
		l.place = placeIdle
	}
}

func (s *schedule) detach(p *promise, dev protocol.DeviceID, l *leg) {
	if l.place == placeMulticast || l.place == placeStored {
		s.steps = append(s.steps, step{kind: stepDetach, no: p.no, session: p.session, devices: []protocol.DeviceID{dev}, reason: l.reason})
	}
}

func (s *schedule) toHTTPS(now time.Time, p *promise, devices []protocol.DeviceID, reason string) {
	for _, dev := range devices {
		l := p.legs[dev]
		l.place, l.reason, l.since, l.heard = placeHTTPS, reason, now, false
		s.renew(now, l)
	}
	s.steps = append(s.steps, step{kind: stepHTTPS, no: p.no, devices: devices, reason: reason})
}

// offerLate offers a running session to devices that came after it began, and HTTPS to those
// that multicast does not serve.
func (s *schedule) offerLate(now time.Time, p *promise) {
	s.resumeSticky(now, p)
	waiting, _ := s.candidates(p)
	if len(waiting) == 0 {
		return
	}
	for _, dev := range waiting {
		l := p.legs[dev]
		l.place, l.since = placeAsked, now
	}
	s.steps = append(s.steps, step{kind: stepOffer, no: p.no, session: p.session, devices: waiting})
}

// resumeSticky sends active devices that are for HTTPS only on their way.
func (s *schedule) resumeSticky(now time.Time, p *promise) {
	left := p.devices(func(dev protocol.DeviceID, l *leg) bool {
		return l.sticky && l.place == placeIdle && s.active[dev]
	})
	for _, dev := range left {
		s.toHTTPS(now, p, []protocol.DeviceID{dev}, p.legs[dev].reason)
	}
}

// giveUpSilent leaves devices that never answered the offer to HTTPS.
func (s *schedule) giveUpSilent(now time.Time, p *promise) {
	silent := p.devices(func(dev protocol.DeviceID, l *leg) bool {
		return l.place == placeAsked && s.active[dev] && !now.Before(l.since.Add(s.t.Answer))
	})
	for _, dev := range silent {
		s.leaveMulticast(now, p, dev, "did not answer the offer")
	}
}

// dropGone takes devices out whose stream has been broken for longer than the grace.
func (s *schedule) dropGone(now time.Time, p *promise) {
	gone := p.devices(func(_ protocol.DeviceID, l *leg) bool {
		return l.place != placeIdle && s.lost(now, l)
	})
	for _, dev := range gone {
		s.unseat(p, dev, p.legs[dev])
	}
}

// closeIfOver ends a session that nobody takes part in any more.
func (s *schedule) closeIfOver(now time.Time, p *promise) {
	if p.phase != phaseSending {
		return
	}
	for _, l := range p.legs {
		if l.place == placeMulticast || l.place == placeAsked {
			return
		}
	}
	s.closeSession(p, "")
}

func (s *schedule) closeSession(p *promise, reason string) {
	if s.busy[p.group] == p.no {
		delete(s.busy, p.group)
	}
	if p.phase == phaseAsking || p.phase == phaseSending {
		s.steps = append(s.steps, step{kind: stepClose, no: p.no, session: p.session, reason: reason})
	}
	p.phase, p.rekeyed, p.session = phaseWaiting, false, protocol.SessionID{}
}

// ended says that the session is over by itself: whoever is left over goes on over HTTPS at
// once, with the reason; whoever had not answered yet waits for the next run.
func (s *schedule) ended(now time.Time, no protocol.TransferNo, session protocol.SessionID, reason string) {
	p := s.promises[no]
	if p == nil || p.session != session {
		return
	}
	for _, dev := range p.devices(attending) {
		switch l := p.legs[dev]; l.place {
		case placeAsked:
			l.place = placeIdle
		case placeMulticast:
			s.leaveMulticast(now, p, dev, reason)
		}
	}
	s.closeSession(p, "")
}

// failedToOpen says that the session could not be made: everybody goes on over HTTPS.
func (s *schedule) failedToOpen(now time.Time, no protocol.TransferNo, reason string) {
	p := s.promises[no]
	if p == nil || p.phase != phaseOpening {
		return
	}
	for _, dev := range p.devices(asked) {
		s.leaveMulticast(now, p, dev, reason)
	}
	s.closeSession(p, "")
}

// interrupt stops the sessions of a group, because its members changed: a new session for
// those who are left follows. It gives the sessions to stop sealing under, now.
func (s *schedule) interrupt(now time.Time, group protocol.GroupID) []protocol.SessionID {
	var stop []protocol.SessionID
	for _, no := range s.order {
		p := s.promises[no]
		if p.group != group || p.phase < phaseOpening || p.phase == phaseRekeying {
			continue
		}
		if p.phase != phaseOpening {
			stop = append(stop, p.session)
		}
		p.phase, p.rekeyed, p.until = phaseRekeying, true, now.Add(s.t.Rekey)
		p.session = protocol.SessionID{}
		for _, l := range p.legs {
			if l.place == placeAsked || l.place == placeMulticast {
				l.place, l.fruitless = placeIdle, max(0, l.fruitless-1)
			}
		}
	}
	return stop
}

// devices lists those who match, in an order that is the same in every run.
func (p *promise) devices(match func(protocol.DeviceID, *leg) bool) []protocol.DeviceID {
	var out []protocol.DeviceID
	for dev, l := range p.legs {
		if match(dev, l) {
			out = append(out, dev)
		}
	}
	slices.SortFunc(out, compareDevices)
	return out
}

// asked and attending match those who hold a session's offer, and those who take part, too.
func asked(_ protocol.DeviceID, l *leg) bool { return l.place == placeAsked }
func attending(_ protocol.DeviceID, l *leg) bool {
	return l.place == placeAsked || l.place == placeMulticast
}

func compareDevices(a, b protocol.DeviceID) int { return slices.Compare(a[:], b[:]) }
