package sim

import (
	"maps"
	"slices"
	"testing"
)

// TestMACSeeds: a member forges packets and SYNCs all through sessions with MACs. Every device has everything, no
// forged packet reaches a block, nobody falls away and nothing goes over HTTPS. It plays a quarter of the seeds.
func TestMACSeeds(t *testing.T) {
	counts, failed := map[string]int{}, 0
	for seed := *first; seed < *first+uint64(max(1, *seeds/4)); seed++ {
		w := newMACWorld(seed, None, true)
		if err := w.play(); err != nil {
			t.Errorf("seed %d: %v", seed, err)
			if failed++; failed == 5 {
				break
			}
		}
		for what, n := range w.counts {
			counts[what] += n
		}
	}
	for _, what := range slices.Sorted(maps.Keys(counts)) {
		t.Logf("%8d %s", counts[what], what)
	}
	for _, what := range []string{
		"packets with a wrong MAC", "packets that came late", "SYNCs that the server did not sign",
	} {
		if counts[what] == 0 {
			t.Errorf("there were no %s", what)
		}
	}
}

// TestMACSabotagesAreCaught: the oracles notice each way of believing a forger.
func TestMACSabotagesAreCaught(t *testing.T) {
	const within = 100
	for _, s := range MACSabotages {
		t.Run(string(s), func(t *testing.T) {
			for seed := uint64(1); seed <= within; seed++ {
				if err := newMACWorld(seed, s, true).play(); err != nil {
					t.Logf("caught by seed %d: %v", seed, err)
					return
				}
			}
			t.Fatalf("not caught in %d seeds", within)
		})
	}
}

// TestMACsBoundWhatAForgerCosts: what the server sends is hardly more with a forger than without.
func TestMACsBoundWhatAForgerCosts(t *testing.T) {
	var with, without int
	for seed := uint64(1); seed <= 40; seed++ {
		for _, member := range []bool{false, true} {
			w := newMACWorld(seed, None, member)
			w.plan.crashes, w.plan.reedition = nil, false // of which the moment decides how much comes again
			if err := w.play(); err != nil {
				t.Fatalf("seed %d, member %v: %v", seed, member, err)
			}
			if member {
				with += w.symbols
			} else {
				without += w.symbols
			}
		}
	}
	t.Logf("%d symbols with a forger, %d without: %.3f", with, without, float64(with)/float64(without))
	if float64(with) > 1.1*float64(without) {
		t.Errorf("%d symbols with a forger, %d without", with, without)
	}
}
