package delivery

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/content"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/schedule"
	"github.com/groupcast/groupcast/internal/store"
	"github.com/groupcast/groupcast/internal/summary"
)

// MayAdd says why no transfer can be added for a group: too many are open, or it could not be sent
// now if that is wanted.
func (e *Engine) MayAdd(g groupcast.Group, now bool) error {
	if now {
		if err := e.maySend(g); err != nil {
			return err
		}
	}
	if e.full() {
		return groupcast.Errorf(groupcast.EExhausted, "%d transfers are open already", maxOpenListed).
			WithHint("cancel some of those that are open").WithNext(groupcast.Next{Step: groupcast.StepPending})
	}
	return nil
}

// maySend says why nothing can be sent to a group now: it has no members, or the memberships are not
// confirmed after a restore. Pending transfers may wait for both.
func (e *Engine) maySend(g groupcast.Group) error {
	switch {
	case e.Paused():
		return ErrUnconfirmed
	case g.Members == 0:
		return groupcast.Errorf(groupcast.ENobody, "nobody is in group %s: it would be sent to nobody", g.Name).
			WithHint("add members, or add it as pending").
			WithNext(groupcast.Next{Step: groupcast.StepAddMember, Group: g.Name})
	}
	return nil
}

// Add stores a transfer with its built content and delivers it, at once if now is set. It returns to how
// many it is owed. If it cannot be stored, its content is deleted; an upload stays, for another attempt.
func (e *Engine) Add(ctx context.Context, t store.Transfer, now bool) (groupcast.Transfer, int, error) {
	tr, owed, err := e.promise(ctx, t, now)
	if err != nil {
		return groupcast.Transfer{}, 0, errors.Join(err, e.content.Forget(t.Content))
	}
	e.tell(tr.Transfer, "added")
	return tr.Transfer, len(owed), nil
}

// promise stores a transfer and puts it under the schedule.
func (e *Engine) promise(
	ctx context.Context, t store.Transfer, now bool,
) (tr store.Transfer, owed []groupcast.Delivery, err error) {
	e.adding.Lock()
	defer e.adding.Unlock()
	t.Replaces = e.replaces(ctx, t)
	e.owing.Lock()
	defer e.owing.Unlock()
	if tr, owed, err = e.store.AddTransfer(ctx, t); err != nil {
		return tr, nil, err
	}
	e.replaced(ctx, tr.No, t.Replaces)
	e.add(tr, nil, now)
	if len(t.Replaces) > 0 {
		e.keepApart(ctx) // one may be owed to others still
	}
	e.expect(owed)
	return tr, owed, nil
}

// tell publishes an event about a transfer.
func (e *Engine) tell(tr groupcast.Transfer, text string) {
	e.screens.Publish(groupcast.Event{
		Kind: groupcast.EventTransfer, Group: tr.Group, Transfer: tr.No, Released: !tr.Hold, Text: text,
	})
}

// did shows a transfer to which something was done, and lets the screens know.
func (e *Engine) did(ctx context.Context, no protocol.TransferNo, text string) (groupcast.Transfer, error) {
	tr, err := e.Transfer(ctx, no)
	if err == nil {
		e.tell(tr, text)
	}
	return tr, err
}

// Cancel cancels what is still owed of a transfer.
func (e *Engine) Cancel(ctx context.Context, no protocol.TransferNo, by string) (groupcast.Transfer, error) {
	err := e.endTransfer(ctx, no, groupcast.TransferCancelled, groupcast.DeliveryCancelled, "cancelled by "+by)
	if err != nil {
		return groupcast.Transfer{}, err
	}
	return e.did(ctx, no, "cancelled")
}

// Retry owes again what ended badly. Content that changed is taken as it is now.
func (e *Engine) Retry(ctx context.Context, no protocol.TransferNo) (groupcast.Transfer, error) {
	tr, err := e.store.Transfer(ctx, no)
	if err != nil {
		return groupcast.Transfer{}, err
	}
	if err := e.mayRetry(ctx, tr); err != nil {
		return tr.Transfer, err
	}
	if tr.Lost > 0 || tr.State == groupcast.TransferFailed {
		if tr, err = e.editions.Renew(ctx, tr); err != nil {
			return tr.Transfer, err
		}
		e.change(func(sch *schedule.Scheduler, now time.Time) { sch.Replan(now, no, ""); sch.Resumed(no) })
	}
	owed, err := e.oweAgain(ctx, tr)
	if err != nil {
		return tr.Transfer, err
	}
	return e.did(ctx, no, fmt.Sprintf("%d deliveries are owed again", len(owed)))
}

// oweAgain owes what ended badly of a transfer again, and gives all that is owed of it then.
func (e *Engine) oweAgain(ctx context.Context, tr store.Transfer) ([]groupcast.Delivery, error) {
	e.owing.Lock()
	defer e.owing.Unlock()
	all, err := e.store.RetryTransfer(ctx, tr.No, e.now().Add(tr.ExpiresAt.Sub(tr.CreatedAt)), e.now())
	if err != nil {
		return nil, err
	}
	if tr, err = e.store.Transfer(ctx, tr.No); err != nil {
		return nil, err
	}
	if err := summary.NothingAgain(tr.No, tr.Group, all); err != nil {
		return nil, err
	}
	if !tr.State.Open() {
		return nil, nil // nobody is owed it: it stays closed
	}
	owed := slices.DeleteFunc(all, func(d groupcast.Delivery) bool { return !d.State.Owed() })
	e.add(tr, nil, true)
	e.keepApart(ctx)
	e.expect(owed)
	e.change(func(sch *schedule.Scheduler, _ time.Time) {
		for _, d := range owed { // who refused is asked again
			sch.Renewed(tr.No)
			sch.LookedAgain(tr.No, d.DeviceID)
		}
	})
	return owed, nil
}

// mayRetry says why a transfer cannot be owed again.
func (e *Engine) mayRetry(ctx context.Context, tr store.Transfer) error {
	if err := e.mayGoAgain(ctx, tr); err != nil {
		return err
	}
	if _, err := e.content.Kept(tr.Content); errors.Is(err, content.ErrOtherDigests) {
		return err
	}
	if tr.ContentGone {
		return groupcast.Errorf(groupcast.EConflict, "the content of transfer %d is gone", tr.No).
			WithHint("add the files again").WithNext(groupcast.Next{Step: groupcast.StepSendAgain, Group: tr.Group})
	}
	return nil
}

// mayGoAgain says why a transfer cannot be sent again.
func (e *Engine) mayGoAgain(ctx context.Context, tr store.Transfer) error {
	g, err := e.store.Group(ctx, tr.Group)
	if err != nil && groupcast.ErrorCode(err) != groupcast.ENotFound {
		return err
	}
	if err == nil && g.ID == tr.GroupID {
		return nil
	}
	return groupcast.Errorf(groupcast.EConflict, "the group %s of transfer %d was deleted", tr.Group, tr.No).
		WithHint("send the files to another group").WithNext(groupcast.Next{Step: groupcast.StepSendAgain})
}

// Release sends a transfer now: it is not held any more, and no device is put off.
func (e *Engine) Release(ctx context.Context, no protocol.TransferNo) (groupcast.Transfer, error) {
	tr, err := e.store.Transfer(ctx, no)
	if err != nil {
		return groupcast.Transfer{}, err
	}
	if err := e.mayGoAgain(ctx, tr); err != nil {
		return tr.Transfer, err
	}
	if !tr.State.Open() {
		return tr.Transfer, groupcast.Errorf(groupcast.EConflict, "transfer %d is %s", no, tr.State).
			WithHint("retry it").WithNext(groupcast.Next{Step: groupcast.StepRetry, Transfer: no})
	}
	e.adding.Lock()
	defer e.adding.Unlock()
	var replaces []protocol.TransferNo
	if tr.Hold {
		tr.Hold = false
		replaces = e.replaces(ctx, tr)
	}
	e.owing.Lock()
	defer e.owing.Unlock()
	if err := e.store.ReleaseTransfer(ctx, no, replaces, e.now()); err != nil {
		return tr.Transfer, err
	}
	e.replaced(ctx, no, replaces)
	if len(replaces) > 0 {
		e.keepApart(ctx)
	}
	e.change(func(sch *schedule.Scheduler, _ time.Time) { sch.Release(no) })
	return e.did(ctx, no, "is sent now")
}

// GroupGone lets change delete a group in the store, and ends the transfers that were cancelled with it.
func (e *Engine) GroupGone(ctx context.Context, change func() ([]protocol.TransferNo, error)) error {
	e.owing.RLock()
	cancelled, err := change()
	all := make([]*ended, len(cancelled))
	for i, no := range cancelled {
		all[i] = &ended{no: no}
		e.takeOff(all[i])
	}
	e.owing.RUnlock()
	for _, end := range all {
		e.finishTransfer(ctx, end)
		e.editions.Free(ctx, end.no)
	}
	return err
}

// failTransfer ends a transfer whose content can no longer be read. What was delivered stays.
func (e *Engine) failTransfer(ctx context.Context, no protocol.TransferNo, cause error) {
	reason := reasonOf(cause)
	e.log.Warn("transfer failed", "transfer", no, "err", cause)
	err := e.endTransfer(ctx, no, groupcast.TransferFailed, groupcast.DeliveryFailed, reason)
	if err != nil && groupcast.ErrorCode(err) != groupcast.EConflict {
		e.log.Error("a failed transfer could not be closed", "transfer", no, "err", err)
		end := &ended{no: no} // nor can it go on
		e.takeOff(end)
		e.finishTransfer(ctx, end)
	}
	e.screens.Publish(groupcast.Event{Kind: groupcast.EventTransfer, Transfer: no, Text: "failed: " + reason})
}

// reasonOf gives the words for an administrator.
func reasonOf(err error) string {
	var e *groupcast.Error
	if errors.As(err, &e) {
		return e.Error()
	}
	return err.Error()
}

// setState notes where an open transfer stands; one that is closed meanwhile stays closed.
func (e *Engine) setState(ctx context.Context, no protocol.TransferNo, state groupcast.TransferState, reason string) {
	e.tellState(no, state, e.store.SetTransferState(ctx, no, state, reason, e.now()))
}

// tellState lets the screens know where a transfer stands, if that could be written.
func (e *Engine) tellState(no protocol.TransferNo, state groupcast.TransferState, err error) {
	switch {
	case err == nil:
		e.screens.Publish(groupcast.Event{Kind: groupcast.EventTransfer, Transfer: no, Text: string(state)})
	case groupcast.ErrorCode(err) != groupcast.EConflict && groupcast.ErrorCode(err) != groupcast.ENotFound:
		e.log.Error("the state of a transfer could not be written", "transfer", no, "err", err)
	}
}
