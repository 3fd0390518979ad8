package delivery

import (
	"context"
	"errors"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/schedule"
	"github.com/groupcast/groupcast/internal/store"
)

// Act does what an administrator wants of a device that holds a transfer up. It gives the transfer
// and how the delivery stands then.
func (e *Engine) Act(
	ctx context.Context, no protocol.TransferNo, dev protocol.DeviceID, a groupcast.DeliveryAction, by string,
) (groupcast.Transfer, groupcast.Delivery, error) {
	tr, err := e.store.Transfer(ctx, no)
	if err != nil {
		return tr.Transfer, groupcast.Delivery{}, err
	}
	d, err := e.store.Delivery(ctx, no, dev)
	if err != nil {
		return tr.Transfer, d, err
	}
	if !d.State.Owed() {
		return tr.Transfer, d, afterTheEnd(d,
			groupcast.Errorf(groupcast.EConflict, "%s is not owed transfer %d: %s", Who(d), no, d.State))
	}
	if err := e.act(ctx, d, a, by); err != nil {
		return tr.Transfer, d, about(d, err)
	}
	e.tellDelivery(tr.Transfer, d.User, d.Device+": "+string(a))
	if d, err = e.store.Delivery(ctx, no, dev); err != nil {
		return tr.Transfer, d, err
	}
	e.Explain(&d)
	return tr.Transfer, d, nil
}

// tellDelivery lets the screens know of something that became of a user's delivery.
func (e *Engine) tellDelivery(tr groupcast.Transfer, user, text string) {
	e.screens.Publish(groupcast.Event{
		Kind: groupcast.EventDelivery, Group: tr.Group, User: user, Transfer: tr.No, Released: !tr.Hold, Text: text,
	})
}

func (e *Engine) act(ctx context.Context, d groupcast.Delivery, a groupcast.DeliveryAction, by string) error {
	switch a {
	case groupcast.CatchUp:
		return e.catchUp(ctx, d)
	case groupcast.PutOff:
		return e.putOff(ctx, d)
	case groupcast.Drop:
		return e.dropOne(ctx, d, by)
	}
	return groupcast.Errorf(groupcast.EInvalid, "there is no action %q", string(a)).WithHint("use catch-up, later or drop")
}

// catchUp lets a device fetch over HTTPS now.
func (e *Engine) catchUp(ctx context.Context, d groupcast.Delivery) error {
	err := e.move(d, func(sch *schedule.Scheduler, now time.Time) error {
		return sch.CatchUp(now, d.Transfer, d.DeviceID)
	})
	if err != nil || d.Cause != groupcast.CauseLater {
		return err
	}
	return e.store.PutOff(ctx, d.Transfer, d.DeviceID, false, e.now())
}

// putOff leaves a device out until the transfer is sent again.
func (e *Engine) putOff(ctx context.Context, d groupcast.Delivery) error {
	err := e.move(d, func(sch *schedule.Scheduler, now time.Time) error {
		return sch.PutOff(now, d.Transfer, d.DeviceID)
	})
	if err != nil {
		return err
	}
	e.takeBack(d.Transfer, d.DeviceID, false)
	return e.store.PutOff(ctx, d.Transfer, d.DeviceID, true, e.now())
}

// dropOne cancels what one device is owed.
func (e *Engine) dropOne(ctx context.Context, d groupcast.Delivery, by string) error {
	e.mu.Lock()
	works, had := e.given[deliveryKey{d.Transfer, d.DeviceID}]
	unheard := e.sched.Held(d.Transfer)
	e.mu.Unlock()
	end, err := e.endDelivery(ctx, store.Closing{
		Transfer: d.Transfer, Device: d.DeviceID, UserID: d.UserID, State: groupcast.DeliveryCancelled,
		Reason: "dropped by " + by, Last: e.progressOf(d.Transfer, d.DeviceID),
	})
	if err != nil {
		return err
	}
	if d.Device != "" && !unheard {
		e.tellEnd(d.Transfer, d.DeviceID, works, had, true)
	}
	e.finishTransfer(context.WithoutCancel(ctx), end)
	return nil
}

// DropMember cancels what a member is owed of a transfer, with or without a device. It gives the
// transfer as it stands then and what was dropped, also if not all of it could be.
func (e *Engine) DropMember(
	ctx context.Context, no protocol.TransferNo, user, by string,
) (groupcast.Transfer, []groupcast.Delivery, error) {
	tr, err := e.Transfer(ctx, no)
	if err != nil {
		return tr, nil, err
	}
	all, err := e.store.OwedOf(ctx, no, groupcast.Window{})
	if err != nil {
		return tr, nil, err
	}
	var dropped []groupcast.Delivery
	for _, d := range all {
		if d.User != user || !d.State.Owed() {
			continue
		}
		if err := e.dropOne(ctx, d, by); err != nil {
			return tr, dropped, about(d, err)
		}
		dropped = append(dropped, d)
	}
	if len(dropped) == 0 {
		return tr, nil, groupcast.Errorf(groupcast.ENotFound, "%s is not owed transfer %d", user, no).
			WithHint("look who is in the transfer's deliveries").
			WithNext(groupcast.Next{Step: groupcast.StepDeliveries, Transfer: no})
	}
	e.tellDelivery(tr, user, user+": drop")
	tr, err = e.Transfer(ctx, no)
	return tr, dropped, err
}

// move runs f on the schedule, lets the loop look at it again and gives f's answer.
func (e *Engine) move(d groupcast.Delivery, f func(*schedule.Scheduler, time.Time) error) (err error) {
	e.change(func(sch *schedule.Scheduler, now time.Time) { err = f(sch, now) })
	return e.cannotMove(d.Transfer, d.DeviceID, err)
}

// takeBack ends a device's work on the offer it has, for good if the transfer is over for it.
func (e *Engine) takeBack(no protocol.TransferNo, dev protocol.DeviceID, over bool) {
	e.mu.Lock()
	key := deliveryKey{no, dev}
	g, had := e.given[key]
	delete(e.given, key)
	unheard := e.sched.Held(no)
	e.mu.Unlock()
	if unheard {
		return
	}
	e.tellEnd(no, dev, g, had, over)
}

// tellEnd tells a device to end its work on a transfer: on the offer that it has, if it has one.
func (e *Engine) tellEnd(no protocol.TransferNo, dev protocol.DeviceID, g given, had, over bool) {
	end := groupcast.AgentEvent{Kind: groupcast.AgentEnd, Transfer: no, Over: over}
	if had {
		end.Session = &g.session
	}
	if had || over {
		e.agents.Send(dev, end)
	}
}

// Who names a delivery's device with its user.
func Who(d groupcast.Delivery) string {
	if d.Device == "" {
		return d.User
	}
	return d.User + "/" + d.Device
}

// afterTheEnd adds what can be done about a delivery that is closed.
func afterTheEnd(d groupcast.Delivery, err *groupcast.Error) error {
	if d.State.Delivered() {
		return err.WithHint("nothing is left to do for it")
	}
	return err.WithHint("retry the transfer").WithNext(groupcast.Next{Step: groupcast.StepRetry, Transfer: d.Transfer})
}

// about puts the device's name before what cannot be done for it.
func about(d groupcast.Delivery, err error) error {
	var e *groupcast.Error
	if !errors.As(err, &e) || e.Code != groupcast.EConflict {
		return err
	}
	return &groupcast.Error{Code: e.Code, Message: Who(d) + ": " + e.Message, Hint: e.Hint, Next: e.Next, Err: err}
}
