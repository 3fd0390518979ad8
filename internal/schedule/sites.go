package schedule

import (
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
)

// Carrier is what sends multicast in a site.
type Carrier uint8

// The carriers. Here has CarrierServer, other sites CarrierNone until SetCarrier says something else.
const (
	CarrierNone   Carrier = iota // nothing: devices fetch over HTTPS
	CarrierServer                // the server itself
	CarrierRelay                 // a relay: it fetches everything before it sends
)

// place is what is known of a site.
type place struct {
	carrier  Carrier
	away     time.Time // since when its relay cannot be reached; zero: it can
	fallback int       // devices of each transfer that need not wait for a relay that is away
}

// place is that of a run.
func (s *Scheduler) place(site Site) place {
	p, known := s.places[site]
	if !known && site == Here {
		p.carrier = CarrierServer
	}
	return p
}

// SetCarrier says what sends multicast in a site. Sessions of another carrier are closed.
func (s *Scheduler) SetCarrier(site Site, c Carrier) {
	p := s.place(site)
	if p.carrier == c {
		return
	}
	p.carrier, p.away = c, time.Time{}
	s.places[site] = p
	for _, no := range s.order {
		r := s.runIn(no, site)
		if r == nil {
			continue
		}
		s.closeSession(r, Reason{})
		r.takeBack()
		r.fetch, r.staged = false, false
	}
}

// takeBack lets those who take part in a session, or were asked to, wait for another.
func (r *run) takeBack() {
	for _, d := range r.deliveries {
		if d.state == StateAsked || d.state == StateMulticast {
			d.state, d.fruitless = StateIdle, max(0, d.fruitless-1)
		}
	}
}

// SetFallback says how many devices of a site may fetch each transfer from the server while the relay is away.
func (s *Scheduler) SetFallback(site Site, devices int) {
	p := s.place(site)
	p.fallback = devices
	s.places[site] = p
}

// Place says in which site a device is, whether it is connected or not.
func (s *Scheduler) Place(now time.Time, dev protocol.DeviceID, site Site) { s.move(now, dev, site) }

// SiteOf is the site that a device is in.
func (s *Scheduler) SiteOf(dev protocol.DeviceID) Site { return s.sites[dev] }

// RelayAway says that a site's relay cannot be reached. Its devices wait; a session that it runs may go on when it is
// back, and ends by Ended if it cannot.
func (s *Scheduler) RelayAway(now time.Time, site Site) {
	if p := s.place(site); p.carrier == CarrierRelay && p.away.IsZero() {
		p.away = now
		s.places[site] = p
	}
}

// RelayBack says that a site's relay can be reached again. Devices that were asked could not answer meanwhile.
func (s *Scheduler) RelayBack(now time.Time, site Site) {
	p := s.place(site)
	if p.away.IsZero() {
		return
	}
	p.away = time.Time{}
	s.places[site] = p
	for _, no := range s.order {
		r := s.runIn(no, site)
		if r == nil {
			continue
		}
		if r.phase == PhaseAsking {
			r.until = now.Add(s.t.Ready)
		}
		for _, d := range r.deliveries {
			if d.state == StateAsked {
				d.since = now
			}
		}
	}
}

// Staged says that a site's relay holds all of a transfer: it can be sent.
func (s *Scheduler) Staged(no protocol.TransferNo, site Site) {
	if r := s.runIn(no, site); r != nil && r.fetch {
		r.staged = true
	}
}

// Unstaged says that a site's relay does not hold a transfer any more: it has to fetch it again.
func (s *Scheduler) Unstaged(no protocol.TransferNo, site Site) {
	if r := s.runIn(no, site); r != nil {
		r.fetch, r.staged = false, false
	}
}

// Wanted lists what the relay of a site is to hold, oldest first: what FetchContent said, as long as it is owed there.
func (s *Scheduler) Wanted(site Site) (out []protocol.TransferNo) {
	for _, no := range s.order {
		if r := s.runIn(no, site); r != nil && r.fetch && len(r.deliveries) > 0 {
			out = append(out, no)
		}
	}
	return out
}

// wantContent lets the relay of a site fetch what a connected device there is owed.
func (s *Scheduler) wantContent(r *run) {
	if r.fetch || s.place(r.site).carrier != CarrierRelay || r.via == groupcast.ViaHTTPS {
		return
	}
	for dev := range r.deliveries {
		if s.active[dev] {
			r.fetch = true
			s.act(r, FetchContent, Reason{})
			return
		}
	}
}

// waitsFor says for what a run waits that only its site's relay can give: RelayAway, RelayFetching or NoReason.
func (s *Scheduler) waitsFor(r *run) ReasonCode {
	switch p := s.place(r.site); {
	case p.carrier != CarrierRelay || r.via == groupcast.ViaHTTPS:
		return NoReason
	case !p.away.IsZero():
		return RelayAway
	case !r.staged:
		return RelayFetching
	}
	return NoReason
}

// unsent says why the devices of a run get everything over HTTPS; false: they do not.
func (s *Scheduler) unsent(r *run) (Reason, bool) {
	switch {
	case r.via == groupcast.ViaHTTPS:
		return Reason{Code: ByChoice}, true
	case s.place(r.site).carrier == CarrierNone:
		return Reason{Code: NoMulticast}, true
	}
	return Reason{}, false
}

// fallBack lets as many of the devices as may fetch from the server, and those for which an administrator asked it:
// their relay is away.
func (s *Scheduler) fallBack(now time.Time, r *run, devices []protocol.DeviceID) {
	p := s.place(r.site)
	if p.away.IsZero() {
		return
	}
	room := p.fallback - len(r.devices(func(_ protocol.DeviceID, d *delivery) bool {
		return d.state == StateHTTPS && d.reason.Code != AsAsked
	}))
	for _, dev := range devices {
		switch {
		case r.deliveries[dev].reason.Code == AsAsked:
			s.toHTTPS(now, r, []protocol.DeviceID{dev}, Reason{Code: AsAsked})
		case room > 0:
			s.toHTTPS(now, r, []protocol.DeviceID{dev}, Reason{Code: RelayAway})
			room--
		}
	}
}
