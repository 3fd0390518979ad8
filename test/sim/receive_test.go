package sim

import (
	"bytes"
	"math/rand/v2"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/agent/loop"
	"github.com/groupcast/groupcast/internal/fec"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/recv"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/wire"
)

// linger is how long a device that has everything waits to report so.
const linger = 50 * time.Millisecond

// postEvery is between two feedback bodies over HTTPS.
const postEvery = 500 * time.Millisecond

// receive takes part in a session with the keys that were handed out.
func (d *device) receive(k *work, h handout) {
	keys, err := seal.NewSession(h.secret, k.bytes)
	if err != nil {
		d.w.fail("device %d: the key of the hand-out: %v", d.i, err)
		return
	}
	k.keys, k.feedback = keys, seal.NewFeedbackSealer(h.key, h.id)
	d.keys = append(d.keys, keys)
	d.keys = d.keys[max(0, len(d.keys)-maxKeys):]
	k.newest = h.first.Sequence
	maxK := int(k.offer.MaxK)
	cfg := recv.Config{
		Layout: k.layout, Blocks: k.blocks(), SymbolSize: d.w.plan.symbol, MaxK: maxK,
		PoolBytes: d.w.plan.poolSlabs * maxK * d.w.plan.symbol, RingBytes: d.w.plan.ringBytes, First: h.first,
		Waiting: !h.started,
	}
	if k.staging != nil {
		cfg.Have = k.staging.Has()
	}
	k.machine = recv.New(cfg, d.w.clock.Now(), rand.New(rand.NewPCG(d.rnd.Uint64(), 6)))
	k.path, k.begun = groupcast.PathMulticast, d.w.clock.Now()
	d.listening = append(d.listening, k)
	d.pump(k)
}

// blocks is how many the session has.
func (k *work) blocks() int { return int(1 + k.offer.ManifestBlocks + k.offer.Blocks) }

// pump does what the machine wants done.
func (d *device) pump(k *work) {
	if k.over || k.machine == nil || !d.alive {
		return
	}
	now := d.w.clock.Now()
	if d.events(k); k.over || k.machine == nil {
		return
	}
	for f, ok := k.machine.NextFeedback(now); ok; f, ok = k.machine.NextFeedback(now) {
		if d.events(k); k.over || k.machine == nil {
			return
		}
		d.feed(k, f)
		if k.over || k.machine == nil {
			return
		}
	}
	d.bounded(k)
	k.tick++
	tick := k.tick
	if t, ok := k.machine.NextTimeout(); ok {
		d.w.clock.At(t, func() {
			if tick == k.tick && !k.over && d.alive && k.machine != nil {
				k.machine.HandleTimeout(d.w.clock.Now())
				d.pump(k)
			}
		})
	}
}

// storing is how long a block takes: as long as the disk hangs, none is stored.
func (d *device) storing() time.Duration {
	if since := d.w.clock.Now().Sub(d.w.start); since >= d.plan.hangs.from && since < d.plan.hangs.to {
		d.w.count("fault: disk hangs")
		return d.plan.hangs.to - since + d.plan.store
	}
	return d.plan.store
}

func (d *device) events(k *work) {
	for e, ok := k.machine.NextEvent(); ok; e, ok = k.machine.NextEvent() {
		d.event(k, e)
		if k.over || k.machine == nil {
			return
		}
	}
}

func (d *device) event(k *work, e recv.Event) {
	d.w.count("event: " + kindName(e.Kind))
	switch e.Kind {
	case recv.BlockReady:
		k.busy++
		k.machine.Backlog(k.busy)
		d.w.clock.After(d.storing(), func() { d.decode(k, e) })
	case recv.CatchUp:
		d.w.count("device: catch-up asked")
		for _, r := range e.Ranges {
			d.want(k, r)
		}
		d.report(k, e.Reason)
		d.fetch(k)
	case recv.Silent:
		k.silent = true
		d.report(k, e.Reason)
		d.fetch(k)
	case recv.Unheard:
		k.unheard = true
	case recv.Done:
		d.after(k, linger, func() { d.listened(k) })
	case recv.Ended:
		// The server says END: whoever lacks something is offered it again.
		if k.staging != nil && !d.makeDurable(k) {
			return
		}
		if k.staging != nil && k.staging.Missing() == 0 {
			d.listened(k)
			return
		}
		d.ends(k, loop.Outcome{})
	}
}

// listened comes when a device has everything that the session brings.
func (d *device) listened(k *work) {
	if k.machine == nil || k.over {
		return
	}
	d.hangUp(k)
	d.finish(k)
}

// feed seals a feedback and puts it onto the wire.
func (d *device) feed(k *work, f wire.Feedback) {
	done := f.Flags&wire.FeedbackDone != 0
	if d.plan.liar && !d.w.calm {
		d.lie(k, &f)
	}
	d.pretend(k, &f)
	d.fed++
	b := k.feedback.Seal(nil, f)
	d.w.note("feedback", uint64(d.i), f.SyncSequence, uint64(f.High), uint64(f.Verified), uint64(len(f.NACKs)),
		uint64(len(f.Ranges)))
	d.up.Send(len(b)+28, func() {
		if d.w.server.up() {
			d.w.server.hear(b)
		}
	})
	if asks := len(f.NACKs)+len(f.Ranges) > 0; k.unheard && (asks || !k.asks) {
		k.body, k.asks = wire.AppendFeedback(nil, f), asks
		d.postBody(k)
	}
	if done {
		d.listened(k)
	}
}

// postBody posts feedback over HTTPS that UDP does not seem to bring to the server.
func (d *device) postBody(k *work) {
	if k.posting || k.body == nil {
		return
	}
	k.posting = true
	wait := max(0, k.posted.Add(postEvery).Sub(d.w.clock.Now()))
	d.after(k, wait, func() {
		r := groupcast.AgentReport{Transfer: k.no, Path: groupcast.PathMulticast, Feedback: k.body}
		k.posted, k.body, k.asks = d.w.clock.Now(), nil, false
		d.call(func(answer func(error)) { answer(d.w.server.report(d.i, r)) }, func(error) {
			k.posting = false
			if !k.over {
				d.postBody(k)
			}
		})
	})
}

// decode rebuilds a block that is ready, verifies it and puts it where it belongs.
func (d *device) decode(k *work, e recv.Event) {
	if k.over || !d.alive || k.machine == nil {
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
	if err := k.staging.WriteBlock(b, block); err != nil {
		d.trouble(k, err)
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
	d.knows(k, bytes.Clone(raw))
}

// knows goes on with the whole layout.
func (d *device) knows(k *work, raw []byte) {
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
