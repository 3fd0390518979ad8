package storetest

import (
	"reflect"
	"slices"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/store"
)

func owedToAll(w *world) {
	g, ann, bob, eve := w.group("lab"), w.user("ann"), w.user("bob"), w.user("eve")
	w.device(ann, "one")
	w.device(ann, "two")
	w.device(eve, "outside")
	w.join(g, ann)
	w.join(g, bob)
	t, owed := w.transfer(g)
	equal(w, "deliveries", len(owed), 3)
	equal(w, "order", owed[0].User+owed[0].Device+owed[1].Device+owed[2].User+owed[2].Device, "annonetwobob")
	equal(w, "group", owed[0].Group, "lab")
	equal(w, "counted", t.Owed, 3)
	got, err := w.s.Transfer(w.ctx, t.No)
	w.ok(err)
	equal(w, "kept", reflect.DeepEqual(got, t), true)
	equal(w, "source", got.Source, "somewhere")
	pending, err := w.s.Group(w.ctx, "lab")
	w.ok(err)
	equal(w, "pending of the group", pending.Pending, 3)
	all, err := w.s.OwedAll(w.ctx)
	w.ok(err)
	equal(w, "owed to all", len(all), 3)
}

func takeOver(w *world) {
	g, ann := w.group("lab"), w.user("ann")
	w.join(g, ann)
	t, _ := w.transfer(g)
	id := protocol.NewDeviceID()
	d, owed, err := w.s.AddDevice(w.ctx, groupcast.Device{ID: id, UserID: ann.ID, Name: "pc", PublicKey: id[:]}, w.tick())
	w.ok(err)
	equal(w, "taken over", len(owed), 1)
	equal(w, "by", owed[0].DeviceID, d.ID)
	equal(w, "owed", w.owed(t.No), 1)
}

func secondDevice(w *world) {
	g, ann := w.group("lab"), w.user("ann")
	first := w.device(ann, "one")
	w.join(g, ann)
	t, _ := w.transfer(g)
	old, _ := w.transfer(g)
	w.ok(w.s.CloseTransfer(w.ctx, old.No, groupcast.TransferDone, groupcast.DeliveryVerified, "", w.tick()))
	_, err := w.s.CloseDelivery(w.ctx, store.Closing{Transfer: t.No, Device: first.ID, State: groupcast.DeliveryVerified},
		w.tick())
	w.ok(err)
	second := w.device(ann, "two")
	list, err := w.s.Owed(w.ctx, second.ID)
	w.ok(err)
	equal(w, "owed to the second", len(list), 1) // nothing of what was over before
	equal(w, "which", list[0].Transfer, t.No)
	equal(w, "owed", w.owed(t.No), 1)
}

func giveBack(w *world) {
	g, ann := w.group("lab"), w.user("ann")
	one, two := w.device(ann, "one"), w.device(ann, "two")
	w.join(g, ann)
	t, _ := w.transfer(g)
	_, err := w.s.RevokeDevice(w.ctx, one.ID, w.tick())
	w.ok(err)
	equal(w, "one of two left", w.owed(t.No), 1)
	_, err = w.s.RevokeDevice(w.ctx, two.ID, w.tick())
	w.ok(err)
	equal(w, "the user is still owed", w.owed(t.No), 1)
	list, err := rows(w.s.Deliveries(w.ctx, t.No, groupcast.Window{}))
	w.ok(err)
	free := slices.IndexFunc(list, func(d groupcast.Delivery) bool { return d.Device == "" })
	equal(w, "without a device", free >= 0 && list[free].State == groupcast.DeliveryQueued, true)
	three := w.device(ann, "three")
	owed, err := w.s.Owed(w.ctx, three.ID)
	w.ok(err)
	equal(w, "to the next device", len(owed), 1)
}

func removedMember(w *world) {
	g, ann, bob := w.group("lab"), w.user("ann"), w.user("bob")
	pc := w.device(ann, "pc")
	w.join(g, ann)
	w.join(g, bob)
	t, _ := w.transfer(g)
	w.ok(w.s.RemoveMember(w.ctx, g.ID, ann.ID, w.tick()))
	list, err := w.s.Owed(w.ctx, pc.ID)
	w.ok(err)
	equal(w, "owed to the removed", len(list), 0)
	equal(w, "owed at all", w.owed(t.No), 1)
	d, err := w.s.Delivery(w.ctx, t.No, pc.ID)
	w.ok(err)
	equal(w, "state", d.State, groupcast.DeliveryCancelled)
}

func backAgain(w *world) {
	g, ann := w.group("lab"), w.user("ann")
	pc := w.device(ann, "pc")
	w.join(g, ann)
	t, _ := w.transfer(g)
	had, _ := w.transfer(g)
	_, err := w.s.CloseDelivery(w.ctx, store.Closing{Transfer: had.No, Device: pc.ID, State: groupcast.DeliveryVerified},
		w.tick())
	w.ok(err)
	w.ok(w.s.RemoveMember(w.ctx, g.ID, ann.ID, w.tick()))
	owed := w.join(g, ann)
	equal(w, "owed again", len(owed), 1) // not what he has
	equal(w, "which", owed[0].Transfer, t.No)
	equal(w, "counted", w.owed(t.No), 1)
}

func entitled(w *world) {
	g, ann := w.group("lab"), w.user("ann")
	pc := w.device(ann, "pc")
	w.join(g, ann)
	t, _ := w.transfer(g)
	yes := func() uint64 {
		w.Helper()
		e, err := w.s.Entitled(w.ctx, t.No, pc.ID)
		w.ok(err)
		equal(w, "group", e.GroupID, g.ID)
		equal(w, "delivery", e.Delivery.DeviceID, pc.ID)
		return e.Version
	}
	no := func() {
		w.Helper()
		_, err := w.s.Entitled(w.ctx, t.No, pc.ID)
		w.fails(err, groupcast.ENotFound)
	}
	first := yes()
	w.ok(w.s.SetDisabled(w.ctx, ann.ID, true))
	no()
	w.ok(w.s.SetDisabled(w.ctx, ann.ID, false))
	w.ok(w.s.RemoveMember(w.ctx, g.ID, ann.ID, w.tick()))
	no()
	w.join(g, ann)
	equal(w, "version moved by", yes()-first, 2)
	_, err := w.s.Entitled(w.ctx, t.No, protocol.NewDeviceID())
	w.fails(err, groupcast.ENotFound)
	_, err = w.s.CloseDelivery(w.ctx, store.Closing{Transfer: t.No, Device: pc.ID, State: groupcast.DeliveryVerified},
		w.tick())
	w.ok(err)
	no() // whoever has it is not owed it (C8)
}

func progress(w *world) {
	g, ann := w.group("lab"), w.user("ann")
	one, two := w.device(ann, "one"), w.device(ann, "two")
	w.join(g, ann)
	t, owed := w.transfer(g)
	_, err := w.s.CloseDelivery(w.ctx, store.Closing{Transfer: t.No, Device: two.ID, State: groupcast.DeliveryVerified},
		w.tick())
	w.ok(err)
	for i := range owed {
		owed[i].State, owed[i].Blocks, owed[i].Bytes = groupcast.DeliveryReceiving, 3, 700_000
		owed[i].LossPercent, owed[i].Bar, owed[i].Path = 1.5, []byte{1, 2}, groupcast.PathMulticast
		owed[i].Reason = "receiving"
	}
	w.ok(w.s.UpdateDeliveries(w.ctx, owed, w.tick()))
	d, err := w.s.Delivery(w.ctx, t.No, one.ID)
	w.ok(err)
	if d.State != groupcast.DeliveryReceiving || d.Blocks != 3 || d.Bytes != 700_000 || d.LossPercent != 1.5 ||
		string(d.Bar) != "\x01\x02" || d.Path != groupcast.PathMulticast || !d.UpdatedAt.Equal(w.now) {
		w.Fatalf("got %+v", d)
	}
	d, err = w.s.Delivery(w.ctx, t.No, two.ID)
	w.ok(err)
	equal(w, "a closed one stays", d.State, groupcast.DeliveryVerified)
	owed[0].State = groupcast.DeliveryVerified
	w.fails(w.s.UpdateDeliveries(w.ctx, owed[:1], w.now), groupcast.EInternal)
}

func closing(w *world) {
	g, ann := w.group("lab"), w.user("ann")
	one, two := w.device(ann, "one"), w.device(ann, "two")
	w.join(g, ann)
	t, _ := w.transfer(g)
	left, err := w.s.CloseDelivery(w.ctx, store.Closing{
		Transfer: t.No, Device: one.ID, State: groupcast.DeliveryVerified,
		Path: groupcast.PathHTTPS, Receipt: []byte("signed"),
	}, w.tick())
	w.ok(err)
	equal(w, "left", left, 1)
	_, err = w.s.CloseDelivery(w.ctx, store.Closing{Transfer: t.No, Device: one.ID, State: groupcast.DeliveryFailed},
		w.tick())
	w.fails(err, groupcast.EConflict)
	left, err = w.s.CloseDelivery(w.ctx,
		store.Closing{Transfer: t.No, Device: two.ID, State: groupcast.DeliveryFailed, Reason: "disk"}, w.tick())
	w.ok(err)
	equal(w, "left", left, 0)
	_, err = w.s.CloseDelivery(w.ctx,
		store.Closing{Transfer: t.No, Device: protocol.NewDeviceID(), State: groupcast.DeliveryVerified}, w.now)
	w.fails(err, groupcast.ENotFound)
	d, err := w.s.Delivery(w.ctx, t.No, one.ID)
	w.ok(err)
	equal(w, "path", d.Path, groupcast.PathHTTPS)
	equal(w, "all of it", d.Bytes, uint64(1<<20))
	got, err := w.s.Transfer(w.ctx, t.No)
	w.ok(err)
	equal(w, "verified", got.Verified, 1)
	equal(w, "failed", got.Failed, 1)
}
