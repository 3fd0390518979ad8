package send_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/groupcast/groupcast/internal/netsim"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/send"
	"github.com/groupcast/groupcast/internal/wire"
)

// liarDev is the device that lies.
const liarDev = 5

// pretence is what a device claims, and as what it is left behind for it.
type pretence struct {
	claim func(w *world, f *wire.Feedback)
	named []send.Cause
}

var (
	alone        = []send.Cause{send.CauseAlone}
	greedy       = []send.Cause{send.CauseLoss, send.CauseInconsistent, send.CauseAlone}
	costsNothing = []send.Cause{"", send.CauseSilent} // it only never says that it is done
)

var lies = map[string]pretence{
	"overrun": {func(_ *world, f *wire.Feedback) { f.Overrun = f.Declared/2 + 1 }, alone},
	"overrun and its loss": {func(_ *world, f *wire.Feedback) {
		f.Overrun = f.Declared / 2
		f.Received = min(f.Received, f.Declared-f.Overrun)
	}, alone},
	"disk full": {func(_ *world, f *wire.Feedback) { f.Verified, f.Overrun, f.Backlog = 0, f.Declared, 65_535 }, alone},
	"60 % loss": {func(_ *world, f *wire.Feedback) { f.Received = f.Declared * 4 / 10 }, alone},
	"60 % loss, asked for": {func(w *world, f *wire.Feedback) {
		f.Received = f.Declared * 4 / 10
		demand(w, f, 100)
	}, greedy},
	"full deficits": {func(w *world, f *wire.Feedback) { demand(w, f, 100) }, greedy},
	"parity index 254": {func(w *world, f *wire.Feedback) {
		demand(w, f, 100)
		for i := range f.NACKs {
			f.NACKs[i].HighParity = 254
		}
	}, greedy},
	"everything": {func(w *world, f *wire.Feedback) {
		f.Ranges = append(f.Ranges[:0], protocol.Range{First: 0, Count: uint32(len(w.layout))})
	}, greedy},
	"mismatch": {func(w *world, f *wire.Feedback) {
		f.Flags |= wire.FeedbackMismatch
		demand(w, f, 2)
	}, alone},
	"delay": {func(_ *world, f *wire.Feedback) { f.Delay = 400_000 }, costsNothing},
	"backlog": {func(_ *world, f *wire.Feedback) {
		f.Delay, f.Backlog, f.Received = 900_000, 60_000, f.Declared/10
	}, alone},
	"marked": {func(_ *world, f *wire.Feedback) { f.Flags |= wire.FeedbackMarked }, costsNothing},
}

// demand asks for symbols of the first blocks.
func demand(w *world, f *wire.Feedback, deficit uint8) {
	for b := range min(90, len(w.layout)) {
		f.NACKs = append(f.NACKs, wire.NACK{Block: protocol.BlockNumber(b), Deficit: deficit, HighParity: wire.NoParity})
	}
}

// others runs a transfer to eight over a wire of 50 Mbit/s, of whom one may lie.
func others(t *testing.T, seed uint64, cfg send.Config, claim func(*world, *wire.Feedback)) *world {
	w := newWorld(t, seed, even(400, 100), cfg)
	for range 8 {
		w.add(netsim.Config{Delay: 200 * time.Microsecond, Loss: 0.005, Rate: 50e6 / 8, Queue: 128 << 10},
			netsim.Config{Delay: 200 * time.Microsecond}).join()
	}
	if claim != nil {
		w.lie = func(p *peer, f *wire.Feedback) {
			if p.dev == liarDev {
				f.Flags &^= wire.FeedbackDone
				claim(w, f)
			}
		}
	}
	w.run(time.Minute)
	w.mustFinish(claim != nil)
	return w
}

// othersTook is how long those that do not lie took.
func (w *world) othersTook() time.Duration {
	var latest time.Time
	for _, p := range w.peers {
		if p.dev != liarDev && p.doneAt.After(latest) {
			latest = p.doneAt
		}
	}
	return latest.Sub(w.start)
}

func (w *world) bytes() uint64 { return w.s.Status().Counters.Bytes }

// TestLackingWhatItHas: two devices that say that they lack everything, while they say that they have
// most of it, are no two that need the same.
func TestLackingWhatItHas(t *testing.T) {
	w := newWorld(t, 4, even(200, 100), fixed(50))
	for range 8 {
		w.add(lan, lan).join()
	}
	w.lie = func(p *peer, f *wire.Feedback) {
		if p.dev >= 6 && f.Verified > 20 {
			f.Flags &^= wire.FeedbackDone
			f.Ranges = []protocol.Range{{First: 0, Count: 200}}
		}
	}
	w.run(time.Minute)
	w.mustFinish(true)
	if o := w.overhead(); o > 1.15 {
		t.Errorf("%.2f times the content was sent", o)
	}
	for _, p := range w.peers {
		if (p.behind == send.CauseInconsistent) != (p.dev >= 6) {
			t.Errorf("device %d: behind %q", p.dev, p.behind)
		}
	}
}

// TestAttachingAgainPaysNothing: a device that attaches again and again, and says each time that it
// lacks everything, is charged for what was sent before; detached in between it is the same device.
func TestAttachingAgainPaysNothing(t *testing.T) {
	for _, detach := range []bool{false, true} {
		t.Run(fmt.Sprintf("detached in between %v", detach), func(t *testing.T) {
			w := newWorld(t, 3, even(300, 100), fixed(50))
			for range 8 {
				w.add(lan, lan).join()
			}
			var again func()
			again = func() {
				if w.over {
					return
				}
				if detach {
					w.s.Detach(w.clock.Now(), liarDev, "its stream broke")
				}
				w.s.Attach(w.clock.Now(), liarDev, []protocol.Range{{First: 0, Count: 300}}, false)
				w.pump()
				w.clock.After(100*time.Millisecond, again)
			}
			w.clock.After(500*time.Millisecond, again)
			w.run(time.Minute)
			w.mustFinish(true)
			if o := w.overhead(); o > 1.15 {
				t.Errorf("%.2f times the content was sent", o)
			}
			for _, p := range w.peers {
				if (p.behind != "") != (p.dev == liarDev) {
					t.Errorf("device %d: behind %q", p.dev, p.behind)
				}
			}
		})
	}
}

// TestOneLiarOfEight is T6: whatever one device claims, the others take at most 1.05 times as long and
// 1.15 times as much is sent as in the same transfer without lies, on average over seeds.
func TestOneLiarOfEight(t *testing.T) {
	long(t)
	for _, c := range []struct {
		name  string
		cfg   send.Config
		seeds uint64
	}{{"auto", send.Config{}, 3}, {"40 Mbit/s", fixed(40), 1}} {
		quiet := map[uint64]*world{}
		for seed := uint64(1); seed <= c.seeds; seed++ {
			quiet[seed] = others(t, seed, c.cfg, nil)
		}
		for name, lie := range lies {
			t.Run(c.name+", "+name, func(t *testing.T) {
				var took, sent float64
				for seed := uint64(1); seed <= c.seeds; seed++ {
					w, q := others(t, seed, c.cfg, lie.claim), quiet[seed]
					long, much := float64(w.othersTook())/float64(q.othersTook()), float64(w.bytes())/float64(q.bytes())
					took, sent = took+long/float64(c.seeds), sent+much/float64(c.seeds)
					by := w.peers[liarDev].behind
					t.Logf("seed %d: %.3f times as long, %.3f times as much, %s: %s", seed, long, much, by, w.peers[liarDev].reason)
					if !slices.Contains(lie.named, by) {
						t.Errorf("seed %d: the liar is left behind as %q, not as one of %q", seed, by, lie.named)
					}
					for _, p := range w.peers {
						if p.dev != liarDev && p.behind != "" {
							t.Errorf("seed %d: device %d is left behind as %q", seed, p.dev, p.behind)
						}
					}
				}
				t.Logf("on average: %.3f times as long, %.3f times as much", took, sent)
				if took > 1.05 || sent > 1.15 {
					t.Errorf("the others took %.3f times as long, %.3f times as much was sent", took, sent)
				}
			})
		}
	}
}
