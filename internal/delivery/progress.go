package delivery

import (
	"context"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/schedule"
	"github.com/groupcast/groupcast/internal/sender"
	"github.com/groupcast/groupcast/internal/store"
	"github.com/groupcast/groupcast/internal/telemetry"
)

const (
	progressEvery = 250 * time.Millisecond // events of a running transfer (at most 4 a second)
	sampleEvery   = time.Second            // samples of a running transfer
	keepEvery     = time.Minute            // progress to the store, one row a transfer
)

// progress is how far a delivery is.
type progress struct {
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

// entry gives the progress of a delivery; the lock is held. Of what is owed no more nothing is kept.
func (e *Engine) entry(no protocol.TransferNo, dev protocol.DeviceID) *progress {
	key := deliveryKey{no, dev}
	if p := e.seen[key]; p != nil {
		return p
	}
	p := &progress{path: groupcast.PathUnknown}
	if _, owed := e.sched.Delivery(no, dev); owed {
		e.seen[key] = p
	}
	return p
}

// noteReport notes what a device reported over HTTPS. A feedback body that came so has the progress in it,
// for the session.
func (e *Engine) noteReport(dev protocol.DeviceID, r groupcast.AgentReport) {
	e.mu.Lock()
	defer e.mu.Unlock()
	tr, now := e.infos[r.Transfer], e.now()
	e.sched.Heard(now, r.Transfer, dev)
	p := e.entry(r.Transfer, dev)
	if r.Path == groupcast.PathMulticast || r.Path == groupcast.PathHTTPS {
		p.path = r.Path
	}
	if len(r.Feedback) > 0 {
		return
	}
	if r.Work != nil {
		p.work = workOf(*r.Work, tr.Entries(), now)
		e.moved[r.Transfer] = true
		return
	}
	p.work = nil
	p.blocks, p.bytes, p.bar = min(max(r.Blocks, 0), tr.Blocks), min(r.Bytes, tr.Bytes), nil
	if len(r.Bar) == protocol.BarBytes {
		p.bar = r.Bar // else none: an old one would not agree with the bytes
	}
	p.told, p.dirty = now, true
	e.unkept[r.Transfer] = true
	e.moved[r.Transfer] = true
}

// workFor is how long the last reported work of a device counts as current.
const workFor = 30 * time.Second

// workOf takes the work that a device reports, within possible bounds.
func workOf(w groupcast.Work, entries int, now time.Time) *groupcast.Work {
	if w.Phase != groupcast.WorkLooking && w.Phase != groupcast.WorkWriting {
		return nil
	}
	w.Of = min(max(w.Of, 0), entries)
	w.Done, w.At = min(max(w.Done, 0), w.Of), now
	return &w
}

// atWork is what a device is at right now; nil if nothing is known.
func (p *progress) atWork(now time.Time) *groupcast.Work {
	if p == nil || p.work == nil || now.Sub(p.work.At) > workFor {
		return nil
	}
	w := *p.work
	return &w
}

// notice notes what a session knows of its devices.
func (e *Engine) notice(r *run, st sender.Status) {
	e.mu.Lock()
	defer e.mu.Unlock()
	tr := e.infos[r.no]
	for _, d := range st.Devices {
		if _, owed := e.sched.Delivery(r.no, d.Device); !owed || d.LastReport.IsZero() {
			continue
		}
		p := e.entry(r.no, d.Device)
		if d.LastReport.Before(p.told) {
			continue // it has told more over HTTPS since
		}
		p.blocks, p.loss, p.bar = ofStream(tr, d.Blocks), d.LossPercent, d.Bar[:]
		p.path, p.dirty = groupcast.PathMulticast, true
		p.bytes, p.told = bytesOf(tr, p.blocks), d.LastReport
		e.unkept[r.no] = true
	}
}

// ofStream is how many blocks of the files are among a session's: a device needs index and
// manifest before any of them.
func ofStream(tr store.Transfer, session int) int {
	return min(max(session-1-int(tr.ManifestBlocks), 0), tr.Blocks)
}

// bytesOf is what so many of a transfer's blocks hold, whichever they are.
func bytesOf(tr store.Transfer, blocks int) uint64 {
	if tr.Blocks == 0 {
		return 0
	}
	return min(uint64(float64(tr.Bytes)*float64(blocks)/float64(tr.Blocks)), tr.Bytes)
}

// blocksOf is how many of a transfer's blocks so many bytes fill, whichever they are.
func blocksOf(tr store.Transfer, bytes uint64) int {
	if bytes >= tr.Bytes {
		return tr.Blocks
	}
	return int(float64(tr.Blocks) * float64(bytes) / float64(tr.Bytes))
}

// current lists the runs there are now.
func (e *Engine) current() []*run {
	e.mu.Lock()
	defer e.mu.Unlock()
	out := make([]*run, 0, len(e.runs))
	for _, r := range e.runs {
		out = append(out, r)
	}
	return out
}

// watch publishes progress while sessions run, until ctx ends.
func (e *Engine) watch(ctx context.Context) {
	tick := time.NewTicker(progressEvery)
	defer tick.Stop()
	for n := 1; ; n++ {
		select {
		case <-ctx.Done():
			e.keepProgress(context.WithoutCancel(ctx))
			e.history.Save(context.WithoutCancel(ctx), e.now().Add(time.Second))
			return
		case <-tick.C:
		}
		e.tellProgress(ctx)
		if n%int(sampleEvery/progressEvery) == 0 {
			e.sampleSeries(ctx)
		}
		if n%int(keepEvery/progressEvery) == 0 {
			e.keepProgress(ctx)
		}
	}
}

func (e *Engine) tellProgress(ctx context.Context) {
	var total uint64
	moved := e.takeMoved()
	for _, r := range e.current() {
		st := r.sender.Status()
		total += st.Session.Rate / 8
		e.notice(r, st)
		e.noteForging(ctx, r, st.Forging)
		moved[r.no] = true
	}
	e.lines.Uses(total)
	for no := range moved {
		if tr, err := e.Transfer(ctx, no); err == nil { // else it is closed meanwhile
			e.screens.Publish(groupcast.Event{Kind: groupcast.EventProgress, Group: tr.Group, Transfer: no, Data: tr})
		}
	}
}

func (e *Engine) takeMoved() map[protocol.TransferNo]bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	moved := e.moved
	e.moved = map[protocol.TransferNo]bool{}
	return moved
}

// noteSession keeps what a session showed of its devices: by which path and with what loss
// data reaches them.
func (e *Engine) noteSession(ctx context.Context, st sender.Status) {
	heard := make(map[protocol.DeviceID]sender.DeviceStatus, len(st.Devices))
	for _, d := range st.Devices {
		if !d.LastReport.IsZero() {
			heard[d.Device] = d
		}
	}
	if len(heard) == 0 {
		return
	}
	devices, err := e.store.Devices(ctx, "", groupcast.Window{})
	if err != nil {
		e.log.Error("devices could not be read", "err", err)
		return
	}
	var changed []groupcast.Device
	for _, d := range devices.Rows {
		if h, ok := heard[d.ID]; ok {
			d.LossPercent, d.Path = h.LossPercent, groupcast.PathMulticast
			changed = append(changed, d)
		}
	}
	if err := e.store.UpdateDevices(ctx, changed); err != nil {
		e.log.Error("devices could not be noted", "err", err)
	}
}

// state is where a delivery stands while it is owed; the lock is held.
func (e *Engine) state(key deliveryKey) groupcast.DeliveryState {
	d, owed := e.sched.Delivery(key.no, key.dev)
	if !owed {
		return groupcast.DeliveryQueued
	}
	switch d.State {
	case schedule.StateMulticast, schedule.StateStored, schedule.StateHTTPS:
		return groupcast.DeliveryReceiving
	case schedule.StateRefused:
		return groupcast.DeliveryRefused
	default:
		return groupcast.DeliveryQueued
	}
}

// progressOf is how far a device is with a transfer; nil if it has reported nothing.
func (e *Engine) progressOf(no protocol.TransferNo, dev protocol.DeviceID) *store.Progress {
	e.mu.Lock()
	defer e.mu.Unlock()
	p := e.seen[deliveryKey{no, dev}]
	if p == nil || p.told.IsZero() {
		return nil
	}
	return &store.Progress{Blocks: p.blocks, Bytes: p.bytes, LossPercent: p.loss, Bar: p.bar, Path: p.path}
}
