package sim

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/agent/loop"
	"github.com/groupcast/groupcast/internal/netsim"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/spool"
	"github.com/groupcast/groupcast/internal/spool/spooltest"
)

const (
	groupName = "lab"
	maxKeys   = 8 // old keys that an eavesdropper keeps
	syncGap   = 150 * time.Millisecond
)

// device is one receiver: a disk and a ledger that survive, and an agent that does not.
type device struct {
	w     *world
	i     int
	plan  devicePlan
	rnd   *rand.Rand
	down  *netsim.Link
	up    *netsim.Link
	ways  *rand.Rand    // chances of the control plane
	delay time.Duration // of the control plane
	away  time.Time     // nothing gets through to the server before
	// stalled is until when what is on its way to or from the server only waits.
	stalled time.Time

	// What survives a crash.
	disk     *spooltest.Disk
	moods    moods
	ledger   *spooltest.Ledger
	floor    protocol.OfferNo
	taken    map[protocol.TransferNo]protocol.OfferNo // the newest offer acted on
	receipts map[protocol.TransferNo]kept

	alive bool
	life  int // counts restarts
	*agent
	keys     []*seal.Session
	assailed map[protocol.BlockNumber]*assailed // of the session that it attacks …
	target   protocol.SessionID                 // … which is this one

	// What the oracles remember.
	roots    map[protocol.TransferNo]protocol.Digest // what the newest receipts are for
	durable  map[protocol.TransferNo]*protocol.BlockSet
	newest   map[string]protocol.TransferNo // by path: the newest transfer committed there
	topFloor protocol.OfferNo
	topTaken map[protocol.TransferNo]protocol.OfferNo
	staged   map[protocol.TransferNo]protocol.Digest // the content that durable is about
	fed      uint64
	inWork   time.Duration
	calls    uint64
}

func newDevice(w *world, i int) *device {
	p := w.plan.devices[i]
	r := rand.New(rand.NewPCG(w.seed, uint64(100+i)))
	d := &device{
		w: w, i: i, plan: p, rnd: r, delay: time.Millisecond + within(r, 5*time.Millisecond),
		disk:   spooltest.NewDisk(rand.New(rand.NewPCG(r.Uint64(), 3))),
		ledger: spooltest.NewLedger(), receipts: map[protocol.TransferNo]kept{},
		taken: map[protocol.TransferNo]protocol.OfferNo{}, topTaken: map[protocol.TransferNo]protocol.OfferNo{},
		roots: map[protocol.TransferNo]protocol.Digest{}, staged: map[protocol.TransferNo]protocol.Digest{},
		durable: map[protocol.TransferNo]*protocol.BlockSet{}, newest: map[string]protocol.TransferNo{},
	}
	d.down = netsim.NewLink(w.clock, p.down, rand.New(rand.NewPCG(r.Uint64(), 4)))
	d.up = netsim.NewLink(w.clock, p.up, rand.New(rand.NewPCG(r.Uint64(), 5)))
	d.moods.rnd = rand.New(rand.NewPCG(w.seed, uint64(10_000+i)))
	d.ways = rand.New(rand.NewPCG(w.seed, uint64(60_000+i)))
	d.agent = newAgent(d)
	if w.sabotage == SkipBarrier {
		d.disk.LieOnSync = func(string) bool { return true }
	}
	d.plans()
	return d
}

// plans sets up what happens to the device.
func (d *device) plans() {
	w, p := d.w, d.plan
	if p.joins > 0 {
		w.at(p.joins, func() { w.count("fault: late join") })
	}
	if p.deaf {
		w.count("fault: deaf device")
	}
	if p.full {
		w.count("fault: disk full at the start")
		d.disk.Capacity = uint64(1 + d.rnd.IntN(200_000))
	}
	w.at(p.joins, d.start)
	d.moods.plans(d)
	for _, at := range p.crashes {
		w.at(at, d.crashSoon)
	}
	for _, at := range p.kills {
		w.at(at, d.kill)
	}
	for _, s := range p.parts {
		w.at(s.from, func() { w.count("fault: partition"); d.down.Part(true); d.up.Part(true) })
		w.at(s.to, func() { d.down.Part(false); d.up.Part(false) })
	}
	for _, s := range p.mute {
		w.at(s.from, func() { w.count("fault: feedback cut off"); d.up.Part(true) })
		w.at(s.to, func() { d.up.Part(false) })
	}
	for _, s := range p.offline {
		w.at(s.from, func() { w.count("fault: control offline"); d.cut(s.to) })
	}
	for _, s := range p.stalls {
		w.at(s.from, func() { w.count("fault: control stalled"); d.stalled = w.start.Add(s.to) })
	}
	for _, at := range p.streams {
		w.at(at, func() {
			if d.stream != nil {
				w.count("fault: event stream lost")
				d.stream.breaks()
			}
		})
	}
}

// start begins a process: it looks at what the last one left.
func (d *device) start() {
	d.alive = true
	d.life++
	d.agent = newAgent(d)
	if _, err := d.openSpool(); err != nil {
		d.disturbed(err)
	}
	if !d.alive {
		return
	}
	d.checkFiles()
	d.perform()
	d.attach()
}

func (d *device) restart() {
	if !d.alive && d.life > 0 {
		d.start()
	}
}

// crashSoon lets the power go out in the middle of what the disk does next, or now.
func (d *device) crashSoon() {
	if !d.alive {
		return
	}
	life := d.life
	d.disk.CrashAfter(d.rnd.IntN(40))
	d.w.clock.After(within(d.rnd, 500*time.Millisecond), func() {
		if d.life == life && d.alive {
			d.crash()
		}
	})
}

// crash loses everything that is not durable.
func (d *device) crash() {
	d.w.count("fault: device crash")
	d.w.note("crash", uint64(d.i))
	d.die()
	d.disk.Crash()
	if d.w.sabotage == LoseJournalTail {
		d.cutJournals()
	}
}

// kill ends the process alone: the system goes on.
func (d *device) kill() {
	if !d.alive {
		return
	}
	d.w.count("fault: agent killed")
	d.w.note("killed", uint64(d.i))
	d.die()
	d.disk.Kill()
}

// die ends the process, which is started again soon.
func (d *device) die() {
	d.alive = false
	if d.stream != nil {
		d.stream.breaks()
		d.stream = nil
	}
	for _, k := range slices.Clone(d.listening) {
		d.hangUp(k)
	}
	for _, k := range d.works {
		k.over = true
	}
	d.w.clock.After(span01(d.rnd, 50, 1500), d.restart)
}

// cutJournals takes the last records of every journal.
func (d *device) cutJournals() {
	for name, b := range d.disk.Files(".groupcast") {
		if strings.HasSuffix(name, "/journal") {
			if f, err := d.disk.Open(name, true); err == nil {
				_ = f.Truncate(int64(len(b) * 2 / 3))
			}
		}
	}
	_ = d.disk.SyncAll()
}

// power goes out in the middle of what the disk does.
func (d *device) power() {
	if d.alive {
		d.w.count("fault: power out in the middle of a write")
		d.crash()
	}
}

// trouble is what an error of the disk means to a work: the power, a refusal, or a bug.
func (d *device) trouble(k *work, err error) {
	if errors.Is(err, spooltest.ErrPower) {
		d.power()
		return
	}
	if k.over {
		return
	}
	if spool.Hindrance(err) == nil {
		d.w.fail("device %d: %v", d.i, err)
		return
	}
	out := refusal(err)
	if out.Kind != groupcast.RefusedSpace {
		d.w.count("fault: disk failed in the middle of a commit")
	}
	if g := k.staging; out.Kind == groupcast.RefusedSpace && out.Need == 0 && g != nil {
		out.Need = k.offer.TotalBytes - min(k.offer.TotalBytes, g.Bytes())
	}
	d.refuse(loop.Refuse{Transfer: k.no, Session: k.offer.Session, Kind: out.Kind, Reason: out.Reason})
	d.ends(k, out)
}

// syncRegularly makes what was written durable.
func (d *device) syncRegularly(k *work) {
	d.after(k, syncGap, func() {
		if k.staging == nil {
			return
		}
		if d.makeDurable(k) && d.commitAlong(k) && !k.over && k.staging != nil {
			d.syncRegularly(k)
		}
	})
}

func (d *device) makeDurable(k *work) bool {
	before := k.staging.Has()
	if err := k.staging.Sync(); err != nil {
		d.trouble(k, err)
		return false
	}
	d.durable[k.no] = before
	return true
}

// finish commits what is left, removes the staging and sums up.
func (d *device) finish(k *work) {
	if k.staging == nil || k.staging.Missing() > 0 {
		d.w.fail("device %d: done, but blocks are missing", d.i)
		return
	}
	if d.makeDurable(k) {
		d.commit(k)
	}
}

// commit moves what is whole to its final names.
func (d *device) commit(k *work) {
	err := d.tryCommit(k)
	if errors.Is(err, context.Canceled) {
		d.commitAgain(k)
		return
	}
	if err != nil {
		d.trouble(k, err)
		return
	}
	d.checkFiles()
	if !k.staging.Done() {
		d.w.fail("device %d: transfer %d has all blocks, but not all outcomes", d.i, k.no)
		return
	}
	out := d.sumUp(k.staging.Outcomes())
	if err := k.staging.Remove(); err != nil {
		d.disturbed(err) // it is looked for again
	}
	if !d.alive {
		return
	}
	delete(d.durable, k.no)
	k.staging = nil
	d.ends(k, out)
}

// sumUp says what became of a transfer as a whole.
func (d *device) sumUp(all []spool.Outcome) loop.Outcome {
	count := map[spool.Result]int{}
	for _, o := range all {
		if o.Result == spool.Rejected {
			d.w.fail("device %d: %s is refused: %s", d.i, o.Path, o.Reason)
		}
		count[o.Result]++
	}
	out := loop.Outcome{State: groupcast.DeliveryVerified, Files: len(all)}
	switch len(all) {
	case count[spool.Superseded]:
		out.State = groupcast.DeliverySuperseded
	case count[spool.AlreadyHad]:
		out.State = groupcast.DeliveryAlreadyHad
	}
	return out
}
