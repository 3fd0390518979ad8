package rate_test

import (
	"testing"
	"time"

	"github.com/groupcast/groupcast/internal/rate"
)

// settled is a controller that has found a wire of 100 Mbit/s.
func settled() (*rate.Controller, path) {
	ctl, p := rate.NewController(rate.Config{}), path{wire: 12.5e6, queue: 10 * time.Millisecond}
	for range 40 {
		ctl.Round(p.sample(ctl.Rate()))
	}
	return ctl, p
}

// TestAQueueIsCutForOnce: what was queued before the rate came down, and what is left of it while it is worked off,
// is no reason for a further cut; a queue that stays is.
func TestAQueueIsCutForOnce(t *testing.T) {
	ctl, _ := settled()
	round := func(ms time.Duration, old bool) uint64 {
		s := rate.Sample{Sent: ctl.Rate(), Fresh: 1, Delay: ms * time.Millisecond, Old: old}
		s.Taken = 0.85 * float64(s.Sent)
		ctl.Round(s)
		return ctl.Rate()
	}
	before := ctl.Rate()
	cut := round(48, false)
	if cut >= before {
		t.Fatalf("a queue of 48 ms, and the rate stays at %d", cut)
	}
	for _, ms := range []time.Duration{48, 49, 48} {
		if r := round(ms, true); r != cut {
			t.Fatalf("%d bytes a second for an old delay, not %d", r, cut)
		}
	}
	for _, ms := range []time.Duration{45, 40, 33, 24, 18} {
		if r := round(ms, false); r != cut {
			t.Fatalf("%d bytes a second while the queue shrinks, not %d", r, cut)
		}
	}
	if r := round(18, false); r >= cut {
		t.Errorf("a queue of 18 ms stays, and so does the rate")
	}
}

// TestALongerPathIsNoQueue: a delay that a lower rate does not change, while all that is sent arrives, is the path's.
func TestALongerPathIsNoQueue(t *testing.T) {
	ctl, p := settled()
	before := ctl.Rate()
	least := before
	for range 12 {
		s := p.sample(ctl.Rate())
		s.Delay += 145 * time.Millisecond
		s.Backlog, s.Taken = s.Delay, float64(s.Sent)*(1-s.Loss)
		ctl.Round(s)
		least = min(least, ctl.Rate())
	}
	if r := ctl.Rate(); r < before*9/10 || least < before*7/10 {
		t.Errorf("from %d to %d Mbit/s, and %d at last", before*8/1e6, least*8/1e6, ctl.Rate()*8/1e6)
	}
	for range 12 { // and shorter again: what is queued counts from there
		ctl.Round(p.sample(ctl.Rate()))
	}
	cut := ctl.Rate()
	ctl.Round(rate.Sample{Sent: cut, Fresh: 1, Delay: 60 * time.Millisecond, Taken: 0.9 * float64(cut)})
	if ctl.Rate() >= cut {
		t.Errorf("a queue of 60 ms counts for nothing since the path was longer once")
	}
}

// TestAQueueThatSwallowsTheFirstRounds: in a short round a queue takes a good part of what the wire does not. What
// arrived is then more than the wire carries, and what is lost next is not the network's own loss.
func TestAQueueThatSwallowsTheFirstRounds(t *testing.T) {
	ctl, p := rate.NewController(rate.Config{}), path{wire: 12.5e6, queue: 10 * time.Millisecond}
	ctl.Round(rate.Sample{Sent: ctl.Rate(), Fresh: 1, Took: 100 * time.Millisecond})
	ctl.Round(rate.Sample{Sent: ctl.Rate(), Fresh: 1, Loss: 0.31, Delay: 5 * time.Millisecond})
	for range 3 {
		ctl.Round(p.sample(ctl.Rate()))
	}
	for range 40 {
		if r := ctl.Rate(); r > mbit(115) {
			t.Fatalf("%d Mbit/s into a wire of 100", r*8/1e6)
		}
		ctl.Round(p.sample(ctl.Rate()))
	}
}
