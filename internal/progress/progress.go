// Package progress keeps how far devices are with the transfers that they are owed: what they reported, what a
// session knows of them, and what the store does not have yet.
package progress

import (
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/sender"
	"github.com/groupcast/groupcast/internal/store"
	"github.com/groupcast/groupcast/internal/telemetry"
)

// workFor is how long the last reported work of a device counts as current.
const workFor = 30 * time.Second

type key struct {
	no  protocol.TransferNo
	dev protocol.DeviceID
}

// entry is how far a delivery is.
type entry struct {
	blocks int
	bytes  uint64
	loss   float64
	bar    []byte
	path   groupcast.Path
	told   time.Time // when the device said so
	dirty  bool      // more is known than at the last sample
	work   *groupcast.Work
	gave   uint64 // bytes handed over for HTTPS in this process
	pace   telemetry.Pace
}

// Book is how far deliveries are. It has no lock: its owner has one.
type Book struct {
	seen    map[key]*entry
	moved   map[protocol.TransferNo]bool   // reported over HTTPS since the last event of progress
	unkept  map[protocol.TransferNo]bool   // progress that the store does not have yet
	fetched map[protocol.TransferNo]uint64 // bytes over HTTPS that the store has not counted yet
}

// NewBook is a book without deliveries.
func NewBook() *Book {
	return &Book{
		seen: map[key]*entry{}, moved: map[protocol.TransferNo]bool{}, unkept: map[protocol.TransferNo]bool{},
		fetched: map[protocol.TransferNo]uint64{},
	}
}

// Len counts the deliveries of which something is known.
func (b *Book) Len() int { return len(b.seen) }

// entry gives the progress of a delivery. Of what is owed no more nothing is kept.
func (b *Book) entry(k key, owed bool) *entry {
	if p := b.seen[k]; p != nil {
		return p
	}
	p := &entry{path: groupcast.PathUnknown}
	if owed {
		b.seen[k] = p
	}
	return p
}

// Report notes what a device reported over HTTPS. A feedback body that came so has the progress in it,
// for the session.
func (b *Book) Report(now time.Time, dev protocol.DeviceID, tr store.Transfer, r groupcast.AgentReport, owed bool) {
	p := b.entry(key{r.Transfer, dev}, owed)
	if r.Path == groupcast.PathMulticast || r.Path == groupcast.PathHTTPS {
		p.path = r.Path
	}
	if len(r.Feedback) > 0 {
		return
	}
	if r.Work != nil {
		p.work = workOf(*r.Work, tr.Entries(), now)
		b.moved[r.Transfer] = true
		return
	}
	p.work = nil
	p.blocks, p.bytes, p.bar = min(max(r.Blocks, 0), tr.Blocks), min(r.Bytes, tr.Bytes), nil
	if len(r.Bar) == protocol.BarBytes {
		p.bar = r.Bar // else none: an old one would not agree with the bytes
	}
	p.told, p.dirty = now, true
	b.unkept[r.Transfer] = true
	b.moved[r.Transfer] = true
}

// workOf takes the work that a device reports, within possible bounds.
func workOf(w groupcast.Work, entries int, now time.Time) *groupcast.Work {
	if w.Phase != groupcast.WorkLooking && w.Phase != groupcast.WorkWriting {
		return nil
	}
	w.Of = min(max(w.Of, 0), entries)
	w.Done, w.At = min(max(w.Done, 0), w.Of), now
	return &w
}

// Work is what a device is at right now; nil if nothing is known.
func (b *Book) Work(now time.Time, no protocol.TransferNo, dev protocol.DeviceID) *groupcast.Work {
	p := b.seen[key{no, dev}]
	if p == nil || p.work == nil || now.Sub(p.work.At) > workFor {
		return nil
	}
	w := *p.work
	return &w
}

// Session notes what a session knows of a device that is owed its transfer.
func (b *Book) Session(tr store.Transfer, d sender.DeviceStatus) {
	p := b.entry(key{tr.No, d.Device}, true)
	if d.LastReport.Before(p.told) {
		return // it has told more over HTTPS since
	}
	p.blocks, p.loss, p.bar = ofStream(tr, d.Blocks), d.LossPercent, d.Bar[:]
	p.path, p.dirty = groupcast.PathMulticast, true
	p.bytes, p.told = bytesOf(tr, p.blocks), d.LastReport
	b.unkept[tr.No] = true
}

// ofStream is how many blocks of the files are among a session's: a device needs index and
// manifest before any of them. A session of a paged transfer counts those of the files only.
func ofStream(tr store.Transfer, session int) int {
	if tr.Paged {
		return min(max(session, 0), tr.Blocks)
	}
	return min(max(session-1-int(tr.ManifestBlocks), 0), tr.Blocks)
}

// bytesOf is what so many of a transfer's blocks hold, whichever they are.
func bytesOf(tr store.Transfer, blocks int) uint64 {
	if tr.Blocks == 0 {
		return 0
	}
	return min(uint64(float64(tr.Bytes)*float64(blocks)/float64(tr.Blocks)), tr.Bytes)
}

// BlocksOf is how many of a transfer's blocks so many bytes fill, whichever they are.
func BlocksOf(tr store.Transfer, bytes uint64) int {
	if bytes >= tr.Bytes {
		return tr.Blocks
	}
	return int(float64(tr.Blocks) * float64(bytes) / float64(tr.Bytes))
}

// Gave notes bytes that are handed over to a device for HTTPS.
func (b *Book) Gave(no protocol.TransferNo, dev protocol.DeviceID, n uint64, owed bool) {
	b.entry(key{no, dev}, owed).gave += n
}

// At is how many bytes a device has, and what it receives in bytes a second; false: nothing is known.
func (b *Book) At(no protocol.TransferNo, dev protocol.DeviceID) (bytes uint64, rate float64, known bool) {
	p := b.seen[key{no, dev}]
	if p == nil {
		return 0, 0, false
	}
	return p.bytes, p.pace.Rate, true
}

// Show adds to a delivery how far it is.
func (b *Book) Show(d *groupcast.Delivery) {
	p := b.seen[key{d.Transfer, d.DeviceID}]
	if p == nil {
		return
	}
	d.Blocks, d.Bytes, d.LossPercent, d.Bar = p.blocks, p.bytes, p.loss, p.bar
	if p.path != groupcast.PathUnknown {
		d.Path = p.path
	}
}

// Last is how far a device is with a transfer; nil if it has reported nothing.
func (b *Book) Last(no protocol.TransferNo, dev protocol.DeviceID) *store.Progress {
	p := b.seen[key{no, dev}]
	if p == nil || p.told.IsZero() {
		return nil
	}
	return &store.Progress{Blocks: p.blocks, Bytes: p.bytes, LossPercent: p.loss, Bar: p.bar, Path: p.path}
}

// TakeMoved gives the transfers of which something was reported over HTTPS since the last call.
func (b *Book) TakeMoved() map[protocol.TransferNo]bool {
	moved := b.moved
	b.moved = map[protocol.TransferNo]bool{}
	return moved
}

// Sample completes samples of transfers that run, and adds those of transfers that only move over HTTPS; size is
// how many bytes a transfer has.
func (b *Book) Sample(
	now time.Time, out map[protocol.TransferNo]telemetry.Sample, size func(protocol.TransferNo) uint64,
) {
	for k, p := range b.seen {
		p.pace.Look(now, p.bytes)
		if _, running := out[k.no]; p.dirty && !running {
			out[k.no] = telemetry.Sample{Limiter: string(groupcast.PathHTTPS)}
		}
		p.dirty = false
	}
	for no, sm := range out {
		sm.At, sm.Size, sm.Verified = now, size(no), map[protocol.DeviceID]uint64{}
		out[no] = sm
	}
	for k, p := range b.seen {
		if sm, ok := out[k.no]; ok {
			sm.Verified[k.dev] = p.bytes
			sm.HTTPS += p.gave
			out[k.no] = sm
		}
	}
}
