package sim

import (
	"net/netip"
	"slices"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/schedule"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/wire"
)

// openSession makes a session and offers it.
func (s *server) openSession(a schedule.Action) {
	switch t := s.transfer(a.Transfer); {
	case t.closed != "":
		return // its transfer was closed meanwhile
	case !s.w.calm && chance(s.moods, 0.02):
		s.w.count("fault: no session could be opened")
		s.sched.FailedToOpen(s.now(), t.no, a.Site, "multicast does not work at the server")
		return
	case !s.w.calm && chance(s.moods, 0.02):
		s.hinder(t)
		return
	}
	r := newSession(s, s.transfer(a.Transfer))
	if !s.sched.Opened(s.now(), a.Transfer, a.Site, r.offer.Session) {
		s.w.count("session: overtaken while it was made")
		r.stop()
		return
	}
	s.runs[r.offer.Session] = r
	if older := s.direct[a.Transfer]; older != nil { // whoever is left over gets one with a higher number
		delete(s.direct, a.Transfer)
		delete(s.open, older.number)
	}
	s.oneSession(r)
	s.send(a.Transfer, a.Devices, r.offer.Session, r.offered)
	s.w.announce(r.offer.Number)
}

// terms is what an offer says of a transfer, whichever way it goes.
func (s *server) terms(t *transfer) wire.Offer {
	o := wire.Offer{
		Server: s.id, Group: s.group, MembershipVersion: s.version, Transfer: t.no,
		SymbolSize: uint16(s.w.plan.symbol), MaxK: uint8(t.content.maxK(s.w.plan.symbol)),
		Codec: wire.CodecCauchyRS, Hash: wire.HashBLAKE3, AEAD: wire.AEADAES256GCM, Cutter: wire.CutterFixed,
		GroupAddr: netip.MustParseAddrPort(groupAddress),
	}
	t.content.layout.Fill(&o)
	o.Number, o.Floor = s.openOffer()
	s.w.bytes(o.Session[:])
	return o
}

// sign makes an offer of its terms.
func (s *server) sign(o wire.Offer) groupcast.Offered {
	b := wire.AppendOffer(nil, o)
	return groupcast.Offered{Offer: b, Signature: seal.SignOffer(s.key, b), Group: groupName, Transfer: o.Transfer}
}

// send gives devices an offer; it also stands in their state from here on.
func (s *server) send(no protocol.TransferNo, devices []protocol.DeviceID, id protocol.SessionID, o groupcast.Offered) {
	devices = slices.DeleteFunc(slices.Clone(devices), func(dev protocol.DeviceID) bool {
		_, owed := s.sched.Delivery(no, dev)
		return !owed || s.sched.Paused() // meanwhile it is owed no more, or nothing is sent
	})
	o.Devices = len(devices)
	for _, dev := range devices {
		i := indexOf(dev)
		s.mayKnow(no, i)
		s.given[deliveryKey{no, i}] = given{id, &o}
		s.tell(i, groupcast.AgentEvent{Kind: groupcast.AgentOffer, Offer: &o})
	}
}

// tell puts an event onto a device's stream, if it has one.
func (s *server) tell(i int, e groupcast.AgentEvent) {
	if st := s.streams[i]; st != nil {
		st.put(e)
	}
}

// offerDirect offers a transfer over HTTPS to devices.
func (s *server) offerDirect(a schedule.Action) {
	t := s.transfer(a.Transfer)
	if t.closed != "" || s.sched.Paused() {
		return
	}
	s.w.count("device: offered over HTTPS")
	d := s.directFor(t)
	s.send(t.no, a.Devices, d.session, d.offered)
}

// directFor gives the transfer's offer over HTTPS: a new one after each multicast session or change of
// members, because receivers take the offer with the higher number.
func (s *server) directFor(t *transfer) *directOffer {
	old := s.direct[t.no]
	if old != nil && old.version == s.version {
		return old
	}
	o := s.terms(t)
	d := &directOffer{number: o.Number, session: o.Session, version: s.version, offered: s.sign(o)}
	s.past = append(s.past, d.offered)
	s.direct[t.no] = d
	if old != nil {
		delete(s.open, old.number)
	}
	return d
}

// offersFor lists the offers that a device works on, or should.
func (s *server) offersFor(i int) (out []groupcast.Offered) {
	if s.sched.Paused() {
		return nil
	}
	for _, no := range s.sched.Open() {
		d, owed := s.sched.Delivery(no, deviceID(i))
		g, found := s.given[deliveryKey{no, i}]
		if !found || !owed {
			continue
		}
		switch d.State {
		case schedule.StateAsked, schedule.StateMulticast, schedule.StateStored, schedule.StateHTTPS, schedule.StateSilent:
			out = append(out, *g.offered)
		default: // it is not to work on it now
		}
	}
	return out
}
