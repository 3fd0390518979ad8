package sim

import (
	"flag"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"
)

var (
	seeds = flag.Int("seeds", 300, "how many seeds TestSeeds plays")
	first = flag.Uint64("first", 1, "the first of them")
)

// again is the command that plays a seed once more.
func again(seed uint64) string {
	return fmt.Sprintf("go test -count=1 -run 'TestSeeds$' ./test/sim -first %d -seeds 1", seed)
}

// playSeeds runs seeds on every processor and gives each result to take, one at a time.
func playSeeds(from uint64, n int, s Sabotage, take func(Result) (more bool)) {
	next := make(chan uint64)
	stop := make(chan struct{})
	var mu sync.Mutex
	var once sync.Once
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for seed := range next {
				r := Run(seed, s)
				mu.Lock()
				if !take(r) {
					once.Do(func() { close(stop) })
				}
				mu.Unlock()
			}
		})
	}
feed:
	for seed := from; seed < from+uint64(n); seed++ {
		select {
		case next <- seed:
		case <-stop:
			break feed
		}
	}
	close(next)
	wg.Wait()
}

func TestSeeds(t *testing.T) {
	total, met := newCounts(), newCounts()
	failed := 0
	var took time.Duration
	playSeeds(*first, *seeds, None, func(r Result) bool {
		total.add(r.Counts)
		met.meet(r.Counts)
		took += r.Took
		if r.Err != nil {
			failed++
			t.Errorf("%s\n%v\nagain: %s", r.Story, r.Err, again(r.Seed))
		}
		return failed < 5
	})
	t.Logf("%d seeds from %d, %v of virtual time; how often everything occurred:\n%s", *seeds, *first, took, total)
	if failed > 0 {
		return
	}
	if missing := met.missing(*seeds); len(missing) > 0 {
		t.Errorf("never occurred in %d seeds, though usual: %q", *seeds, missing)
	}
	t.Log("in how many of them each occurred:\n", met)
}

func TestSameSeedSameRun(t *testing.T) {
	for seed := uint64(1); seed <= 12; seed++ {
		a, b := Run(seed, None), Run(seed, None)
		if a.Trace != b.Trace || a.Took != b.Took {
			t.Errorf("seed %d gives two runs: %x after %v, %x after %v", seed, a.Trace, a.Took, b.Trace, b.Took)
		}
	}
}

// TestRegressions plays seeds that have found a bug once.
func TestRegressions(t *testing.T) {
	for _, c := range []struct {
		seed uint64
		bug  string
	}{
		{178, "a barrier vouched for blocks that a crash had taken before"},
		{56, "the barrier took a handle of an earlier copy of a small file for the one made anew"},
		{24, "a running session was offered to a device that had been told to fetch since"},
		{42, "a stale offer made a device forget that it waits for its disk"},
		{319, "the refusal of an earlier try came after the transfer was owed again"},
		{300073, "what waited for the disk and was cancelled stayed half received"},
		{311208, "an offer that came before the word that its transfer is over was begun after it"},
		{320020, "a receipt was for content that had been planned anew twice"},
		{330064, "a session that was to be closed sent on after a removal"},
		{911029, "a state that was older than a receipt did not say that nothing is owed, and none was read after it"},
		{911491, "what a transfer had put there whose barrier failed was taken over as if its name were durable"},
		{913251, "a refusal of an earlier process came after a newer offer was taken, and nobody looked at the disk again"},
		{77300507, "what a crash caught of a transfer was swept with it, and counted as the user's from then on"},
		{5034, "a file had moved into a new folder whose own name was not durable, and a crash took both"},
		{77100248, "what was cancelled while nobody had confirmed the memberships stayed half received"},
		{913449, "what a crash caught of a newer transfer was taken for the user's by an older one that came first"},
	} {
		t.Run(c.bug, func(t *testing.T) {
			if r := Run(c.seed, None); r.Err != nil {
				t.Errorf("%s (%s)\n%v", r.Story, c.bug, r.Err)
			}
		})
	}
}

func TestSabotagesAreCaught(t *testing.T) {
	const within = 1000
	for _, s := range Sabotages {
		t.Run(string(s), func(t *testing.T) {
			played := 0
			var caught *Result
			playSeeds(1, within, s, func(r Result) bool {
				played++
				if r.Err != nil && caught == nil {
					caught = &r
				}
				return caught == nil
			})
			if caught == nil {
				t.Fatalf("not caught in %d seeds", within)
			}
			t.Logf("caught after %d seeds by seed %d: %v", played, caught.Seed, caught.Err)
		})
	}
}
