package send_test

import (
	"math"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/groupcast/groupcast/internal/netsim"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/recv"
	"github.com/groupcast/groupcast/internal/send"
	"github.com/groupcast/groupcast/internal/wire"
)

// story is what a seed draws: a network, a transfer and what happens to the devices.
type story struct {
	seed    uint64
	rnd     *rand.Rand
	w       *world
	crashes int
	parts   int
	late    int
	liars   map[send.Device]bool
	lied    int
	flat    bool // all devices alike: nobody may be left behind
}

func newStory(t testing.TB, seed uint64) *story {
	y := &story{seed: seed, rnd: rand.New(rand.NewPCG(seed, 99)), liars: map[send.Device]bool{}}
	n := 1 + y.rnd.IntN(8)
	if y.rnd.IntN(8) == 0 {
		n = 1 + y.rnd.IntN(64)
	}
	budget := 400_000 / n // symbols, so that every story is short
	k := 1 + y.rnd.IntN(200)
	blocks := 1 + y.rnd.IntN(min(2000, max(1, budget/k/4)))
	layout := even(blocks, k)
	layout[blocks-1] = 1 + y.rnd.IntN(layout[blocks-1])
	y.flat = y.rnd.IntN(2) == 0
	cfg := fixed(math.Exp(y.rnd.Float64()*math.Log(50)) * 20) // 20 Mbit/s … 1 Gbit/s
	cfg.Head = y.rnd.IntN(3)
	y.w = newWorld(t, seed, layout, cfg)
	shared := y.network()
	for range n {
		net := shared
		if !y.flat {
			net = y.network()
		}
		up := netsim.Config{
			Delay: net.Delay, Jitter: net.Jitter, Loss: net.Loss / 4, Reorder: net.Reorder, ReorderBy: net.ReorderBy,
			Duplicate: net.Duplicate,
		}
		y.fate(y.w.add(net, up))
	}
	return y
}

func (y *story) chance(p float64) bool { return y.rnd.Float64() < p }

// network draws a link towards a device.
func (y *story) network() netsim.Config {
	c := netsim.Config{Delay: time.Duration(20+y.rnd.IntN(20_000)) * time.Microsecond}
	if y.chance(0.7) {
		c.Delay = time.Duration(20+y.rnd.IntN(500)) * time.Microsecond
	}
	if y.chance(0.7) {
		c.Loss = 0.4 * y.rnd.Float64() * y.rnd.Float64()
	}
	if y.chance(0.3) {
		c.BurstIn, c.BurstOut = 0.002*y.rnd.Float64(), 0.05+0.2*y.rnd.Float64()
	}
	if y.chance(0.4) {
		c.Reorder, c.ReorderBy = 0.05*y.rnd.Float64(), time.Duration(y.rnd.IntN(5000))*time.Microsecond
	}
	if y.chance(0.3) {
		c.Jitter = time.Duration(y.rnd.IntN(1000)) * time.Microsecond
	}
	if y.chance(0.3) {
		c.Duplicate = 0.05 * y.rnd.Float64()
	}
	return c
}

// fate draws when a device joins and what befalls it. The first one is spared, so that there
// is somebody to be held up.
func (y *story) fate(p *peer) {
	w, spared := y.w, p.dev == 0
	at := time.Duration(0)
	if !spared && y.chance(0.25) {
		at = time.Duration(y.rnd.IntN(2000)) * time.Millisecond
		y.late++
	}
	w.clock.After(at, p.join)
	if spared {
		return
	}
	if y.chance(0.15) {
		y.crashes++
		w.clock.After(at+time.Duration(y.rnd.IntN(1000))*time.Millisecond, p.crash)
		w.clock.After(at+time.Duration(1000+y.rnd.IntN(2000))*time.Millisecond, p.join)
	}
	if y.chance(0.15) {
		y.parts++
		from := at + time.Duration(y.rnd.IntN(1000))*time.Millisecond
		w.clock.After(from, func() { p.down.Part(true); p.up.Part(y.chance(0.5)) })
		w.clock.After(from+time.Duration(y.rnd.IntN(4000))*time.Millisecond, func() { p.down.Part(false); p.up.Part(false) })
	}
	if y.chance(0.1) {
		y.liars[p.dev] = true
		w.lie = y.lie
	}
}

// lie makes a liar's feedback as bad as a well-formed one can be.
func (y *story) lie(p *peer, f *wire.Feedback) {
	if !y.liars[p.dev] {
		return
	}
	y.lied++
	for i := range 20 {
		b := protocol.BlockNumber(y.rnd.IntN(len(y.w.layout) + 1))
		f.NACKs = append(f.NACKs,
			wire.NACK{Block: b, Deficit: uint8(y.rnd.IntN(256)), HighParity: uint8(y.rnd.IntN(256) * (i % 2))})
	}
	f.Ranges = append(f.Ranges, protocol.Range{First: 0, Count: uint32(len(y.w.layout))})
	f.High = protocol.PacketNumber(y.rnd.Uint64() >> 16)
	f.Flags &^= wire.FeedbackDone
}

func (y *story) run() {
	y.w.run(10 * time.Minute)
	quiet := y.flat && y.crashes+y.parts+len(y.liars) == 0
	y.w.mustFinish(!quiet)
	for _, p := range y.w.peers {
		if p.behind == send.CauseInconsistent && !y.liars[p.dev] {
			y.w.t.Errorf("device %d is honest and was called inconsistent: %s", p.dev, p.reason)
		}
		if p.most > max(4, poolSymbols/y.w.maxK()) {
			y.w.t.Errorf("device %d held %d blocks", p.dev, p.most)
		}
	}
}

// seeds gives how many seeds to try and the first: GROUPCAST_SEEDS=count or first:count.
func seeds(def int) (uint64, uint64) {
	if v, err := strconv.Atoi(os.Getenv("GROUPCAST_SEEDS")); err == nil {
		return 1, uint64(v)
	}
	return 1, uint64(def)
}

func TestSeeds(t *testing.T) {
	def := 40
	if underRace {
		def = 12
	}
	first, count := seeds(def)
	if v, err := strconv.ParseUint(os.Getenv("GROUPCAST_SEED"), 10, 64); err == nil {
		first, count = v, 1
	}
	var faults netsim.Faults
	causes := map[send.Cause]int{}
	var crashes, parts, late, lied, fed, data int
	var c send.Counters
	passes := 0
	var d recv.Drops
	for seed := first; seed < first+count; seed++ {
		y := newStory(t, seed)
		y.run()
		for _, p := range y.w.peers {
			faults.Add(p.down.Faults)
			faults.Add(p.up.Faults)
			causes[p.behind]++
			if p.r != nil {
				o := p.r.Status().Drops
				d.Duplicate, d.Verified, d.Window = d.Duplicate+o.Duplicate, d.Verified+o.Verified, d.Window+o.Window
				d.Evicted, d.Stale = d.Evicted+o.Evicted, d.Stale+o.Stale
			}
		}
		o := y.w.s.Status().Counters
		c.Source, c.Proactive, c.Repair, c.Resent = c.Source+o.Source, c.Proactive+o.Proactive, c.Repair+o.Repair,
			c.Resent+o.Resent
		c.Syncs, c.NACKs, c.Asked, c.Refused, c.OnTheWay = c.Syncs+o.Syncs, c.NACKs+o.NACKs, c.Asked+o.Asked,
			c.Refused+o.Refused, c.OnTheWay+o.OnTheWay
		passes += y.w.s.Status().Pass
		crashes, parts, late, lied = crashes+y.crashes, parts+y.parts, late+y.late, lied+y.lied
		fed, data = fed+int(y.w.fed), data+int(y.w.source)
		if os.Getenv("GROUPCAST_SEED") != "" || t.Failed() {
			y.w.log("story")
			t.Logf("flat %v crashes %d parts %d late %d liars %v\n%s", y.flat, y.crashes, y.parts, y.late, y.liars,
				y.w.describe())
		}
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
	t.Logf("%+v\n%+v\n%d passes", c, d, passes)
	if count >= 40 {
		noneZero(t, map[string]uint64{
			"lost": faults.Lost, "burst": faults.Burst, "reordered": faults.Reordered, "duplicated": faults.Duplicated,
			"parted":  faults.Parted,
			"crashes": uint64(crashes), "late": uint64(late), "lies": uint64(lied), "second passes": uint64(passes) - count,
			"proactive": c.Proactive, "repair": c.Repair, "resent": c.Resent, "refused": c.Refused, "on the way": c.OnTheWay,
			"duplicate symbols": d.Duplicate, "symbols of stored blocks": d.Verified, "old SYNCs": d.Stale,
			"behind for loss": uint64(causes[send.CauseLoss]), "behind for silence": uint64(causes[send.CauseSilent]),
		})
	}
	t.Logf("%+v, behind %v, %d crashes, %d partitions, %d late, %d lies, %d feedback, %d data", faults, causes, crashes,
		parts, late, lied, fed, data)
}

// noneZero: a fault or a branch that no seed reached is not tested.
func noneZero(t *testing.T, counts map[string]uint64) {
	t.Helper()
	for name, n := range counts {
		if n == 0 {
			t.Errorf("no seed brought: %s", name)
		}
	}
}

func TestSameSeedSameRun(t *testing.T) {
	for seed := uint64(1000); seed < 1004; seed++ {
		a, b := newStory(t, seed), newStory(t, seed)
		a.run()
		b.run()
		if a.w.trace != b.w.trace || a.w.source != b.w.source {
			t.Errorf("seed %d: two runs differ", seed)
		}
	}
}
