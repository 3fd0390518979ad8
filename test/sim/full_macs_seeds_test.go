package sim

import "testing"

// TestMACSeeds: a member forges packets and SYNCs all through sessions with MACs. Every device has everything, no
// forged packet reaches a block, nobody falls away and nothing goes over HTTPS. It plays a quarter of the seeds.
func TestMACSeeds(t *testing.T) {
	counts := playFull(t, max(1, *seeds/4), func(seed uint64) *fullWorld { return newMACWorld(seed, None, true) })
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
	catchFull(t, MACSabotages, 100, func(seed uint64, s Sabotage) *fullWorld { return newMACWorld(seed, s, true) })
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
