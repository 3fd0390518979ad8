package storetest

import (
	"fmt"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/store"
)

// signed is a receipt of a device for Closing.
func signed(no protocol.TransferNo, dev protocol.DeviceID, sequence uint64) *store.SignedReceipt {
	return &store.SignedReceipt{
		Transfer: no, Device: dev, Sequence: sequence, Signed: []byte("signed"), Signature: []byte("signature"), Key: dev[:],
	}
}

// Good and bad ones in one batch, of two transfers: each gets its own answer.
func closings(w *world) {
	g, ann := w.group("lab"), w.user("ann")
	var dev []protocol.DeviceID
	for i := range 5 {
		dev = append(dev, w.device(ann, fmt.Sprintf("pc-%d", i)).ID)
	}
	w.join(g, ann)
	t, _ := w.transfer(g)
	other, _ := w.transfer(g)
	to := func(
		no protocol.TransferNo, dev protocol.DeviceID, state groupcast.DeliveryState, sequence uint64,
	) store.Closing {
		return store.Closing{
			Transfer: no, Device: dev, State: state, Signed: signed(no, dev, sequence), Covers: groupcast.SignedOutcome,
		}
	}
	verified, failed := groupcast.DeliveryVerified, groupcast.DeliveryFailed
	_, err := w.s.CloseDelivery(w.ctx, to(t.No, dev[4], failed, 7), w.tick())
	w.ok(err)
	_, err = w.s.RetryTransfer(w.ctx, t.No, w.now, w.tick())
	w.ok(err)
	batch := []store.Closing{
		to(t.No, dev[0], verified, 1),
		to(t.No, dev[0], failed, 2), // it is closed by the one before
		{Transfer: t.No, Device: protocol.NewDeviceID(), State: verified},
		to(other.No, dev[0], verified, 1),
		to(t.No, dev[1], verified, 1<<63), // no such number
		to(t.No, dev[4], verified, 7),     // taken before the retry
		to(t.No, dev[2], groupcast.DeliveryIncomplete, 1),
		to(t.No, dev[3], failed, 1),
		{Transfer: 999, Device: dev[0], State: verified},
	}
	batch[0].Last = &store.Progress{Blocks: 1, Bytes: 1, LossPercent: 1.5, Bar: []byte{1}, Path: groupcast.PathHTTPS}
	batch[6].Last = &store.Progress{Blocks: 3, Bytes: 700, LossPercent: 2.5, Bar: []byte{1}, Path: groupcast.PathMulticast}
	got := w.s.CloseDeliveries(w.ctx, batch, w.tick())
	for i, want := range []struct {
		owed int
		code groupcast.Code
	}{
		{owed: 4},
		{code: groupcast.EConflict},
		{code: groupcast.ENotFound},
		{owed: 4},
		{code: groupcast.EInvalid},
		{code: groupcast.EConflict},
		{owed: 3},
		{owed: 2},
		{code: groupcast.ENotFound},
	} {
		if want.code != "" {
			w.fails(got[i].Err, want.code)
			continue
		}
		w.ok(got[i].Err)
		equal(w, fmt.Sprintf("still owed after closing %d", i), got[i].Owed, want.owed)
	}
	afterClosings(w, t, dev)
}

func afterClosings(w *world, t store.Transfer, dev []protocol.DeviceID) {
	w.Helper()
	equal(w, "owed", w.owed(t.No), 2)
	var found []groupcast.Delivery
	for i, state := range []groupcast.DeliveryState{
		groupcast.DeliveryVerified, groupcast.DeliveryQueued, groupcast.DeliveryIncomplete, groupcast.DeliveryFailed,
		groupcast.DeliveryQueued,
	} {
		d, err := w.s.Delivery(w.ctx, t.No, dev[i])
		w.ok(err)
		equal(w, fmt.Sprintf("state of %d", i), d.State, state)
		found = append(found, d)
	}
	if d := found[0]; d.Bytes != t.Bytes || d.Blocks != t.Blocks || d.Bar != nil || d.LossPercent != 1.5 ||
		d.Path != groupcast.PathHTTPS {
		w.Fatalf("a verified one has all: %+v", d)
	}
	if d := found[2]; d.Bytes != 700 || d.Blocks != 3 || string(d.Bar) != "\x01" || d.Path != groupcast.PathMulticast {
		w.Fatalf("an incomplete one has what it had last: %+v", d)
	}
	kept, err := w.s.Receipts(w.ctx, t.No)
	w.ok(err)
	equal(w, "receipts", len(kept), 3) // nothing of those that were refused
	tr, err := w.s.Transfer(w.ctx, t.No)
	w.ok(err)
	equal(w, "counted", [3]int{tr.Verified, tr.Incomplete, tr.Failed}, [3]int{1, 1, 1})
}

// More than share a transaction, the same ones twice in another order.
func closingsAgain(w *world) {
	const devices = 300
	g, ann := w.group("lab"), w.user("ann")
	var ids []protocol.DeviceID
	for i := range devices {
		ids = append(ids, w.device(ann, fmt.Sprintf("pc-%d", i)).ID)
	}
	w.join(g, ann)
	t, _ := w.transfer(g)
	var batch, again []store.Closing
	for i, id := range ids {
		c := store.Closing{
			Transfer: t.No, Device: id, State: groupcast.DeliveryVerified, Signed: signed(t.No, id, uint64(i+1)),
		}
		batch, again = append(batch, c), append([]store.Closing{c}, again...)
	}
	for i, c := range w.s.CloseDeliveries(w.ctx, batch, w.tick()) {
		w.ok(c.Err)
		equal(w, "still owed", c.Owed, devices-1-i)
	}
	for _, c := range w.s.CloseDeliveries(w.ctx, again, w.tick()) {
		w.fails(c.Err, groupcast.EConflict)
	}
	equal(w, "owed", w.owed(t.No), 0)
	equal(w, "of none", len(w.s.CloseDeliveries(w.ctx, nil, w.tick())), 0)
	got, err := w.s.Transfer(w.ctx, t.No)
	w.ok(err)
	equal(w, "each counts once", got.Verified, devices)
}

func handoutsTogether(w *world) {
	g, ann := w.group("lab"), w.user("ann")
	one, two := w.device(ann, "one"), w.device(ann, "two")
	w.join(g, ann)
	t, _ := w.transfer(g)
	hand := func(no protocol.TransferNo, dev protocol.DeviceID) store.Handout {
		return store.Handout{Transfer: no, Session: protocol.SessionID{1}, Device: dev, Version: 1}
	}
	got := w.s.AddHandouts(w.ctx, []store.Handout{
		hand(t.No, one.ID), hand(999, one.ID), hand(t.No, protocol.NewDeviceID()), hand(t.No, one.ID), hand(t.No, two.ID),
	}, w.tick())
	equal(w, "answers", len(got), 5)
	for _, i := range []int{0, 3, 4} {
		w.ok(got[i])
	}
	equal(w, "of no transfer", got[1] != nil, true)
	w.fails(got[2], groupcast.ENotFound)
	list, err := w.s.Handouts(w.ctx, t.No)
	w.ok(err)
	equal(w, "noted", len(list), 2)
}
