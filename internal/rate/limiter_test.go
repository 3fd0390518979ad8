package rate_test

import (
	"testing"
	"time"

	"github.com/groupcast/groupcast/internal/rate"
)

// TestTheLimiterThatIsNamedIsTheOneInForce: the cap is named only where a higher one would bring more.
func TestTheLimiterThatIsNamedIsTheOneInForce(t *testing.T) {
	capped, fixed := rate.Config{Cap: mbit(50)}, rate.Config{Fixed: mbit(50)}
	queued := path{wire: 18e6 / 8, queue: 30 * time.Millisecond}
	slowSource := func(at uint64) rate.Sample { return rate.Sample{Sent: min(at, mbit(18)), Fresh: 1} }
	fullCard := func(at uint64) rate.Sample {
		return rate.Sample{Sent: min(at, mbit(18)), Fresh: 1, Blocked: at > mbit(18), Delay: 15 * time.Millisecond}
	}
	slowDisk := func(at uint64) rate.Sample { // the receivers' pools are full: they say so as overruns
		s := path{host: 18e6 / 8}.sample(at)
		s.Backlog, s.Taken = 200*time.Millisecond, min(18e6/8, float64(at))
		return s
	}
	backlog := func(at uint64) rate.Sample { // somewhere on the way, nothing is lost yet
		s := rate.Sample{Sent: at, Fresh: 1}
		if at > mbit(18) {
			s.Delay, s.Backlog, s.Taken = 200*time.Millisecond, 200*time.Millisecond, 18e6/8
		}
		return s
	}
	for name, c := range map[string]struct {
		cfg  rate.Config
		path func(bytesPerSec uint64) rate.Sample
		want rate.Limiter
	}{
		"cap reached":                          {capped, path{}.sample, rate.LimitCap},
		"cap reached, a little loss":           {capped, path{random: 0.05}.sample, rate.LimitCap},
		"cap reached, much loss of its own":    {capped, path{random: 0.3}.sample, rate.LimitCap},
		"cap above the wire":                   {capped, path{wire: 18e6 / 8}.sample, rate.LimitWire},
		"cap above a wire with a queue":        {capped, queued.sample, rate.LimitWire},
		"cap above what receivers take":        {capped, path{host: 18e6 / 8}.sample, rate.LimitReceivers},
		"cap, slow disks":                      {capped, slowDisk, rate.LimitReceivers},
		"cap, a backlog on the way":            {capped, backlog, rate.LimitWire},
		"cap, congestion marks":                {capped, path{marks: 18e6 / 8}.sample, rate.LimitWire},
		"cap, slow source":                     {capped, slowSource, rate.LimitSender},
		"cap above this machine's own card":    {capped, fullCard, rate.LimitWire},
		"fixed rate reached":                   {fixed, path{}.sample, rate.LimitCap},
		"fixed rate, a little loss":            {fixed, path{random: 0.05}.sample, rate.LimitCap},
		"fixed rate above the wire":            {fixed, path{wire: 18e6 / 8}.sample, rate.LimitLoss},
		"fixed rate above a wire with queue":   {fixed, queued.sample, rate.LimitWire},
		"fixed rate above what receivers take": {fixed, path{host: 18e6 / 8}.sample, rate.LimitReceivers},
		"fixed rate, slow disks":               {fixed, slowDisk, rate.LimitReceivers},
		"fixed rate, a backlog on the way":     {fixed, backlog, rate.LimitWire},
		"fixed rate, congestion marks":         {fixed, path{marks: 18e6 / 8}.sample, rate.LimitWire},
		"fixed rate, slow source":              {fixed, slowSource, rate.LimitSender},
		"fixed rate above this machine's own":  {fixed, fullCard, rate.LimitWire},
	} {
		t.Run(name, func(t *testing.T) {
			ctl, seen := rate.NewController(c.cfg), map[rate.Limiter]int{}
			for i := range 100 {
				ctl.Round(c.path(ctl.Rate()))
				if i >= 20 {
					seen[ctl.Limiter()]++
				}
			}
			if seen[c.want] < 70 || c.want != rate.LimitCap && seen[rate.LimitCap] > 0 {
				t.Errorf("named %v at %d Mbit/s, want %q", seen, ctl.Rate()*8/1e6, c.want)
			}
		})
	}
}

// TestACapThatIsLiftedIsNamedNoMore: until it is known what comes after it, the rate is being found out.
func TestACapThatIsLiftedIsNamedNoMore(t *testing.T) {
	ctl := rate.NewController(rate.Config{Cap: mbit(50)})
	round := func(n int) {
		for range n {
			ctl.Round(path{}.sample(ctl.Rate()))
		}
	}
	round(20)
	if l := ctl.Limiter(); l != rate.LimitCap {
		t.Fatalf("%q at the cap", l)
	}
	ctl.SetCap(mbit(200))
	if l := ctl.Limiter(); l != rate.LimitStart {
		t.Errorf("%q at 50 of 200 Mbit/s", l)
	}
	round(1)
	if l := ctl.Limiter(); l != rate.LimitStart {
		t.Errorf("%q at %d of 200 Mbit/s", l, ctl.Rate()*8/1e6)
	}
	round(40)
	if l := ctl.Limiter(); l != rate.LimitCap || ctl.Rate() != mbit(200) {
		t.Errorf("%q at %d of 200 Mbit/s", l, ctl.Rate()*8/1e6)
	}
	ctl.SetCap(mbit(20))
	if l := ctl.Limiter(); l != rate.LimitCap {
		t.Errorf("%q at a cap of 20 Mbit/s", l)
	}
}

// TestAShareForHTTPSIsNoNewCap: a fixed rate above the wire is not held by a cap that gives HTTPS a little and takes
// it back.
func TestAShareForHTTPSIsNoNewCap(t *testing.T) {
	ctl := rate.NewController(rate.Config{Fixed: mbit(50)})
	for i := range 40 {
		ctl.SetCap(mbit(50 - float64(i%2)))
		if l := ctl.Limiter(); l == rate.LimitCap || i > 0 && l != rate.LimitWire {
			t.Fatalf("%q after %d rounds", l, i)
		}
		ctl.Round(path{wire: 18e6 / 8, queue: 30 * time.Millisecond}.sample(ctl.Rate()))
	}
}

// TestWhileItSearchesNothingIsNamed: neither the cap that is still far nor this machine that was late once.
func TestWhileItSearchesNothingIsNamed(t *testing.T) {
	ctl := rate.NewController(rate.Config{Cap: mbit(4000)})
	for ctl.Rate() < mbit(4000) {
		if l := ctl.Limiter(); l != rate.LimitStart {
			t.Fatalf("%q at %d Mbit/s", l, ctl.Rate()*8/1e6)
		}
		ctl.Round(path{}.sample(ctl.Rate()))
	}
	lossy := rate.NewController(rate.Config{Cap: mbit(50)})
	lossy.Round(path{random: 0.3}.sample(lossy.Rate()))
	if l := lossy.Limiter(); l != rate.LimitStart || lossy.Rate() != mbit(25) {
		t.Errorf("%q at %d Mbit/s: half the cap is tried", l, lossy.Rate()*8/1e6)
	}
	late := rate.NewController(rate.Config{})
	late.Round(rate.Sample{Sent: late.Rate() / 2, Fresh: 1})
	if l := late.Limiter(); l != rate.LimitSender {
		t.Errorf("%q though half the rate was not used", l)
	}
	late.Round(path{}.sample(late.Rate()))
	if l := late.Limiter(); l != rate.LimitStart {
		t.Errorf("%q though all of the rate was used", l)
	}
}
