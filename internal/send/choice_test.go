package send_test

import (
	"os"
	"testing"
	"time"

	"github.com/groupcast/groupcast/internal/netsim"
)

// TestChoices prints what docs/adr/0005 decided on: how many blocks go out in turn and how
// many symbols a block has, against random loss and against bursts. GROUPCAST_CHOICES=1.
func TestChoices(t *testing.T) {
	if os.Getenv("GROUPCAST_CHOICES") == "" {
		t.Skip("GROUPCAST_CHOICES is not set")
	}
	random := lossy(0.05)
	bursts := lan
	bursts.BurstIn, bursts.BurstOut = 0.002, 0.05 // 20 packets on average, 4 % of all
	for name, net := range map[string]netsim.Config{"random 5 %": random, "bursts of 20": bursts} {
		for _, k := range []int{41, 82, 164, 200} {
			for _, width := range []int{1, 4, 8, 16} {
				const seeds = 6
				var over float64
				var nacks, asked uint64
				var took, tail time.Duration
				for seed := range uint64(seeds) {
					cfg := fixed(100)
					cfg.Interleave = width
					w := newWorld(t, seed, even(200*164/k, k), cfg)
					for range 8 {
						w.add(net, lan).join()
					}
					w.run(time.Minute)
					w.mustFinish(false)
					over += w.overhead() / seeds
					nacks += w.nacked
					asked += w.s.Status().Counters.Asked
					took += w.overAt.Sub(w.start) / seeds
					if !w.passEnd.IsZero() {
						tail += max(0, w.overAt.Sub(w.passEnd)) / seeds
					}
				}
				t.Logf("%-12s k %3d, %2d in turn: ×%.4f symbols, %4d feedback packets that ask (%5d blocks named), %.3f s, tail "+
					"%.1f ms",
					name, k, width, over, nacks/seeds, asked/seeds, took.Seconds(), float64(tail.Microseconds())/1e3)
			}
		}
	}
}
