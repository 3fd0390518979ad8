package sim

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/groupcast/groupcast/internal/lease"
	"github.com/groupcast/groupcast/internal/netsim"
	"github.com/groupcast/groupcast/internal/protocol"
)

// sites is a world of one group, a server and sites with two relays each, as far as leases go: who seals, for whom and
// until when. Lines to the relays break, stall, lose and repeat; machines are killed, frozen, and have clocks that are
// set, stand still and run at speeds of their own. Members are removed at any time; an oracle knows the true time, and
// that nothing is sealed for an earlier membership from the moment on that the server named.
type sites struct {
	clock  *netsim.Clock
	begun  time.Time
	rnd    *rand.Rand
	server *siteServer
	relays []*siteRelay
	claims []claim
	wrong  string // what the oracle saw; empty: nothing
	counts map[string]int
	broken sabotage
}

// claim is the server's word that nothing is sealed in a site for members before a version from a time on.
type claim struct {
	site    protocol.SiteID
	version uint64
	at      time.Duration
}

// sabotage breaks a rule, to see that the oracle finds it.
type sabotage struct {
	sealsInPause, countsFromTheAnswer, forgetsRows, confirmsAtOnce, forgetsStops bool

	slow float64 // how much slower the relays' clocks are
}

var theGroup = protocol.GroupID{1}

const (
	tick    = 50 * time.Millisecond // between looks of a relay
	silence = 9 * time.Second       // of the active relay, before another takes over
	hello   = time.Second           // between words of a relay without a session
)

func newSites(seed uint64, n int, broken sabotage) *sites {
	w := &sites{
		clock: netsim.NewClock(), rnd: rand.New(rand.NewPCG(seed, 7)), counts: map[string]int{}, broken: broken,
	}
	w.begun = w.clock.Now()
	w.server = &siteServer{
		sites: w, rate: w.speed(), version: 1, least: 1, epochs: map[protocol.SiteID]uint64{},
		active: map[protocol.SiteID]*siteRelay{}, wanted: map[protocol.SiteID]lease.Session{},
		rows: map[protocol.SessionID]lease.Session{},
	}
	for i := range n * 2 {
		r := &siteRelay{sites: w, site: numbered[protocol.SiteID](1 + i/2), id: numbered[protocol.RelayID](1 + i)}
		r.rate, r.line, r.alive = w.speed()*(1-broken.slow), true, true
		r.has = map[protocol.SessionID]*leased{}
		w.relays = append(w.relays, r)
		if w.server.active[r.site] == nil {
			w.server.active[r.site] = r
		}
		w.clock.After(w.upTo(hello), r.tick)
	}
	w.server.start()
	return w
}

func numbered[ID ~[16]byte](n int) (id ID) {
	binary.BigEndian.PutUint32(id[:], uint32(n))
	return id
}

// speed is that of a clock: two of them differ by less than the server counts longer.
func (w *sites) speed() float64 { return 0.995 + w.rnd.Float64()/100 }

func (w *sites) upTo(d time.Duration) time.Duration { return time.Duration(w.rnd.Int64N(int64(d))) }

// now is the true time.
func (w *sites) now() time.Duration { return w.clock.Now().Sub(w.begun) }

func (w *sites) run(d time.Duration) {
	for end := w.clock.Now().Add(d); w.wrong == "" && w.clock.Step(end); {
	}
}

// send takes a message over a relay's line.
func (w *sites) send(r *siteRelay, deliver func()) {
	again := 1 + w.rnd.IntN(20)/19
	for range again {
		delay := 20*time.Millisecond + w.upTo(200*time.Millisecond)
		if w.rnd.IntN(50) == 0 {
			delay += w.upTo(20 * time.Second)
			w.counts["stalled"]++
		}
		if !r.line || w.rnd.IntN(20) == 0 {
			w.counts["lost"]++
			continue
		}
		w.clock.After(delay, deliver)
	}
	w.counts["repeated"] += again - 1
}

// sealed is the oracle.
func (w *sites) sealed(r *siteRelay, s lease.Session) {
	w.counts["sealed"]++
	r.sealed, r.under = w.now(), s
	for _, c := range w.claims {
		if c.site == s.Site && s.Version < c.version && w.now() >= c.at {
			w.wrong = fmt.Sprintf("at %v relay %v sealed for membership %d; %d was said to be sealed off at %v",
				w.now(), r.id, s.Version, c.version, c.at)
		}
	}
}

// leased is a session at a relay.
type leased struct {
	lease.Session
	lease *lease.Holding
}

// siteRelay is a relay: it seals what it may at each tick, and renews its leases.
type siteRelay struct {
	*sites
	site  protocol.SiteID
	id    protocol.RelayID
	alive bool
	line  bool // to the server
	life  int  // counts up when it lost its sessions
	has   map[protocol.SessionID]*leased
	seq   uint64 // of the newest answer
	said  time.Duration

	rate       float64
	stood, set time.Duration // by how much its first clock stood still, and its time of day was set
	frozen     time.Duration // until then
	sealed     time.Duration // last
	under      lease.Session
}

func (r *siteRelay) read() lease.Clock {
	passed := time.Duration(float64(r.now()) * r.rate)
	return lease.Clock{Boot: passed - r.stood, Wall: r.begun.Add(passed + r.set)}
}

func (r *siteRelay) sessions() []*leased {
	var all []*leased
	for _, h := range r.has {
		all = append(all, h)
	}
	slices.SortFunc(all, func(a, b *leased) int { return cmp.Compare(string(a.ID[:]), string(b.ID[:])) })
	return all
}

func (r *siteRelay) tick() {
	next := tick
	if r.now() < r.frozen {
		next = r.frozen - r.now() + 1
	} else if r.alive {
		r.work()
	}
	r.clock.After(next, r.tick)
}

func (r *siteRelay) work() {
	asks := false
	for _, h := range r.sessions() {
		now := r.read()
		switch h.lease.Look(now) {
		case lease.Go:
			r.sites.sealed(r, h.Session)
		case lease.Pause:
			r.counts["paused"]++
			if r.broken.sealsInPause {
				r.sites.sealed(r, h.Session)
			}
		case lease.Over:
			delete(r.has, h.ID)
			r.life++
			r.counts["over"]++
		}
		asks = h.lease.Due(now) || asks
	}
	if asks || len(r.has) == 0 && r.now()-r.said > hello {
		r.ask()
	}
}

func (r *siteRelay) ask() {
	r.said = r.now()
	q := request{relay: r, life: r.life, asked: r.read()}
	for _, h := range r.sessions() {
		q.has = append(q.has, h.Session)
	}
	r.send(r, func() { r.server.hear(q) })
}

// take takes an answer: leases count from when they were asked for, the wanted state only if no newer one is known.
func (r *siteRelay) take(a answer) {
	if r.now() < r.frozen {
		r.clock.After(r.frozen-r.now()+1, func() { r.take(a) })
		return
	}
	if !r.alive || a.life != r.life {
		return
	}
	now := r.read()
	if r.broken.countsFromTheAnswer {
		a.asked = now
	}
	for id, length := range a.leases {
		if h := r.has[id]; h != nil {
			h.lease.Renewed(now, a.asked, length)
		}
	}
	if a.seq < r.seq {
		return
	}
	r.seq = a.seq
	for id := range r.has {
		if id != a.wanted.ID {
			delete(r.has, id)
		}
	}
	if length := a.leases[a.wanted.ID]; length > 0 && r.has[a.wanted.ID] == nil {
		r.has[a.wanted.ID] = &leased{a.wanted, lease.NewHolding(now, a.asked, length)}
	}
}

// stop ends the sessions of members before a version, and says so. An answer that was given before it, and comes after
// it, must not open them again.
func (r *siteRelay) stop(version, seq uint64) {
	if r.now() < r.frozen {
		r.clock.After(r.frozen-r.now()+1, func() { r.stop(version, seq) })
		return
	}
	if !r.broken.forgetsStops {
		r.seq = max(r.seq, seq)
	}
	var ended []protocol.SessionID
	for id, h := range r.has {
		if r.alive && h.Version < version {
			ended = append(ended, id)
			delete(r.has, id)
		}
	}
	r.send(r, func() { r.server.ended(ended) })
}
