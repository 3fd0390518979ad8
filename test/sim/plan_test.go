package sim

import (
	"math"
	"math/rand/v2"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/netsim"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/rate"
	"github.com/groupcast/groupcast/internal/schedule"
)

// plan is everything a seed draws before its run begins.
type plan struct {
	devices   []devicePlan
	transfers []transferPlan
	symbol    int
	rate      rate.Config
	poolSlabs int // of a device's pool; 0: plenty
	ringBytes int
	until     time.Duration // faults happen before
	crashes   []time.Duration
	removals  []removalPlan
	replays   []time.Duration
	garbage   bool
	forger    int // device; -1: none
	assault   assault
	https     float64 // bytes a second of all catch-up together; 0: no limit
	timing    schedule.Timing
	settle    time.Duration // after a start nothing goes out by itself for so long
	deeds     []deed
	labels    []labelPlan
}

type devicePlan struct {
	down, up netsim.Config
	joins    time.Duration // attaches first
	crashes  []time.Duration
	parts    []span          // cut off from the group, in both directions
	mute     []span          // its feedback does not arrive
	offline  []span          // cut off from the control plane
	stalls   []span          // the same, and what is on its way only waits
	streams  []time.Duration // its event stream breaks, and nothing else
	kills    []time.Duration // its agent ends at once, and nothing else
	hangs    span            // its disk stores nothing
	callLoss float64         // of requests, and of answers
	sick     int             // how often its disk fails besides
	cuts     bool            // the power goes out in the middle of commits
	badNames float64         // of the barriers that make names durable, how many fail
	liar     bool
	pretends pretence // what it claims, whatever is true; nil: nothing
	stubborn bool     // as a liar: always the same lie, which it could have told in truth
	deaf     bool     // never hears the group: HTTPS only
	full     bool     // its disk has no room until the faults are over
	room     int      // its label when the run begins
	store    time.Duration
	fetch    time.Duration // between two requests of the catch-up, whose bandwidth is bounded
}

type span struct{ from, to time.Duration }

type removalPlan struct {
	at     time.Duration
	device int
	back   time.Duration // admitted again; 0: never
}

type transferPlan struct {
	at     time.Duration
	blocks int
	k      int // symbols of a block, at most
	files  int
	again  int           // send the content of that transfer once more; 0: its own
	hold   time.Duration // released after; 0: at once
	now    bool          // without a gather window
	kinds  bool          // files where other transfers have folders, and folders where they have files
	via    groupcast.Via
	pick   pick
}

// budget bounds devices × symbols of a seed, for speed.
const budget = 24_000

func draw(seed uint64) plan {
	r := rand.New(rand.NewPCG(seed, 0x51))
	n := logUniform(r, 1, 64)
	p := plan{symbol: protocol.MinSymbolSize, forger: -1, until: span01(r, 1500, 4000)}
	if chance(r, 0.15) {
		p.symbol = []int{protocol.TunnelSymbol, protocol.DefaultSymbol}[r.IntN(2)]
	}
	if chance(r, 0.3) {
		p.poolSlabs = 4 + r.IntN(8)
	}
	if chance(r, 0.3) {
		p.ringBytes = p.symbol * (1 + r.IntN(20))
	}
	loss := drawLoss(r)
	for range n {
		p.devices = append(p.devices, drawDevice(r, p.until, loss))
	}
	p.drawTransfers(r, n)
	p.drawEvents(r, n)
	p.drawControl(rand.New(rand.NewPCG(seed, 0x52)))
	return p
}

func chance(r *rand.Rand, p float64) bool { return r.Float64() < p }

func logUniform(r *rand.Rand, low, high int) int {
	x := math.Exp(r.Float64() * math.Log(float64(high-low+2)))
	return min(high, low+int(x)-1)
}

// span01 is a duration between two numbers of milliseconds.
func span01(r *rand.Rand, low, high int) time.Duration {
	return time.Duration(low+r.IntN(high-low+1)) * time.Millisecond
}

func within(r *rand.Rand, d time.Duration) time.Duration {
	return time.Duration(r.Int64N(int64(d)))
}

// drawLoss is the level of loss of a seed: none, some, up to 40 %.
func drawLoss(r *rand.Rand) float64 {
	switch r.IntN(4) {
	case 0:
		return 0
	case 1:
		return r.Float64() * 0.05
	}
	return r.Float64() * 0.4
}

func drawDevice(r *rand.Rand, until time.Duration, loss float64) devicePlan {
	d := devicePlan{
		down: netsim.Config{Delay: within(r, 4*time.Millisecond), Loss: loss * r.Float64()},
		up:   netsim.Config{Delay: within(r, 4*time.Millisecond), Loss: loss * r.Float64() / 2},
	}
	d.store = within(r, 3*time.Millisecond)
	d.fetch = within(r, 200*time.Millisecond)
	if chance(r, 0.3) {
		d.down.BurstIn, d.down.BurstOut = 0.01, 0.2
		d.down.BurstLoss = 0.5 + r.Float64()/2
	}
	if chance(r, 0.3) {
		d.down.Reorder, d.down.ReorderBy = 0.05, within(r, 20*time.Millisecond)
		d.down.Jitter = within(r, time.Millisecond)
	}
	if chance(r, 0.3) {
		d.down.Duplicate, d.up.Duplicate = 0.05, 0.05
	}
	if chance(r, 0.3) {
		d.joins = within(r, until/2)
	}
	if chance(r, 0.2) {
		d.crashes = append(d.crashes, within(r, until))
	}
	if chance(r, 0.15) {
		at := within(r, until)
		d.parts = append(d.parts, span{at, at + within(r, 4*time.Second)})
	}
	if chance(r, 0.1) {
		at := within(r, 500*time.Millisecond)
		d.mute = append(d.mute, span{at, at + 2*time.Second + within(r, time.Second)})
	}
	if chance(r, 0.15) {
		at := within(r, until)
		d.offline = append(d.offline, span{at, at + within(r, 2*time.Second)})
	}
	d.liar, d.full, d.deaf = chance(r, 0.06), chance(r, 0.05), chance(r, 0.03)
	d.stubborn = chance(r, 0.5)
	return d
}

func (p *plan) drawTransfers(r *rand.Rand, n int) {
	var bytes int
	for i := range 1 + r.IntN(3) {
		t := transferPlan{files: logUniform(r, 1, 30)}
		if i > 0 {
			t.at = within(r, p.until)
		}
		t.blocks = logUniform(r, 1, min(2000, max(1, budget/n)))
		t.k = logUniform(r, 1, min(160, max(1, budget/n/t.blocks)))
		bytes += t.blocks * t.k * p.symbol
		p.transfers = append(p.transfers, t)
	}
	lasts := 0.3 + 3.5*r.Float64()*r.Float64() // seconds, so that faults fall into the sessions
	p.rate = rate.Config{Fixed: uint64(max(20_000, float64(bytes)/lasts))}
	if chance(r, 0.2) {
		p.rate = rate.Config{}
		for i := range p.devices {
			p.devices[i].down.Rate = float64(200_000 + r.IntN(4_000_000))
			p.devices[i].down.Queue = 64 << 10
		}
	}
}

func (p *plan) drawEvents(r *rand.Rand, n int) {
	for range r.IntN(3) {
		p.replays = append(p.replays, p.until/4+within(r, p.until))
	}
	if chance(r, 0.25) {
		p.crashes = append(p.crashes, within(r, p.until))
	}
	if n > 1 && chance(r, 0.5) {
		m := removalPlan{at: within(r, p.until), device: r.IntN(n)}
		if chance(r, 0.4) {
			m.back = m.at + within(r, 2*time.Second)
		}
		p.removals = append(p.removals, m)
	}
	p.garbage = chance(r, 0.3)
	if n > 1 && chance(r, 0.3) {
		p.forger = r.IntN(n)
	}
}
