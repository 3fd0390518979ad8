package schedule

import (
	"slices"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
)

// candidates lists the active devices that the next run would serve: those that wait, and
// those that catch up alone and could as well hear multicast.
func (s *Scheduler) candidates(r *run) (waiting, alone []protocol.DeviceID) {
	waiting = r.devices(func(dev protocol.DeviceID, d *delivery) bool {
		return s.active[dev] && d.state == StateIdle && !d.httpsOnly && s.occupied(r.transfer, dev) == 0
	})
	alone = r.devices(func(dev protocol.DeviceID, d *delivery) bool {
		return s.active[dev] && d.state == StateHTTPS && !d.httpsOnly
	})
	return waiting, alone
}

// gather opens, keeps open or closes the gather window of a run without a session.
func (s *Scheduler) gather(now time.Time, r *run) {
	s.resumeHTTPSOnly(now, r)
	waiting, alone := s.candidates(r)
	if len(waiting) == 0 {
		r.phase = PhaseWaiting
		s.regather(now, r)
		return
	}
	if why, unsent := s.unsent(r); unsent {
		s.toHTTPS(now, r, waiting, why)
		return
	}
	if r.phase == PhaseWaiting {
		r.phase, r.first, r.last = PhaseGathering, now, now
	}
	for _, dev := range waiting {
		if d := r.deliveries[dev]; d.since.Before(r.first) {
			d.since, r.last = now, now
		}
	}
	if !r.now && (now.Before(s.settled) || now.Before(s.windowEnd(r)) && !s.allHere(r)) {
		return
	}
	if s.waitsFor(r) != NoReason {
		s.fallBack(now, r, waiting)
		return
	}
	s.closeWindow(now, r, waiting, alone)
}

// regather opens a session for those who fell silent in one and are back: several who fetch over
// HTTPS are worth one.
func (s *Scheduler) regather(now time.Time, r *run) {
	back := r.devices(func(dev protocol.DeviceID, d *delivery) bool {
		return s.active[dev] && d.state == StateHTTPS && !d.httpsOnly && d.lapsed > 0 && d.heard
	})
	_, unsent := s.unsent(r)
	if _, taken := s.busy[r.line()]; len(back) >= 2 && !taken && !unsent && s.waitsFor(r) == NoReason {
		s.open(now, r)
	}
}

// allHere says that no other device can come: there is nothing to wait for.
func (s *Scheduler) allHere(r *run) bool {
	for dev, d := range r.deliveries {
		if !s.active[dev] && d.state != StateStored {
			return false
		}
	}
	return true
}

func (s *Scheduler) closeWindow(now time.Time, r *run, waiting, alone []protocol.DeviceID) {
	if len(waiting)+len(alone) == 1 && r.via != groupcast.ViaMulticast {
		s.toHTTPS(now, r, waiting, Reason{})
		r.phase = PhaseWaiting
		return
	}
	if _, taken := s.busy[r.line()]; taken {
		return // transfers of one group go one after another
	}
	s.open(now, r)
}

// open asks for a session for everyone who can take part.
func (s *Scheduler) open(now time.Time, r *run) {
	if !r.rekeyed { // else it is the same run: who was put off from it stays so
		r.takeUp()
	}
	waiting, alone := s.candidates(r)
	if len(waiting)+len(alone) == 0 {
		s.closeSession(r, Reason{})
		return
	}
	devices := append(waiting, alone...)
	for _, dev := range devices {
		d := r.deliveries[dev]
		d.state, d.since = StateAsked, now
	}
	s.busy[r.line()] = r.no
	r.phase = PhaseOpening
	s.act(r, OpenSession, Reason{}, devices...)
}

// Opened says that the session stands and its offers are out.
func (s *Scheduler) Opened(now time.Time, no protocol.TransferNo, site Site, session protocol.SessionID) bool {
	r := s.runIn(no, site)
	if r == nil || r.phase != PhaseOpening {
		return false
	}
	wait := s.t.Ready
	if r.rekeyed {
		wait = s.t.RekeyWait
	}
	wait += protocol.Spread(len(r.devices(asked))) // many take turns to answer
	r.phase, r.session, r.until, r.rekeyed = PhaseAsking, session, now.Add(wait), false
	for _, d := range r.deliveries {
		if d.state == StateHTTPS {
			d.passed = session
		}
	}
	return true
}

// beginIfReady lets data flow when every device that was asked has answered, or the wait is over. As long
// as none is attached it waits for the first.
func (s *Scheduler) beginIfReady(now time.Time, r *run) {
	attached, open := 0, 0
	for dev, d := range r.deliveries {
		switch {
		case d.state == StateMulticast:
			attached++
		case d.state == StateAsked && s.active[dev]:
			open++
		}
	}
	switch {
	case attached == 0 && open == 0:
		s.closeSession(r, Reason{Code: NobodyTookPart})
	case s.looking(now, r):
	case attached == 0 && !now.Before(r.until):
		s.giveUpSilent(now, r)
	case open == 0 || !now.Before(r.until) || s.lastCalled(now, r):
		s.markLate(r)
		r.phase = PhaseSending
		s.act(r, BeginSession, Reason{})
	}
}

// Ready says that a device took the session's keys. blocks is what it holds already.
func (s *Scheduler) Ready(
	now time.Time, no protocol.TransferNo, session protocol.SessionID, dev protocol.DeviceID, blocks int,
) bool {
	r, d := s.deliveryOf(no, dev)
	if d == nil || r.session != session || (r.phase != PhaseAsking && r.phase != PhaseSending) {
		return false
	}
	if blocks > d.blocks {
		d.fruitless = 0
	}
	d.blocks = blocks
	if d.state == StateMulticast {
		return true // asked for its keys again
	}
	if d.fruitless++; d.fruitless > maxFruitless {
		s.leaveMulticast(now, r, dev, Reason{Code: Fruitless})
		return false
	}
	s.answered(now, r, dev, d)
	d.state, d.since, d.reason = StateMulticast, now, Reason{}
	return true
}

// Fetching says that a device answered an offer over HTTPS.
func (s *Scheduler) Fetching(now time.Time, no protocol.TransferNo, dev protocol.DeviceID) {
	if r, d := s.deliveryOf(no, dev); d != nil {
		s.answered(now, r, dev, d)
		s.detach(r, dev, d)
		d.state, d.since, d.heard = StateHTTPS, now, true
		s.closeIfOver(now, r)
	}
}

// Refused says that a device cannot take the transfer, and why. It is false if that is known.
func (s *Scheduler) Refused(now time.Time, no protocol.TransferNo, dev protocol.DeviceID, reason string) (fresh bool) {
	r, d := s.deliveryOf(no, dev)
	if d == nil {
		return false
	}
	s.answered(now, r, dev, d)
	s.detach(r, dev, d)
	why := because(reason)
	fresh = d.refusal != why
	d.state, d.reason, d.refusal, d.since = StateRefused, why, why, now
	s.closeIfOver(now, r)
	return fresh
}

// RefusedForGood says that a device will never take the transfer as it is: it is not asked again
// before AskAgain, or Renewed.
func (s *Scheduler) RefusedForGood(
	now time.Time, no protocol.TransferNo, dev protocol.DeviceID, reason string,
) (fresh bool) {
	fresh = s.Refused(now, no, dev, reason)
	if _, d := s.deliveryOf(no, dev); d != nil {
		d.final = true
	}
	return fresh
}

// Renewed says that a transfer holds other content now: devices that refused it for good are asked again, and what
// a device was given of the content before does not count against its share of this one (F4).
func (s *Scheduler) Renewed(no protocol.TransferNo) {
	t := s.transfers[no]
	if t == nil {
		return
	}
	for _, r := range t.runs {
		for _, d := range r.deliveries {
			d.asked = 0
			if d.final {
				d.final, d.state = false, StateIdle
			}
		}
		r.fetch, r.staged = false, false
	}
}

// LookedAgain says that a device which may have refused the transfer can take it now. It is false
// if it had not.
func (s *Scheduler) LookedAgain(no protocol.TransferNo, dev protocol.DeviceID) bool {
	_, d := s.deliveryOf(no, dev)
	if d == nil || d.state != StateRefused {
		return false
	}
	if d.final {
		return true // whatever it looked at
	}
	d.state = StateIdle
	return true
}

// Overtaken reports that a device knows something of a transfer that is over: it refuses the offer that it
// was given last because a newer one of another transfer said so first, or it has content that was planned
// anew since. It is offered the transfer anew.
func (s *Scheduler) Overtaken(now time.Time, no protocol.TransferNo, dev protocol.DeviceID) {
	if r, d := s.deliveryOf(no, dev); d != nil && d.state != StateLater {
		s.unseat(r, dev, d)
		s.closeIfOver(now, r)
	}
}

// Stored says that a device holds every block of the session.
func (s *Scheduler) Stored(now time.Time, no protocol.TransferNo, dev protocol.DeviceID) {
	if r, d := s.deliveryOf(no, dev); d != nil {
		d.state, d.since = StateStored, now
		s.closeIfOver(now, r)
	}
}

// Behind says that multicast does not serve a device: it catches up over HTTPS at once. If it was
// only silent, it may take part in a later session, once.
func (s *Scheduler) Behind(now time.Time, no protocol.TransferNo, dev protocol.DeviceID, reason string, silent bool) {
	r, d := s.deliveryOf(no, dev)
	if d == nil || d.state == StateHTTPS {
		return
	}
	s.leaveMulticast(now, r, dev, because(reason))
	if silent && d.lapsed < maxLapses {
		d.lapsed++
		d.httpsOnly = false
	}
	s.closeIfOver(now, r)
}

// Stumbled says that a catch-up over HTTPS failed at the device, when it held so many bytes: it
// is offered again after a pause, which grows as long as the tries bring nothing.
func (s *Scheduler) Stumbled(
	now time.Time, no protocol.TransferNo, dev protocol.DeviceID, reason string, bytes uint64,
) bool {
	_, d := s.deliveryOf(no, dev)
	if d == nil || d.state != StateHTTPS {
		return false
	}
	if bytes > d.brought {
		d.stumbles, d.brought = 0, bytes
	}
	d.stumbles++
	d.state, d.since, d.reason = StatePaused, now, because(reason)
	return true
}

// pause is how long a device waits after its catch-up failed.
func (s *Scheduler) pause(d *delivery) time.Duration {
	return s.grown(d.stumbles - 1)
}

// grown is the pause after so many others.
func (s *Scheduler) grown(n int) time.Duration {
	return min(s.t.Pause<<min(max(n, 0), 10), max(s.t.Pause, maxPause))
}

// renew allows a device that begins again to fetch what it lost of an earlier try. What it asks
// for twice without such a reason counts (F4), and so do tries in short order.
func (s *Scheduler) renew(now time.Time, d *delivery) {
	if d.asked > 0 && !now.Before(d.renewed.Add(s.grown(d.renewals))) {
		d.asked, d.renewed = 0, now
		d.renewals++
	}
}

func (s *Scheduler) endPauses(now time.Time, r *run) {
	for _, d := range r.deliveries {
		paused := d.state == StatePaused && !now.Before(d.since.Add(s.pause(d)))
		later := d.state == StateLater && r.phase < PhaseOpening && !now.Before(d.since.Add(s.t.Later))
		if paused || later {
			d.state = StateIdle
		}
	}
}

func (s *Scheduler) leaveMulticast(now time.Time, r *run, dev protocol.DeviceID, reason Reason) {
	d := r.deliveries[dev]
	s.detach(r, dev, d)
	d.httpsOnly, d.reason = true, reason
	if s.active[dev] && !s.still(now, r) && s.waitsFor(r) == NoReason {
		s.toHTTPS(now, r, []protocol.DeviceID{dev}, reason)
	} else {
		d.state = StateIdle // it is offered when it can be
	}
}

func (s *Scheduler) detach(r *run, dev protocol.DeviceID, d *delivery) {
	if d.state == StateMulticast || d.state == StateStored {
		s.act(r, DetachDevices, d.reason, dev)
	}
}

func (s *Scheduler) toHTTPS(now time.Time, r *run, devices []protocol.DeviceID, reason Reason) {
	for _, dev := range devices {
		d := r.deliveries[dev]
		d.state, d.reason, d.since, d.heard = StateHTTPS, reason, now, false
		d.passed, d.told = r.session, true
		s.renew(now, d)
	}
	s.act(r, OfferHTTPS, reason, devices...)
}

// offerLate offers a running session to devices that came after it began, and HTTPS to those
// that multicast does not serve. Whoever was told to fetch while the session ran stays with that until
// the next one: a device takes no offer that is older than one it has.
func (s *Scheduler) offerLate(now time.Time, r *run) {
	s.resumeHTTPSOnly(now, r)
	waiting, _ := s.candidates(r)
	var late, past []protocol.DeviceID
	for _, dev := range waiting {
		d := r.deliveries[dev]
		if d.passed == r.session {
			past = append(past, dev)
			continue
		}
		d.state, d.since = StateAsked, now
		late = append(late, dev)
	}
	if len(late) > 0 {
		s.act(r, OfferSession, Reason{}, late...)
	}
	if len(past) > 0 && s.waitsFor(r) == NoReason {
		s.toHTTPS(now, r, past, Reason{})
	}
}

// resumeHTTPSOnly starts active devices that use HTTPS only.
func (s *Scheduler) resumeHTTPSOnly(now time.Time, r *run) {
	left := r.devices(func(dev protocol.DeviceID, d *delivery) bool {
		return d.httpsOnly && d.state == StateIdle && s.active[dev] && s.occupied(r.transfer, dev) == 0
	})
	if s.waitsFor(r) != NoReason {
		s.fallBack(now, r, left)
		return
	}
	for _, dev := range left {
		s.toHTTPS(now, r, []protocol.DeviceID{dev}, r.deliveries[dev].reason)
	}
}

// giveUpSilent leaves devices that never answered the offer to HTTPS.
func (s *Scheduler) giveUpSilent(now time.Time, r *run) {
	silent := r.devices(func(dev protocol.DeviceID, d *delivery) bool {
		return d.state == StateAsked && s.active[dev] && !now.Before(d.quietUntil(s.t.Answer))
	})
	for _, dev := range silent {
		s.leaveMulticast(now, r, dev, Reason{Code: NoAnswer})
	}
}

// dropGone removes devices that have been disconnected for longer than the grace period.
func (s *Scheduler) dropGone(now time.Time, r *run) {
	gone := r.devices(func(_ protocol.DeviceID, d *delivery) bool {
		return d.state != StateIdle && s.lost(now, d)
	})
	for _, dev := range gone {
		s.unseat(r, dev, r.deliveries[dev])
	}
}

// line is the line that a run stands in: the sessions of one group in one site.
func (r *run) line() line { return line{r.group, r.site} }

// devices lists those who match, in an order that is the same in every run.
func (r *run) devices(match func(protocol.DeviceID, *delivery) bool) []protocol.DeviceID {
	var out []protocol.DeviceID
	for dev, d := range r.deliveries {
		if match(dev, d) {
			out = append(out, dev)
		}
	}
	slices.SortFunc(out, compareDevices)
	return out
}

// asked and attending match those who hold a session's offer, and those who take part, too.
func asked(_ protocol.DeviceID, d *delivery) bool { return d.state == StateAsked }

func attending(_ protocol.DeviceID, d *delivery) bool {
	return d.state == StateAsked || d.state == StateMulticast
}

func compareDevices(a, b protocol.DeviceID) int { return slices.Compare(a[:], b[:]) }
