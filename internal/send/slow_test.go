package send_test

import (
	"testing"
	"time"

	"github.com/groupcast/groupcast/internal/netsim"
	"github.com/groupcast/groupcast/internal/send"
)

// hosts adds n devices each of which takes so many bytes a second out of a socket of queue bytes
// (0: as many as it has time for), and says how much its socket dropped if told.
func (w *world) hosts(n int, bytesPerSec float64, queue int, told bool) {
	for range n {
		p := w.add(netsim.Config{Delay: lan.Delay, Rate: bytesPerSec, Queue: queue}, lan)
		p.counts, p.task.limit = told, queue
		p.join()
	}
}

// TestSlowCrowd: where everybody takes far less than the first rate, the rate comes down before
// much is sent that nobody takes, and before anybody is left behind.
func TestSlowCrowd(t *testing.T) {
	long(t)
	for _, c := range []struct {
		name  string
		n     int
		share float64 // of the first rate, that each of them takes
		queue int
		told  bool
		cost  time.Duration // of a packet at each of them, on one processor for all
		most  float64       // times the content that is sent
	}{
		{"12", 12, 0.1, 212 << 10, true, 0, 1.6},
		{"100", 100, 0.1, 212 << 10, true, 0, 1.5},
		{"100 that do not say what they drop", 100, 0.1, 212 << 10, false, 0, 1.5},
		{"100 with large sockets", 100, 0.1, 4 << 20, true, 0, 1.5},
		{"100 on one processor", 100, 0, 212 << 10, true, 10 * time.Microsecond, 1.5},
		{"100 on one processor with large sockets", 100, 0, 4 << 20, true, 10 * time.Microsecond, 1.5},
		{"100 on a processor with hardly any time", 100, 0, 212 << 10, true, 50 * time.Microsecond, 2.7},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, 31, even(60, 164), send.Config{})
			if c.cost > 0 {
				w.cpu, w.cost = &cpu{clock: w.clock, slice: 3 * time.Millisecond}, c.cost
			}
			w.hosts(c.n, c.share*100e6/8, c.queue, c.told)
			w.run(5 * time.Minute)
			w.mustFinish(false)
			w.log(c.name)
			for _, p := range w.peers {
				if p.behind != "" {
					t.Errorf("device %d is left behind: %s", p.dev, p.reason)
				}
			}
			if o := w.overhead(); o > c.most {
				t.Errorf("×%.2f was sent, at most ×%.1f is allowed", o, c.most)
			}
			ideal := float64(c.n) * 60 * 164 * c.cost.Seconds()
			if c.share > 0 {
				ideal = 60 * 164 * 1485 / (c.share * 100e6 / 8)
			}
			if took := w.overAt.Sub(w.start).Seconds(); took > 2*ideal {
				t.Errorf("it took %.1f s, and they can take it in %.1f", took, ideal)
			}
		})
	}
}
