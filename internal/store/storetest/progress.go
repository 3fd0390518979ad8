package storetest

import (
	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/store"
)

func progressAsOne(w *world) {
	g, ann := w.group("lab"), w.user("ann")
	w.device(ann, "pc")
	w.join(g, ann)
	one, _ := w.transfer(g)
	two, _ := w.transfer(g)
	over, _ := w.transfer(g)
	keep := func(words string, transfers ...protocol.TransferNo) {
		w.Helper()
		all := map[protocol.TransferNo][]byte{}
		for _, no := range transfers {
			all[no] = []byte(words)
		}
		w.ok(w.s.KeepProgress(w.ctx, all))
	}
	expect := func(want map[protocol.TransferNo]string) {
		w.Helper()
		got, err := w.s.KeptProgress(w.ctx)
		w.ok(err)
		equal(w, "kept of", len(got), len(want))
		for no, words := range want {
			equal(w, "kept", string(got[no]), words)
		}
	}
	expect(nil)
	keep("first", one.No, two.No, over.No)
	keep("second", two.No)
	expect(map[protocol.TransferNo]string{one.No: "first", two.No: "second", over.No: "first"})
	w.ok(w.s.CloseTransfer(w.ctx, over.No, groupcast.TransferCancelled, groupcast.DeliveryCancelled, "", w.tick()))
	expect(map[protocol.TransferNo]string{one.No: "first", two.No: "second"})
	keep("too late", over.No, 999)
	_, err := w.s.RetryTransfer(w.ctx, over.No, w.now, w.tick())
	w.ok(err)
	expect(map[protocol.TransferNo]string{one.No: "first", two.No: "second", over.No: "first"})
	w.ok(w.s.NoteProgress(w.ctx, nil, over.No, 999))
	expect(map[protocol.TransferNo]string{one.No: "first", two.No: "second"})
	_, err = w.s.ReplaceContent(w.ctx, one.No, store.Edition{Was: one.Content, Content: "other", Root: protocol.Digest{7}})
	w.ok(err)
	expect(map[protocol.TransferNo]string{two.No: "second"}) // of other blocks
}

func givenUp(w *world) {
	g, ann := w.group("lab"), w.user("ann")
	has, half := w.device(ann, "has"), w.device(ann, "half")
	w.join(g, ann)
	t, _ := w.transfer(g)
	_, err := w.s.CloseDelivery(w.ctx, store.Closing{Transfer: t.No, Device: has.ID, State: groupcast.DeliveryVerified},
		w.tick())
	w.ok(err)
	w.ok(w.s.CloseTransfer(w.ctx, t.No, groupcast.TransferCancelled, groupcast.DeliveryCancelled, "by root", w.tick()))
	var last []groupcast.Delivery
	for _, d := range []protocol.DeviceID{has.ID, half.ID, {}, protocol.NewDeviceID()} {
		last = append(last, groupcast.Delivery{
			Transfer: t.No, DeviceID: d, State: groupcast.DeliveryReceiving, Path: groupcast.PathMulticast,
			Blocks: 2, Bytes: 77, LossPercent: 1.5, Bar: []byte{1},
		})
	}
	w.ok(w.s.NoteProgress(w.ctx, last, t.No))
	got, err := w.s.Delivery(w.ctx, t.No, half.ID)
	w.ok(err)
	if got.State != groupcast.DeliveryCancelled || got.Reason != "by root" || got.Blocks != 2 || got.Bytes != 77 ||
		got.LossPercent != 1.5 || string(got.Bar) != "\x01" || got.Path != groupcast.PathMulticast {
		w.Fatalf("given up: %+v", got)
	}
	got, err = w.s.Delivery(w.ctx, t.No, has.ID)
	w.ok(err)
	equal(w, "what is delivered stays", got.Bytes, t.Bytes)
}
