package storetest

import (
	"time"

	"github.com/groupcast/groupcast"
)

func pause(w *world) {
	g, ann := w.group("lab"), w.user("ann")
	w.device(ann, "pc")
	w.join(g, ann)
	t, _ := w.transfer(g)
	stands := func() [3]any {
		w.Helper()
		t := w.stands(t.No)
		return [3]any{t.State, t.Paused, t.RateLimit}
	}
	w.ok(w.s.SetRateLimit(w.ctx, t.No, 20_000_000))
	w.ok(w.s.PauseTransfer(w.ctx, t.No, true))
	equal(w, "paused", stands(), [3]any{groupcast.TransferWaiting, true, uint64(20_000_000)})
	w.ok(w.s.PauseTransfer(w.ctx, t.No, false))
	w.ok(w.s.SetRateLimit(w.ctx, t.No, 0))
	equal(w, "resumed", stands(), [3]any{groupcast.TransferWaiting, false, uint64(0)})
	w.ok(w.s.PauseTransfer(w.ctx, t.No, true))
	w.ok(w.s.ReleaseTransfer(w.ctx, t.No, nil, w.tick()))
	equal(w, "sent now", stands(), [3]any{groupcast.TransferWaiting, false, uint64(0)})
	w.ok(w.s.PauseTransfer(w.ctx, t.No, true))
	w.ok(w.s.CloseTransfer(w.ctx, t.No, groupcast.TransferCancelled, groupcast.DeliveryCancelled, "", w.tick()))
	w.fails(w.s.PauseTransfer(w.ctx, t.No, false), groupcast.EConflict)
	w.fails(w.s.SetRateLimit(w.ctx, t.No, 1), groupcast.EConflict)
	w.fails(w.s.PauseTransfer(w.ctx, 999, true), groupcast.ENotFound)
	_, err := w.s.RetryTransfer(w.ctx, t.No, w.now.Add(time.Hour), w.tick())
	w.ok(err)
	equal(w, "retried", stands(), [3]any{groupcast.TransferWaiting, false, uint64(0)})
}
