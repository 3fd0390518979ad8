package send_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/groupcast/groupcast/internal/send"
)

// TestNothingIsLostInQueuesThatStandStill: a sending or a receiving machine with two processors has a queue at each,
// and one of them stands still now and then while SYNCs pass by. Nothing is lost, so hardly anything is sent again.
func TestNothingIsLostInQueuesThatStandStill(t *testing.T) {
	for _, c := range []struct {
		share  float64 // of the trains with which a queue begins to stand still …
		most   time.Duration
		n      int
		atMost float64 // overhead
	}{
		{0, 0, 1, 1},
		{0.5, time.Millisecond, 1, 1},
		{0.1, 5 * time.Millisecond, 1, 1.001},
		{0.02, 10 * time.Millisecond, 8, 1.015},
		{0.1, 20 * time.Millisecond, 1, 1.015},
		{0.1, 20 * time.Millisecond, 8, 1.03},
		{0.002, 40 * time.Millisecond, 1, 1.03},
		{0.002, 40 * time.Millisecond, 8, 1.04},
	} {
		t.Run(fmt.Sprint(c.share, " ", c.most, " ", c.n), func(t *testing.T) {
			long(t)
			w := newWorld(t, 5, even(800, 164), fixed(2000))
			for range c.n {
				w.add(lan, lan).join()
			}
			stands := time.Time{}
			w.hold = func() time.Duration {
				now := w.clock.Now()
				if stands.Before(now) && w.rnd.Float64() < c.share {
					stands = now.Add(time.Duration(w.rnd.Float64() * float64(c.most)))
				}
				if w.rnd.IntN(2) == 0 {
					return max(0, stands.Sub(now))
				}
				return 0
			}
			w.run(time.Minute)
			w.mustFinish(false)
			w.log("queues")
			if o := w.overhead(); o > c.atMost {
				t.Errorf("overhead %.4f, want %.3f at most", o, c.atMost)
			}
		})
	}
}

// TestOneDeviceFindsAQuickWire: a single device reports so often that no round has enough packets to tell anything
// before it has reported on it; the rate is found all the same.
func TestOneDeviceFindsAQuickWire(t *testing.T) {
	w := newWorld(t, 5, even(800, 164), send.Config{})
	w.add(lan, lan).join()
	w.run(time.Minute)
	w.mustFinish(false)
	if took := w.overAt.Sub(w.start); took > time.Second {
		t.Errorf("it took %v, and nothing but the rate it began with held it", took)
	}
}
