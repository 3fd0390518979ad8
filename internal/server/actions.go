package server

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/schedule"
	"github.com/groupcast/groupcast/internal/store"
)

// ActOnDelivery does what an administrator wants of a device that holds a transfer up.
func (s *Server) ActOnDelivery(ctx context.Context, p groupcast.Principal, no protocol.TransferNo, dev protocol.DeviceID, a groupcast.DeliveryAction) (groupcast.Delivery, error) {
	if err := mustAdmin(p); err != nil {
		return groupcast.Delivery{}, err
	}
	tr, err := s.store.Transfer(ctx, no)
	if err != nil {
		return groupcast.Delivery{}, err
	}
	d, err := s.store.Delivery(ctx, no, dev)
	if err != nil {
		return d, err
	}
	if !d.State.Owed() {
		return d, afterTheEnd(d, groupcast.Errorf(groupcast.EConflict, "%s is not owed transfer %d: %s", whose(d), no, d.State))
	}
	if err := s.act(ctx, p, d, a); err != nil {
		return d, about(d, err)
	}
	s.audit(ctx, p, "delivery."+string(a), fmt.Sprintf("%s of %s", whose(d), s.label(tr.Transfer)), "")
	s.events.Publish(groupcast.Event{
		Kind: groupcast.EventDelivery, Group: tr.Group, User: d.User, Transfer: no, Released: !tr.Hold, Text: d.Device + ": " + string(a),
	})
	if d, err = s.store.Delivery(ctx, no, dev); err != nil {
		return d, err
	}
	s.explain(&d)
	return d, nil
}

func (s *Server) act(ctx context.Context, p groupcast.Principal, d groupcast.Delivery, a groupcast.DeliveryAction) error {
	switch a {
	case groupcast.CatchUp:
		err := s.live.move(d.DeviceID, func(sch *schedule.Scheduler, now time.Time) error { return sch.CatchUp(now, d.Transfer, d.DeviceID) })
		if err != nil || d.Cause != groupcast.CauseLater {
			return err
		}
		return s.store.PutOff(ctx, d.Transfer, d.DeviceID, false, s.now())
	case groupcast.PutOff:
		err := s.live.move(d.DeviceID, func(sch *schedule.Scheduler, now time.Time) error { return sch.PutOff(now, d.Transfer, d.DeviceID) })
		if err != nil {
			return err
		}
		s.live.takeBack(d.Transfer, d.DeviceID, false)
		return s.store.PutOff(ctx, d.Transfer, d.DeviceID, true, s.now())
	case groupcast.Drop:
		return s.dropDelivery(ctx, p, d)
	}
	return groupcast.Errorf(groupcast.EInvalid, "there is no action %q", string(a)).WithHint("use catch-up, later or drop")
}

// dropDelivery cancels what one device is owed.
func (s *Server) dropDelivery(ctx context.Context, p groupcast.Principal, d groupcast.Delivery) error {
	owed, err := s.store.CloseDelivery(ctx, store.Closing{
		Transfer: d.Transfer, Device: d.DeviceID, UserID: d.UserID, State: groupcast.DeliveryCancelled, Reason: "dropped by " + p.Actor(),
	}, s.now())
	if err != nil {
		return err
	}
	if d.Device != "" {
		s.live.takeBack(d.Transfer, d.DeviceID, true)
		s.live.settle(d.Transfer, d.DeviceID)
	}
	if owed == 0 {
		s.complete(context.WithoutCancel(ctx), d.Transfer)
	}
	return nil
}

// DropMember cancels what a member is owed of a transfer, with or without a device.
func (s *Server) DropMember(ctx context.Context, p groupcast.Principal, no protocol.TransferNo, user string) (groupcast.Transfer, error) {
	if err := mustAdmin(p); err != nil {
		return groupcast.Transfer{}, err
	}
	tr, err := s.show(ctx, no)
	if err != nil {
		return tr, err
	}
	all, err := s.store.OwedOf(ctx, no, groupcast.Window{})
	if err != nil {
		return tr, err
	}
	dropped := 0
	for _, d := range all {
		if d.User != user || !d.State.Owed() {
			continue
		}
		if err := s.dropDelivery(ctx, p, d); err != nil {
			return tr, about(d, err)
		}
		dropped++
		s.audit(ctx, p, "delivery.drop", fmt.Sprintf("%s of %s", whose(d), s.label(tr)), "")
	}
	if dropped == 0 {
		return tr, groupcast.Errorf(groupcast.ENotFound, "%s is not owed transfer %d", user, no).
			WithHint("look who is in the transfer's deliveries").
			WithNext(groupcast.Next{Step: groupcast.StepDeliveries, Transfer: no})
	}
	s.events.Publish(groupcast.Event{Kind: groupcast.EventDelivery, Group: tr.Group, User: user, Transfer: no, Released: !tr.Hold, Text: user + ": drop"})
	return s.show(ctx, no)
}

// move runs f on the schedule, lets the loop look at it again and gives f's answer.
func (l *live) move(dev protocol.DeviceID, f func(sch *schedule.Scheduler, now time.Time) error) (err error) {
	l.change(func(sch *schedule.Scheduler, now time.Time) { err = f(sch, now) })
	return l.cannotMove(dev, err)
}

// takeBack ends a device's work on the offer it has, for good if the transfer is over for it.
func (l *live) takeBack(no protocol.TransferNo, dev protocol.DeviceID, over bool) {
	l.mu.Lock()
	key := deliveryKey{no, dev}
	g, had := l.given[key]
	delete(l.given, key)
	unheard := l.sched.Held(no)
	l.mu.Unlock()
	if unheard {
		return
	}
	end := groupcast.AgentEvent{Kind: groupcast.AgentEnd, Transfer: no, Over: over}
	if had {
		end.Session = &g.session
	}
	if had || over {
		l.s.agents.Send(dev, end)
	}
}

// whose names a delivery's device with its user.
func whose(d groupcast.Delivery) string {
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
	return &groupcast.Error{Code: e.Code, Message: whose(d) + ": " + e.Message, Hint: e.Hint, Next: e.Next, Err: err}
}
