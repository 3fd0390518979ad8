package sim

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/groupcast/groupcast/internal/fec"
	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/recv"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/spool"
	"github.com/groupcast/groupcast/internal/wire"
)

// work is what a device does about one offer: a driver of recv.Receiver, of the HTTPS
// catch-up, or of both.
type work struct {
	no       protocol.TransferNo
	offer    wire.Offer
	bytes    []byte
	layout   *manifest.Layout
	raw      []byte // the manifest's block, before the index is known
	staging  *spool.Staging
	staged   bool // and removed again: all is done
	keys     *seal.Session
	feedback *seal.FeedbackSealer
	machine  *recv.Receiver
	newest   uint64 // SYNC
	tick     uint64
	begun    time.Time
	busy     int // blocks between ready and stored
	wanted   *protocol.BlockSet
	all      bool // fetch everything over HTTPS
	fetching bool
	over     bool
}

// begin puts a work in the place of the one before.
func (d *device) begin(o wire.Offer, b []byte) bool {
	d.putOff(o.Transfer)
	l, err := manifest.NewLayout(o)
	if err != nil {
		d.w.fail("device %d: layout: %v", d.i, err)
		return false
	}
	k := &work{no: o.Transfer, offer: o, bytes: b, layout: l, begun: d.w.clock.Now()}
	d.work = k
	raw, known, err := d.spool.Manifest(o.Transfer)
	if err != nil {
		d.trouble(err)
		return false
	}
	if !known {
		return true
	}
	whole, err := l.WithManifest(raw)
	if err != nil && d.w.server.transfer(o.Transfer).first != nil {
		d.w.count("device: manifest of an earlier content")
		return true
	}
	if err != nil {
		d.w.fail("device %d: the manifest kept in the spool: %v", d.i, err)
		return false
	}
	return d.stage(k, whole)
}

// putOff leaves what the device is doing for another transfer, and says so.
func (d *device) putOff(next protocol.TransferNo) {
	if k := d.work; k != nil && k.no != next && !k.staged {
		no := k.no
		d.ask(func() { d.w.server.putOff(no, d.i) })
	}
	d.leave()
}

// stage opens the staging; the oracle holds it against what was durable before.
func (d *device) stage(k *work, whole *manifest.Layout) bool {
	s, err := d.spool.Stage(context.Background(), k.no, whole)
	if err != nil {
		d.trouble(fmt.Errorf("stage transfer %d: %w", k.no, err))
		return false
	}
	k.layout, k.staging = whole, s
	if d.staged[k.no] != k.offer.IndexDigest { // blocks have other numbers now
		delete(d.durable, k.no)
		d.staged[k.no] = k.offer.IndexDigest
	}
	d.resumed(k)
	d.syncRegularly(k)
	return true
}

// ready tells the server what the device lacks.
func (d *device) ready() {
	k := d.work
	var lacks []protocol.Range
	if k.staging != nil {
		lacks = k.staging.Has().Missing(4096)
	}
	all, session, no := k.staging == nil && !k.staged, k.offer.Session, k.no
	d.ask(func() {
		if run := d.w.server.session; run != nil && run.offer.Session == session {
			run.ready(d.i, lacks, all)
			return
		}
		d.w.count("hand-out: refused")
		d.w.server.remind(no, d.i)
	})
}

// handout takes the keys.
func (d *device) handout(session protocol.SessionID, h handout) {
	k := d.work
	if k == nil || k.offer.Session != session {
		return
	}
	keys, err := seal.NewSession(h.secret, k.bytes)
	if err != nil {
		d.w.fail("device %d: the key of the hand-out: %v", d.i, err)
		return
	}
	k.keys, k.feedback = keys, seal.NewFeedbackSealer(h.key, h.id)
	d.keys = append(d.keys, keys)
	d.keys = d.keys[max(0, len(d.keys)-maxKeys):]
	if k.machine == nil {
		d.receive(k, h)
	}
	d.pump(k)
}

func (d *device) receive(k *work, h handout) {
	k.newest = h.first.Sequence
	maxK := int(k.offer.MaxK)
	cfg := recv.Config{
		Layout: k.layout, Blocks: int(1 + k.offer.ManifestBlocks + k.offer.Blocks), SymbolSize: d.w.plan.symbol,
		MaxK: maxK, PoolBytes: d.w.plan.poolSlabs * maxK * d.w.plan.symbol, RingBytes: d.w.plan.ringBytes, First: h.first,
	}
	if k.staging != nil {
		cfg.Have = k.staging.Has()
	}
	k.machine = recv.New(cfg, d.w.clock.Now(), rand.New(rand.NewPCG(d.rnd.Uint64(), 6)))
	if h.started && k.staging == nil && chance(d.rnd, 0.5) {
		d.fetchManifest(k)
	}
}

// pump does what the machine wants done.
func (d *device) pump(k *work) {
	if k.over || k.machine == nil || !d.alive {
		return
	}
	now := d.w.clock.Now()
	for e, ok := k.machine.NextEvent(); ok; e, ok = k.machine.NextEvent() {
		d.event(k, e)
		if k.over {
			return
		}
	}
	for f, ok := k.machine.NextFeedback(now); ok; f, ok = k.machine.NextFeedback(now) {
		d.feed(k, f)
	}
	d.bounded(k)
	k.tick++
	tick := k.tick
	if t, ok := k.machine.NextTimeout(); ok {
		d.w.clock.At(t, func() {
			if tick == k.tick && !k.over && d.alive {
				k.machine.HandleTimeout(d.w.clock.Now())
				d.pump(k)
			}
		})
	}
}

func (d *device) event(k *work, e recv.Event) {
	d.w.count("event: " + kindName(e.Kind))
	switch e.Kind {
	case recv.BlockReady:
		k.busy++
		k.machine.Backlog(k.busy)
		d.w.clock.After(d.plan.store, func() { d.decode(k, e) })
	case recv.CatchUp:
		d.w.count("device: catch-up asked")
		for _, r := range e.Ranges {
			d.want(k, r)
		}
		d.fetch(k)
	case recv.Done:
		d.finish(k)
	case recv.Ended:
		// The server says END: whoever lacks something asks over TLS, and is offered it again.
		d.leaveAfterEnd(k)
	case recv.Silent, recv.Unheard:
	}
}

func (d *device) leaveAfterEnd(k *work) {
	if k.staging != nil && !d.makeDurable(k) {
		return
	}
	if d.work == k && !k.all {
		d.leave()
	}
}

// feed seals a feedback and puts it onto the wire.
func (d *device) feed(k *work, f wire.Feedback) {
	if d.plan.liar && !d.w.calm {
		d.lie(k, &f)
	}
	d.pretend(k, &f)
	d.fed++
	b := k.feedback.Seal(nil, f)
	d.w.note("feedback", uint64(d.i), f.SyncSequence, uint64(f.High), uint64(f.Verified), uint64(len(f.NACKs)),
		uint64(len(f.Ranges)))
	d.up.Send(len(b)+28, func() {
		if d.w.server.up {
			d.w.server.hear(b)
		}
	})
}

// decode rebuilds a block that is ready, verifies it and puts it where it belongs.
func (d *device) decode(k *work, e recv.Event) {
	if k.over || !d.alive {
		return
	}
	k.busy--
	k.machine.Backlog(k.busy)
	if e.Block < k.layout.FirstStream() && k.layout.Manifest() != nil {
		return // it came over HTTPS meanwhile, and its symbols were given back
	}
	size := d.w.plan.symbol
	n := protocol.SourceSymbols(e.Length, size)
	block := e.Memory // the device's own: what is kept of it is copied
	if e.Suspect {
		block = d.locate(e, n, size)
	} else if err := fec.NewCode().Reconstruct(e.Symbols, n, size, block); err != nil {
		d.w.fail("device %d: rebuild block %d: %v", d.i, e.Block, err)
		return
	}
	block = block[:e.Length]
	if e.Block < k.layout.FirstStream() {
		d.head(k, e.Block, block)
	} else {
		d.stored(k, e.Block, d.place(k, e.Block, block))
	}
	d.pump(k)
}

// locate gives what a block is without the symbols that were forged, as far as they can be told.
func (d *device) locate(e recv.Event, k, size int) []byte {
	factors, right := make([]byte, fec.Factors(size)), make([]byte, k*size)
	for i := range factors {
		factors[i] = byte(d.rnd.Uint32())
	}
	wrong, err := fec.NewCode().
		Locate(fec.Suspect{Block: e.Memory, Held: e.Held, More: e.Symbols}, k, size, factors, right)
	if err != nil {
		d.w.count("device: forged symbols not located")
		return e.Memory
	}
	for range wrong {
		d.w.count("device: forged symbol located")
	}
	return right
}

// place writes a block of the stream, if it is the manifest's.
func (d *device) place(k *work, b protocol.BlockNumber, block []byte) recv.Outcome {
	if !k.layout.Verify(b, block) && d.w.sabotage != SkipDigest {
		d.w.count("device: mismatch")
		return recv.Mismatch
	}
	if k.staging == nil {
		return recv.Stored // it came twice, and all is done
	}
	if err := k.staging.WriteBlock(b, block); err != nil {
		d.trouble(err)
		return recv.Failed
	}
	return recv.Stored
}

func (d *device) stored(k *work, b protocol.BlockNumber, o recv.Outcome) {
	if k.over || k.machine == nil {
		return
	}
	k.machine.BlockStored(d.w.clock.Now(), b, o)
}

// head takes a block of index or manifest.
func (d *device) head(k *work, b protocol.BlockNumber, block []byte) {
	if k.layout.Manifest() != nil {
		d.stored(k, b, recv.Stored) // it came over HTTPS meanwhile
		return
	}
	if b == 0 {
		l, err := k.layout.WithIndex(block)
		if err != nil {
			d.w.count("device: mismatch")
			d.stored(k, 0, recv.Mismatch)
			return
		}
		k.layout = l
		d.stored(k, 0, recv.Stored)
		if k.raw != nil {
			d.manifest(k, k.raw)
		}
		return
	}
	if _, known := k.layout.Digest(b); !known {
		k.raw = bytes.Clone(block) // waits for the index
		return
	}
	d.manifest(k, block)
}

func (d *device) manifest(k *work, raw []byte) {
	if !k.layout.Verify(1, raw) {
		d.w.count("device: mismatch")
		k.raw = nil
		d.stored(k, 1, recv.Mismatch)
		return
	}
	d.w.count("manifest: by group")
	d.known(k, bytes.Clone(raw))
}

// known goes on with the whole layout.
func (d *device) known(k *work, raw []byte) {
	l, err := k.layout.WithManifest(raw)
	if err != nil {
		d.w.fail("device %d: the manifest: %v", d.i, err)
		return
	}
	if !d.stage(k, l) || k.machine == nil {
		return
	}
	for b := range l.FirstStream() {
		d.stored(k, b, recv.Stored)
	}
	k.machine.SetLayout(d.w.clock.Now(), l, k.staging.Has())
}

// finish is for a work that has every block.
func (d *device) finish(k *work) {
	if k.staging == nil || k.staging.Missing() > 0 {
		if !k.staged {
			d.w.fail("device %d: done, but blocks are missing", d.i)
		}
		return
	}
	if d.makeDurable(k) {
		d.commit(k)
	}
}
