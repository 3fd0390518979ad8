package send_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/groupcast/groupcast/internal/fec"
	"github.com/groupcast/groupcast/internal/netsim"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/rate"
	"github.com/groupcast/groupcast/internal/send"
	"github.com/groupcast/groupcast/internal/wire"
)

var lan = netsim.Config{Delay: 50 * time.Microsecond}

// lossy is a LAN that loses.
func lossy(p float64) netsim.Config {
	c := lan
	c.Loss = p
	return c
}

func fixed(mbit float64) send.Config {
	return send.Config{Rate: rate.Config{Fixed: uint64(mbit * 1e6 / 8)}}
}

func (w *world) log(name string) {
	st := w.s.Status()
	w.t.Logf("%s: %v, overhead %.4f, tail %v, %d nacks, %d feedback, %d data, %+v", name,
		w.overAt.Sub(w.start), w.overhead(), w.overAt.Sub(w.passEnd), w.nacked, w.fed, w.source, st.Counters)
}

func TestTwoSmallFilesAreQuick(t *testing.T) {
	w := newWorld(t, 1, lengths{32, 200, 2048}, fixed(100))
	for range 3 {
		w.add(lan, lan).join()
	}
	w.run(time.Second)
	w.mustFinish(false)
	w.log("small")
	if d := w.overAt.Sub(w.start); d > 100*time.Millisecond {
		t.Errorf("took %v", d)
	}
}

// Blocks are sent in turn only where something is lost; a train may have the end of one group and the beginning of
// the next.
func TestBlocksInTurn(t *testing.T) {
	for _, c := range []struct {
		loss        float64
		least, most int
	}{{0, 2, 4}, {0.05, 8, 16}} {
		t.Run(fmt.Sprint(c.loss, " ", c.least, " ", c.most), func(t *testing.T) {
			w := newWorld(t, 3, even(400, 40), fixed(100))
			for range 3 {
				w.add(lossy(c.loss), lan).join()
			}
			w.run(time.Minute)
			w.mustFinish(false)
			if w.inTurn < c.least || w.inTurn > c.most {
				t.Errorf("loss %.2f: up to %d blocks in a train, not %d to %d", c.loss, w.inTurn, c.least, c.most)
			}
		})
	}
}

func TestOverheadAtFivePercent(t *testing.T) {
	long(t)
	w := newWorld(t, 2, even(200, 164), fixed(100))
	for range 8 {
		w.add(lossy(0.05), lan).join()
	}
	w.run(time.Minute)
	w.mustFinish(false)
	w.log("8 at 5 %")
	if o := w.overhead(); o > 1.085 {
		t.Errorf("overhead %.4f", o)
	}
}

// TestFrozenReceiverCostsNothing: one of four is frozen in mid-transfer; the others do not
// notice, and the session does not wait for it for long.
func TestFrozenReceiverCostsNothing(t *testing.T) {
	long(t)
	done := func(freeze bool) (time.Duration, *world) {
		w := newWorld(t, 6, even(300, 164), fixed(100))
		for range 4 {
			w.add(lossy(0.01), lan).join()
		}
		if freeze {
			w.clock.After(2*time.Second, w.peers[3].crash)
		}
		w.run(time.Minute)
		w.mustFinish(freeze)
		latest := time.Time{}
		for _, p := range w.peers[:3] {
			if p.doneAt.After(latest) {
				latest = p.doneAt
			}
		}
		return latest.Sub(w.start), w
	}
	plain, _ := done(false)
	frozen, w := done(true)
	w.log("frozen")
	if frozen > plain+plain/50 {
		t.Errorf("the others took %v instead of %v", frozen, plain)
	}
	if w.peers[3].behind != send.CauseSilent {
		t.Errorf("behind %q", w.peers[3].behind)
	}
}

// TestLiarIsLeftBehind is T6: full deficits for ever, the highest parity index, everything
// again; the others do not pay for it.
func TestLiarIsLeftBehind(t *testing.T) {
	long(t)
	for name, lie := range map[string]func(w *world, f *wire.Feedback){
		"full deficits": func(w *world, f *wire.Feedback) {
			for b := range 20 {
				f.NACKs = append(f.NACKs, wire.NACK{Block: protocol.BlockNumber(b), Deficit: 164, HighParity: wire.NoParity})
			}
		},
		"parity index 254": func(w *world, f *wire.Feedback) {
			for b := range 20 {
				f.NACKs = append(f.NACKs, wire.NACK{Block: protocol.BlockNumber(b), Deficit: 164, HighParity: 254})
			}
		},
		"everything again": func(w *world, f *wire.Feedback) {
			f.Ranges = append(f.Ranges, protocol.Range{First: 0, Count: uint32(len(w.layout))})
		},
		"60 % loss": func(w *world, f *wire.Feedback) {
			f.Received = f.Declared * 4 / 10
			for b := range w.layout {
				if len(f.NACKs) < 90 {
					f.NACKs = append(f.NACKs, wire.NACK{Block: protocol.BlockNumber(b), Deficit: 100, HighParity: wire.NoParity})
				}
			}
		},
		"never done": func(w *world, f *wire.Feedback) { f.Verified = 0 },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, 7, even(200, 164), fixed(100))
			for range 8 {
				w.add(lan, lan).join()
			}
			w.lie = func(p *peer, f *wire.Feedback) {
				if p.dev == 5 {
					f.Flags &^= wire.FeedbackDone
					lie(w, f)
				}
			}
			w.run(time.Minute)
			w.mustFinish(true)
			w.log(name)
			for _, p := range w.peers {
				if (p.behind != "") != (p.dev == 5) {
					t.Errorf("device %d: behind %q", p.dev, p.behind)
				}
			}
			if o := w.overhead(); o > 1.15 {
				t.Errorf("overhead %.3f", o)
			}
			if d := w.peers[0].doneAt.Sub(w.start).Seconds(); d > 1.05*200*164*1485*8/100e6+0.1 {
				t.Errorf("the others took %.2f s", d)
			}
		})
	}
}

// TestLateJoin: who comes in the middle gets everything in a second pass, which holds only
// what it missed.
func TestLateJoin(t *testing.T) {
	w := newWorld(t, 8, even(200, 164), fixed(100))
	for range 3 {
		w.add(lossy(0.01), lan).join()
	}
	late := w.add(lossy(0.01), lan)
	w.clock.After(2*time.Second, late.join)
	w.run(time.Minute)
	w.mustFinish(false)
	w.log("late")
	if o := w.overhead(); o > 1.60 {
		t.Errorf("overhead %.3f", o)
	}
}

// TestRowsRunOut: at 40 % loss k=164 needs more than the 91 rows there are; bitmaps say
// which source symbols to repeat.
func TestRowsRunOut(t *testing.T) {
	w := newWorld(t, 9, even(30, 164), fixed(100))
	for range 2 {
		w.add(lossy(0.4), lossy(0.1)).join()
	}
	w.run(time.Minute)
	w.mustFinish(false)
	w.log("rows")
	if w.s.Status().Counters.Resent == 0 {
		t.Error("no source symbol was repeated")
	}
	if o := w.overhead(); o > 2.4 {
		t.Errorf("overhead %.3f", o)
	}
}

// TestTail: after the pass, a few round trips.
func TestTail(t *testing.T) {
	long(t)
	var sum time.Duration
	for seed := range uint64(20) {
		w := newWorld(t, seed, even(20, 164), fixed(100))
		for range 4 {
			w.add(lossy(0.05), lan).join()
		}
		w.run(time.Minute)
		w.mustFinish(false)
		last := time.Time{}
		for _, p := range w.peers {
			if p.doneAt.After(last) {
				last = p.doneAt
			}
		}
		if w.passEnd.IsZero() { // all was there before the last of the parity had left
			continue
		}
		sum += max(0, last.Sub(w.passEnd))
	}
	if mean := sum / 20; mean > 40*time.Millisecond {
		t.Errorf("mean tail %v", mean)
	} else {
		t.Logf("mean tail %v", mean)
	}
}

// TestRealBytes sends content through the real code.
func TestRealBytes(t *testing.T) {
	layout := lengths{32, 90, 164 * testSymbol, 200*testSymbol - 3, 1, 50 * testSymbol}
	w := newWorld(t, 10, layout, fixed(50))
	w.code = fec.NewCode()
	for _, n := range layout {
		block := make([]byte, n)
		for i := range block {
			block[i] = byte(w.rnd.Uint32())
		}
		w.content = append(w.content, block)
	}
	for range 5 {
		w.add(lossy(0.2), lossy(0.1)).join()
	}
	w.run(time.Minute)
	w.mustFinish(false)
	w.log("bytes")
}

// TestPartitionOfEverybody: who falls silent with all the others at once is not left to HTTPS;
// when the network is back the session goes on, and what was sent into the void is little.
func TestPartitionOfEverybody(t *testing.T) {
	long(t)
	for _, away := range []time.Duration{1500 * time.Millisecond, 3 * time.Second, 10 * time.Second, 28 * time.Second} {
		t.Run(fmt.Sprint(away), func(t *testing.T) {
			for _, cfg := range []send.Config{fixed(100), {}} {
				w := newWorld(t, 12, even(300, 164), cfg)
				for range 4 {
					down := lossy(0.01)
					down.Rate, down.Queue = 100e6/8, 256<<10
					w.add(down, lan).join()
				}
				w.clock.After(time.Second, func() { w.part(true) })
				w.clock.After(time.Second+away, func() { w.part(false) })
				w.run(2 * time.Minute)
				w.mustFinish(false)
				w.log("away")
				for _, p := range w.peers {
					if p.behind != "" {
						t.Errorf("away for %v: device %d is left behind: %s", away, p.dev, p.reason)
					}
				}
				whole := 300 * 164 * 1485 * 8 / 100e6
				if took := w.overAt.Sub(w.start).Seconds(); took > 1.1*whole+away.Seconds()+4 {
					t.Errorf("away for %v: it took %.1f s", away, took)
				}
				if o := w.overhead(); o > 1.06+1.6/whole {
					t.Errorf("away for %v: overhead %.3f", away, o)
				}
			}
		})
	}
}

// A group that stays away is left behind all the same, in the end, and so is one of two that
// was never heard.
func TestGroupThatStaysAway(t *testing.T) {
	w := newWorld(t, 13, even(200, 164), fixed(100))
	for range 3 {
		w.add(lan, lan).join()
	}
	w.clock.After(time.Second, func() { w.part(true) })
	w.run(time.Minute)
	w.mustFinish(true)
	if took := w.overAt.Sub(w.start); took < 20*time.Second || took > 40*time.Second {
		t.Errorf("it took %v", took)
	}
	w = newWorld(t, 14, even(200, 164), fixed(100))
	for range 2 {
		p := w.add(lan, lan)
		p.join()
		p.up.Part(true)
	}
	w.run(time.Minute)
	w.mustFinish(true)
	if took := w.overAt.Sub(w.start); took > 5*time.Second {
		t.Errorf("nobody was ever heard, and it took %v", took)
	}
}

// TestZerosDoNotTravel: blocks that everybody holds who has the manifest are not sent to those
// who lack everything; all rules hold though hardly anything is left to send.
func TestZerosDoNotTravel(t *testing.T) {
	for _, share := range []int{2, 200} { // every other block, all but the head
		layout := even(200, 40)
		zeros := protocol.NewBlockSet(len(layout))
		for b := 2; b < len(layout); b++ {
			if share == 200 || b%share == 0 {
				zeros.Add(protocol.BlockNumber(b))
			}
		}
		cfg := fixed(100)
		cfg.Zeros, cfg.Head = zeros, 2
		w := newWorld(t, 15, layout, cfg)
		for range 3 {
			p := w.add(lossy(0.05), lan)
			for b, ok := zeros.Next(0); ok; b, ok = zeros.Next(b + 1) {
				p.have.Add(b)
			}
			p.all = true
			p.join()
		}
		w.run(time.Minute)
		w.mustFinish(false)
		if most := float64(200-zeros.Count())/200*1.2 + 0.05; w.overhead() > most {
			t.Errorf("%d of 200 blocks are zeros, and ×%.2f was sent", zeros.Count(), w.overhead())
		}
	}
}

// TestManyWhoAreStarved: when a good part of a group says nothing for some seconds, as on a
// machine that has no time for them, they are waited for longer than one that is silent alone,
// and served by multicast when they are back.
func TestManyWhoAreStarved(t *testing.T) {
	long(t)
	w := newWorld(t, 16, even(400, 164), fixed(100))
	for range 12 {
		w.add(lossy(0.01), lan).join()
	}
	part := func(cut bool) {
		for _, p := range w.peers[:4] {
			p.down.Part(cut)
			p.up.Part(cut)
		}
	}
	w.clock.After(time.Second, func() { part(true) })
	w.clock.After(6*time.Second, func() { part(false) })
	w.run(2 * time.Minute)
	w.mustFinish(false)
	w.log("starved")
	for _, p := range w.peers {
		if p.behind != "" {
			t.Errorf("device %d is left behind: %s", p.dev, p.reason)
		}
	}
	if o := w.overhead(); o > 1.9 { // what was missed meanwhile is sent once more, to all four at once
		t.Errorf("overhead %.2f", o)
	}
}
