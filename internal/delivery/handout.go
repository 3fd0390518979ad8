package delivery

import (
	"context"
	"errors"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/choice"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/schedule"
	"github.com/groupcast/groupcast/internal/store"
	"github.com/groupcast/groupcast/internal/summary"
)

// Attached says that a device has a stream now.
func (e *Engine) Attached(dev protocol.DeviceID) {
	e.change(func(sch *schedule.Scheduler, now time.Time) {
		sch.Attached(now, dev, sch.SiteOf(dev))
		sch.Judge(dev, e.agents.Unfit(dev))
		sch.JudgeOld(dev, e.agents.TooOldFor(dev, choice.Wire))
	})
}

// Left says that a device's stream broke; it may have another one by now.
func (e *Engine) Left(dev protocol.DeviceID) {
	e.change(func(sch *schedule.Scheduler, now time.Time) {
		if !e.agents.Has(dev) {
			sch.Detached(now, dev)
		}
	})
}

// HandOut answers what a device says to an offer: the keys of a running session, or the word to
// fetch over HTTPS.
func (e *Engine) HandOut(ctx context.Context, d groupcast.Device, r groupcast.Ready) (groupcast.Handout, error) {
	if r.Refused != "" {
		return groupcast.Handout{}, e.refuse(ctx, d, r)
	}
	// One transaction says whether it may have it and at which version (K9, C8).
	may, err := e.store.Entitled(ctx, r.Transfer, d.ID)
	if err != nil {
		return groupcast.Handout{}, err
	}
	if out, whole, err := e.pagedReady(ctx, d.ID, &r); whole {
		return out, err
	}
	if r.Lacks, err = protocol.MergeRanges(r.Lacks, 2*protocol.MaxBlocks); err != nil {
		return groupcast.Handout{}, errRanges(err)
	}
	return e.keysFor(ctx, d.ID, r, may.Version)
}

// noteHandout keeps that a device is about to get a session's key: what is not written down
// is not handed out.
func (e *Engine) noteHandout(ctx context.Context, dev protocol.DeviceID, r groupcast.Ready, version uint64) error {
	h := store.Handout{Transfer: r.Transfer, Session: r.Session, Device: dev, Version: version, Site: e.site()}
	return e.store.AddHandouts(ctx, []store.Handout{h}, e.now())[0]
}

func errRanges(err error) error {
	return groupcast.Errorf(groupcast.EInvalid, "what the device lacks is no list that can be served: %v", err).
		WithHint("name at most %d ranges, in order and none over another", protocol.MaxNACKRanges).Wrap(err)
}

var errSessionOver = groupcast.Errorf(groupcast.EConflict, "that session is over").WithHint("read the state again")

// keysFor gives a session's keys to a device that was entitled at a membership version.
func (e *Engine) keysFor(
	ctx context.Context, dev protocol.DeviceID, r groupcast.Ready, version uint64,
) (groupcast.Handout, error) {
	e.mu.Lock()
	run, blocks := e.runs[r.Session], e.infos[r.Transfer].Blocks
	ok := run != nil && run.no == r.Transfer && !run.stopped && version >= run.version
	https := !ok && e.mayFetch(r.Transfer, dev, r.Session)
	paused := e.sched.Paused()
	e.mu.Unlock()
	switch {
	case paused:
		return groupcast.Handout{}, ErrUnconfirmed
	case https:
		e.change(func(sch *schedule.Scheduler, now time.Time) { sch.Fetching(now, r.Transfer, dev) })
		return groupcast.Handout{HTTPS: true}, nil
	case !ok:
		return groupcast.Handout{}, errSessionOver
	case !r.LacksAll && len(r.Lacks) == 0:
		e.change(func(sch *schedule.Scheduler, now time.Time) { sch.Stored(now, r.Transfer, dev) })
		return groupcast.Handout{HTTPS: true}, nil
	}
	if why := summary.TooLarge(run.packetBytes(), r.MTU); why != "" {
		e.change(func(sch *schedule.Scheduler, now time.Time) { sch.Behind(now, r.Transfer, dev, why, false) })
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
	// It is noted before the schedule hears of it: data may flow from then on.
	if err := e.noteHandout(ctx, dev, r, version); err != nil {
		run.sender.Detach(dev, "its keys were not handed out")
		return groupcast.Handout{}, err
	}
	return e.attachedTo(run, dev, r, blocks, h)
}

// attachedTo informs the schedule. A session that was stopped meanwhile gives out no keys.
func (e *Engine) attachedTo(
	run *run, dev protocol.DeviceID, r groupcast.Ready, blocks int, h groupcast.Handout,
) (groupcast.Handout, error) {
	e.mu.Lock()
	current := e.runs[r.Session] == run && !run.stopped
	taken := current && e.sched.Ready(e.now(), r.Transfer, r.Session, dev, held(r, blocks))
	h.Started = run.begun
	e.mu.Unlock()
	e.poke()
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

// mayFetch says whether a device was asked to fetch a transfer over HTTPS. If it answers that after it
// reported that it could not, or after it failed, it can do it now. The lock is held.
func (e *Engine) mayFetch(no protocol.TransferNo, dev protocol.DeviceID, id protocol.SessionID) bool {
	d, _ := e.sched.Delivery(no, dev)
	switch d.State {
	case schedule.StateHTTPS, schedule.StateStored, schedule.StateSilent:
		return true
	case schedule.StateRefused, schedule.StatePaused:
		last, stands := e.gave(no, dev, id)
		return last && stands
	default:
		return false
	}
}

// owes says whether a device is owed a transfer right now, was offered it by this process, and
// nothing holds it back. A device without an offer has nothing to fetch: after a start those
// who know more than the server come first (O4).
func (e *Engine) owes(no protocol.TransferNo, dev protocol.DeviceID) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	_, owed := e.sched.Delivery(no, dev)
	_, offered := e.given[deliveryKey{no, dev}]
	return owed && offered && !e.sched.Paused() && !e.sched.Held(no)
}

// gave says whether a session's offer is the last of a transfer that a device was given, and whether it
// stands: the session runs, or who fetches over HTTPS goes by it. The lock is held.
func (e *Engine) gave(no protocol.TransferNo, dev protocol.DeviceID, id protocol.SessionID) (last, stands bool) {
	g, found := e.given[deliveryKey{no, dev}]
	return found && g.session == id, e.runs[id] != nil || e.direct.Stands(no, id)
}

// heeds says whether a refusal counts: one of an offer that was replaced meanwhile does not, nor does one
// of an earlier attempt. The receiver may have been started again since: it would not know that it has to
// take the refusal back. One that names no session is about no single offer. If a device says that an offer
// is old and the offer is over, the device is right; it gets a new one.
func (e *Engine) heeds(r groupcast.Ready, dev protocol.DeviceID) bool {
	e.mu.Lock()
	_, offered := e.given[deliveryKey{r.Transfer, dev}]
	last, stands := e.gave(r.Transfer, dev, r.Session)
	e.mu.Unlock()
	if !offered || r.Kind != groupcast.RefusedOld {
		return offered && (last || r.Session == protocol.SessionID{})
	}
	if last && !stands {
		e.change(func(sch *schedule.Scheduler, now time.Time) { sch.Overtaken(now, r.Transfer, dev) })
	}
	return last && stands
}

// Paused says that nothing is sent because memberships are not confirmed after a restore.
func (e *Engine) Paused() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.sched.Paused()
}

// refuse notes why a device cannot take a transfer.
func (e *Engine) refuse(ctx context.Context, d groupcast.Device, r groupcast.Ready) error {
	if _, err := e.store.Entitled(ctx, r.Transfer, d.ID); err != nil {
		return err
	}
	if !e.heeds(r, d.ID) {
		return nil
	}
	reason, kind, space := groupcast.Clip(r.Refused), r.Kind.Known(), r.Space
	if kind == groupcast.RefusedClock {
		e.change(func(sch *schedule.Scheduler, now time.Time) {
			sch.Behind(now, r.Transfer, d.ID, "it is too far away for multicast", false)
		})
		return nil
	}
	if kind != groupcast.RefusedSpace {
		space = nil
	}
	// The kind is written down before anybody can see that it is refused.
	if err := e.store.UpdateDeliveries(ctx, []groupcast.Delivery{{
		Transfer: r.Transfer, UserID: d.UserID, DeviceID: d.ID, State: groupcast.DeliveryRefused, Reason: reason,
		Refusal: kind, Space: space,
	}}, e.now()); err != nil {
		return err
	}
	fresh := false
	e.change(func(sch *schedule.Scheduler, now time.Time) {
		if kind.Final() {
			fresh = sch.RefusedForGood(now, r.Transfer, d.ID, reason)
			return
		}
		fresh = sch.Refused(now, r.Transfer, d.ID, reason)
	})
	if fresh {
		e.log.Info("refused", "transfer", r.Transfer, "device", d.ID, "kind", kind, "reason", reason)
	}
	return nil
}
