package receiver

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/fec"
	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/recv"
)

// work decodes, verifies and stores blocks that are complete, until the session closes.
func (r *Receiver) work() {
	code := fec.NewCode()
	for {
		e, ok := r.nextJob()
		if !ok {
			return
		}
		r.store(e.Block, r.decode(code, e))
	}
}

// decode gives the bytes of a block from its symbols. If a symbol was forged they are wrong, which the
// digest shows.
func (r *Receiver) decode(code *fec.Code, e recv.Event) []byte {
	size := int(r.offer.SymbolSize)
	k := protocol.SourceSymbols(e.Length, size)
	if !e.Suspect {
		if err := code.Reconstruct(e.Symbols, k, size, e.Memory); err != nil {
			return nil
		}
		return e.Memory[:e.Length]
	}
	factors := make([]byte, fec.Factors(size))
	_, _ = rand.Read(factors) // never fails
	right := make([]byte, k*size)
	suspect := fec.Suspect{Block: e.Memory, Held: e.Held, More: e.Symbols}
	if _, err := code.Locate(suspect, k, size, factors, right); err != nil {
		return nil
	}
	return right[:e.Length]
}

// nextJob waits for a block to decode; it is false when the session closes.
func (r *Receiver) nextJob() (recv.Event, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for len(r.jobs) == 0 && !r.closing {
		r.changed.Wait()
	}
	if r.closing {
		return recv.Event{}, false
	}
	e := r.jobs[0]
	r.jobs = r.jobs[1:]
	r.working++
	return e, true
}

// store verifies a decoded block and stores it.
func (r *Receiver) store(b protocol.BlockNumber, data []byte) {
	if b < r.manifest.first {
		for _, v := range r.manifest.put(b, data) {
			r.finishJob(v.block, v.outcome, 0)
		}
		if err := r.manifestReady(); err != nil {
			r.fail(err)
		}
		return
	}
	layout, store := r.manifest.staged()
	if store == nil {
		r.finishJob(b, recv.Failed, 0) // cannot happen: the machine waits for the layout
		return
	}
	if !layout.Verify(b, data) {
		r.finishJob(b, recv.Mismatch, 0)
		return
	}
	if err := store.WriteBlock(b, data); err != nil {
		r.finishJob(b, recv.Failed, 0)
		r.fail(fmt.Errorf("storing block %d: %w", b, err))
		return
	}
	r.finishJob(b, recv.Stored, len(data))
}

// finishJob gives the state machine the result of a block that a worker took.
func (r *Receiver) finishJob(b protocol.BlockNumber, o recv.Outcome, bytes int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.working--
	r.noteOutcome(b, o, bytes)
}

// noteOutcome gives the state machine the result of a block; the lock is held.
func (r *Receiver) noteOutcome(b protocol.BlockNumber, o recv.Outcome, bytes int) {
	now := time.Now()
	r.bytes += uint64(bytes)
	r.machine.BlockStored(now, b, o)
	r.afterBlock(now)
}

// afterBlock does what the machine asks for after a block; the lock is held.
func (r *Receiver) afterBlock(now time.Time) {
	r.machine.Backlog(len(r.jobs) + r.working)
	r.drain(now)
	if at, ok := r.machine.NextTimeout(); ok && at.Before(r.armed) {
		r.wakeLoop()
	}
}

// manifestReady calls OnManifest once all of the manifest is there.
func (r *Receiver) manifestReady() error {
	layout, raw, err := r.manifest.whole()
	if err != nil {
		const format = "the manifest of transfer %d is not acceptable"
		return groupcast.Errorf(groupcast.EInvalid, format, r.offer.Transfer).Wrap(err)
	}
	if layout == nil {
		return nil
	}
	store, have, err := r.cfg.OnManifest(layout, raw)
	if err != nil {
		return err
	}
	r.manifest.stage(store)
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	r.machine.SetLayout(now, layout, have)
	r.bytes += heldBytes(layout, have)
	r.drain(now)
	r.wakeLoop()
	return nil
}

// heldBytes is how many bytes of the stream are there already.
func heldBytes(l *manifest.Layout, have *protocol.BlockSet) (n uint64) {
	if have == nil {
		return 0
	}
	for b, ok := have.Next(l.FirstStream()); ok; b, ok = have.Next(b + 1) {
		length, _ := l.Length(b)
		n += uint64(length)
	}
	return n
}

// SupplyManifest takes the canonical manifest, which was fetched over HTTPS. When it returns nil,
// OnManifest has returned and Supply may be called.
func (r *Receiver) SupplyManifest(raw []byte) error {
	waiting, err := r.manifest.supply(raw)
	if err != nil {
		return err
	}
	r.mu.Lock()
	r.working -= waiting.Count()
	now := time.Now()
	for b := range r.manifest.first {
		if waiting.Has(b) {
			r.machine.BlockStored(now, b, recv.Stored)
		} else { // its symbols stay valid for a worker that may be decoding it
			r.machine.BlockSupplied(now, b)
		}
	}
	r.afterBlock(now)
	r.mu.Unlock()
	if err := r.manifestReady(); err != nil {
		return err
	}
	select { // it may have come by multicast at the same time
	case <-r.manifest.ready:
		return nil
	case <-r.gone:
		return ErrSessionOver
	}
}

// ErrNoManifest says that a block cannot be verified yet.
var ErrNoManifest = errors.New("the manifest is not known yet")

// Supply takes a block that was fetched over HTTPS. It is verified like any other.
func (r *Receiver) Supply(b protocol.BlockNumber, data []byte) error {
	layout, store := r.manifest.staged()
	if store == nil {
		return ErrNoManifest
	}
	if !layout.Verify(b, data) {
		return fmt.Errorf("block %d does not match the manifest", b)
	}
	if b < r.manifest.first {
		return nil // index or manifest, which are there
	}
	if err := store.WriteBlock(b, data); err != nil {
		return fmt.Errorf("storing block %d: %w", b, err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.bytes += uint64(len(data))
	now := time.Now()
	r.machine.BlockSupplied(now, b)
	r.afterBlock(now)
	return nil
}

// syncRegularly makes stored blocks durable while the session runs, so that little is lost in a crash.
func (r *Receiver) syncRegularly(ctx context.Context) {
	ticker := time.NewTicker(syncEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.gone:
			return
		case <-ticker.C:
		}
		if store := r.manifest.storeNow(); store != nil {
			if err := store.Sync(); err != nil {
				r.fail(fmt.Errorf("making blocks durable: %w", err))
			}
		}
	}
}

// Status is a snapshot of a session at a device.
type Status struct {
	Verified int // blocks, index and manifest included
	Blocks   int
	Devices  int    // of the group
	Bytes    uint64 // of the stream, verified
	Manifest bool   // known
	Rate     uint64 // bytes a second heard lately
	Received uint64 // packets
	Lost     uint64 // of those the server declared
	Overrun  uint64 // dropped by this machine's own socket
	Heard    time.Time
	Forged   int               // blocks with a wrong digest: a member of the group forged packets
	Drops    map[string]uint64 // packets not used, by reason
}

// Status is a snapshot of the session.
func (r *Receiver) Status() Status {
	_, store := r.manifest.staged()
	r.mu.Lock()
	defer r.mu.Unlock()
	m := r.machine.Status()
	drops := r.drops.Counts()
	for name, n := range map[string]uint64{
		"duplicate": m.Drops.Duplicate, "verified": m.Drops.Verified, "malformed": m.Drops.Malformed,
		"window": m.Drops.Window, "ring": m.Drops.Ring, "pool": m.Drops.Pool, "evicted": m.Drops.Evicted,
		"stale": m.Drops.Stale, "mismatched blocks": m.Drops.Mismatched,
	} {
		if n > 0 {
			drops[name] = n
		}
	}
	return Status{
		Verified: m.Verified, Blocks: m.Blocks, Devices: m.Devices, Bytes: r.bytes, Manifest: store != nil, Rate: m.Rate,
		Received: m.Received, Lost: m.Declared - min(m.Declared, m.Received), Heard: m.Heard, Drops: drops,
		Overrun: uint64(r.overrun), Forged: m.Forged,
	}
}
