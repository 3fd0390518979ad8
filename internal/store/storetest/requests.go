package storetest

import (
	"fmt"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/store"
)

func requests(w *world) {
	g, ann := w.group("lab"), w.user("ann")
	r, err := w.s.AddRequest(w.ctx, g.ID, ann.ID, "please", w.tick())
	w.ok(err)
	equal(w, "state", r.State, groupcast.RequestOpen)
	equal(w, "names", r.Group+r.User+r.Text, "labannplease")
	_, err = w.s.AddRequest(w.ctx, g.ID, ann.ID, "again", w.tick())
	w.fails(err, groupcast.EConflict)
	_, err = w.s.DenyRequest(w.ctx, g.ID, ann.ID, "root", w.tick())
	w.ok(err)
	_, _, err = w.s.ApproveRequest(w.ctx, g.ID, ann.ID, "root", w.tick())
	w.fails(err, groupcast.ENotFound)
	_, err = w.s.AddRequest(w.ctx, g.ID, ann.ID, "once more", w.tick())
	w.ok(err)
	r, _, err = w.s.ApproveRequest(w.ctx, g.ID, ann.ID, "root", w.tick())
	w.ok(err)
	equal(w, "approved", r.State, groupcast.RequestApproved)
	equal(w, "by", r.DecidedBy, "root")
	in, err := rows(w.s.Members(w.ctx, g.ID, groupcast.Window{}))
	w.ok(err)
	equal(w, "members", len(in), 1)
	_, err = w.s.AddRequest(w.ctx, g.ID, ann.ID, "I am in", w.tick())
	w.fails(err, groupcast.EConflict)
	bob := w.user("bob")
	_, err = w.s.AddRequest(w.ctx, g.ID, bob.ID, "", w.tick())
	w.ok(err)
	w.join(g, bob) // by hand: the request is answered with it
	open, err := rows(w.s.Requests(w.ctx, groupcast.RequestOpen, groupcast.Window{}))
	w.ok(err)
	equal(w, "open", len(open), 0)
	all, err := rows(w.s.Requests(w.ctx, "", groupcast.Window{}))
	w.ok(err)
	equal(w, "all", len(all), 2)
}

func requestBounds(w *world) {
	ann := w.user("ann")
	first := w.group("g0")
	for i := range store.MaxOpenRequests {
		g := first
		if i > 0 {
			g = w.group(fmt.Sprintf("g%d", i))
		}
		_, err := w.s.AddRequest(w.ctx, g.ID, ann.ID, "", w.tick())
		w.ok(err)
	}
	more := w.group("more")
	_, err := w.s.AddRequest(w.ctx, more.ID, ann.ID, "", w.tick())
	w.fails(err, groupcast.EExhausted)
	w.ok(w.s.WithdrawRequest(w.ctx, first.ID, ann.ID))
	w.fails(w.s.WithdrawRequest(w.ctx, first.ID, ann.ID), groupcast.ENotFound)
	_, err = w.s.AddRequest(w.ctx, more.ID, ann.ID, "", w.tick())
	w.ok(err)
}

func deleteGroup(w *world) {
	g, ann := w.group("lab"), w.user("ann")
	w.device(ann, "pc")
	w.join(g, ann)
	done, _ := w.transfer(g)
	w.ok(w.s.SetTransferState(w.ctx, done.No, groupcast.TransferDone, "", w.tick()))
	open, _ := w.transfer(g)
	ended, err := w.s.DeleteGroup(w.ctx, g.ID, w.tick())
	w.ok(err)
	equal(w, "ended", fmt.Sprint(ended), fmt.Sprint([]any{open.No}))
	t, err := w.s.Transfer(w.ctx, open.No)
	w.ok(err)
	equal(w, "state", t.State, groupcast.TransferCancelled)
	equal(w, "the name stays", t.Group, "lab")
	equal(w, "owed", w.owed(open.No), 0)
	_, err = w.s.DeleteGroup(w.ctx, g.ID, w.now)
	w.fails(err, groupcast.ENotFound)
	w.group("lab") // the name is free again
}

func deleteUser(w *world) {
	w.admin("root")
	g, ann, bob := w.group("lab"), w.user("ann"), w.user("bob")
	dev := w.device(ann, "pc")
	w.device(bob, "pc")
	w.join(g, ann)
	w.join(g, bob)
	t, _ := w.transfer(g)
	before, err := w.s.GroupByID(w.ctx, g.ID)
	w.ok(err)
	left, err := w.s.DeleteUser(w.ctx, ann.ID, w.tick())
	w.ok(err)
	equal(w, "groups", fmt.Sprint(left), fmt.Sprint([]any{g.ID}))
	after, err := w.s.GroupByID(w.ctx, g.ID)
	w.ok(err)
	equal(w, "version", after.Version, before.Version+1)
	equal(w, "owed", w.owed(t.No), 1)
	_, err = w.s.Device(w.ctx, dev.ID)
	w.fails(err, groupcast.ENotFound)
	list, err := rows(w.s.Deliveries(w.ctx, t.No, groupcast.Window{}))
	w.ok(err)
	equal(w, "history stays", len(list), 2)
	_, err = w.s.DeleteUser(w.ctx, ann.ID, w.now)
	w.fails(err, groupcast.ENotFound)
}
