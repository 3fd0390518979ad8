package sim

import (
	"testing"
	"time"

	"github.com/groupcast/groupcast/internal/send"
)

// othersReceipt is when the last of those that do not lie had everything.
func (w *world) othersReceipt(liar int) time.Duration {
	var last time.Time
	for i, l := range w.server.transfers[0].deliveries {
		if i != liar && l.at.After(last) {
			last = l.at
		}
	}
	return last.Sub(w.start)
}

// TestLiars plays a transfer to eight in peace and with one that lies: the others take at most 1.05
// times as long, at most 1.15 times as much is sent, and the liar alone is left behind.
func TestLiars(t *testing.T) {
	const liar, seeds = 3, 2
	named := []send.Cause{send.CauseLoss, send.CauseInconsistent, send.CauseAlone}
	plan := func() plan { return battlefield(8, 300, 100, 0.005, 4_000_000, assault{}) }
	var quiet [seeds]*world
	for i := range quiet {
		quiet[i] = play(uint64(i+1), plan(), None)
	}
	for name, claim := range pretences {
		t.Run(name, func(t *testing.T) {
			var took, sent float64
			for i, q := range quiet {
				p := plan()
				p.devices[liar].pretends = claim
				w := play(uint64(i+1), p, None)
				if q.err != nil || w.err != nil {
					t.Fatalf("in peace: %v; with a liar: %v", q.err, w.err)
				}
				long, much := float64(w.othersReceipt(liar))/float64(q.othersReceipt(liar)), float64(w.wire)/float64(q.wire)
				took, sent = took+long/seeds, sent+much/seeds
				blamed := uint64(0)
				for _, cause := range named {
					blamed += w.counts["behind: "+string(cause)]
				}
				t.Logf("seed %d: %v → %v ×%.3f; wire ×%.3f; left behind %d", i+1, q.othersReceipt(liar), w.othersReceipt(liar),
					long, much, blamed)
				if blamed == 0 || !w.leftBehind[liar] || len(w.leftBehind) != 1 {
					t.Errorf("seed %d: left behind: %v", i+1, w.leftBehind)
				}
			}
			if took > 1.05 || sent > 1.15 {
				t.Errorf("on average ×%.3f in time, ×%.3f on the wire", took, sent)
			}
		})
	}
}
