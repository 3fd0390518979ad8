package send_test

import (
	"testing"
	"time"

	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/rate"
)

// TestHolderOfASessionThatIsIdle: the cap is not named while a session waits for something else.
func TestHolderOfASessionThatIsIdle(t *testing.T) {
	const full = 10_000_000
	x := newSourced(t)
	x.s.Announce(x.now, false)
	x.s.Available(x.now, protocol.Range{First: sourceHead, Count: sourceBlocks / 2})
	for _, step := range []struct {
		name   string
		before func()
		sends  uint64
		want   rate.Limiter
	}{
		{"before the first report", func() {}, full, rate.LimitStart},
		{"the source stands still", func() { x.run(100 * time.Millisecond) }, full / 3, rate.LimitSender},
		{"… but it has sent at full rate so far", func() {}, full, rate.LimitStart},
		{"all is sent", func() {
			x.s.Available(x.now, protocol.Range{First: sourceHead, Count: sourceBlocks})
			x.s.Announce(x.now, true)
			_, m, _ := x.run(time.Second)
			x.report(m)
			x.run(time.Second)
		}, full / 3, ""},
	} {
		step.before()
		if got := x.s.Status().Holder(step.sends); got != step.want {
			t.Errorf("%s: %q holds it at %d of %d, want %q", step.name, got, step.sends, full, step.want)
		}
	}
}

// TestHolderWhileNobodyIsHeard: data pauses for the receivers, not for the cap.
func TestHolderWhileNobodyIsHeard(t *testing.T) {
	w := newWorld(t, 12, even(300, 164), fixed(100))
	for range 3 {
		w.add(lan, lan).join()
	}
	w.clock.After(time.Second, func() { w.part(true) })
	w.run(900 * time.Millisecond)
	if got := w.s.Status().Holder(w.s.Rate()); got != rate.LimitCap {
		t.Errorf("%q while all is well, at %d", got, w.s.Rate())
	}
	w.run(5 * time.Second)
	if got := w.s.Status().Holder(0); got != rate.LimitReceivers {
		t.Errorf("%q though nobody has been heard for four seconds", got)
	}
}
