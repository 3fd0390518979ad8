package send_test

import (
	"testing"
	"time"

	"github.com/groupcast/groupcast/internal/netsim"
	"github.com/groupcast/groupcast/internal/rate"
	"github.com/groupcast/groupcast/internal/send"
)

// TestAutoRate: auto fills the wire, whatever it carries, and random loss does not make it
// collapse.
func TestAutoRate(t *testing.T) {
	for _, c := range []struct {
		name    string
		mbit    float64
		loss    float64
		delay   time.Duration
		queue   int
		blocks  int
		atLeast float64 // share of the wire
		atMost  float64 // overhead
	}{
		{"50 Mbit/s", 50, 0, 100 * time.Microsecond, 128 << 10, 300, 0.80, 1.15},
		{"100 Mbit/s", 100, 0, 100 * time.Microsecond, 128 << 10, 500, 0.85, 1.10},
		{"100 Mbit/s, 5 % loss", 100, 0.05, 100 * time.Microsecond, 128 << 10, 500, 0.80, 1.20},
		{"300 Mbit/s", 300, 0, 100 * time.Microsecond, 256 << 10, 1000, 0.80, 1.10},
		{"1 Gbit/s", 1000, 0, 100 * time.Microsecond, 512 << 10, 3000, 0.70, 1.10},
		{"1 Gbit/s, 2 % loss", 1000, 0.02, 100 * time.Microsecond, 512 << 10, 3000, 0.70, 1.15},
		{"20 Mbit/s, 20 ms", 20, 0.01, 20 * time.Millisecond, 64 << 10, 200, 0.65, 1.35},
		{"100 Mbit/s, 100 ms", 100, 0, 100 * time.Millisecond, 512 << 10, 500, 0.80, 1.10},
		{"small queue", 100, 0, 100 * time.Microsecond, 24 << 10, 500, 0.70, 1.20},
	} {
		t.Run(c.name, func(t *testing.T) {
			long(t)
			layout := even(c.blocks, 164)
			w := newWorld(t, 5, layout, send.Config{})
			for range 3 {
				w.add(netsim.Config{Delay: c.delay, Loss: c.loss, Rate: c.mbit * 1e6 / 8, Queue: c.queue},
					netsim.Config{Delay: c.delay}).join()
			}
			w.run(5 * time.Minute)
			w.mustFinish(false)
			share := float64(c.blocks*164*1485*8) / w.overAt.Sub(w.start).Seconds() / (c.mbit * 1e6)
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

// Over a long line the first report takes its time: until then silence is no reason to slow down.
func TestFirstWordTakesItsTime(t *testing.T) {
	w := newWorld(t, 7, even(500, 164), send.Config{})
	long := netsim.Config{Delay: 140 * time.Millisecond}
	for range 3 {
		w.add(long, long).join()
	}
	w.run(270 * time.Millisecond)
	if got := w.s.Rate(); got != rate.DefaultStart {
		t.Errorf("%d bytes a second after 270 ms, not %.0f", got, rate.DefaultStart)
	}
	w.run(time.Minute)
	w.mustFinish(false)
}
