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
	total := newCounts()
	failed := 0
	var took time.Duration
	playSeeds(*first, *seeds, None, func(r Result) bool {
		total.add(r.Counts)
		took += r.Took
		if r.Err != nil {
			failed++
			t.Errorf("%s\n%v\nagain: %s", r.Story, r.Err, again(r.Seed))
		}
		return failed < 5
	})
	t.Logf("%d seeds from %d, %v of virtual time; how often everything occurred:\n%s", *seeds, *first, took, total)
	if zero := total.Zero(); failed == 0 && *seeds >= 300 && len(zero) > 0 {
		t.Errorf("never occurred in %d seeds: %q", *seeds, zero)
	}
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
		{19, "a barrier vouched for blocks that a crash had taken before"},
		{33, "the same"},
		{65, "the same"},
		{69, "the same"},
		{160, "the same"},
		{125, "the barrier took a handle of an earlier copy of a small file for the one made anew"},
		{72, "the same"},
		{539, "a commit whose barrier failed left files that a newer transfer took for somebody else's"},
		{5000018, "the same"},
		{77000506, "the only device that was left was taken for one that alone loses packets, and got no repair"},
		{77000461, "the same"},
		{77000720, "the same"},
		{9003002, "a file that made way for a folder came back after the power went out"},
		{277, "an empty folder that an unfinished transfer had made counted as somebody else's"},
		{1000803, "a file that a crash left under its staged and its final name counted as somebody else's"},
		{2001750, "a device that was not heard asked 150 times a second"},
		{2002180, "two slow disks asked for the rest of a pass once a second, and for all of it"},
		{2002222, "what a newer transfer found in its place still belonged to the older one"},
	} {
		if r := Run(c.seed, None); r.Err != nil {
			t.Errorf("%s (%s)\n%v", r.Story, c.bug, r.Err)
		}
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
