package storetest

import (
	"strings"
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

func deliveriesOfDevice(w *world) {
	g, other, ann := w.group("lab"), w.group("office"), w.user("ann")
	one, two := w.device(ann, "one"), w.device(ann, "two")
	w.join(g, ann)
	w.join(other, ann)
	first, _ := w.transfer(g)
	second, _ := w.transfer(other)
	for _, held := range []bool{false, true} {
		all, err := w.s.DeliveriesOfDevice(w.ctx, one.ID, groupcast.Window{Limit: 1}, held)
		w.ok(err)
		equal(w, "of the device in all", all.Total, 2)
		equal(w, "within the window", len(all.Rows), 1)
		equal(w, "the newest first", all.Rows[0].Transfer, second.No)
		equal(w, "its group", all.Rows[0].Group, "office")
		equal(w, "its size", all.Rows[0].Size, second.Bytes)
		rest, err := w.s.DeliveriesOfDevice(w.ctx, one.ID, groupcast.Window{From: 1, Limit: 5}, held)
		w.ok(err)
		equal(w, "the rest", len(rest.Rows), 1)
		equal(w, "the oldest last", rest.Rows[0].Transfer, first.No)
	}
	logins, err := w.s.Logins(w.ctx, ann.ID, groupcast.Window{}, true)
	w.ok(err)
	equal(w, "owed to a device", logins[two.ID].Owed, 2)
	equal(w, "groups of a device", strings.Join(logins[two.ID].Groups, " "), "lab office")
	window, err := w.s.Logins(w.ctx, "", groupcast.Window{From: 1, Limit: 1}, true)
	w.ok(err)
	equal(w, "one of the two", len(window), 1)
	equal(w, "with its groups", strings.Join(window[two.ID].Groups, " "), "lab office")
}

func transfersBefore(w *world) {
	g := w.group("lab")
	first, _ := w.transfer(g)
	second, _ := w.transfer(g)
	all, err := w.s.TransfersBefore(w.ctx, 0, 10)
	w.ok(err)
	equal(w, "from the newest on", len(all), 2)
	equal(w, "the newest first", all[0].No, second.No)
	below, err := w.s.TransfersBefore(w.ctx, second.No, 10)
	w.ok(err)
	equal(w, "below the second", len(below), 1)
	equal(w, "the first", below[0].No, first.No)
	none, err := w.s.TransfersBefore(w.ctx, first.No, 10)
	w.ok(err)
	equal(w, "below the first", len(none), 0)
	one, err := w.s.TransfersBefore(w.ctx, 0, 1)
	w.ok(err)
	equal(w, "bounded", len(one), 1)
}
