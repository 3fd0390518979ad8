package storetest

import (
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/store"
)

func handouts(w *world) {
	g, ann, bob := w.group("lab"), w.user("ann"), w.user("bob")
	one, two := w.device(ann, "one"), w.device(bob, "two")
	w.join(g, ann)
	w.join(g, bob)
	t, _ := w.transfer(g)
	other, _ := w.transfer(w.group("other"))
	first, second := protocol.SessionID{1}, protocol.SessionID{2}
	hand := func(s protocol.SessionID, dev protocol.DeviceID, version uint64) {
		w.Helper()
		h := store.Handout{Transfer: t.No, Session: s, Device: dev, Version: version}
		w.ok(w.s.AddHandouts(w.ctx, []store.Handout{h}, w.tick())[0])
	}
	hand(first, one.ID, 3)
	hand(first, two.ID, 3)
	opened := w.now
	hand(first, two.ID, 3) // asked again: told once
	hand(second, one.ID, 4)
	_, err := w.s.DeleteUser(w.ctx, bob.ID, w.tick()) // what was, stays told
	w.ok(err)
	list, err := w.s.Handouts(w.ctx, t.No)
	w.ok(err)
	equal(w, "handed out", len(list), 3)
	equal(w, "bob's", list[1],
		groupcast.KeyHolder{Session: first, Version: 3, DeviceID: two.ID, Device: "two", User: "bob", At: opened})
	equal(w, "the second session's", list[2].Session, second)
	sessions, err := w.s.SessionsOfGroup(w.ctx, g.ID, 10)
	w.ok(err)
	equal(w, "sessions", len(sessions), 2)
	equal(w, "the newest first", sessions[0].Session, second)
	equal(w, "devices", [2]int{sessions[0].Devices, sessions[1].Devices}, [2]int{1, 2})
	equal(w, "name", sessions[1].Name, t.Name)
	few, err := w.s.SessionsOfGroup(w.ctx, g.ID, 1)
	w.ok(err)
	equal(w, "bounded", len(few), 1)
	none, err := w.s.Handouts(w.ctx, other.No)
	w.ok(err)
	equal(w, "of the other transfer", len(none), 0)
	_, err = w.s.Handouts(w.ctx, 999)
	w.fails(err, groupcast.ENotFound)
}

func traffic(w *world) {
	g, ann := w.group("lab"), w.user("ann")
	one, two, had := w.device(ann, "one"), w.device(ann, "two"), w.device(ann, "had")
	w.join(g, ann)
	send := func(wire, https uint64, verified ...protocol.DeviceID) time.Time {
		t, _ := w.transfer(g)
		at := w.tick()
		w.ok(w.s.SetTransferState(w.ctx, t.No, groupcast.TransferSending, "", at))
		w.ok(w.s.AddTransferBytes(w.ctx, w.here, t.No, wire, https))
		for _, dev := range verified {
			_, err := w.s.CloseDelivery(w.ctx, store.Closing{Transfer: t.No, Device: dev, State: groupcast.DeliveryVerified},
				w.tick())
			w.ok(err)
		}
		_, err := w.s.CloseDelivery(w.ctx, store.Closing{Transfer: t.No, Device: had.ID, State: groupcast.DeliveryAlreadyHad},
			w.tick())
		w.ok(err)
		return at
	}
	const size = 1 << 20
	send(size+500, 0, one.ID, two.ID) // spares a copy less 500 bytes
	late := send(0, 2*size, one.ID)   // cost more than it brought: spares nothing
	w.transfer(g)                     // never sent
	all, err := w.s.Traffic(w.ctx, time.Time{})
	w.ok(err)
	equal(w, "all time", all, groupcast.Traffic{Transfers: 2, Delivered: 3 * size, Sent: 3*size + 500, Saved: size - 500})
	lately, err := w.s.Traffic(w.ctx, late)
	w.ok(err)
	equal(w, "lately", lately, groupcast.Traffic{Transfers: 1, Delivered: size, Sent: 2 * size})
}
