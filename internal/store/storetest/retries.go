package storetest

import (
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/store"
)

// A retry sends what devices lack, once the transfer is read whole, or is over and a device has something of it.
func pagedRetries(w *world) {
	g, ann := w.group("lab"), w.user("ann")
	pc := w.device(ann, "pc")
	w.join(g, ann)
	retried := func(no protocol.TransferNo) bool {
		w.Helper()
		_, err := w.s.RetryTransfer(w.ctx, no, w.now.Add(time.Hour), w.tick())
		w.ok(err)
		t, err := w.s.Transfer(w.ctx, no)
		w.ok(err)
		equal(w, "it is paged", t.Paged, true)
		return t.Delta
	}
	cancel := func(no protocol.TransferNo) {
		w.Helper()
		w.ok(w.s.CloseTransfer(w.ctx, no, groupcast.TransferCancelled, groupcast.DeliveryCancelled, "", w.tick()))
	}
	nothing, some, read := w.paged(g, 4), w.paged(g, 4), w.paged(g, 4)
	final := w.page(read, 0, "final")
	final.Root = protocol.Digest{5}
	w.ok(w.s.AddPage(w.ctx, final))
	equal(w, "read whole and open", retried(read.No), true)

	_, err := w.s.CloseDelivery(w.ctx, store.Closing{
		Transfer: some.No, Device: pc.ID, State: groupcast.DeliveryFailed, Last: &store.Progress{Bytes: 7},
	}, w.tick())
	w.ok(err)
	equal(w, "begun and open", retried(some.No), false)
	cancel(some.No)
	cancel(nothing.No)
	equal(w, "begun and over", retried(some.No), true)
	equal(w, "nobody has anything of it", retried(nothing.No), false)
}
