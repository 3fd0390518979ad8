package lease

import (
	"slices"
	"testing"
	"time"

	"github.com/groupcast/groupcast/internal/protocol"
)

func at(seconds float64) Clock {
	d := time.Duration(seconds * float64(time.Second))
	return Clock{Boot: d, Wall: time.Unix(1_800_000_000, 0).Add(d)}
}

// look looks every quarter of a second from one second to another, and gives the last answer.
func look(h *Holding, from, to float64) (last Answer) {
	for s := from; s <= to; s += 0.25 {
		last = h.Look(at(s))
	}
	return last
}

func expect(t *testing.T, what string, got, want Answer) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

func TestALeaseRunsOutAndIsRenewed(t *testing.T) {
	h := NewHolding(at(0.2), at(0), Length)
	expect(t, "at first", look(h, 0.25, 14.75), Go)
	expect(t, "after so long without a word", look(h, 15, 15), Pause)
	h.Renewed(at(15.1), at(0), Length) // the first answer once more
	expect(t, "an old answer", look(h, 15.25, 15.25), Pause)
	h.Renewed(at(60), at(15), 90*time.Second)
	expect(t, "an answer to somebody who was away", h.Look(at(60.1)), Pause)
	h.Renewed(at(60.2), at(60), Length)
	expect(t, "renewed", look(h, 60.25, 74.75), Go)
	expect(t, "it counts from when it was asked for", look(h, 75, 75), Pause)
	h.Renewed(at(75.1), at(74), 0)
	expect(t, "over", look(h, 75.25, 76), Over)
	h.Renewed(at(76.1), at(76), Length)
	expect(t, "over for good", look(h, 76.25, 77), Over)
}

func TestAPauseIsKeptForAWhile(t *testing.T) {
	h := NewHolding(at(0), at(0), Length)
	end := (Length + Memory).Seconds()
	expect(t, "in the pause", look(h, 0.25, end), Pause)
	expect(t, "after it", look(h, end+0.25, end+0.5), Over)
}

// Whoever did not look at the clock for a while does not know for how long, whichever clock says so.
func TestWhoWasAwayAsksFirst(t *testing.T) {
	for name, now := range map[string]Clock{
		"both clocks went on":         at(1.6),
		"the machine's stood still":   {Boot: at(1.1).Boot, Wall: at(1.6).Wall},
		"the time of day stood still": {Boot: at(1.6).Boot, Wall: at(1.1).Wall},
		"a clock that goes back":      {Boot: at(0.9).Boot, Wall: at(1.1).Wall},
	} {
		h := NewHolding(at(0), at(0), Length)
		look(h, 0.25, 1)
		expect(t, name, h.Look(now), Pause)
	}
	h := NewHolding(at(0), at(0), Length)
	set := at(0.4)
	set.Wall = set.Wall.Add(-time.Hour)
	expect(t, "a time of day that is set back", h.Look(set), Go)
	for s := 0.6; s < 15; s += 0.25 {
		set = at(s)
		set.Wall = set.Wall.Add(-time.Hour)
		expect(t, "an hour back", h.Look(set), Go)
	}
	set = at(15.1)
	set.Wall = set.Wall.Add(-time.Hour)
	expect(t, "an hour back, after the lease", h.Look(set), Pause)
	if h := NewHolding(at(16), at(0), Length); h.Look(at(16.1)) != Pause {
		t.Error("a lease that came too late counts")
	}
}

// A machine that was frozen, while its time of day was set back, does not know for how long. A lease that it asked for
// before does not count then, whenever its answer comes.
func TestAnAnswerFromBeforeAPause(t *testing.T) {
	h := NewHolding(at(0), at(0), Length)
	look(h, 0.25, 5)
	if !h.Due(at(5)) {
		t.Fatal("not due")
	}
	h.Look(at(5.1))
	thawed := func(boot float64) Clock { // 20 s later, an hour back
		return Clock{Boot: at(boot).Boot, Wall: at(boot + 20 - 3600).Wall}
	}
	set := Clock{Boot: at(5.1).Boot, Wall: at(5.1 - 3600).Wall}
	h.Look(set)
	expect(t, "back", h.Look(thawed(5.2)), Pause)
	h.Renewed(thawed(5.3), at(5), Length)
	expect(t, "an answer from before", h.Look(thawed(5.3)), Pause)
	h.Renewed(thawed(5.4), thawed(5.3), Length)
	expect(t, "asked for since", h.Look(thawed(5.5)), Go)
}

func TestWhenARenewalIsDue(t *testing.T) {
	h := NewHolding(at(0), at(0), Length)
	var due []float64
	for s := 0.25; s < 20; s += 0.25 {
		h.Look(at(s))
		if h.Due(at(s)) {
			due = append(due, s)
			if s == 7 {
				h.Renewed(at(s), at(s), Length)
			}
		}
	}
	if !slices.Equal(due, []float64{5, 6, 7, 12, 13, 14, 15, 16, 17, 18, 19}) {
		t.Errorf("%v", due)
	}
	h.Renewed(at(20), at(19), 0)
	if h.Due(at(30)) {
		t.Error("a session that is over is renewed")
	}
}

var (
	site   = protocol.SiteID{1}
	group  = protocol.GroupID{2}
	second = time.Second
)

func session(id byte, version uint64) Session {
	return Session{ID: protocol.SessionID{id}, Site: site, Epoch: 1, Group: group, Version: version}
}

func TestWhatIsGranted(t *testing.T) {
	g := NewGrants(0, nil)
	s, now := session(1, 5), Now{Epoch: 1, Least: 5}
	if g.Grant(0, s, now) != Length || g.Grant(5*second, s, now) != Length {
		t.Fatal("no lease")
	}
	if g.Grant(6*second, s, Now{Epoch: 2, Least: 5}) != 0 || g.Grant(7*second, s, now) != 0 {
		t.Error("a lease for a site that was taken over")
	}
	if g.Grant(6*second, session(2, 4), now) != 0 {
		t.Error("a lease for a session of an earlier membership")
	}
	other := session(1, 6)
	if g.Grant(6*second, other, now) != 0 {
		t.Error("a lease for another session of the same name")
	}
	if g.Grant(6*second, session(3, 6), now) != Length {
		t.Error("members were added: no lease")
	}
}

func TestWhatIsUnconfirmed(t *testing.T) {
	g := NewGrants(0, nil)
	elsewhere := session(3, 5)
	elsewhere.Site = protocol.SiteID{9}
	now := Now{Epoch: 1, Least: 5}
	g.Grant(0, session(1, 5), now)
	g.Grant(10*second, session(2, 5), now) // two relays of the site, for a moment
	g.Grant(4*second, elsewhere, now)
	g.Stop(group)
	if g.Grant(11*second, session(1, 5), now) != 0 {
		t.Error("a stopped session is granted a lease")
	}
	list := g.Unconfirmed(12*second, group, 6)
	want := []Unconfirmed{{site, 13300 * time.Millisecond}, {elsewhere.Site, 7300 * time.Millisecond}}
	if !slices.Equal(list, want) {
		t.Errorf("%v", list)
	}
	if g.Unconfirmed(12*second, group, 5) != nil || g.Unconfirmed(12*second, protocol.GroupID{7}, 6) != nil {
		t.Error("more is unconfirmed than the removal is about")
	}
	g.Ended(protocol.SessionID{2})
	if list := g.Unconfirmed(12*second, group, 6); len(list) != 2 || list[0].In != 3300*time.Millisecond {
		t.Errorf("%v", list)
	}
	if gone := g.Expired(16 * second); len(gone) != 1 || gone[0] != (protocol.SessionID{1}) {
		t.Errorf("%v", gone)
	}
	if list := g.Unconfirmed(20*second, group, 6); list != nil {
		t.Errorf("%v", list)
	}
}

// What was granted before a start binds, whatever times were written down, and is not renewed.
func TestAStartKeepsToWhatWasGranted(t *testing.T) {
	g := NewGrants(100*second, []Session{session(1, 5)})
	if g.Grant(100*second, session(1, 5), Now{Epoch: 1, Least: 5}) != 0 {
		t.Error("a session outlived its process")
	}
	want := []Unconfirmed{{site, 15300 * time.Millisecond}}
	if list := g.Unconfirmed(100*second, group, 6); !slices.Equal(list, want) {
		t.Errorf("%v", list)
	}
}
