package server

import (
	"context"
	"errors"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/schedule"
)

// AgentEvents attaches a device: it is active while the stream is open.
func (s *Server) AgentEvents(ctx context.Context, p groupcast.Principal, say groupcast.Attach) (groupcast.AgentStream, error) {
	d, err := mustAgent(p)
	if err != nil {
		return nil, err
	}
	if err := s.agents.MayAttach(d.ID); err != nil {
		return nil, err
	}
	if err := s.setback.Shown(ctx, d.User+"/"+d.Name, say.Newest, say.NewestSignature); err != nil {
		return nil, err
	}
	if err := s.sole(ctx, d, say, p.From); err != nil {
		return nil, err
	}
	q, replaced, err := s.agents.Attach(p, say)
	if err != nil {
		return nil, err
	}
	// Between the token's check and here the device may have been revoked.
	if _, err := s.store.Device(ctx, d.ID); err != nil {
		q.Close()
		return nil, err
	}
	if replaced {
		s.audit(ctx, p, "device.replaced", d.User+"/"+d.Name, "attached again from "+p.From)
	}
	s.live.change(func(sch *schedule.Scheduler, now time.Time) {
		sch.Attached(now, d.ID, schedule.Here)
		sch.Judge(d.ID, s.agents.Unfit(d.ID))
	})
	s.seenDevice(ctx, d, p.From)
	s.events.Publish(groupcast.Event{Kind: groupcast.EventDevice, User: p.User.Name, Text: d.Name + ": active"})
	return q, nil
}

func (s *Server) seenDevice(ctx context.Context, d groupcast.Device, from string) {
	d.LastSeen, d.Address = s.now(), from
	s.noteDevice(ctx, d)
}

// deviceLeft is called when a stream broke.
func (s *Server) deviceLeft(id protocol.DeviceID) {
	s.live.change(func(sch *schedule.Scheduler, now time.Time) {
		if !s.agents.Has(id) {
			sch.Detached(now, id)
		}
	})
	s.events.Publish(groupcast.Event{Kind: groupcast.EventDevice, Text: id.String() + ": left"})
}

// AgentState is everything an agent needs to know.
func (s *Server) AgentState(ctx context.Context, p groupcast.Principal) (groupcast.AgentState, error) {
	d, err := mustAgent(p)
	if err != nil {
		return groupcast.AgentState{}, err
	}
	// The version comes first: what changes while the rest is read is told after it.
	state := groupcast.AgentState{Version: s.agents.Version(), Now: s.now(), Signing: s.cfg.Identity.SigningChain(), Receipts: groupcast.ReceiptVersion}
	state.Device, err = s.store.Device(ctx, d.ID)
	if err != nil {
		return state, err
	}
	s.agents.Describe(&state.Device)
	groups, err := s.store.GroupsOfDevice(ctx, d.ID)
	if err != nil {
		return state, err
	}
	for _, g := range groups {
		state.Groups = append(state.Groups, groupcast.AgentGroup{ID: g.ID, Name: g.Name, Address: g.Address.String()})
	}
	if state.Withheld, err = s.store.Withheld(ctx, d.ID); err != nil {
		return state, err
	}
	s.addNews(ctx, &state)
	s.addOwed(ctx, &state)
	state.Offers = s.live.offersFor(d.ID)
	return state, nil
}

// maxOwedTold bounds the transfers that a state tells to be owed.
const maxOwedTold = 10_000

// addOwed tells what the device is owed. A server that could not find out, or waits after a
// restore, does not say that it is all: nothing half received goes for its word. What is held is
// nobody's to know of.
func (s *Server) addOwed(ctx context.Context, state *groupcast.AgentState) {
	owed, err := s.store.OwedReleased(ctx, state.Device.ID, maxOwedTold+1)
	if err != nil {
		s.log.Warn("what a device is owed was not read", "device", state.Device.ID, "err", err)
		return
	}
	state.Owed = owed[:min(len(owed), maxOwedTold)]
	state.OwedComplete = len(owed) <= maxOwedTold && !s.live.paused()
}

// Ready answers an offer: the keys of a running session, or the word to fetch over HTTPS.
func (s *Server) Ready(ctx context.Context, p groupcast.Principal, r groupcast.Ready) (groupcast.Handout, error) {
	d, err := mustAgent(p)
	if err != nil {
		return groupcast.Handout{}, err
	}
	s.noteFree(ctx, d, p.From, r.FreeBytes)
	s.agents.NoteMTU(d.ID, r.MTU)
	if r.Refused != "" {
		return groupcast.Handout{}, s.refuse(ctx, d, r)
	}
	if r.Lacks, err = protocol.MergeRanges(r.Lacks, 2*protocol.MaxBlocks); err != nil {
		return groupcast.Handout{}, errRanges(err)
	}
	// One transaction says whether he may have it and at which version (K9, C8).
	e, err := s.store.Entitled(ctx, r.Transfer, d.ID)
	if err != nil {
		return groupcast.Handout{}, err
	}
	h, err := s.live.handOut(d.ID, r, e.Version)
	if err != nil || h.HTTPS {
		return h, err
	}
	if err := s.noteHandout(ctx, d.ID, r, e.Version); err != nil {
		return groupcast.Handout{}, err
	}
	return h, nil
}

func errRanges(err error) error {
	return groupcast.Errorf(groupcast.EInvalid, "what the device lacks is no list that can be served: %v", err).
		WithHint("name at most %d ranges, in order and none over another", protocol.MaxNACKRanges).Wrap(err)
}

var errSessionOver = groupcast.Errorf(groupcast.EConflict, "that session is over").WithHint("read the state again")

// handOut gives a session's keys to a device that was entitled at a membership version.
func (l *live) handOut(dev protocol.DeviceID, r groupcast.Ready, version uint64) (groupcast.Handout, error) {
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
	taken := current && l.sched.Ready(l.s.now(), r.Transfer, r.Session, dev, held(r, blocks))
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

// paused says that nothing is sent: the server was restored, and nobody confirmed it.
func (l *live) paused() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.sched.Paused()
}

// refuse notes why a device cannot take a transfer.
func (s *Server) refuse(ctx context.Context, d groupcast.Device, r groupcast.Ready) error {
	if _, err := s.store.Entitled(ctx, r.Transfer, d.ID); err != nil {
		return err
	}
	if r.Kind == groupcast.RefusedOld && !s.live.gave(r.Transfer, d.ID, r.Session) {
		return nil // it was overtaken on its way
	}
	reason, kind := groupcast.Clip(r.Refused), r.Kind.Known()
	// The kind is written down before anybody can see that it is refused.
	if err := s.store.UpdateDeliveries(ctx, []groupcast.Delivery{{
		Transfer: r.Transfer, UserID: d.UserID, DeviceID: d.ID, State: groupcast.DeliveryRefused, Reason: reason, Refusal: kind,
	}}, s.now()); err != nil {
		return err
	}
	fresh := false
	s.live.change(func(sch *schedule.Scheduler, now time.Time) {
		if kind.Final() {
			fresh = sch.RefusedForGood(now, r.Transfer, d.ID, reason)
			return
		}
		fresh = sch.Refused(now, r.Transfer, d.ID, reason)
	})
	if fresh {
		s.log.Info("refused", "transfer", r.Transfer, "device", d.ID, "kind", kind, "reason", reason)
	}
	return nil
}

// noteFree keeps how much room a device has, for listings. Small changes are not worth a write.
func (s *Server) noteFree(ctx context.Context, d groupcast.Device, from string, free uint64) {
	if free == 0 {
		return
	}
	if changed := max(free, d.FreeBytes) - min(free, d.FreeBytes); changed > d.FreeBytes/freeStep {
		d.FreeBytes = free
		s.seenDevice(ctx, d, from)
	}
}

const freeStep = 128 // a part in so many is a change of a device's free space
