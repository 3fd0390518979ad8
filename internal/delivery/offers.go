package delivery

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/direct"
	"github.com/groupcast/groupcast/internal/offering"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/schedule"
	"github.com/groupcast/groupcast/internal/send"
	"github.com/groupcast/groupcast/internal/sender"
	"github.com/groupcast/groupcast/internal/store"
)

// errNotNow says that a session could not be made, though nothing is wrong with its content.
type errNotNow struct{ err error }

func (e errNotNow) Error() string { return e.err.Error() }
func (e errNotNow) Unwrap() error { return e.err }

// open makes a session and offers it.
func (e *Engine) open(ctx context.Context, st schedule.Action) {
	r, err := e.newRun(ctx, st)
	if err != nil {
		e.openFailed(ctx, st, err)
		return
	}
	e.mu.Lock()
	accepted := e.sched.Opened(e.now(), st.Transfer, st.Site, r.session)
	var older []protocol.OfferNo
	if accepted {
		e.runs[r.session] = r
		older = e.direct.TakeIn(st.Transfer, st.Site) // whoever is left over gets one with a higher number
	}
	e.mu.Unlock()
	e.closeOffers(older...)
	if !accepted { // the members changed meanwhile, or the transfer is closed
		r.sender.Stop()
		e.finish(r)
		return
	}
	e.log.Info("session offered", "transfer", st.Transfer, "session", r.session, "devices", len(st.Devices))
	e.send(st.Devices, given{r.session, offeredTo(r.offered, st.Devices)}, st.Transfer)
	e.announce(ctx, r)
}

func (e *Engine) openFailed(ctx context.Context, st schedule.Action, err error) {
	var later errNotNow
	if !errors.As(err, &later) {
		e.sourceFault(st.Transfer, e.holds(st.Transfer), err)
		return
	}
	e.log.Error("a multicast session could not be opened", "transfer", st.Transfer, "err", err)
	e.change(func(sch *schedule.Scheduler, now time.Time) {
		sch.FailedToOpen(now, st.Transfer, st.Site, "multicast does not work at the server: "+later.Error())
	})
}

// hear is called from a session's goroutine: it only informs the schedule.
func (e *Engine) hear(no protocol.TransferNo, event sender.Event) {
	e.change(func(sch *schedule.Scheduler, now time.Time) {
		switch event.Kind {
		case sender.DeviceDone:
			sch.Stored(now, no, event.Device)
		case sender.DeviceBehind:
			sch.Behind(now, no, event.Device, event.Reason, event.Cause == string(send.CauseSilent))
		case sender.DeviceBack: // the session serves it again by itself
		}
	})
}

func (e *Engine) transferAndGroup(
	ctx context.Context, no protocol.TransferNo,
) (store.Transfer, groupcast.Group, error) {
	tr, err := e.store.Transfer(ctx, no)
	if err != nil {
		return tr, groupcast.Group{}, err
	}
	g, err := e.store.GroupByID(ctx, tr.GroupID)
	return tr, g, err
}

// send gives devices an offer; it also stands in their state from here on.
func (e *Engine) send(devices []protocol.DeviceID, g given, no protocol.TransferNo) {
	e.mu.Lock()
	devices = slices.DeleteFunc(devices, func(dev protocol.DeviceID) bool {
		_, owed := e.sched.Delivery(no, dev)
		return !owed || e.sched.Paused() // meanwhile it is owed no more, or nothing is sent
	})
	for _, dev := range devices {
		e.given[deliveryKey{no, dev}] = g
	}
	e.mu.Unlock()
	for _, dev := range devices {
		e.agents.Send(dev, groupcast.AgentEvent{Kind: groupcast.AgentOffer, Offer: g.offered})
	}
}

// offeredTo is an offer that goes out to so many devices at once.
func offeredTo(o groupcast.Offered, devices []protocol.DeviceID) *groupcast.Offered {
	o.Devices = len(devices)
	return &o
}

// announce tells the group by multicast that there is an offer: devices that missed the event read the
// state.
func (e *Engine) announce(ctx context.Context, r *run) {
	offer := r.sender.Offer()
	if err := e.cfg.SendPlain(ctx, offer.GroupAddr, offering.Announce(e.cfg.Server, e.cfg.Key, offer)); err != nil {
		e.log.Warn("the announcement could not be sent", "transfer", r.no, "err", err)
	}
}

// offerDirect offers a transfer over HTTPS to devices.
func (e *Engine) offerDirect(ctx context.Context, st schedule.Action) {
	d, err := e.direct.For(ctx, st.Transfer, st.Site)
	switch {
	case errors.Is(err, direct.ErrOvertaken): // it is over
		return
	case err != nil:
		e.log.Error("an offer over HTTPS could not be made", "transfer", st.Transfer, "err", err)
		if !errors.Is(err, ErrUnconfirmed) { // else it is offered anew once that is confirmed
			e.unavailable(st.Transfer, err)
		}
		return
	}
	e.setState(ctx, st.Transfer, groupcast.TransferSending, "")
	e.send(st.Devices, given{d.Session, offeredTo(d.Offered, st.Devices)}, st.Transfer)
}

// useDirect lets an offer over HTTPS be the one of its transfer, if it is still worth something.
func (e *Engine) useDirect(tr store.Transfer, put func()) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch now, open := e.infos[tr.No]; {
	case e.sched.Paused():
		return ErrUnconfirmed
	case !open || contentOf(now) != contentOf(tr):
		return direct.ErrOvertaken
	}
	put()
	return nil
}

// Offers lists the offers that a device works on, or should.
func (e *Engine) Offers(dev protocol.DeviceID) []groupcast.Offered {
	e.mu.Lock()
	defer e.mu.Unlock()
	var out []groupcast.Offered
	if e.sched.Paused() {
		return nil
	}
	for _, no := range e.sched.Open() {
		d, owed := e.sched.Delivery(no, dev)
		g, found := e.given[deliveryKey{no, dev}]
		if !found || !owed {
			continue
		}
		switch d.State {
		case schedule.StateAsked, schedule.StateMulticast, schedule.StateStored, schedule.StateHTTPS, schedule.StateSilent:
			out = append(out, *g.offered)
		default: // nothing is offered now
		}
	}
	return out
}
