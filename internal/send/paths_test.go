package send_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/groupcast/groupcast/internal/netsim"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/rate"
	"github.com/groupcast/groupcast/internal/send"
	"github.com/groupcast/groupcast/internal/wire"
)

// TestDelaysThatAreNotTrueAnyMore: a queue that is being worked off, a path that got longer, or shorter, holds
// neither the rate nor the repair.
func TestDelaysThatAreNotTrueAnyMore(t *testing.T) {
	const blocks = 1000
	for _, c := range []struct {
		name    string
		mbit    float64
		delay   time.Duration
		queue   int
		later   []time.Duration // the delay, changed every 3 s
		atLeast float64         // share of the wire
		atMost  float64         // overhead
	}{
		{"long, deep queue", 50, 100 * time.Millisecond, 2 << 20, nil, 0.86, 1.06},
		{"long", 100, 100 * time.Millisecond, 512 << 10, nil, 0.90, 1.06},
		{"longer", 100, 5 * time.Millisecond, 128 << 10, []time.Duration{150 * time.Millisecond}, 0.93, 1.06},
		{"shorter", 100, 150 * time.Millisecond, 128 << 10, []time.Duration{5 * time.Millisecond}, 0.93, 1.06},
		{
			"back and forth", 100, 5 * time.Millisecond, 128 << 10,
			[]time.Duration{150 * time.Millisecond, 5 * time.Millisecond, 150 * time.Millisecond},
			0.90, 1.06,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			long(t)
			w := newWorld(t, 5, even(blocks, 164), send.Config{})
			for range 3 {
				p := w.add(netsim.Config{Delay: c.delay, Rate: c.mbit * 1e6 / 8, Queue: c.queue}, netsim.Config{Delay: c.delay})
				p.join()
				for i, d := range c.later {
					w.clock.After(time.Duration(3*(i+1))*time.Second, func() { p.down.Delay, p.up.Delay = d, d })
				}
			}
			w.run(5 * time.Minute)
			w.mustFinish(false)
			share := blocks * 164 * 1485 * 8 / w.overAt.Sub(w.start).Seconds() / (c.mbit * 1e6)
			w.log(c.name)
			t.Logf("share of the wire %.3f", share)
			if share < c.atLeast {
				t.Errorf("used %.3f of the wire, want %.2f", share, c.atLeast)
			}
			if o := w.overhead(); o > c.atMost {
				t.Errorf("overhead %.3f", o)
			}
		})
	}
}

// TestAPauseOfTheSourceIsNotWhatIsTaken: while the source is behind hardly anything arrives. Once it goes on, that is
// not taken for what the devices take, though they report a queue.
func TestAPauseOfTheSourceIsNotWhatIsTaken(t *testing.T) {
	const blocks = 4000
	now := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	s := send.New(send.Config{
		Blocks: blocks, Length: func(protocol.BlockNumber) int { return 100 * testSymbol }, SymbolSize: testSymbol,
		Sourced: true, FrameBytes: 1000, Rate: rate.Config{Cap: 10e6},
	}, now, rand.New(rand.NewPCG(1, 2)))
	for dev := range send.Device(2) {
		s.Attach(now, dev, nil, true)
	}
	sent, told, lowest, delay := 0, 0, s.Rate(), uint32(0)
	var newest wire.Sync
	step := func(d time.Duration) {
		var refs [16]send.SymbolRef
		for end := now.Add(d); now.Before(end); now = now.Add(time.Millisecond) {
			s.HandleTimeout(now)
			for busy := true; busy; {
				m, _, some := s.NextSync(now)
				if some {
					newest = m
				}
				tr, ok := s.NextTrain(now, refs[:0])
				sent += len(tr.Refs)
				busy = ok || some
			}
			if now.UnixMilli()%50 == 0 {
				for dev := range send.Device(2) {
					s.HandleFeedback(now, dev, wire.Feedback{
						SyncSequence: newest.Sequence, High: newest.RangeLast + 1, Delay: delay,
						Declared: uint32(sent - told), Received: uint32(sent - told),
					})
				}
				told = sent
			}
			lowest = min(lowest, s.Rate())
		}
	}
	s.Available(now, protocol.Range{First: 0, Count: 40})
	step(10 * time.Second)
	before := lowest
	if !s.Starved() {
		t.Fatal("the source is not behind")
	}
	s.Available(now, protocol.Range{First: 40, Count: blocks - 40})
	delay = 60_000
	step(500 * time.Millisecond)
	if lowest < before/2 {
		t.Errorf("the rate came down from %d to %d bytes a second, and all of it was taken", before, lowest)
	}
}

// TestASlowSourceIntoASlowerWire: the source brings less than the rate and more than the wire carries. The rate comes
// down, though there is never as much to send as it allows.
func TestASlowSourceIntoASlowerWire(t *testing.T) {
	long(t)
	const blocks, k = 4000, 8
	w := newWorld(t, 5, even(blocks, k), send.Config{Sourced: true})
	for range 3 {
		w.add(netsim.Config{Delay: 100 * time.Microsecond, Rate: 20e6 / 8, Queue: 64 << 10}, lan).join()
	}
	for b := range protocol.BlockNumber(blocks) {
		w.clock.After(time.Duration(b)*k*1485*8/50*time.Microsecond, func() {
			w.s.Available(w.clock.Now(), protocol.Range{First: b, Count: 1})
			w.pump()
		})
	}
	w.run(5 * time.Minute)
	w.mustFinish(false)
	w.log("slow source")
	if o := w.overhead(); o > 1.25 {
		t.Errorf("×%.2f was sent", o)
	}
}
