package storetest

import (
	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
)

// heldIsHidden: a transfer that is held, or was never released, is owed, and no device that is owed it can
// get it or find it. A held one stays held when it is retried; a closed one is released by that.
func heldIsHidden(w *world) {
	g, ann := w.group("lab"), w.user("ann")
	pc := w.device(ann, "pc")
	w.join(g, ann)
	open, _ := w.transfer(g)
	h := open
	h.Content = "content-held"
	h.Hold, h.State, h.ExpiresAt = true, groupcast.TransferHeld, open.ExpiresAt.AddDate(5, 0, 0)
	held, owed, err := w.s.AddTransfer(w.ctx, h)
	w.ok(err)
	equal(w, "it is owed", len(owed), 1)
	all, err := w.s.Owed(w.ctx, pc.ID)
	w.ok(err)
	equal(w, "owed to the device", len(all), 2)
	shows := func(when string, want ...protocol.TransferNo) {
		w.Helper()
		known, err := w.s.OwedReleased(w.ctx, pc.ID, 10)
		w.ok(err)
		equal(w, when+": the device may know of", len(known), len(want))
		equal(w, when+": the last", known[len(known)-1], want[len(want)-1])
		mine, err := w.s.DeliveriesOfUser(w.ctx, ann.ID, 10)
		w.ok(err)
		equal(w, when+": the user sees", len(mine), len(want))
		equal(w, when+": the newest", mine[0].Transfer, want[len(want)-1])
		logins, err := w.s.Logins(w.ctx, ann.ID, groupcast.Window{}, false)
		w.ok(err)
		equal(w, when+": until when, for members", logins[pc.ID].OwedUntil.Equal(h.ExpiresAt), len(want) == 2)
		logins, err = w.s.Logins(w.ctx, ann.ID, groupcast.Window{}, true)
		w.ok(err)
		if state, err := w.s.Transfer(w.ctx, held.No); err != nil || state.State.Open() {
			equal(w, when+": and for administrators", logins[pc.ID].OwedUntil.Equal(h.ExpiresAt), true)
		}
		if _, err = w.s.Entitled(w.ctx, held.No, pc.ID); len(want) == 2 {
			w.ok(err)
		} else {
			w.fails(err, groupcast.ENotFound)
		}
	}
	shows("held", open.No)
	_, err = w.s.RetryTransfer(w.ctx, held.No, h.ExpiresAt, w.tick())
	w.ok(err)
	shows("owed again while it is held", open.No)
	again, err := w.s.Transfer(w.ctx, held.No)
	w.ok(err)
	equal(w, "state", again.State, groupcast.TransferHeld)
	w.ok(w.s.CloseTransfer(w.ctx, held.No, groupcast.TransferCancelled, groupcast.DeliveryCancelled, "cancelled", w.tick()))
	shows("cancelled", open.No)
	_, err = w.s.RetryTransfer(w.ctx, held.No, h.ExpiresAt, w.tick())
	w.ok(err)
	shows("owed again", open.No, held.No)
	h.Content = "content-let-go"
	second, _, err := w.s.AddTransfer(w.ctx, h)
	w.ok(err)
	w.ok(w.s.ReleaseTransfer(w.ctx, second.No, nil, w.tick()))
	_, err = w.s.Entitled(w.ctx, second.No, pc.ID)
	w.ok(err)
	few, err := w.s.OwedReleased(w.ctx, pc.ID, 1)
	w.ok(err)
	equal(w, "bounded", len(few), 1)
}
