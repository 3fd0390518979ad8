package lease

import (
	"bytes"
	"slices"
	"time"

	"github.com/groupcast/groupcast/internal/protocol"
)

// Session is what a lease is for.
type Session struct {
	ID      protocol.SessionID
	Site    protocol.SiteID
	Epoch   uint64 // of the site, when the session was made
	Relay   protocol.RelayID
	Group   protocol.GroupID
	Version uint64 // of the group's membership, when the session was made
}

// Now is how a session's site and group stand at the server.
type Now struct {
	Epoch uint64
	Least uint64 // the membership that came with the last removal: sessions of an earlier one are over
}

// Grants is who may seal until when. Times are of a clock that is never set and may stand still, but never runs ahead:
// they are counted from the server's start. It is not safe for concurrent use.
type Grants struct {
	out map[protocol.SessionID]*grant
}

// grant is a lease that is out, as far as is known.
type grant struct {
	Session
	until time.Duration
	over  bool // no more is granted
}

// NewGrants begins with what was granted before the server was started, or by the one before it: whatever their rows
// say of times, each of them binds as long as a lease that was granted just now. None of them is renewed: sessions end
// with the process that made them.
func NewGrants(now time.Duration, before []Session) *Grants {
	g := &Grants{out: map[protocol.SessionID]*grant{}}
	for _, s := range before {
		g.out[s.ID] = &grant{Session: s, until: now + margin(Length), over: true}
	}
	return g
}

// Grant gives a lease for a session, or the next one; how long is said in length, and until when it binds is kept from
// here on. Write it down before it leaves. Zero: the session is over, because its site has another sender, somebody was
// removed from its group, or it was stopped.
func (g *Grants) Grant(now time.Duration, s Session, at Now) (length time.Duration) {
	known := g.out[s.ID]
	if s.Epoch != at.Epoch || s.Version < at.Least {
		if known != nil {
			known.over = true
		}
		return 0
	}
	if known == nil {
		known = &grant{Session: s}
		g.out[s.ID] = known
	}
	if known.over || known.Session != s {
		return 0
	}
	known.until = now + margin(Length)
	return Length
}

// Stop ends the leases of a group's sessions: none is granted any more.
func (g *Grants) Stop(group protocol.GroupID) {
	for _, known := range g.out {
		known.over = known.over || known.Group == group
	}
}

// Ended says that a relay seals nothing more for a session.
func (g *Grants) Ended(id protocol.SessionID) { delete(g.out, id) }

// Expired forgets the sessions whose last lease is over, and gives them: their rows go.
func (g *Grants) Expired(now time.Duration) (ids []protocol.SessionID) {
	for id, known := range g.out {
		if known.until <= now {
			delete(g.out, id)
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, func(a, b protocol.SessionID) int { return bytes.Compare(a[:], b[:]) })
	return ids
}

// Unconfirmed is a site where it is not known that nothing is sealed for a group any more, and when that is sure.
type Unconfirmed struct {
	Site protocol.SiteID
	In   time.Duration // from now on
}

// Unconfirmed lists the sites that may still seal for a group under a membership before version.
func (g *Grants) Unconfirmed(now time.Duration, group protocol.GroupID, version uint64) (out []Unconfirmed) {
	for _, known := range g.out {
		if known.Group != group || known.Version >= version || known.until <= now {
			continue
		}
		in := known.until - now
		i := slices.IndexFunc(out, func(u Unconfirmed) bool { return u.Site == known.Site })
		if i < 0 {
			out = append(out, Unconfirmed{known.Site, in})
			continue
		}
		out[i].In = max(out[i].In, in) // two relays may send there for a moment
	}
	slices.SortFunc(out, func(a, b Unconfirmed) int { return bytes.Compare(a.Site[:], b.Site[:]) })
	return out
}
