package sim

import (
	"fmt"
	"testing"
	"time"

	"github.com/groupcast/groupcast/internal/protocol"
)

// trouble lets something go wrong, and comes again.
func (w *sites) trouble(end time.Duration) {
	if w.now() > end {
		return
	}
	r, s := w.relays[w.rnd.IntN(len(w.relays))], w.server
	if w.rnd.IntN(2) == 0 {
		r = s.active[r.site]
	}
	d := w.upTo(25 * time.Second)
	switch w.rnd.IntN(9) {
	case 0, 1:
		w.counts["line cut"]++
		r.line = false
		w.clock.After(d, func() { r.line = true })
	case 2:
		w.counts["relay killed"]++
		r.alive, r.life = false, r.life+1
		clear(r.has)
		w.clock.After(d/4, func() { r.alive = true })
	case 3:
		w.counts["relay frozen"]++
		r.freeze(d, w.rnd.IntN(3))
	case 4:
		if r.now() >= r.frozen { // a pause that no clock shows is what nobody can know of
			w.counts["clock set"]++
			r.set += w.upTo(time.Hour) - 30*time.Minute
		}
	case 5:
		w.counts["server killed"]++
		s.up = false
		w.clock.After(d/3, s.startAgain)
	case 6:
		w.counts["server frozen"]++
		s.freeze(d, w.rnd.IntN(2) == 0)
	default:
		s.remove()
	}
	w.clock.After(w.upTo(6*time.Second), func() { w.trouble(end) })
}

// freeze stops a relay; one of its clocks may stand still meanwhile.
func (r *siteRelay) freeze(d time.Duration, which int) {
	if r.now() < r.frozen {
		return
	}
	r.frozen = r.now() + d
	r.clock.After(d, func() {
		switch passed := time.Duration(float64(d) * r.rate); which {
		case 0:
			r.stood += passed
		case 1:
			r.set -= passed
		}
	})
}

// freeze stops the server; its clock may stand still meanwhile.
func (s *siteServer) freeze(d time.Duration, still bool) {
	if s.now() < s.frozen {
		return
	}
	s.frozen = s.now() + d
	if still {
		s.clock.After(d, func() { s.stood += time.Duration(float64(d) * s.rate) })
	}
}

func (s *siteServer) startAgain() {
	if s.now() <= s.frozen {
		s.clock.After(s.frozen-s.now()+1, s.startAgain)
		return
	}
	if !s.up {
		s.start()
	}
}

// playSites runs a world with troubles for two minutes, and lets it recover.
func playSites(seed uint64, broken sabotage) *sites {
	w := newSites(seed, 3, broken)
	w.run(5 * time.Second)
	w.trouble(w.now() + 2*time.Minute)
	w.run(3 * time.Minute)
	return w
}

// serves says which sites are not served as they should be: under the present membership, by the session that is
// wanted.
func (w *sites) serves() (not []string) {
	for site, s := range w.server.wanted {
		r := w.server.active[site]
		if r.under != s || w.now()-r.sealed > time.Second || s.Version != w.server.version {
			not = append(not, fmt.Sprintf("site %v: %+v is wanted, %+v was sealed for %v ago", site, s, r.under,
				w.now()-r.sealed))
		}
	}
	return not
}

// Whatever happens, nothing is sealed for those who were removed after the time that the server named; and
// afterwards every site is served again.
func TestLeases(t *testing.T) {
	all := map[string]int{}
	for seed := *first; seed < *first+uint64(*seeds); seed++ {
		w := playSites(seed, sabotage{})
		if w.wrong != "" {
			t.Fatalf("seed %d: %s", seed, w.wrong)
		}
		if not := w.serves(); not != nil {
			t.Fatalf("seed %d: %v", seed, not)
		}
		for what, n := range w.counts {
			all[what] += n
		}
	}
	t.Log(all)
	for _, what := range []string{
		"lost", "repeated", "stalled", "paused", "line cut", "relay killed", "relay frozen", "clock set",
		"server killed", "server frozen", "taken over", "opened anew", "removed", "confirmed", "unconfirmed",
	} {
		if all[what] == 0 {
			t.Errorf("never happened: %s", what)
		}
	}
}

// Each rule is needed: without it the oracle sees something sealed that must not be.
func TestLeasesWithoutARule(t *testing.T) {
	for name, broken := range map[string]sabotage{
		"a relay that seals in a pause":            {sealsInPause: true},
		"a relay that counts from the answer":      {countsFromTheAnswer: true},
		"clocks of relays that are far too slow":   {slow: 0.2},
		"a server that forgets what it granted":    {forgetsRows: true},
		"a stop that a late answer undoes":         {forgetsStops: true},
		"a removal that is said to be done before": {confirmsAtOnce: true},
	} {
		t.Run(name, func(t *testing.T) {
			for seed := uint64(1); seed < 300; seed++ {
				if w := playSites(seed, broken); w.wrong != "" {
					t.Logf("seed %d: %s", seed, w.wrong)
					return
				}
			}
			t.Error("nobody noticed")
		})
	}
}

// calm is a world of one site without losses, whose session runs.
func calm(t *testing.T) (w *sites, r *siteRelay) {
	t.Helper()
	w = newSites(1, 1, sabotage{})
	w.run(10 * time.Second)
	r = w.relays[0]
	if not := w.serves(); not != nil || w.server.active[r.site] != r {
		t.Fatal(not)
	}
	return w, r
}

// cut cuts both relays off for a while, and says when the session that ran went on, and whether it paused.
func (w *sites) cut(r *siteRelay, d time.Duration) (under protocol.SessionID, paused bool) {
	under = r.under.ID
	before := w.counts["paused"]
	for _, each := range w.relays {
		each.line = false
	}
	w.run(d)
	paused = w.counts["paused"] > before
	for _, each := range w.relays {
		each.line = true
	}
	return under, paused
}

// A line that is away for less than a lease is not noticed; longer, the session goes on with its keys soon after it is
// back; and after ten minutes it is another one.
func TestALineIsAway(t *testing.T) {
	for _, c := range []struct {
		away         time.Duration
		paused, same bool
	}{
		{9 * time.Second, false, true},
		{time.Minute, true, true},
		{9 * time.Minute, true, true},
		{11 * time.Minute, true, false},
	} {
		w, r := calm(t)
		under, paused := w.cut(r, c.away)
		if paused != c.paused {
			t.Errorf("away for %v: paused %v", c.away, paused)
		}
		w.run(8 * time.Second)
		now := w.server.active[r.site]
		if not := w.serves(); not != nil || c.same != (now.under.ID == under) {
			t.Errorf("away for %v: %v, %v before and %v now", c.away, not, under, now.under.ID)
		}
	}
}

// A thousand sites at once, and a removal while a tenth of them is cut off.
func TestAThousandSites(t *testing.T) {
	w := newSites(1, 1000, sabotage{})
	w.run(10 * time.Second)
	for i, r := range w.relays {
		r.line = i/2%10 != 0
	}
	w.run(3 * time.Second)
	w.server.remove()
	w.run(5 * time.Second)
	if n := w.counts["unconfirmed"]; n < 100 || n > 250 {
		t.Errorf("%d of 1000 sites are unconfirmed, a tenth is cut off", n)
	}
	for _, r := range w.relays {
		r.line = true
	}
	w.run(15 * time.Second)
	if not := w.serves(); not != nil || w.wrong != "" {
		t.Error(w.wrong, len(not), "sites are not served")
	}
}
