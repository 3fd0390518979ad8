package rate_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/groupcast/groupcast/internal/rate"
)

// path answers a rate with what receivers would see of it.
type path struct {
	wire   float64       // bytes a second; 0: no limit
	random float64       // loss that does not depend on the rate
	host   float64       // bytes a second that receivers take; 0: no limit
	queue  time.Duration // delay of the full queue
	marks  float64       // bytes a second above which packets are marked; 0: none are
}

func (p path) sample(bps uint64) rate.Sample {
	s := rate.Sample{Sent: bps, Loss: p.random, Fresh: 1}
	r := float64(bps)
	s.Marked = p.marks > 0 && r > p.marks
	if p.wire > 0 && r > p.wire {
		s.Loss = 1 - (1-s.Loss)*p.wire/r
		s.Delay = p.queue
		r = p.wire
	}
	if p.host > 0 && r > p.host {
		s.Overrun = 1 - p.host/r
		s.Loss = 1 - (1-s.Loss)*p.host/r
	}
	return s
}

func mbit(x float64) uint64 { return uint64(x * 1e6 / 8) }

// paths are what a rate has to cope with, and what it is then bounded by.
var paths = map[string]struct {
	path    path
	cfg     rate.Config
	want    float64 // Mbit/s
	limiter rate.Limiter
}{
	"wire": {
		path: path{wire: 37.5e6, queue: 30 * time.Millisecond}, want: 300,
		limiter: rate.LimitWire,
	},
	"wire, short queue": {path: path{wire: 37.5e6}, want: 300, limiter: rate.LimitWire},
	"wire below the start": {
		path: path{wire: 2.5e6, queue: 30 * time.Millisecond}, want: 20,
		limiter: rate.LimitWire,
	},
	"wire with random loss": {
		path: path{wire: 37.5e6, random: 0.05, queue: 5 * time.Millisecond}, want: 300,
		limiter: rate.LimitWire,
	},
	"slow wire and loss": {path: path{wire: 5e6, random: 0.10}, want: 40, limiter: rate.LimitWire},
	"receivers":          {path: path{host: 50e6}, want: 400, limiter: rate.LimitReceivers},
	"marks before the queue": {
		path: path{wire: 37.5e6, marks: 36e6, queue: 30 * time.Millisecond}, want: 270,
		limiter: rate.LimitWire,
	},
	"marks and random loss": {path: path{marks: 12.5e6, random: 0.05}, want: 90, limiter: rate.LimitWire},
	"everything is marked":  {path: path{marks: 1}, want: 20, limiter: rate.LimitWire},
	"cap":                   {cfg: rate.Config{Cap: mbit(250)}, want: 250, limiter: rate.LimitCap},
	"cap below the start":   {cfg: rate.Config{Cap: mbit(30)}, want: 30, limiter: rate.LimitCap},
	"cap, 30 % random loss": {
		path: path{random: 0.3}, cfg: rate.Config{Cap: mbit(250)}, want: 250,
		limiter: rate.LimitCap,
	},
	"cap above the wire": {
		path: path{wire: 2.5e6, random: 0.05}, cfg: rate.Config{Cap: mbit(30)}, want: 20,
		limiter: rate.LimitWire,
	},
	"cap, a little loss": {
		path: path{random: 0.004}, cfg: rate.Config{Cap: mbit(900)}, want: 900,
		limiter: rate.LimitCap,
	},
	"fixed, whatever happens": {
		path: path{wire: 1e6}, cfg: rate.Config{Fixed: mbit(80)}, want: 80,
		limiter: rate.LimitLoss,
	},
	"fixed above the cap": {cfg: rate.Config{Fixed: mbit(80), Cap: mbit(20)}, want: 20, limiter: rate.LimitCap},
	"wire of ten gigabits": {
		path: path{wire: 1.25e9, queue: 20 * time.Millisecond}, want: 10_000,
		limiter: rate.LimitWire,
	},
	"bad wire, 20 % and 50 Mb": {
		path: path{wire: 6.25e6, random: 0.2, queue: 20 * time.Millisecond}, want: 50,
		limiter: rate.LimitWire,
	},
}

func TestAutoFindsTheLimit(t *testing.T) {
	for name, c := range paths {
		t.Run(name, func(t *testing.T) {
			ctl := rate.NewController(c.cfg)
			sum, seen := 0.0, map[rate.Limiter]int{}
			for i := range 160 {
				ctl.Round(c.path.sample(ctl.Rate()))
				if i >= 60 {
					sum += float64(ctl.Rate()) * 8 / 1e6 / 100
					seen[ctl.Limiter()]++
				}
			}
			if c.cfg.Fixed == 0 && ctl.Starting() {
				t.Errorf("%s: it still doubles: every device would report at every turn", name)
			}
			if sum < 0.85*c.want || sum > 1.1*c.want {
				t.Errorf("%s: %.0f Mbit/s, want %.0f", name, sum, c.want)
			}
			if seen[c.limiter] < 90 {
				t.Errorf("%s: limiters %v, want %q", name, seen, c.limiter)
			}
		})
	}
}

func TestLossThatBeginsLaterDoesNotCollapseTheRate(t *testing.T) {
	p := path{wire: 37.5e6, queue: 5 * time.Millisecond}
	ctl := rate.NewController(rate.Config{})
	for range 60 {
		ctl.Round(p.sample(ctl.Rate()))
	}
	p.random = 0.08
	for range 40 {
		ctl.Round(p.sample(ctl.Rate()))
	}
	if r := ctl.Rate(); r < mbit(230) {
		t.Errorf("%d Mbit/s", r*8/1e6)
	}
}

func TestAWireThatShrinksIsFollowed(t *testing.T) {
	p := path{wire: 37.5e6, queue: 5 * time.Millisecond}
	ctl := rate.NewController(rate.Config{})
	for range 60 {
		ctl.Round(p.sample(ctl.Rate()))
	}
	p.wire = 5e6
	for range 25 {
		ctl.Round(p.sample(ctl.Rate()))
	}
	if r := ctl.Rate(); r > mbit(48) || r < mbit(28) {
		t.Errorf("%d Mbit/s of 40", r*8/1e6)
	}
}

func TestSilenceNeverSpeedsUp(t *testing.T) {
	ctl := rate.NewController(rate.Config{})
	before := ctl.Rate()
	for _, fresh := range []float64{0.49, 0.2, 0} {
		t.Run(fmt.Sprint(fresh), func(t *testing.T) {
			ctl.Round(rate.Sample{Sent: ctl.Rate(), Fresh: fresh})
			if ctl.Rate() > before {
				t.Errorf("faster with %.0f %% of the reports", 100*fresh)
			}
		})
	}
	if ctl.Rate() >= before {
		t.Error("nobody reports, and the rate stays")
	}
}

func TestUnusedRateProvesNothing(t *testing.T) {
	ctl := rate.NewController(rate.Config{})
	before := ctl.Rate()
	ctl.Round(rate.Sample{Sent: before / 2, Fresh: 1})
	if ctl.Rate() != before || ctl.Limiter() != rate.LimitSender {
		t.Errorf("%d, %q", ctl.Rate(), ctl.Limiter())
	}
}

func TestOwnInterfaceThatIsFullIsTheWire(t *testing.T) {
	ctl := rate.NewController(rate.Config{})
	for range 20 {
		sent := min(ctl.Rate(), mbit(300))
		ctl.Round(rate.Sample{Sent: sent, Fresh: 1, Blocked: sent < ctl.Rate(), Delay: 15 * time.Millisecond})
	}
	if r := ctl.Rate(); r < mbit(285) || r > mbit(330) || ctl.Limiter() != rate.LimitWire {
		t.Errorf("%d Mbit/s, %q", r*8/1e6, ctl.Limiter())
	}
}

func TestCapComesAndGoes(t *testing.T) {
	ctl := rate.NewController(rate.Config{Fixed: mbit(100)})
	ctl.SetCap(mbit(40))
	if ctl.Rate() != mbit(40) {
		t.Errorf("%d under the cap", ctl.Rate())
	}
	ctl.SetCap(0)
	if ctl.Rate() != mbit(100) {
		t.Errorf("%d without it", ctl.Rate())
	}
}
