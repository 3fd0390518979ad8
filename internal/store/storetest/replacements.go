package storetest

import (
	"fmt"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/store"
)

// replacing adds a transfer that takes the place of others.
func (w *world) replacing(g groupcast.Group, older ...protocol.TransferNo) store.Transfer {
	w.Helper()
	filesMade++
	t, _, err := w.s.AddTransfer(w.ctx, store.Transfer{
		Transfer: groupcast.Transfer{
			GroupID: g.ID, Name: "again", Files: 1, Bytes: 1, Blocks: 1, State: groupcast.TransferWaiting,
			CreatedAt: w.tick(), ExpiresAt: w.now.Add(time.Hour), Root: protocol.Digest{4}, Replaces: older,
		},
		Content: fmt.Sprintf("content-%d", filesMade),
	})
	w.ok(err)
	return t
}

func (w *world) stands(no protocol.TransferNo) store.Transfer {
	w.Helper()
	t, err := w.s.Transfer(w.ctx, no)
	w.ok(err)
	return t
}

func replacements(w *world) {
	g, ann, bob := w.group("lab"), w.user("ann"), w.user("bob")
	has, lacks := w.device(ann, "has"), w.device(ann, "lacks")
	w.join(g, ann)
	w.join(g, bob) // without a device
	old, _ := w.transfer(g)
	other, _ := w.transfer(g)
	_, err := w.s.CloseDelivery(w.ctx, store.Closing{Transfer: old.No, Device: has.ID, State: groupcast.DeliveryVerified},
		w.tick())
	w.ok(err)
	w.ok(w.s.PutOff(w.ctx, old.No, lacks.ID, true, w.tick()))
	next := w.replacing(g, old.No, 999)
	was := w.stands(old.No)
	equal(w, "the older one", [2]any{was.State, was.ReplacedBy}, [2]any{groupcast.TransferCancelled, next.No})
	equal(w, "why", [2]any{was.Cause, was.Reason},
		[2]any{groupcast.CauseReplaced, fmt.Sprintf("replaced by transfer %d", next.No)})
	equal(w, "when", was.EndedAt, next.CreatedAt)
	equal(w, "owed of the older one", w.owed(old.No), 0)
	equal(w, "owed of the newer one", w.owed(next.No), 3)
	equal(w, "owed of another", w.owed(other.No), 3)
	kept, err := w.s.Delivery(w.ctx, old.No, has.ID)
	w.ok(err)
	equal(w, "who had it", [2]any{kept.State, kept.ReplacedBy}, [2]any{groupcast.DeliveryVerified, protocol.TransferNo(0)})
	gone, err := w.s.Delivery(w.ctx, old.No, lacks.ID)
	w.ok(err)
	equal(w, "who lacked it", [3]any{gone.State, gone.Cause, gone.ReplacedBy},
		[3]any{groupcast.DeliveryCancelled, groupcast.CauseReplaced, next.No})
	replaced, err := w.s.Replaced(w.ctx, next.No)
	w.ok(err)
	equal(w, "replaced", fmt.Sprint(replaced), fmt.Sprint([]protocol.TransferNo{old.No}))
	_, err = w.s.Entitled(w.ctx, old.No, lacks.ID)
	w.fails(err, groupcast.ENotFound)
}

// replacedAgain: a transfer that was replaced is owed again, but to nobody who has a newer one, directly or not.
func replacedAgain(w *world) {
	g, ann := w.group("lab"), w.user("ann")
	one, two := w.device(ann, "one"), w.device(ann, "two")
	w.join(g, ann)
	first, _ := w.transfer(g)
	second := w.replacing(g, first.No)
	third := w.replacing(g, second.No, first.No) // the first is closed already
	equal(w, "the first", w.stands(first.No).ReplacedBy, second.No)
	equal(w, "the second", w.stands(second.No).ReplacedBy, third.No)
	_, err := w.s.CloseDelivery(w.ctx, store.Closing{
		Transfer: third.No, Device: one.ID, State: groupcast.DeliveryVerified,
	}, w.tick())
	w.ok(err)
	_, err = w.s.RetryTransfer(w.ctx, first.No, w.now.Add(time.Hour), w.tick())
	w.ok(err)
	for dev, state := range map[protocol.DeviceID]groupcast.DeliveryState{
		one.ID: groupcast.DeliveryCancelled, two.ID: groupcast.DeliveryQueued,
	} {
		d, err := w.s.Delivery(w.ctx, first.No, dev)
		w.ok(err)
		equal(w, d.Device, d.State, state)
		equal(w, d.Device+" is replaced", d.ReplacedBy != 0, state == groupcast.DeliveryCancelled)
	}
	again := w.stands(first.No)
	equal(w, "it is open", [2]any{again.State, again.ReplacedBy},
		[2]any{groupcast.TransferWaiting, protocol.TransferNo(0)})
	pairs, err := w.s.Replacements(w.ctx)
	w.ok(err)
	equal(w, "open ones", fmt.Sprint(pairs),
		fmt.Sprint(map[protocol.TransferNo][]protocol.TransferNo{third.No: {first.No}}))
	_, err = w.s.CloseDelivery(w.ctx, store.Closing{
		Transfer: third.No, Device: two.ID, State: groupcast.DeliveryVerified,
	}, w.tick())
	w.ok(err)
	_, err = w.s.RetryTransfer(w.ctx, second.No, w.now.Add(time.Hour), w.tick())
	w.ok(err)
	equal(w, "owed of the second", w.owed(second.No), 0)
	equal(w, "it stays replaced", w.stands(second.No).ReplacedBy, third.No)
}

// heldReplaces: a transfer that is held replaces others when it is released.
func heldReplaces(w *world) {
	g, ann := w.group("lab"), w.user("ann")
	w.device(ann, "pc")
	w.join(g, ann)
	old, _ := w.transfer(g)
	held, _, err := w.s.AddTransfer(w.ctx, store.Transfer{Transfer: groupcast.Transfer{
		GroupID: g.ID, State: groupcast.TransferHeld, Hold: true, CreatedAt: w.tick(),
	}})
	w.ok(err)
	equal(w, "owed before", w.owed(old.No), 1)
	w.ok(w.s.ReleaseTransfer(w.ctx, held.No, []protocol.TransferNo{old.No}, w.tick()))
	equal(w, "owed after", w.owed(old.No), 0)
	equal(w, "by", w.stands(old.No).ReplacedBy, held.No)
	equal(w, "owed of the newer one", w.owed(held.No), 1)
}
