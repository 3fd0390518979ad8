package rate_test

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/groupcast/groupcast/internal/rate"
)

// noisy answers as a path does whose samples stand on few packets and clocks that are late.
func noisy(p path, rnd *rand.Rand, bps uint64) rate.Sample {
	s := p.sample(uint64(float64(bps) * (0.85 + 0.25*rnd.Float64())))
	s.Packets = 40 + 400*rnd.Float64()
	sd := math.Sqrt(s.Loss*(1-s.Loss)/s.Packets) + 0.002
	s.Loss = min(max(s.Loss+sd*rnd.NormFloat64(), 0), 0.999)
	return s
}

// TestNoiseNeitherFloodsNorStarves: whatever wire, loss and queue, a rate found by samples that
// are off does not stay far above what the wire carries, nor far below.
func TestNoiseNeitherFloodsNorStarves(t *testing.T) {
	const rounds, settled = 400, 60
	worst, floods := 1.0, 0.0
	for seed := range uint64(400) {
		rnd := rand.New(rand.NewPCG(seed, 5))
		p := path{wire: 1e6 * math.Pow(1000, rnd.Float64()), queue: time.Duration(rnd.IntN(40)) * time.Millisecond}
		if rnd.IntN(2) == 0 {
			p.random = 0.3 * rnd.Float64()
		}
		ctl := rate.NewController(rate.Config{})
		sum, above := 0.0, 0
		for i := range rounds {
			ctl.Round(noisy(p, rnd, ctl.Rate()))
			if i < settled {
				continue
			}
			r := float64(ctl.Rate())
			sum += min(r, p.wire)
			if r > 1.4*p.wire {
				above++
			}
		}
		used, flood := sum/p.wire/(rounds-settled), float64(above)/(rounds-settled)
		worst, floods = min(worst, used), max(floods, flood)
		if used < 0.6 || flood > 0.1 {
			t.Errorf("seed %d, %.1f MB/s, %.0f %% random, queue %v: used %.2f, %.0f %% of the rounds far above", seed,
				p.wire/1e6, 100*p.random, p.queue, used, 100*flood)
		}
	}
	t.Logf("worst use %.2f, worst flood %.2f", worst, floods)
}

// TestBurstsBehindAFullInterface: where this machine's own interface holds the rate and
// packets are lost in bursts, a round hears of none, one or two; that is no reason to slow down.
func TestBurstsBehindAFullInterface(t *testing.T) {
	const rounds, wire, burst, every = 300, 12.5e6, 30.0, 1000.0
	total := 0.0
	const seeds = 50
	for seed := range uint64(seeds) {
		rnd := rand.New(rand.NewPCG(seed, 9))
		ctl := rate.NewController(rate.Config{})
		used := 0.0
		for range rounds {
			r := float64(ctl.Rate())
			used += min(r, wire)
			packets := 400 + 1100*rnd.Float64()
			bursts := math.Floor(packets/every + rnd.Float64())
			ctl.Round(rate.Sample{
				Sent: uint64(min(r, wire)), Loss: bursts * burst / packets, Packets: packets, Fresh: 1, Blocked: r > wire,
			})
		}
		total += used / wire / rounds
		if share := used / wire / rounds; share < 0.85 {
			t.Errorf("seed %d: %.2f of the wire used", seed, share)
		}
	}
	if mean := total / seeds; mean < 0.95 {
		t.Errorf("%.3f of the wire used on average", mean)
	}
}
