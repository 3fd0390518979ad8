package delivery

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/progress"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/receipts"
	"github.com/groupcast/groupcast/internal/schedule"
	"github.com/groupcast/groupcast/internal/store"
	"github.com/groupcast/groupcast/internal/summary"
)

// Receipt closes a delivery: the device signed what became of it.
func (e *Engine) Receipt(ctx context.Context, d groupcast.Device, r groupcast.Receipt) error {
	return e.noLongerOwed(e.takeReceipt(ctx, d, r))
}

func (e *Engine) takeReceipt(ctx context.Context, d groupcast.Device, r groupcast.Receipt) error {
	if err := receipts.CheckOutcome(r); err != nil { // whatever transfer it names
		return err
	}
	tr, err := e.store.Transfer(ctx, r.Transfer)
	if err != nil {
		return err
	}
	if _, err := e.store.Entitled(ctx, r.Transfer, d.ID); err != nil {
		return e.repeatedReceipt(ctx, d, tr, r, err)
	}
	signed, err := e.checkReceipt(ctx, d, tr, r)
	if errors.Is(err, errClosed) { // it has other content than what it is owed now, and is offered that
		e.change(func(sch *schedule.Scheduler, now time.Time) { sch.Overtaken(now, r.Transfer, d.ID) })
	}
	if err != nil {
		return err
	}
	if r.Outcome == groupcast.DeliveryRefused {
		return e.refuse(ctx, d, groupcast.Ready{Transfer: r.Transfer, Refused: r.Reason})
	}
	return e.closeDelivery(ctx, d, tr, r, signed)
}

// noLongerOwed says to an agent, by its code, that a receipt is not needed any more: the agent then deletes
// it, and for no other error. A server that waits after a restore does not know that yet.
func (e *Engine) noLongerOwed(err error) error {
	switch groupcast.ErrorCode(err) {
	case groupcast.ENotFound, groupcast.EConflict, groupcast.EClosed:
		if e.Paused() {
			return groupcast.Errorf(groupcast.EUnavailable, "the server was restored and nobody confirmed it yet").
				WithHint("it is tried again by itself").Wrap(err)
		}
		return errClosed
	}
	return err
}

// errClosed is one answer for what is closed, unknown or never was this device's (security.md C8).
var errClosed = groupcast.Errorf(groupcast.EClosed, "nothing of that transfer is owed to this device any more")

// repeatedReceipt lets an agent repeat a receipt if it missed the answer. For a transfer that is held, or
// was never owed to this device, the answer is that for one that does not exist.
func (e *Engine) repeatedReceipt(
	ctx context.Context, d groupcast.Device, tr store.Transfer, r groupcast.Receipt, err error,
) error {
	old, found := e.store.Delivery(ctx, r.Transfer, d.ID)
	if found != nil || tr.Hold {
		return err
	}
	if _, err := e.checkReceipt(ctx, d, tr, r); err != nil {
		return err
	}
	lacks := r.Outcome.Delivered() && old.State == groupcast.DeliveryIncomplete // as lacking noted it
	if old.State == r.Outcome || lacks {
		return nil
	}
	return err
}

func (e *Engine) checkReceipt(
	ctx context.Context, d groupcast.Device, tr store.Transfer, r groupcast.Receipt,
) (signed store.SignedReceipt, err error) {
	if tr.Paged {
		signed, err = receipts.Open(e.cfg.Server, d, tr, r)
		if err == nil && r.Paged.Site != e.site().Site { // no offer of another one is given yet
			return signed, errClosed
		}
		if groupcast.ErrorCode(err) == groupcast.EConflict { // it holds something else now
			err = errClosed
		}
		return signed, err
	}
	full, err := e.store.IsEdition(ctx, r.Transfer, r.Root) // all of it, before files of it were lost
	if err != nil {
		return signed, err
	}
	if r.Root != tr.Root && !full {
		return signed, errClosed // the number stands for other files now: it was drawn again after a restore
	}
	return receipts.Open(e.cfg.Server, d, tr, r)
}

func (e *Engine) closeDelivery(
	ctx context.Context, d groupcast.Device, tr store.Transfer, r groupcast.Receipt, signed store.SignedReceipt,
) error {
	proof, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("encoding a receipt: %w", err)
	}
	covers, err := receipts.Covers(ctx, e.store, d, r)
	if err != nil {
		return err
	}
	before := r
	if r, err = e.lacking(ctx, d, tr, r); err != nil {
		return err
	}
	if r.Tally != before.Tally {
		covers = receipts.CoversLacking(tr, before.Tally, r.Tally)
	}
	got := groupcast.AgentReport{Transfer: r.Transfer, Blocks: tr.Blocks, Bytes: tr.Bytes, Path: r.Path}
	// Void files are part of a paged transfer's size. What others lost is not: they were planned anew without it.
	if r.Outcome == groupcast.DeliveryIncomplete && (r.Missing > tr.Lost || tr.Paged) {
		got.Bytes = min(r.Bytes, tr.Bytes)
		got.Blocks = progress.BlocksOf(tr, got.Bytes)
	}
	last := e.progressOf(r.Transfer, d.ID)
	e.noteReport(d.ID, got)
	if r.Outcome != groupcast.DeliveryFailed {
		last = e.progressOf(r.Transfer, d.ID)
	}
	end, err := e.endDelivery(ctx, store.Closing{
		Transfer: r.Transfer, Device: d.ID, State: r.Outcome, Reason: groupcast.Clip(r.Reason), Path: r.Path, Receipt: proof,
		Last: last, Tally: r.Tally, Signed: &signed, Covers: covers,
	})
	if err != nil {
		return err
	}
	e.tellDelivery(tr.Transfer, d.User, d.Name+": "+string(r.Outcome))
	e.finishTransfer(context.WithoutCancel(ctx), end)
	return nil
}

// lacking adds to a receipt what the server lost of the transfer.
func (e *Engine) lacking(
	ctx context.Context, d groupcast.Device, tr store.Transfer, r groupcast.Receipt,
) (groupcast.Receipt, error) {
	if !receipts.MayLack(tr, r) {
		return r, nil
	}
	lost, err := e.editions.Lost(ctx, tr.No)
	if err != nil {
		return r, err
	}
	return receipts.Lacking(ctx, e.store, d, tr, r, lost)
}

// settle takes a delivery out of session and schedule.
func (e *Engine) settle(no protocol.TransferNo, dev protocol.DeviceID) {
	key := deliveryKey{no, dev}
	e.mu.Lock()
	in := e.runFor(no, dev)
	delete(e.given, key) // from here on it may fetch nothing
	e.mu.Unlock()
	if in != nil {
		in.sender.Complete(dev)
	}
	e.change(func(sch *schedule.Scheduler, now time.Time) {
		sch.Settle(now, no, dev)
		e.book.Forget(no, dev)
		delete(e.given, key)
	})
}

// runFor gives the session of a transfer that a device can take part in; nil if none runs. The lock
// is held.
func (e *Engine) runFor(no protocol.TransferNo, dev protocol.DeviceID) *run {
	r, _ := e.sched.RunOf(no, dev)
	return e.runs[r.Session]
}

// Report takes a device's report about a transfer over HTTPS: progress of a catch-up, feedback that
// does not get through over UDP, and why it left multicast.
func (e *Engine) Report(dev protocol.DeviceID, r groupcast.AgentReport) error {
	if !e.owes(r.Transfer, dev) {
		return errNotOwed
	}
	if r.Reason != "" && e.lookedAgain(r.Transfer, dev) {
		return nil
	}
	e.noteReport(dev, r)
	if len(r.Feedback) > 0 {
		return e.feedback(r.Transfer, dev, r.Feedback)
	}
	if r.Path == groupcast.PathHTTPS && r.Reason != "" {
		said := summary.Says(r.Reason)
		e.change(func(sch *schedule.Scheduler, now time.Time) {
			if !sch.Stumbled(now, r.Transfer, dev, said, r.Bytes) {
				sch.Behind(now, r.Transfer, dev, said, false)
			}
		})
	}
	return nil
}

// lookedAgain says whether a report is of a device that had refused the transfer: it found that
// it can take it now.
func (e *Engine) lookedAgain(no protocol.TransferNo, dev protocol.DeviceID) (was bool) {
	e.change(func(sch *schedule.Scheduler, _ time.Time) { was = sch.LookedAgain(no, dev) })
	return was
}

var errNotOwed = groupcast.Errorf(groupcast.ENotFound, "nothing of that transfer is owed to this device")

// feedback hands a feedback body on that came over HTTPS.
func (e *Engine) feedback(no protocol.TransferNo, dev protocol.DeviceID, body []byte) error {
	e.mu.Lock()
	r := e.runFor(no, dev)
	e.mu.Unlock()
	if r == nil {
		return errSessionOver
	}
	err := r.sender.Feedback(dev, body)
	if groupcast.ErrorCode(err) == groupcast.EExhausted {
		return err
	}
	if err != nil {
		return groupcast.Errorf(groupcast.EInvalid, "the feedback could not be read").Wrap(err)
	}
	return nil
}
