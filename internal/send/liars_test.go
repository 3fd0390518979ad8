package send_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/groupcast/groupcast/internal/netsim"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/send"
	"github.com/groupcast/groupcast/internal/wire"
)

// liarDev is the device that lies, and lies is what of.
const liarDev = 5

var lies = map[string]func(w *world, f *wire.Feedback){
	"overrun": func(_ *world, f *wire.Feedback) { f.Overrun = f.Declared/2 + 1 },
	"overrun and its loss": func(_ *world, f *wire.Feedback) {
		f.Overrun = f.Declared / 2
		f.Received = min(f.Received, f.Declared-f.Overrun)
	},
	"60 % loss": func(_ *world, f *wire.Feedback) { f.Received = f.Declared * 4 / 10 },
	"60 % loss, asked for": func(w *world, f *wire.Feedback) {
		f.Received = f.Declared * 4 / 10
		for b := range w.layout {
			if len(f.NACKs) < 90 {
				f.NACKs = append(f.NACKs, wire.NACK{Block: protocol.BlockNumber(b), Deficit: 100, HighParity: wire.NoParity})
			}
		}
	},
	"delay":   func(_ *world, f *wire.Feedback) { f.Delay = 400_000 },
	"backlog": func(_ *world, f *wire.Feedback) { f.Delay, f.Backlog, f.Received = 900_000, 60_000, f.Declared/10 },
	"marked":  func(_ *world, f *wire.Feedback) { f.Flags |= wire.FeedbackMarked },
	"mismatch": func(w *world, f *wire.Feedback) {
		f.Flags |= wire.FeedbackMismatch
		for b := range min(90, len(w.layout)) {
			f.NACKs = append(f.NACKs, wire.NACK{Block: protocol.BlockNumber(b), Deficit: 2, HighParity: wire.NoParity})
		}
	},
	"disk full": func(_ *world, f *wire.Feedback) { f.Verified, f.Overrun, f.Backlog = 0, f.Declared, 65_535 },
	"everything": func(w *world, f *wire.Feedback) {
		f.Ranges = append(f.Ranges[:0], protocol.Range{First: 0, Count: uint32(len(w.layout))})
	},
}

// others runs a transfer to eight over a wire of 50 Mbit/s and says how long the seven that do not
// lie take, and what was sent.
func others(t *testing.T, seed uint64, cfg send.Config, lie func(*world, *wire.Feedback)) (time.Duration, uint64, *world) {
	w := newWorld(t, seed, even(400, 100), cfg)
	for range 8 {
		w.add(netsim.Config{Delay: 200 * time.Microsecond, Loss: 0.005, Rate: 50e6 / 8, Queue: 128 << 10}, netsim.Config{Delay: 200 * time.Microsecond}).join()
	}
	if lie != nil {
		w.lie = func(p *peer, f *wire.Feedback) {
			if p.dev == liarDev {
				f.Flags &^= wire.FeedbackDone
				lie(w, f)
			}
		}
	}
	w.run(time.Minute)
	w.mustFinish(lie != nil)
	var latest time.Time
	for _, p := range w.peers {
		if p.dev != liarDev && p.doneAt.After(latest) {
			latest = p.doneAt
		}
	}
	return latest.Sub(w.start), w.s.Status().Counters.Bytes, w
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

func TestTmp(t *testing.T) {
	for _, cfg := range []send.Config{{}, fixed(40)} {
	for name, lie := range lies {
		line := fmt.Sprintf("%-22s", name)
		for seed := uint64(1); seed <= 3; seed++ {
			qt, qb, _ := others(t, seed, cfg, nil)
			at, ab, w := others(t, seed, cfg, lie)
			line += fmt.Sprintf(" | %.2f %.2f %s", float64(at)/float64(qt), float64(ab)/float64(qb), w.peers[liarDev].behind)
		}
		t.Log(line)
	}
	}
}
