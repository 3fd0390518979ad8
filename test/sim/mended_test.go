package sim

import (
	"fmt"
	"testing"
	"time"

	"github.com/groupcast/groupcast/internal/send"
)

// mended are plans in which a fault that was mended once shows within a few seeds if it comes back: seeds that
// were drawn do not keep that, for their draws change with the simulation.
var mended = []struct {
	name  string
	fault string // what it shows if it comes back
	seeds uint64
	plan  func() plan
	check func(w *world) error // what the oracles do not know; nil: nothing
}{
	{
		"a disk fails in the middle of commits, and newer transfers come first",
		"what got its name before a barrier failed, and an empty folder that was left, counted as somebody else's",
		40, func() plan {
			p := commits(500*time.Millisecond, true)
			for i := range p.devices {
				p.devices[i].sick = 40
			}
			return p
		}, nil,
	},
	{
		"a barrier for names fails, and the power goes out soon",
		"a barrier that failed was taken for one that succeeded",
		30, func() plan {
			p := commits(0, false)
			p.transfers = p.transfers[:1] // nothing gives way to it
			for i := range p.devices {
				d := &p.devices[i]
				d.badNames = 0.5
				for at := time.Duration(200+i*50) * time.Millisecond; at < p.until; at += 400 * time.Millisecond {
					d.crashes = append(d.crashes, at)
				}
			}
			return p
		}, nil,
	},
	{
		"the power goes out in the middle of commits, and paths change their kind",
		"a file that made way for a folder came back",
		40, func() plan {
			p := commits(6*time.Second, true)
			for i := range p.devices {
				p.devices[i].cuts = true
			}
			return p
		}, nil,
	},
	{
		"what is sent once more lies there already, and an older transfer comes after it",
		"what a newer transfer found in its place still belonged to the older one",
		3, func() plan {
			p := commits(0, false)
			p.transfers = []transferPlan{
				{blocks: 6, k: 4, files: 40, now: true},
				{at: time.Second, blocks: 6, k: 4, files: 40, hold: 4 * time.Second},
				{at: 2 * time.Second, blocks: 6, k: 4, again: 1, now: true},
			}
			return p
		}, nil,
	},
	{
		"one of three loses much, and the others are done",
		"the only device that was left was taken for one that alone loses packets, and got no repair",
		5, func() plan {
			p := battlefield(3, 60, 20, 0, 400_000, assault{})
			p.devices[2].down.Loss = 0.4
			return p
		}, func(w *world) error {
			if n := w.counts["behind: "+string(send.CauseAlone)]; n > 0 {
				return fmt.Errorf("%d devices are left as the only one that loses packets, and are the only one", n)
			}
			return nil
		},
	},
	{
		"one is not heard, and lacks some of every block",
		"a device that was not heard asked 150 times a second",
		5, func() plan {
			p := battlefield(3, 1500, 3, 0, 150_000, assault{})
			p.devices[0].down.Loss, p.devices[0].up.Loss = 0.4, 1
			return p
		}, nil,
	}, // its feedback is counted
	{
		"two disks are slow",
		"slow disks asked for the rest of a pass once a second, and for all of it",
		5, func() plan {
			p := battlefield(4, 300, 8, 0, 1_000_000, assault{})
			p.poolSlabs = 4
			for i := range 2 {
				p.devices[i].store = 60 * time.Millisecond
			}
			return p
		}, func(w *world) error {
			if took := w.lastReceipt(); took > 10*time.Second {
				return fmt.Errorf("the last receipt comes after %v", took)
			}
			return nil
		},
	},
}

// commits is a plan of transfers of small files under few names, a gap between them; with kinds, files are
// where others have folders.
func commits(gap time.Duration, kinds bool) plan {
	const transfers = 10
	p := battlefield(3, 6, 4, 0.02, 100_000, assault{})
	p.until, p.https, p.transfers = max(transfers*gap, 5*time.Second)+time.Second, 0, nil
	for n := range transfers {
		p.transfers = append(p.transfers, transferPlan{
			at: time.Duration(n) * gap, blocks: 6, k: 4, files: 20, now: true, kinds: kinds && n%2 == 1,
		})
	}
	return p
}

func TestMended(t *testing.T) {
	for _, m := range mended {
		t.Run(m.name, func(t *testing.T) {
			for seed := uint64(1); seed <= m.seeds; seed++ {
				w := play(seed, m.plan(), None)
				if w.err == nil && m.check != nil {
					w.err = m.check(w)
				}
				if w.err != nil {
					t.Errorf("seed %d (%s): %v", seed, m.fault, w.err)
				}
			}
		})
	}
}
