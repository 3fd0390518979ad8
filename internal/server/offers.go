package server

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/schedule"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/send"
	"github.com/groupcast/groupcast/internal/sender"
	"github.com/groupcast/groupcast/internal/store"
	"github.com/groupcast/groupcast/internal/wire"
)

// errNotNow says that a session could not be made, though nothing is wrong with its content.
type errNotNow struct{ err error }

func (e errNotNow) Error() string { return e.err.Error() }
func (e errNotNow) Unwrap() error { return e.err }

// open makes a session and offers it.
func (l *live) open(ctx context.Context, st schedule.Action) {
	r, err := l.newRun(ctx, st.Transfer, st.Devices)
	if err != nil {
		l.openFailed(ctx, st, err)
		return
	}
	l.mu.Lock()
	accepted := l.sched.Opened(l.Now(), st.Transfer, st.Site, r.session)
	var older *directOffer
	if accepted {
		l.runs[r.session] = r
		older = l.direct[st.Transfer] // whoever is left over gets one with a higher number
		delete(l.direct, st.Transfer)
	}
	l.mu.Unlock()
	if older != nil {
		l.closeOffer(older.number)
	}
	if !accepted { // the members changed meanwhile, or the transfer is closed
		r.sender.Stop()
		l.finish(r)
		return
	}
	l.Log.Info("session offered", "transfer", st.Transfer, "session", r.session, "devices", len(st.Devices))
	l.send(st.Devices, given{r.session, offeredTo(r.offered, st.Devices)}, st.Transfer)
	l.announce(ctx, r)
}

func (l *live) openFailed(ctx context.Context, st schedule.Action, err error) {
	var later errNotNow
	if !errors.As(err, &later) {
		l.sourceFault(st.Transfer, "", err)
		return
	}
	l.Log.Error("a multicast session could not be opened", "transfer", st.Transfer, slog.Any("err", err))
	l.change(func(sch *schedule.Scheduler, now time.Time) {
		sch.FailedToOpen(now, st.Transfer, st.Site, "multicast does not work at the server: "+later.Error())
	})
}

// newRun draws a session's secrets and signs its offer.
func (l *live) newRun(ctx context.Context, no protocol.TransferNo, devices []protocol.DeviceID) (*run, error) {
	tr, g, err := l.transferAndGroup(ctx, no)
	if err != nil {
		return nil, err
	}
	src, err := l.OpenSource(ctx, tr)
	if err != nil {
		return nil, err
	}
	number, floor, err := l.OpenOffer(ctx, l.here, no)
	if err != nil {
		return nil, errors.Join(errNotNow{err}, src.Close())
	}
	terms := l.terms(tr, g, number, floor)
	terms.Flags = wire.OfferMulticast
	terms.SymbolSize = l.Agents.SymbolFor(devices, g.Address.Addr().Unmap().Is6())
	snd, err := l.NewSender(sender.Config{
		Key: l.Key, Terms: terms, Source: src, Layout: src.Layout(), Rate: tr.RateLimit / 8,
		OnEvent: func(e sender.Event) { l.hear(no, e) },
	})
	if err != nil {
		l.closeOffer(number)
		return nil, errors.Join(errNotNow{err}, src.Close())
	}
	offer, bytes, signature := snd.Offer()
	l.keepOffer(ctx, offer, bytes, signature)
	return &run{
		no: no, number: number, version: g.Version, session: offer.Session, sender: snd, source: src, content: tr.Content, limit: tr.RateLimit / 8,
		offered: groupcast.Offered{Offer: bytes, Signature: signature, Group: g.Name, Transfer: no},
	}, nil
}

// hear is called from a session's goroutine: it only tells the schedule.
func (l *live) hear(no protocol.TransferNo, e sender.Event) {
	l.change(func(sch *schedule.Scheduler, now time.Time) {
		switch e.Kind {
		case sender.DeviceDone:
			sch.Stored(now, no, e.Device)
		case sender.DeviceBehind:
			sch.Behind(now, no, e.Device, e.Reason, e.Cause == string(send.CauseSilent))
		}
	})
}

// terms is what an offer says of a transfer, whichever way it goes.
func (l *live) terms(tr store.Transfer, g groupcast.Group, number, floor protocol.OfferNo) wire.Offer {
	return wire.Offer{
		Server: l.Server, Group: g.ID, MembershipVersion: g.Version,
		Number: number, Floor: floor, Transfer: tr.No,
		IndexDigest: tr.Root, ManifestBytes: tr.ManifestBytes, ManifestBlocks: tr.ManifestBlocks,
		TotalBytes: tr.Bytes, Files: uint32(tr.Entries()), Blocks: uint32(tr.Blocks),
		SymbolSize: protocol.DefaultSymbol, MaxK: protocol.MaxSourceSymbols,
		Codec: wire.CodecCauchyRS, Hash: wire.HashBLAKE3, AEAD: wire.AEADAES256GCM, Cutter: wire.CutterFixed,
		GroupAddr: g.Address,
	}
}

func (l *live) transferAndGroup(ctx context.Context, no protocol.TransferNo) (store.Transfer, groupcast.Group, error) {
	tr, err := l.Store.Transfer(ctx, no)
	if err != nil {
		return tr, groupcast.Group{}, err
	}
	g, err := l.Store.GroupByID(ctx, tr.GroupID)
	return tr, g, err
}

// send gives devices an offer; it also stands in their state from here on.
func (l *live) send(devices []protocol.DeviceID, g given, no protocol.TransferNo) {
	l.mu.Lock()
	devices = slices.DeleteFunc(devices, func(dev protocol.DeviceID) bool {
		_, owed := l.sched.Delivery(no, dev)
		return !owed || l.sched.Paused() // meanwhile it is owed no more, or nothing is sent
	})
	for _, dev := range devices {
		l.given[deliveryKey{no, dev}] = g
	}
	l.mu.Unlock()
	for _, dev := range devices {
		l.Agents.Send(dev, groupcast.AgentEvent{Kind: groupcast.AgentOffer, Offer: g.offered})
	}
}

// offeredTo is an offer that goes out to so many devices at once.
func offeredTo(o groupcast.Offered, devices []protocol.DeviceID) *groupcast.Offered {
	o.Devices = len(devices)
	return &o
}

// announce tells the group that there is an offer: who missed the event reads the state.
func (l *live) announce(ctx context.Context, r *run) {
	offer, _, _ := r.sender.Offer()
	packet := l.signAnnounce(offer.Group, offer.Number)
	if err := l.SendPlain(ctx, offer.GroupAddr, packet); err != nil {
		l.Log.Warn("the announcement could not be sent", "transfer", r.no, slog.Any("err", err))
	}
}

// offerDirect offers a transfer over HTTPS to devices.
func (l *live) offerDirect(ctx context.Context, st schedule.Action) {
	d, err := l.directFor(ctx, st.Transfer)
	if err != nil {
		l.Log.Error("an offer over HTTPS could not be made", "transfer", st.Transfer, slog.Any("err", err))
		return
	}
	l.setState(ctx, st.Transfer, groupcast.TransferSending, "")
	l.send(st.Devices, given{d.session, offeredTo(d.offered, st.Devices)}, st.Transfer)
}

// directFor gives the transfer's offer over HTTPS: a new one after each multicast session or
// change of members, because receivers take the offer with the higher number.
func (l *live) directFor(ctx context.Context, no protocol.TransferNo) (*directOffer, error) {
	tr, g, err := l.transferAndGroup(ctx, no)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	old := l.direct[no]
	l.mu.Unlock()
	if old != nil && old.version == g.Version {
		return old, nil
	}
	number, floor, err := l.OpenOffer(ctx, l.here, no)
	if err != nil {
		return nil, err
	}
	offer := l.terms(tr, g, number, floor)
	offer.Session = protocol.NewSessionID()
	bytes := wire.AppendOffer(nil, offer)
	d := &directOffer{
		number: number, session: offer.Session, version: g.Version,
		offered: groupcast.Offered{Offer: bytes, Signature: seal.SignOffer(l.Key, bytes), Group: g.Name, Transfer: no},
	}
	l.keepOffer(ctx, offer, bytes, d.offered.Signature)
	l.mu.Lock()
	paused := l.sched.Paused()
	if !paused {
		l.direct[no] = d
	}
	l.mu.Unlock()
	if paused {
		l.closeOffer(number)
		return nil, errUnconfirmed
	}
	if old != nil {
		l.closeOffer(old.number)
	}
	return d, nil
}

// Offers lists the offers that a device works on, or should.
func (l *live) Offers(dev protocol.DeviceID) []groupcast.Offered {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []groupcast.Offered
	if l.sched.Paused() {
		return nil
	}
	for _, no := range l.sched.Open() {
		d, owed := l.sched.Delivery(no, dev)
		g, found := l.given[deliveryKey{no, dev}]
		if !found || !owed {
			continue
		}
		switch d.State {
		case schedule.StateAsked, schedule.StateMulticast, schedule.StateStored, schedule.StateHTTPS, schedule.StateSilent:
			out = append(out, *g.offered)
		}
	}
	return out
}

func (l *live) signAnnounce(group protocol.GroupID, number protocol.OfferNo) []byte {
	return seal.SignAnnounce(l.Key, wire.Announce{Server: wire.PrefixOf(l.Server), Group: group, Number: number})
}
