package receiver

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"github.com/groupcast/groupcast/internal/fec"
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
		r.format.store(e.Block, r.decode(code, e))
	}
}

// decode gives the bytes of a block from its symbols. If a symbol was forged they are wrong, which the
// digest shows.
func (r *Receiver) decode(code *fec.Code, e recv.Event) []byte {
	size := r.offer.symbol
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

// Supply takes a block that was fetched over HTTPS, in a paged session by its number in the stream. It is verified
// like any other.
func (r *Receiver) Supply(b protocol.BlockNumber, data []byte) error { return r.format.supply(b, data) }

// supplied tells the machine of a block of the stream that was fetched, verified and stored.
func (r *Receiver) supplied(b protocol.BlockNumber, bytes int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.bytes += uint64(bytes)
	now := time.Now()
	r.machine.BlockSupplied(now, b)
	r.afterBlock(now)
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
		if err := r.format.sync(); err != nil {
			r.fail(fmt.Errorf("making blocks durable: %w", err))
		}
	}
}

// Status is a snapshot of a session at a device.
type Status struct {
	Verified int // blocks, index and manifest included
	Blocks   int
	Devices  int    // of the group
	Bytes    uint64 // of the stream, verified
	Manifest bool   // known, or of a paged session the skeleton
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
	known := r.format.known()
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
		Verified: m.Verified, Blocks: m.Blocks, Devices: m.Devices, Bytes: r.bytes, Manifest: known, Rate: m.Rate,
		Received: m.Received, Lost: m.Declared - min(m.Declared, m.Received), Heard: m.Heard, Drops: drops,
		Overrun: uint64(r.overrun), Forged: m.Forged,
	}
}
