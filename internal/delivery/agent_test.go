package delivery

import (
	"context"
	"crypto/ed25519"
	"io"
	"testing/synctest"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/wire"
)

// agent is a receiver without a disk.
type agent struct {
	w      *world
	p      groupcast.Principal
	id     protocol.DeviceID
	key    seal.SigningKey
	stream groupcast.AgentStream
	number uint64
}

// enrol makes a user who is a member of a group, with one device.
func (w *world) enrol(name, group string) *agent {
	w.Helper()
	return w.login(w.member(name, group))
}

// login gives a user one more device.
func (w *world) login(u groupcast.User) *agent {
	w.Helper()
	a := &agent{w: w, key: seal.NewSigningKey()}
	var d groupcast.Device
	w.must(w.Owe(func() (owed []groupcast.Delivery, err error) {
		d, owed, err = w.db.AddDevice(w.ctx, groupcast.Device{
			ID: protocol.NewDeviceID(), UserID: u.ID, User: u.Name, Name: "pc-" + u.Name, LastSeen: w.now(),
			PublicKey: ed25519.PublicKey(a.key.Public().Bytes()), Path: groupcast.PathUnknown,
		}, w.now())
		return owed, err
	}))
	a.p = groupcast.Principal{User: u, Device: &d, Scope: groupcast.ScopeAgent, From: "192.0.2.1"}
	a.id = d.ID
	return a
}

// attach opens the device's stream.
func (a *agent) attach() *agent { return a.attachAs(groupcast.Spoken()) }

// attachAs opens the device's stream as an agent of another version would.
func (a *agent) attachAs(speaks groupcast.Speaks) *agent {
	a.w.Helper()
	st, _, err := a.w.presence.Attach(a.p, groupcast.Attach{Speaks: speaks})
	a.w.must(err)
	a.stream = st
	a.w.Attached(a.id)
	synctest.Wait()
	return a
}

// waiting takes the events that a stream holds now.
func waiting[T any](next func(context.Context) (T, error)) (out []T) {
	synctest.Wait()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for {
		e, err := next(ctx)
		if err != nil {
			return out
		}
		out = append(out, e)
	}
}

// offers reads what the stream holds now and gives the offers in it.
func (a *agent) offers() (out []wire.Offer) {
	a.w.Helper()
	for _, e := range waiting(a.stream.Next) {
		if e.Kind == groupcast.AgentOffer {
			o, err := seal.VerifyOffer(a.w.key.Public(), e.Offer.Offer, e.Offer.Signature)
			a.w.must(err)
			out = append(out, o)
		}
	}
	return out
}

// offered expects exactly one offer and gives it.
func (a *agent) offered() wire.Offer {
	a.w.Helper()
	o := a.offers()
	if len(o) != 1 {
		a.w.Fatalf("%s: %d offers, want one", a.p.User.Name, len(o))
	}
	return o[0]
}

// told expects an event of a kind in what the stream holds now.
func (a *agent) told(kind groupcast.AgentEventKind) groupcast.AgentEvent {
	a.w.Helper()
	for _, e := range waiting(a.stream.Next) {
		if e.Kind == kind {
			return e
		}
	}
	a.w.Fatalf("%s was not told %q", a.p.User.Name, kind)
	return groupcast.AgentEvent{}
}

// inState gives the offers that its state would hold.
func (a *agent) inState() (out []wire.Offer) {
	a.w.Helper()
	for _, given := range a.w.Offers(a.id) {
		o, err := wire.ParseOffer(given.Offer)
		a.w.must(err)
		out = append(out, o)
	}
	return out
}

func (a *agent) ready(o wire.Offer) (groupcast.Handout, error) {
	h, err := a.w.HandOut(a.w.ctx, *a.p.Device, groupcast.Ready{Transfer: o.Transfer, Session: o.Session, LacksAll: true})
	synctest.Wait()
	return h, err
}

func (a *agent) report(r groupcast.AgentReport) error {
	err := a.w.Report(a.id, r)
	synctest.Wait()
	return err
}

// receipt hands a receipt in as the first version of receipts had it.
func (a *agent) receipt(o wire.Offer, outcome groupcast.DeliveryState, path groupcast.Path) error {
	a.number++
	r := groupcast.Receipt{Transfer: o.Transfer, Root: o.IndexDigest, Outcome: outcome, Path: path, Sequence: a.number}
	r.Signature = seal.SignReceipt(a.key, seal.Receipt{
		Server: o.Server, Group: o.Group, Transfer: o.Transfer, Root: o.IndexDigest,
		Device: a.id, Outcome: string(outcome), Sequence: a.number,
	})
	return a.hand(r)
}

func (a *agent) hand(r groupcast.Receipt) error {
	err := a.w.Receipt(a.w.ctx, *a.p.Device, r)
	synctest.Wait()
	return err
}

// signed signs all of a receipt with the agent's key.
func (a *agent) signed(o wire.Offer, r groupcast.Receipt, entries ...groupcast.DeliveryEntry) groupcast.Receipt {
	a.w.Helper()
	a.number++
	r.Transfer, r.Root, r.Sequence = o.Transfer, o.IndexDigest, a.number
	r.Version, r.List = groupcast.ReceiptVersion, groupcast.EntriesDigest(entries)
	var err error
	r.Signature, err = seal.SignFullReceipt(a.key, seal.FullReceipt{
		Receipt: seal.Receipt{
			Server: o.Server, Group: o.Group, Transfer: o.Transfer, Root: o.IndexDigest,
			Device: a.id, Outcome: string(r.Outcome), Sequence: r.Sequence,
		},
		Path: string(r.Path), Bytes: r.Bytes,
		Entries: uint32(r.Entries), Missing: uint32(r.Missing), Beside: uint32(r.Beside),
		Reason: groupcast.ReasonDigest(r.Reason), List: r.List,
	})
	a.w.must(err)
	return r
}

// blocks opens a download of so many blocks.
func (a *agent) blocks(no protocol.TransferNo, first, count uint32) (io.ReadCloser, error) {
	return a.w.Blocks(a.w.ctx, a.p, no, protocol.Range{First: protocol.BlockNumber(first), Count: count})
}
