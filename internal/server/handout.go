package server

import (
	"context"
	"errors"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/schedule"
	"github.com/groupcast/groupcast/internal/store"
)

// Attached says that a device has a stream now.
func (l *live) Attached(dev protocol.DeviceID) {
	l.change(func(sch *schedule.Scheduler, now time.Time) {
		sch.Attached(now, dev, schedule.Here)
		sch.Judge(dev, l.Agents.Unfit(dev))
	})
}

// Left says that a device's stream broke; it may have another one by now.
func (l *live) Left(dev protocol.DeviceID) {
	l.change(func(sch *schedule.Scheduler, now time.Time) {
		if !l.Agents.Has(dev) {
			sch.Detached(now, dev)
		}
	})
}

// HandOut answers what a device says to an offer: the keys of a running session, or the word to
// fetch over HTTPS.
func (l *live) HandOut(ctx context.Context, d groupcast.Device, r groupcast.Ready) (groupcast.Handout, error) {
	if r.Refused != "" {
		return groupcast.Handout{}, l.refuse(ctx, d, r)
	}
	var err error
	if r.Lacks, err = protocol.MergeRanges(r.Lacks, 2*protocol.MaxBlocks); err != nil {
		return groupcast.Handout{}, errRanges(err)
	}
	// One transaction says whether it may have it and at which version (K9, C8).
	e, err := l.Store.Entitled(ctx, r.Transfer, d.ID)
	if err != nil {
		return groupcast.Handout{}, err
	}
	h, err := l.keysFor(d.ID, r, e.Version)
	if err != nil || h.HTTPS {
		return h, err
	}
	if err := l.noteHandout(ctx, d.ID, r, e.Version); err != nil {
		return groupcast.Handout{}, err
	}
	return h, nil
}

// noteHandout keeps that a device is about to get a session's key: what is not written down
// is not handed out.
func (l *live) noteHandout(ctx context.Context, dev protocol.DeviceID, r groupcast.Ready, version uint64) error {
	h := store.Handout{Transfer: r.Transfer, Session: r.Session, Device: dev, Version: version, Site: l.here}
	return l.Store.AddHandouts(ctx, []store.Handout{h}, l.Now())[0]
}

func errRanges(err error) error {
	return groupcast.Errorf(groupcast.EInvalid, "what the device lacks is no list that can be served: %v", err).
		WithHint("name at most %d ranges, in order and none over another", protocol.MaxNACKRanges).Wrap(err)
}

var errSessionOver = groupcast.Errorf(groupcast.EConflict, "that session is over").WithHint("read the state again")

// keysFor gives a session's keys to a device that was entitled at a membership version.
func (l *live) keysFor(dev protocol.DeviceID, r groupcast.Ready, version uint64) (groupcast.Handout, error) {
	l.mu.Lock()
	run, blocks := l.runs[r.Session], l.infos[r.Transfer].Blocks
	ok := run != nil && run.no == r.Transfer && !run.stopped && version >= run.version
	https := !ok && l.mayFetch(r.Transfer, dev)
	paused := l.sched.Paused()
	l.mu.Unlock()
	switch {
	case paused:
		return groupcast.Handout{}, errUnconfirmed
	case https:
		l.change(func(sch *schedule.Scheduler, now time.Time) { sch.Fetching(now, r.Transfer, dev) })
		return groupcast.Handout{HTTPS: true}, nil
	case !ok:
		return groupcast.Handout{}, errSessionOver
	case !r.LacksAll && len(r.Lacks) == 0:
		l.change(func(sch *schedule.Scheduler, now time.Time) { sch.Stored(now, r.Transfer, dev) })
		return groupcast.Handout{HTTPS: true}, nil
	}
	if why := run.tooLarge(r.MTU); why != "" {
		l.change(func(sch *schedule.Scheduler, now time.Time) { sch.Behind(now, r.Transfer, dev, why, false) })
		return groupcast.Handout{HTTPS: true}, nil
	}
	h, err := run.sender.Attach(dev, r.Lacks, r.LacksAll)
	if bad := new(protocol.RangesError); errors.As(err, &bad) {
		return groupcast.Handout{}, errRanges(bad)
	}
	if groupcast.ErrorCode(err) == groupcast.EExhausted {
		return groupcast.Handout{}, err
	}
	if err != nil {
		return groupcast.Handout{}, errSessionOver
	}
	return l.attachedTo(run, dev, r, blocks, h)
}

// attachedTo tells the schedule; a session that was stopped meanwhile hands out nothing.
func (l *live) attachedTo(run *run, dev protocol.DeviceID, r groupcast.Ready, blocks int, h groupcast.Handout) (groupcast.Handout, error) {
	l.mu.Lock()
	current := l.runs[r.Session] == run && !run.stopped
	taken := current && l.sched.Ready(l.Now(), r.Transfer, r.Session, dev, held(r, blocks))
	h.Started = run.begun
	l.mu.Unlock()
	l.poke()
	if taken {
		return h, nil
	}
	run.sender.Detach(dev, "no longer in this session")
	if current {
		return groupcast.Handout{HTTPS: true}, nil
	}
	return groupcast.Handout{}, errSessionOver
}

// held counts the blocks that a device has already.
func held(r groupcast.Ready, blocks int) int {
	if r.LacksAll {
		return 0
	}
	for _, lack := range r.Lacks {
		blocks -= int(lack.Count)
	}
	return max(blocks, 0)
}

// mayFetch says whether a device was told to fetch a transfer over HTTPS; the lock is held.
func (l *live) mayFetch(no protocol.TransferNo, dev protocol.DeviceID) bool {
	d, _ := l.sched.Delivery(no, dev)
	return d.State == schedule.StateHTTPS || d.State == schedule.StateStored || d.State == schedule.StateSilent
}

// owes says whether a device is owed a transfer right now, was offered it by this process, and
// nothing holds it back. Who is not offered anything yet has nothing to fetch: after a start those
// who know more than the server come first (O4).
func (l *live) owes(no protocol.TransferNo, dev protocol.DeviceID) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, owed := l.sched.Delivery(no, dev)
	_, offered := l.given[deliveryKey{no, dev}]
	return owed && offered && !l.sched.Paused() && !l.sched.Held(no)
}

// gave says whether a session's offer is the last of a transfer that a device was given.
func (l *live) gave(no protocol.TransferNo, dev protocol.DeviceID, id protocol.SessionID) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	g, found := l.given[deliveryKey{no, dev}]
	return found && g.session == id
}

// Paused says that nothing is sent: the server was restored, and nobody confirmed it.
func (l *live) Paused() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.sched.Paused()
}

// refuse notes why a device cannot take a transfer.
func (l *live) refuse(ctx context.Context, d groupcast.Device, r groupcast.Ready) error {
	if _, err := l.Store.Entitled(ctx, r.Transfer, d.ID); err != nil {
		return err
	}
	if r.Kind == groupcast.RefusedOld && !l.gave(r.Transfer, d.ID, r.Session) {
		return nil // it was overtaken on its way
	}
	reason, kind := groupcast.Clip(r.Refused), r.Kind.Known()
	// The kind is written down before anybody can see that it is refused.
	if err := l.Store.UpdateDeliveries(ctx, []groupcast.Delivery{{
		Transfer: r.Transfer, UserID: d.UserID, DeviceID: d.ID, State: groupcast.DeliveryRefused, Reason: reason, Refusal: kind,
	}}, l.Now()); err != nil {
		return err
	}
	fresh := false
	l.change(func(sch *schedule.Scheduler, now time.Time) {
		if kind.Final() {
			fresh = sch.RefusedForGood(now, r.Transfer, d.ID, reason)
			return
		}
		fresh = sch.Refused(now, r.Transfer, d.ID, reason)
	})
	if fresh {
		l.Log.Info("refused", "transfer", r.Transfer, "device", d.ID, "kind", kind, "reason", reason)
	}
	return nil
}
