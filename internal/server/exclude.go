package server

import (
	"context"
	"log/slog"
	"maps"

	"github.com/groupcast/groupcast/internal/protocol"
)

// Exclusion says who loses what (security.md K2).
type Exclusion struct {
	User   string
	Device *protocol.DeviceID // only this one of theirs
	Groups []protocol.GroupID
	Over   error // why their devices' streams end; nil: they stay attached
}

// Exclude comes after the change is committed. When it returns, nothing more is sealed under
// a key that the excluded have, and they have no stream, feedback key or catch-up.
func (l *live) Exclude(x Exclusion) {
	if x.Over != nil {
		l.Agents.End(x.User, x.Device, x.Over)
	}
	l.interrupt(x.Groups, func(group protocol.GroupID) { l.forget(group, x) })
	l.completeIdle(context.Background(), x.Groups)
}

// interrupt stops the sessions of groups; new ones follow for those who are left. What is called
// first has the lock.
func (l *live) interrupt(groups []protocol.GroupID, first func(protocol.GroupID)) {
	l.mu.Lock()
	now := l.Now()
	var stop []*run
	for _, group := range groups {
		first(group)
		for _, id := range l.sched.Interrupt(now, group) {
			if r := l.runs[id]; r != nil {
				r.stopped = true
				stop = append(stop, r)
			}
		}
	}
	l.mu.Unlock()
	for _, r := range stop {
		r.sender.Stop()
		l.finish(r)
	}
	l.poke()
}

// forget takes the excluded out of a group's promises; the lock is held.
func (l *live) forget(group protocol.GroupID, x Exclusion) {
	excluded := func(dev protocol.DeviceID) bool {
		return l.owners[dev] == x.User && (x.Device == nil || *x.Device == dev)
	}
	for _, no := range l.sched.Forget(group, excluded) {
		maps.DeleteFunc(l.seen, func(key deliveryKey, _ *progress) bool { return key.no == no && excluded(key.dev) })
		maps.DeleteFunc(l.given, func(key deliveryKey, _ given) bool { return key.no == no && excluded(key.dev) })
	}
}

// Halt stops sending and handing out, as long as nobody confirmed the memberships: sessions seal
// nothing more, and whatever was offered is offered anew afterwards, under higher numbers.
func (l *live) Halt() {
	l.mu.Lock()
	l.sched.StandStill()
	stop := make([]*run, 0, len(l.runs))
	for _, r := range l.runs {
		r.stopped = true
		stop = append(stop, r)
	}
	direct := l.direct
	l.direct = map[protocol.TransferNo]*directOffer{}
	clear(l.given)
	l.mu.Unlock()
	for _, r := range stop {
		r.sender.Stop()
		l.finish(r)
	}
	for _, d := range direct {
		l.closeOffer(d.number)
	}
	l.Log.Info("sessions were stopped", slog.Int("sessions", len(stop)))
	l.Agents.HintAll() // who fetches something reads that it is not offered any more
	l.poke()
}
