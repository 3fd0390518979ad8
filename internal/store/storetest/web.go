package storetest

import (
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/store"
)

func tokensOfUser(w *world) {
	ann, bob := w.user("ann"), w.user("bob")
	laptop := w.device(ann, "laptop")
	agent := w.token(1, ann, laptop.ID, groupcast.ScopeAgent, time.Time{})
	w.token(2, ann, protocol.DeviceID{}, groupcast.ScopeWeb, w.now.Add(time.Second))
	w.token(3, bob, protocol.DeviceID{}, groupcast.ScopeWeb, time.Time{})
	web := store.Token{
		Hash: store.TokenHash{4}, UserID: ann.ID, Scope: groupcast.ScopeWeb, CreatedAt: w.tick(), LastUsed: w.now,
		Address: "192.0.2.1",
	}
	w.ok(w.s.AddToken(w.ctx, web))
	list, err := w.s.Tokens(w.ctx, ann.ID, w.now.Add(time.Minute))
	w.ok(err)
	equal(w, "ann's tokens that live", len(list), 2)
	equal(w, "the last used first", list[0], web)
	equal(w, "hash", list[1].Hash, agent)
	equal(w, "device", list[1].Name, "laptop")
	equal(w, "device's ID", list[1].Device, laptop.ID)
	found, _, _, err := w.s.FindToken(w.ctx, web.Hash, w.now)
	w.ok(err)
	equal(w, "address", found.Address, "192.0.2.1")
}

func deliveriesOfUser(w *world) {
	g, ann, bob := w.group("lab"), w.user("ann"), w.user("bob")
	w.device(ann, "one")
	w.device(ann, "two")
	w.device(bob, "other")
	w.join(g, ann)
	w.join(g, bob)
	first, _ := w.transfer(g)
	second, _ := w.transfer(g)
	list, err := w.s.DeliveriesOfUser(w.ctx, ann.ID, 10)
	w.ok(err)
	equal(w, "ann's deliveries", len(list), 4)
	equal(w, "the newest first", list[0].Transfer, second.No)
	equal(w, "then the older", list[3].Transfer, first.No)
	equal(w, "name", list[0].Name, second.Name)
	equal(w, "size", list[0].Size, second.Bytes)
	equal(w, "group", list[0].Group, "lab")
	few, err := w.s.DeliveriesOfUser(w.ctx, ann.ID, 1)
	w.ok(err)
	equal(w, "bounded", len(few), 1)
}

func seriesKept(w *world) {
	t, _ := w.transfer(w.group("lab"))
	_, err := w.s.Series(w.ctx, t.No)
	w.fails(err, groupcast.ENotFound)
	for _, points := range []string{"first", "second"} {
		w.ok(w.s.SetSeries(w.ctx, t.No, []byte(points)))
		got, err := w.s.Series(w.ctx, t.No)
		w.ok(err)
		equal(w, "series", string(got), points)
	}
	w.fails(w.s.SetSeries(w.ctx, 999, []byte("x")), groupcast.ENotFound)
}
