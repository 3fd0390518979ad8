package sim

import (
	"slices"
	"time"

	"github.com/groupcast/groupcast/internal/lease"
	"github.com/groupcast/groupcast/internal/protocol"
)

// request is what a relay says when it asks for leases, answer what it hears.
type request struct {
	relay *siteRelay
	life  int
	asked lease.Clock
	has   []lease.Session
}

type answer struct {
	life   int
	seq    uint64
	asked  lease.Clock
	leases map[protocol.SessionID]time.Duration
	wanted lease.Session // the only one that there should be
}

// siteServer is the server's side. What a start finds again stands in rows, epochs and versions.
type siteServer struct {
	*sites
	up      bool
	life    int
	seq     uint64
	nth     int
	version uint64
	least   uint64
	epochs  map[protocol.SiteID]uint64
	active  map[protocol.SiteID]*siteRelay
	rows    map[protocol.SessionID]lease.Session

	wanted map[protocol.SiteID]lease.Session
	lives  map[protocol.RelayID]int
	heard  map[protocol.RelayID]time.Duration // last …
	there  map[protocol.RelayID]time.Duration // … and without a break since
	grants *lease.Grants

	rate   float64
	stood  time.Duration // by how much its clock stood still
	frozen time.Duration
}

// clockNow is the time by its clock, which may stand still.
func (s *siteServer) clockNow() time.Duration {
	return time.Duration(float64(s.now())*s.rate) - s.stood
}

func (s *siteServer) start() {
	s.up = true
	s.life++
	s.lives, s.heard = map[protocol.RelayID]int{}, map[protocol.RelayID]time.Duration{}
	var before []lease.Session
	for _, row := range s.rows {
		before = append(before, row)
	}
	if s.broken.forgetsRows {
		before = nil
	}
	s.grants = lease.NewGrants(s.clockNow(), before)
	s.there = map[protocol.RelayID]time.Duration{}
	for _, r := range s.relays {
		s.heard[r.id], s.there[r.id] = s.clockNow(), s.clockNow()
		if s.active[r.site] == r {
			s.takeOver(r)
		}
	}
}

// takeOver makes a relay the active one of its site, in the next epoch.
func (s *siteServer) takeOver(r *siteRelay) {
	s.active[r.site] = r
	s.epochs[r.site]++
	s.open(r.site)
}

// open wants another session in a site.
func (s *siteServer) open(site protocol.SiteID) {
	s.nth++
	s.wanted[site] = lease.Session{
		ID: numbered[protocol.SessionID](s.nth), Site: site, Epoch: s.epochs[site], Relay: s.active[site].id,
		Group: theGroup, Version: s.version,
	}
}

func (s *siteServer) hear(q request) {
	if s.now() < s.frozen {
		s.clock.After(s.frozen-s.now()+1, func() { s.hear(q) })
		return
	}
	if !s.up {
		return
	}
	r, now := q.relay, s.clockNow()
	for _, id := range s.grants.Expired(now) {
		delete(s.rows, id)
	}
	active := s.judge(r, now)
	if was, known := s.lives[r.id]; known && was < q.life && active == r {
		s.counts["opened anew"]++
		s.open(r.site) // its sessions are lost
	}
	s.lives[r.id] = max(s.lives[r.id], q.life)
	s.seq++
	a := answer{life: q.life, seq: s.seq, asked: q.asked, leases: map[protocol.SessionID]time.Duration{}}
	for _, had := range q.has {
		a.leases[had.ID] = 0
	}
	if active == r {
		a.wanted = s.wanted[r.site]
		a.leases[a.wanted.ID] = s.grants.Grant(now, a.wanted, lease.Now{Epoch: s.epochs[r.site], Least: s.least})
	}
	life := s.life
	s.clock.After(s.upTo(50*time.Millisecond), func() { s.commit(r, a, life) })
}

// judge says which relay of a site is active: another one takes over that was there all the time while the active one
// was silent. When a line comes back to both of them, nothing changes.
func (s *siteServer) judge(r *siteRelay, now time.Duration) (active *siteRelay) {
	if now-s.heard[r.id] > silence {
		s.there[r.id] = now
	}
	s.heard[r.id] = now
	active = s.active[r.site]
	if active == r || now-max(s.heard[active.id], s.there[r.id]) <= silence {
		return active
	}
	s.counts["taken over"]++
	s.takeOver(r)
	return r
}

// commit writes leases down before they leave.
func (s *siteServer) commit(r *siteRelay, a answer, life int) {
	if !s.up || s.life != life {
		return
	}
	if a.leases[a.wanted.ID] > 0 {
		s.rows[a.wanted.ID] = a.wanted
	}
	s.send(r, func() { r.take(a) })
}

func (s *siteServer) ended(ids []protocol.SessionID) {
	if !s.up || s.now() < s.frozen {
		return
	}
	for _, id := range ids {
		s.grants.Ended(id)
		delete(s.rows, id)
	}
}

// remove removes a member, and answers two seconds later with what is not confirmed.
func (s *siteServer) remove() {
	if !s.up || s.now() < s.frozen {
		return
	}
	s.counts["removed"]++
	s.version++
	s.least = s.version
	s.grants.Stop(theGroup)
	s.seq++
	version, seq, life := s.version, s.seq, s.life
	for _, r := range s.relays {
		s.send(r, func() { r.stop(version, seq) })
		if s.active[r.site] == r {
			s.open(r.site)
		}
	}
	s.clock.After(2*time.Second, func() {
		if s.up && s.life == life && s.now() >= s.frozen {
			s.answerRemoval(version)
		}
	})
}

func (s *siteServer) answerRemoval(version uint64) {
	list := s.grants.Unconfirmed(s.clockNow(), theGroup, version)
	for site := range s.epochs {
		c := claim{site: site, version: version, at: s.now()}
		i := slices.IndexFunc(list, func(u lease.Unconfirmed) bool { return u.Site == site })
		if i >= 0 && !s.broken.confirmsAtOnce {
			c.at += list[i].In
			s.counts["unconfirmed"]++
		} else {
			s.counts["confirmed"]++
		}
		if c.at > s.now()+lease.Length+2*time.Second {
			s.wrong = "a removal takes longer than a lease and two seconds"
		}
		s.claims = append(s.claims, c)
	}
}
