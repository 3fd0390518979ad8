package delivery

import (
	"context"
	"log/slog"
	"maps"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
)

// Exclusion says who loses what (security.md K2).
type Exclusion struct {
	User   string
	Device *protocol.DeviceID // only this one of theirs
	Groups []protocol.GroupID
	Over   error // why their devices' streams end; nil: they stay attached
}

// Exclude lets change commit to the store who loses what. When it returns, nothing more is encrypted
// under a key that the excluded have, and they have no stream, feedback key or catch-up.
func (e *Engine) Exclude(change func() (Exclusion, error)) error {
	e.owing.RLock()
	x, err := change()
	if err != nil {
		e.owing.RUnlock()
		return err
	}
	if x.Over != nil {
		e.agents.End(x.User, x.Device, x.Over)
	}
	var last []groupcast.Delivery
	stop := e.interrupt(x.Groups, func(group protocol.GroupID) { last = append(last, e.forget(group, x)...) })
	e.owing.RUnlock()
	e.stop(stop)
	e.noteLast(last)
	e.endIdle(context.Background(), x.Groups)
	return nil
}

// interrupt takes the sessions of groups off the schedule, and gives them to be stopped; new ones
// follow for those who are left. What is called first has the lock.
func (e *Engine) interrupt(groups []protocol.GroupID, first func(protocol.GroupID)) (stop []*run) {
	e.mu.Lock()
	defer e.mu.Unlock()
	now := e.now()
	for _, group := range groups {
		first(group)
		e.sched.Interrupt(now, group)
		// All of them, whatever the schedule holds: one that it has closed may still send, until the
		// loop comes to that (security.md K2).
		for _, r := range e.runs {
			if r.sender.Offer().Group == group && !r.stopped {
				r.stopped = true
				stop = append(stop, r)
			}
		}
	}
	return stop
}

// stop ends sessions that the schedule knows no more.
func (e *Engine) stop(all []*run) {
	for _, r := range all {
		r.sender.Stop()
		e.finish(r)
	}
	e.poke()
}

// forget takes the excluded out of a group's transfers and gives how far they were; the lock is held.
func (e *Engine) forget(group protocol.GroupID, x Exclusion) (last []groupcast.Delivery) {
	excluded := func(dev protocol.DeviceID) bool {
		return e.owners[dev] == x.User && (x.Device == nil || *x.Device == dev)
	}
	for _, no := range e.sched.Forget(group, excluded) {
		last = append(last, e.book.GiveUp(no, excluded)...)
		maps.DeleteFunc(e.given, func(key deliveryKey, _ given) bool { return key.no == no && excluded(key.dev) })
	}
	return last
}

// Halt stops sending and giving out keys until the memberships are confirmed: sessions encrypt nothing
// more, and what was offered is offered again afterwards, under higher numbers.
func (e *Engine) Halt() {
	e.mu.Lock()
	e.sched.StandStill()
	stop := make([]*run, 0, len(e.runs))
	for _, r := range e.runs {
		r.stopped = true
		stop = append(stop, r)
	}
	direct := e.direct.TakeAll()
	clear(e.given)
	e.mu.Unlock()
	for _, r := range stop {
		r.sender.Stop()
		e.finish(r)
	}
	e.closeOffers(direct...)
	e.log.Info("sessions were stopped", slog.Int("sessions", len(stop)))
	e.agents.HintAll() // who fetches something reads that it is not offered any more
	e.poke()
}
