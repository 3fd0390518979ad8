package delivery

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/schedule"
	"github.com/groupcast/groupcast/internal/store"
)

// Who is owed what stands in the store, and the schedule follows it. So that it never follows an older
// word, the lock "owing" is held from the write to the store until the schedule knows: alone by
// whatever makes something owed, shared by whatever takes it away. It comes before the engine's lock.

// Owe lets change write to the store that devices are owed more, and puts what it gives under the
// schedule.
func (e *Engine) Owe(change func() ([]groupcast.Delivery, error)) error {
	e.owing.Lock()
	defer e.owing.Unlock()
	owed, err := change()
	if err == nil {
		e.expect(owed)
	}
	return err
}

// expect puts deliveries of transfers that are known under the schedule.
func (e *Engine) expect(owed []groupcast.Delivery) {
	e.change(func(sch *schedule.Scheduler, now time.Time) {
		for _, d := range owed {
			if d.DeviceID == (protocol.DeviceID{}) || !d.State.Owed() {
				continue
			}
			sch.Owe(d.Transfer, d.DeviceID)
			if d.Cause == groupcast.CauseLater {
				sch.LeaveOut(d.Transfer, d.DeviceID, d.UpdatedAt)
			}
			if d.State == groupcast.DeliveryRefused && d.Refusal.Final() {
				sch.RefusedForGood(now, d.Transfer, d.DeviceID, d.Reason)
			}
			e.owners[d.DeviceID] = d.UserID
		}
	})
}

// add puts an open transfer with what is owed of it under the schedule.
func (e *Engine) add(tr store.Transfer, owed []groupcast.Delivery, now bool) {
	e.mu.Lock()
	e.infos[tr.No] = tr
	e.sched.Add(tr.Transfer, now)
	if tr.Paged {
		e.sched.Demanding(tr.No)
	}
	e.sched.Unread(tr.No, unread(tr))
	e.mu.Unlock()
	if tr.Paged {
		e.sources.Read(tr.No)
	}
	e.expect(owed)
}

// endDelivery writes that a delivery is over, and expects nothing of the device any more. If nobody is
// owed the transfer any more, it is done: finish is to be called with what is given then.
func (e *Engine) endDelivery(ctx context.Context, c store.Closing) (*ended, error) {
	e.owing.RLock()
	defer e.owing.RUnlock()
	owed, err := e.store.CloseDelivery(ctx, c, e.now())
	if err != nil {
		return nil, err
	}
	if c.Device != (protocol.DeviceID{}) {
		e.settle(c.Transfer, c.Device)
	}
	if owed > 0 {
		return nil, nil
	}
	return e.endDone(context.WithoutCancel(ctx), c.Transfer), nil
}

// endDone ends a transfer that nobody is owed any more; owing is held.
func (e *Engine) endDone(ctx context.Context, no protocol.TransferNo) *ended {
	end := &ended{no: no, done: true, err: e.store.SetTransferState(ctx, no, groupcast.TransferDone, "", e.now())}
	e.takeOff(end)
	return end
}

// endTransfer writes that a transfer is over with all that is owed of it, and ends what goes on.
func (e *Engine) endTransfer(
	ctx context.Context, no protocol.TransferNo, state groupcast.TransferState, d groupcast.DeliveryState, reason string,
) error {
	end := &ended{no: no}
	e.owing.RLock()
	err := e.store.CloseTransfer(ctx, no, state, d, reason, e.now())
	if err == nil {
		e.takeOff(end)
	}
	e.owing.RUnlock()
	if err == nil {
		e.finishTransfer(ctx, end)
	}
	return err
}

// ended is a transfer that the schedule knows no more, with what is left to be done about it.
type ended struct {
	no      protocol.TransferNo
	done    bool  // everybody has it, or is owed it no more
	err     error // of writing that it is done
	stop    []*run
	direct  []protocol.OfferNo
	last    []groupcast.Delivery
	fetched uint64
	told    map[protocol.DeviceID]given
	owed    []protocol.DeviceID
}

// takeOff takes a transfer off the schedule.
func (e *Engine) takeOff(end *ended) {
	e.mu.Lock()
	defer e.mu.Unlock()
	no := end.no
	for _, r := range e.runs {
		if r.no == no {
			r.stopped = true
			end.stop = append(end.stop, r)
		}
	}
	if !e.sched.Held(no) { // of what is held nobody has heard
		for dev := range e.sched.Deliveries(no) {
			end.owed = append(end.owed, dev)
		}
	}
	e.sched.Drop(no)
	end.direct = e.direct.Take(no)
	end.last, end.fetched = e.book.End(no)
	delete(e.infos, no)
	delete(e.doubted, no)
	end.told = map[protocol.DeviceID]given{}
	maps.DeleteFunc(e.given, func(key deliveryKey, g given) bool {
		if key.no == no {
			end.told[key.dev] = g
		}
		return key.no == no
	})
}

// finishTransfer ends sessions and catch-ups of a transfer that is over; nil: of none.
func (e *Engine) finishTransfer(ctx context.Context, end *ended) {
	if end == nil {
		return
	}
	if end.done {
		e.tellState(end.no, groupcast.TransferDone, end.err)
	}
	e.sources.Drop(end.no)
	e.noteLast(end.last, end.no)
	e.count(end.no, end.fetched)
	for _, r := range end.stop {
		r.sender.Stop()
		e.finish(r)
	}
	e.closeOffers(end.direct...)
	for dev, g := range end.told {
		e.agents.Send(dev, groupcast.AgentEvent{
			Kind: groupcast.AgentEnd, Transfer: end.no, Session: &g.session, Over: true,
		})
	}
	for _, dev := range end.owed {
		if _, had := end.told[dev]; !had { // it may have something of it from before
			e.agents.Send(dev, groupcast.AgentEvent{Kind: groupcast.AgentEnd, Transfer: end.no, Over: true})
		}
	}
	e.poke()
	if end.done && e.nothingToRetry(ctx, end.no) {
		e.editions.Free(ctx, end.no)
	}
}

// endIdle ends the transfers of groups that nobody is owed any more because members or devices went.
// One that nobody was ever owed waits on.
func (e *Engine) endIdle(ctx context.Context, groups []protocol.GroupID) {
	rows, err := e.store.Transfers(ctx, groupcast.TransferFilter{Open: true, Limit: maxOpenListed})
	if err != nil {
		e.log.Error("open transfers could not be read", slog.Any("err", err))
		return
	}
	for _, tr := range rows.Rows {
		if slices.Contains(groups, tr.GroupID) && isIdle(tr) {
			e.finishTransfer(ctx, e.endIfIdle(ctx, tr.No))
		}
	}
}

func isIdle(tr store.Transfer) bool {
	return tr.State.Open() && tr.Owed == 0 && tr.Verified+tr.Incomplete+tr.Failed > 0
}

// endIfIdle looks once more: somebody may be owed it by now.
func (e *Engine) endIfIdle(ctx context.Context, no protocol.TransferNo) *ended {
	e.owing.RLock()
	defer e.owing.RUnlock()
	if tr, err := e.store.Transfer(ctx, no); err != nil || !isIdle(tr) {
		return nil
	}
	return e.endDone(ctx, no)
}
