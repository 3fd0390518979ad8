package delivery

import (
	"context"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/history"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/schedule"
	"github.com/groupcast/groupcast/internal/sender"
	"github.com/groupcast/groupcast/internal/store"
)

const (
	progressEvery = 250 * time.Millisecond // events of a running transfer (at most 4 a second)
	sampleEvery   = time.Second            // samples of a running transfer
	keepEvery     = time.Minute            // progress to the store, one row a transfer
)

// noteReport notes what a device reported over HTTPS.
func (e *Engine) noteReport(dev protocol.DeviceID, r groupcast.AgentReport) {
	e.mu.Lock()
	defer e.mu.Unlock()
	now := e.now()
	e.sched.Reported(now, r.Transfer, dev, r.Work)
	e.book.Report(now, dev, e.infos[r.Transfer], r, e.isOwed(r.Transfer, dev))
}

// isOwed says whether the schedule expects something of a device; the lock is held.
func (e *Engine) isOwed(no protocol.TransferNo, dev protocol.DeviceID) bool {
	_, owed := e.sched.Delivery(no, dev)
	return owed
}

// notice notes what a session knows of its devices.
func (e *Engine) notice(r *run, st sender.Status) {
	e.mu.Lock()
	defer e.mu.Unlock()
	tr, open := e.infos[r.no]
	for _, d := range st.Devices {
		if open && e.isOwed(r.no, d.Device) && !d.LastReport.IsZero() {
			e.book.Session(tr, d)
		}
	}
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
	var forged []protocol.GroupID
	for _, r := range e.current() {
		st := r.sender.Status()
		total += st.Session.Rate / 8
		e.notice(r, st)
		if e.noteForging(ctx, r, st.Forging) {
			forged = append(forged, r.sender.Offer().Group)
		}
		moved[r.no] = true
	}
	if len(forged) > 0 { // other sessions follow, with MACs
		e.stop(e.interrupt(forged, func(protocol.GroupID) {}))
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
	return e.book.TakeMoved()
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
	return e.book.Last(no, dev)
}

// keepProgress writes how far the devices are of transfers of which more is known than before, a row each,
// and what they cost over HTTPS.
func (e *Engine) keepProgress(ctx context.Context) {
	e.mu.Lock()
	devices, fetched := e.book.TakeUnkept()
	e.mu.Unlock()
	for no, n := range fetched {
		e.count(no, n)
	}
	rows := map[protocol.TransferNo][]byte{}
	for no, d := range devices {
		b, err := history.EncodeProgress(d)
		if err != nil {
			e.log.Error("progress could not be encoded", "transfer", no, "err", err)
			continue
		}
		rows[no] = b
	}
	if len(rows) == 0 {
		return
	}
	if err := e.store.KeepProgress(ctx, rows); err != nil && ctx.Err() == nil {
		e.log.Error("progress could not be written", "err", err)
	}
}

// knowProgress reads how far devices were before the server was started again.
func (e *Engine) knowProgress(ctx context.Context) error {
	rows, err := e.store.KeptProgress(ctx)
	if err != nil {
		return err
	}
	for no, b := range rows {
		devices, err := history.DecodeProgress(b)
		if err != nil {
			e.log.Warn("progress cannot be read", "transfer", no, "err", err)
		}
		e.mu.Lock()
		for _, d := range devices {
			if e.isOwed(no, d.Device) {
				e.book.Know(no, d)
			}
		}
		e.mu.Unlock()
	}
	return nil
}

// noteLast writes how far deliveries got that ended without a receipt, and forgets the progress of
// transfers that are over.
func (e *Engine) noteLast(last []groupcast.Delivery, over ...protocol.TransferNo) {
	if len(last)+len(over) == 0 {
		return
	}
	if err := e.store.NoteProgress(context.Background(), last, over...); err != nil {
		e.log.Error("the last progress could not be written", "err", err)
	}
}

// uncounted is what a transfer cost over HTTPS that the store has not counted yet.
func (e *Engine) uncounted(no protocol.TransferNo) uint64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.book.Uncounted(no)
}
