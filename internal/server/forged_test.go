package server

import (
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"golang.org/x/time/rate"
)

// What blocks with a wrong digest get beside multicast is theirs alone: a tenth of its rate, 2 MB/s at least, and
// half of a limit at most. What is caught up besides gets no less for it without a limit.
func TestForgedBlocksHaveAShareOfTheirOwn(t *testing.T) {
	for _, c := range []struct {
		most, multicast uint64
		busy            bool
		forged, told    rate.Limit // bytes a second; multicast's is asked of a limited line only
	}{
		{0, 100e6, true, 10e6, 0},
		{0, 5e6, true, 2e6, 0},
		{0, 5e6, false, 2e6, 0},
		{20e6, 18e6, true, 2e6, 18e6},
		{20e6, 18e6, false, 2e6, 20e6},
		{100e6, 90e6, true, 9e6, 91e6},
		{1e6, 1e6, true, 5e5, 5e5},
		{0, 0, true, rate.Inf, 0},
	} {
		now := time.Unix(1000, 0)
		var told uint64
		l := newLines(func() time.Time { return now }, c.most, func(b uint64) { told = b })
		told = c.most
		f := &fakeSender{}
		l.begin(7, 0, f)
		if c.busy {
			l.enter(7, 0, true)
		}
		l.uses(c.multicast)
		if got := l.all.forged.limiter.Limit(); got != c.forged {
			t.Errorf("%+v: %v bytes a second", c, got)
		}
		if c.most > 0 && rate.Limit(told) != c.told {
			t.Errorf("%+v: multicast may use %d", c, told)
		}
		if c.most == 0 && c.multicast > 0 {
			if got := l.all.https.limiter.Limit(); got != rate.Limit(max(c.multicast/catchUpPart, catchUpLeast)) {
				t.Errorf("%+v: the others get %v", c, got)
			}
		}
	}
}

// Only blocks that the running session knows as forged go there, however many others wait for their turn.
func TestForgedBlocksDoNotWaitForTheOthers(t *testing.T) {
	withContent(t, nil, func(w *world, dir string) {
		a, b := w.enrol("ann", "g").attach(), w.enrol("bob", "g").attach()
		tr := w.sendBig(dir, 8<<20, 0, "", a, b)
		f := w.sender()
		f.mu.Lock()
		f.shown = groupcast.SessionStatus{Rate: 8 * 8e6} // its 64th is the least there is
		f.forged = protocol.NewBlockSet(tr.Blocks + 2)
		f.forged.AddRange(protocol.Range{First: 4, Count: 10})
		f.mu.Unlock()
		time.Sleep(time.Second)
		fetch := func(d *agent, first, count uint32) float64 {
			began := time.Now()
			r, err := w.Blocks(w.ctx, d.p, tr.No, protocol.BlockNumber(first), count)
			w.must(err)
			n := len(w.read(r, nil))
			return float64(n) / time.Since(began).Seconds()
		}
		done := make(chan float64, 1)
		go func() { done <- fetch(a, 3, 10) }() // the first of them is not forged
		time.Sleep(time.Second)
		if got := fetch(b, 4, 10); got < 1.5e6 {
			t.Errorf("forged blocks come at %.0f bytes a second", got)
		}
		if got := <-done; got > 2*catchUpLeast {
			t.Errorf("others come at %.0f bytes a second", got)
		}
	})
}

// That a member forges stands on the transfer within moments, and when the session is over.
func TestForgingStandsOnTheTransfer(t *testing.T) {
	inBubble(t, func(w *world) {
		w.group("g")
		a, b := w.enrol("ann", "g").attach(), w.enrol("bob", "g").attach()
		tr := w.send("g", nil)
		for _, d := range []*agent{a, b} {
			_, err := d.ready(d.offered())
			w.must(err)
		}
		time.Sleep(time.Second)
		if got, err := w.Transfer(w.ctx, local, tr.No); err != nil || got.Forging != nil {
			t.Errorf("in peace: %+v, %v", got.Forging, err)
		}
		f := w.sender()
		f.mu.Lock()
		f.forging = &groupcast.Forging{Code: groupcast.MemberForges, Devices: 2, Blocks: 5}
		f.mu.Unlock()
		time.Sleep(time.Second)
		want := groupcast.Forging{Code: groupcast.MemberForges, Devices: 2, Blocks: 5}
		if got, err := w.Transfer(w.ctx, local, tr.No); err != nil || got.Forging == nil || *got.Forging != want {
			t.Errorf("while it is sent: %+v, %v", got.Forging, err)
		}
		f.Stop()
		f.mu.Lock()
		f.forging = nil
		f.mu.Unlock()
		time.Sleep(time.Second)
		if got, err := w.Transfer(w.ctx, local, tr.No); err != nil || got.Forging == nil || *got.Forging != want {
			t.Errorf("afterwards: %+v, %v", got.Forging, err)
		}
	})
}
