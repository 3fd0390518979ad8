package server

import (
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
)

// asAsked is the reason of what an administrator wanted so.
const asAsked = "as an administrator asked"

// legOf gives what a device is owed of a transfer; nil, nil for nothing.
func (s *schedule) legOf(no protocol.TransferNo, dev protocol.DeviceID) (*promise, *leg) {
	p := s.promises[no]
	if p == nil || p.legs[dev] == nil {
		return nil, nil
	}
	return p, p.legs[dev]
}

// mayMove says why a device cannot be told anything about a transfer now.
func (s *schedule) mayMove(p *promise, l *leg, dev protocol.DeviceID) error {
	switch {
	case l == nil:
		return errNotOwed
	case s.paused:
		return errUnconfirmed
	case p.hold:
		return groupcast.Errorf(groupcast.EConflict, "the transfer is held: it goes to nobody").
			WithHint("let it go with `groupcast pending send`")
	case !s.active[dev]:
		return groupcast.Errorf(groupcast.EConflict, "its receiver is not connected").
			WithHint("it is served by itself when it comes back")
	case s.unfit[dev] != "":
		return groupcast.Errorf(groupcast.EConflict, "%s", s.unfit[dev]).WithHint("it is served by itself when it attaches again with a version that fits")
	case l.place == placeStored:
		return groupcast.Errorf(groupcast.EConflict, "it has every block already and puts the files in place").
			WithHint("wait a moment for its receipt")
	}
	return nil
}

// catchUp lets a device fetch what it lacks over HTTPS at once.
func (s *schedule) catchUp(now time.Time, no protocol.TransferNo, dev protocol.DeviceID) error {
	p, l := s.legOf(no, dev)
	if err := s.mayMove(p, l, dev); err != nil {
		return err
	}
	if l.place == placeHTTPS {
		l.sticky = true // and no multicast session takes it away from there
		return groupcast.Errorf(groupcast.EConflict, "it fetches over HTTPS already").WithHint("wait for it, or drop it")
	}
	s.leaveMulticast(now, p, dev, asAsked)
	s.closeIfOver(now, p)
	return nil
}

// putOff takes a device out of what runs; it stays owed. It is served with the transfer's
// next session, when the transfer is sent again, when it reconnects, or after a while.
func (s *schedule) putOff(now time.Time, no protocol.TransferNo, dev protocol.DeviceID) error {
	p, l := s.legOf(no, dev)
	if err := s.mayMove(p, l, dev); err != nil {
		return err
	}
	if l.place == placeLater {
		return groupcast.Errorf(groupcast.EConflict, "it is put off already").
			WithHint("`groupcast transfer catchup` serves it now")
	}
	s.detach(p, dev, l)
	l.place, l.sticky, l.reason, l.since = placeLater, false, "", now
	s.closeIfOver(now, p)
	return nil
}

// takeUp gives those who were put off, or did not answer, another try.
func (p *promise) takeUp() {
	for _, l := range p.legs {
		if l.place == placeLater || l.place == placeSilent {
			l.place = placeIdle
		}
	}
}

// heard says that a device does something about a transfer: it is there and answers.
func (s *schedule) heard(now time.Time, no protocol.TransferNo, dev protocol.DeviceID) {
	_, l := s.legOf(no, dev)
	if l == nil {
		return
	}
	switch l.place {
	case placeSilent:
		l.place = placeHTTPS
		l.since, l.heard = now, true
	case placeAsked, placeHTTPS, placeStored:
		l.since, l.heard = now, true
	}
}

// answerBy is when a device that is served must have been heard of; no time for one that
// is not waited for, or whose session watches it.
func (s *schedule) answerBy(l *leg) (time.Time, bool) {
	switch {
	case l.place == placeHTTPS && !l.heard:
		return l.since.Add(s.t.Answer), true
	case l.place == placeHTTPS || l.place == placeStored:
		return l.since.Add(s.t.Stall), true
	}
	return time.Time{}, false
}

// leaveSilent stops waiting for devices that are connected and do nothing: a machine that
// hangs must not keep its transfer in sending for ever. They stay owed.
func (s *schedule) leaveSilent(now time.Time, p *promise) {
	silent := p.devices(func(dev protocol.DeviceID, l *leg) bool {
		by, waits := s.answerBy(l)
		return waits && s.active[dev] && !now.Before(by)
	})
	for _, dev := range silent {
		l := p.legs[dev]
		s.detach(p, dev, l)
		l.place, l.since = placeSilent, now
	}
}
