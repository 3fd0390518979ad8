package sim

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"syscall"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/netsim"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/recv"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/spool"
	"github.com/groupcast/groupcast/internal/spool/spooltest"
	"github.com/groupcast/groupcast/internal/wire"
)

const (
	groupName = "lab"
	maxKeys   = 8 // old keys that an eavesdropper keeps
	syncGap   = 150 * time.Millisecond
)

// device is one receiver: a disk, a ledger and a floor that survive, and a driver that does
// not.
type device struct {
	w     *world
	i     int
	plan  devicePlan
	rnd   *rand.Rand
	down  *netsim.Link
	up    *netsim.Link
	delay time.Duration // of the control plane

	// What survives a crash.
	disk     *spooltest.Disk
	moods    moods
	ledger   *spooltest.Ledger
	floor    protocol.OfferNo
	taken    map[protocol.TransferNo]protocol.OfferNo // the newest offer acted on
	roots    map[protocol.TransferNo]protocol.Digest  // what the receipts are for
	receipts map[protocol.TransferNo]string

	alive    bool
	attached bool
	conn     int // a connection's number: what was on its way in an older one is lost
	life     int // counts restarts
	spool    *spool.Spool
	work     *work
	keys     []*seal.Session
	assailed map[protocol.BlockNumber]*assailed // of the session that it attacks …
	target   protocol.SessionID                 // … which is this one

	// What the oracles remember.
	durable  map[protocol.TransferNo]*protocol.BlockSet
	newest   map[string]protocol.TransferNo // by path: the newest transfer committed there
	topFloor protocol.OfferNo
	topTaken map[protocol.TransferNo]protocol.OfferNo
	staged   map[protocol.TransferNo]protocol.Digest // the content that durable is about
	fed      uint64
	inWork   time.Duration
}

func newDevice(w *world, i int) *device {
	p := w.plan.devices[i]
	r := rand.New(rand.NewPCG(w.seed, uint64(100+i)))
	d := &device{
		w: w, i: i, plan: p, rnd: r, delay: time.Millisecond + within(r, 5*time.Millisecond),
		disk:   spooltest.NewDisk(rand.New(rand.NewPCG(r.Uint64(), 3))),
		ledger: spooltest.NewLedger(), receipts: map[protocol.TransferNo]string{},
		taken: map[protocol.TransferNo]protocol.OfferNo{}, topTaken: map[protocol.TransferNo]protocol.OfferNo{},
		roots: map[protocol.TransferNo]protocol.Digest{}, staged: map[protocol.TransferNo]protocol.Digest{},
		durable: map[protocol.TransferNo]*protocol.BlockSet{}, newest: map[string]protocol.TransferNo{},
	}
	d.down = netsim.NewLink(w.clock, p.down, rand.New(rand.NewPCG(r.Uint64(), 4)))
	d.up = netsim.NewLink(w.clock, p.up, rand.New(rand.NewPCG(r.Uint64(), 5)))
	d.moods.rnd = rand.New(rand.NewPCG(w.seed, uint64(10_000+i)))
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
	for _, s := range p.parts {
		w.at(s.from, func() { w.count("fault: partition"); d.down.Part(true); d.up.Part(true) })
		w.at(s.to, func() { d.down.Part(false); d.up.Part(false) })
	}
	for _, s := range p.mute {
		w.at(s.from, func() { w.count("fault: feedback cut off"); d.up.Part(true) })
		w.at(s.to, func() { d.up.Part(false) })
	}
	for _, s := range p.offline {
		w.at(s.from, func() { w.count("fault: control offline"); d.cut() })
		w.at(s.to, d.attachSoon)
	}
}

// start opens the spool and looks at what a crash left.
func (d *device) start() {
	d.alive = true
	d.life++
	s, err := spool.Open(spool.Config{
		Dir: "/", Group: groupName, GroupID: d.w.server.group, Server: d.w.server.id, Reserve: -1,
		Ledger: d.ledger, FS: &moodyDisk{d.disk, d},
	})
	if err != nil {
		d.trouble(fmt.Errorf("open the spool: %w", err))
		return
	}
	d.spool = s
	d.checkFiles()
	d.attach()
}

func (d *device) restart() {
	if !d.alive && d.life > 0 {
		d.start()
	}
}

// attach opens the control connection.
func (d *device) attach() {
	if d.attached || !d.alive || !d.w.server.up {
		return
	}
	d.attached = true
	d.conn++
	d.w.note("attached", uint64(d.i))
	d.ask(func() {
		d.w.server.connected(d.i)
		for no := protocol.TransferNo(1); int(no) <= len(d.w.server.transfers); no++ {
			if result, ok := d.receipts[no]; ok {
				d.w.count("receipt: sent again")
				d.w.server.receipt(no, d.i, result)
			}
		}
	})
}

func (d *device) attachSoon() { d.w.clock.After(within(d.rnd, 300*time.Millisecond), d.attach) }

// cut breaks the control connection; what is on its way is lost.
func (d *device) cut() {
	d.attached = false
	d.conn++
}

// tell brings something from the server to the device; ask the other way round.
func (d *device) tell(f func()) { d.carry(f) }
func (d *device) ask(f func())  { d.carry(f) }

func (d *device) carry(f func()) {
	if !d.attached {
		return
	}
	conn := d.conn
	d.w.clock.After(d.delay, func() {
		if d.conn == conn && d.alive && d.w.server.up {
			f()
		}
	})
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
	d.alive = false
	d.cut()
	d.leave()
	d.disk.Crash()
	if d.w.sabotage == LoseJournalTail {
		d.cutJournals()
	}
	d.w.clock.After(span01(d.rnd, 50, 1500), d.restart)
}

// cutJournals takes the last records of every journal.
func (d *device) cutJournals() {
	for name, b := range d.disk.Files(".groupcast") {
		if len(name) > 8 && name[len(name)-8:] == "/journal" {
			if f, err := d.disk.Open(name, true); err == nil {
				_ = f.Truncate(int64(len(b) * 2 / 3))
			}
		}
	}
	_ = d.disk.SyncAll()
}

// trouble is what any error of the disk means: the power, no space, or a bug.
func (d *device) trouble(err error) {
	var refused *spool.Refused
	var sick *spool.DiskError
	switch {
	case errors.Is(err, spooltest.ErrPower):
		d.w.count("fault: power out in the middle of a write")
		d.crash()
	case errors.As(err, &sick) && sick.Kind == spool.DiskIO:
		d.w.count("fault: disk failed in the middle of a commit")
		d.refuse()
	case errors.As(err, &refused) && refused.Kind == groupcast.RefusedSpace, errors.Is(err, syscall.ENOSPC):
		d.w.count("device: refused for space")
		d.refuse()
	default:
		d.w.fail("device %d: %v", d.i, err)
	}
}

// refuse gives up the work until there is space.
func (d *device) refuse() {
	if d.work == nil {
		return
	}
	no := d.work.no
	d.leave()
	d.ask(func() { d.w.server.refusal(no, d.i) })
}

// leave ends the work without touching the disk: what lies there is for the next one.
func (d *device) leave() {
	if d.work == nil {
		return
	}
	d.work.over = true
	if d.work.machine != nil {
		d.w.counts.receiver(d.work.machine.Status())
		d.inWork += d.w.clock.Now().Sub(d.work.begun)
	}
	d.work = nil
}

// abandon is what a removed member's device is told; this one keeps its keys.
func (d *device) abandon() { d.leave() }

// offered takes an offer off the event stream.
func (d *device) offered(b, signature []byte) {
	o, ok := d.admit(b, signature)
	if !ok {
		return
	}
	if d.work != nil && d.work.offer.Session == o.Session {
		d.w.count("offer: repeated, already known")
		d.ready()
		return
	}
	if result, done := d.receipts[o.Transfer]; done {
		d.ask(func() { d.w.server.receipt(o.Transfer, d.i, result) })
		return
	}
	if d.begin(o, b) {
		d.ready()
	}
}

// admit is the gate; what it lets pass is durable before anything else happens.
func (d *device) admit(b, signature []byte) (o wire.Offer, ok bool) {
	o, err := seal.VerifyOffer(d.w.server.verify, b, signature)
	if err != nil {
		d.w.fail("device %d: a genuine offer does not verify: %v", d.i, err)
		return o, false
	}
	gate := recv.Gate{Server: d.w.server.id, Group: d.w.server.group, Floor: d.floor, Taken: d.taken[o.Transfer]}
	switch d.w.sabotage {
	case AcceptOldOffer:
		gate.Floor, gate.Taken = 0, 0
	case TakeOlderOffer:
		gate.Taken = 0
	default: // the other faults are elsewhere
	}
	floor, err := gate.Admit(o)
	switch {
	case err != nil && o.Number < d.floor:
		d.w.count("offer: refused as old")
		return o, false
	case err != nil && o.Number < d.taken[o.Transfer]:
		d.w.count("offer: refused as older than one taken")
		return o, false
	case err != nil:
		d.w.fail("device %d: a genuine offer is refused: %v", d.i, err)
		return o, false
	}
	d.floor = max(d.floor, floor)
	d.taken[o.Transfer] = o.Number
	d.admitted(o)
	return o, true
}

// sync makes what was written durable, regularly.
func (d *device) syncRegularly(k *work) {
	d.w.clock.After(syncGap, func() {
		if k.over || !d.alive || k.staging == nil {
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
		d.trouble(err)
		return false
	}
	d.durable[k.no] = before
	return true
}

// commit moves what is whole to its final names and sends the receipt.
func (d *device) commit(k *work) {
	_, err := d.tryCommit(k)
	if errors.Is(err, context.Canceled) {
		d.commitAgain(k)
		return
	}
	if err != nil {
		d.trouble(err)
		return
	}
	d.checkFiles()
	if !k.staging.Done() {
		d.w.fail("device %d: transfer %d has all blocks, but not all outcomes", d.i, k.no)
		return
	}
	result := "superseded"
	for _, o := range k.staging.Outcomes() {
		if o.Result != spool.Superseded {
			result = "verified"
		}
		if o.Result == spool.Rejected {
			d.w.fail("device %d: %s is refused: %s", d.i, o.Path, o.Reason)
		}
	}
	if err := k.staging.Remove(); err != nil {
		d.trouble(err)
		return
	}
	delete(d.durable, k.no)
	k.staged, k.staging = true, nil
	d.receipts[k.no], d.roots[k.no] = result, k.offer.IndexDigest
	d.ask(func() { d.w.server.receipt(k.no, d.i, result) })
	if k.machine == nil {
		d.leave()
	}
}
