package storetest

import (
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/store"
)

// signedBy closes a delivery with a receipt.
func (w *world) signedBy(
	dev groupcast.Device, no protocol.TransferNo, sequence uint64, state groupcast.DeliveryState,
) error {
	since := w.now
	_, err := w.s.CloseDelivery(w.ctx, store.Closing{
		Transfer: no, Device: dev.ID, State: state, Covers: groupcast.SignedAll,
		Signed: &store.SignedReceipt{
			Transfer: no, Device: dev.ID, Sequence: sequence, Signed: []byte{byte(sequence)}, Signature: []byte{2},
			Key:   dev.PublicKey,
			Since: since, Reason: "why",
		},
	}, w.tick())
	return err
}

func receipts(w *world) {
	g, ann := w.group("lab"), w.user("ann")
	pc, other := w.device(ann, "pc"), w.device(ann, "other")
	w.join(g, ann)
	t, _ := w.transfer(g)
	since := w.now
	w.ok(w.signedBy(pc, t.No, 7, groupcast.DeliveryFailed))
	d, err := w.s.Delivery(w.ctx, t.No, pc.ID)
	w.ok(err)
	equal(w, "what is signed", d.Signed, groupcast.SignedAll)
	kept, err := w.s.Receipts(w.ctx, t.No)
	w.ok(err)
	equal(w, "receipts", len(kept), 1)
	equal(w, "device", kept[0].Device, pc.ID)
	equal(w, "sequence", kept[0].Sequence, 7)
	equal(w, "bytes", string(kept[0].Signed)+string(kept[0].Signature)+string(kept[0].Key),
		"\x07\x02"+string(pc.PublicKey))
	equal(w, "reason", kept[0].Reason, "why")
	equal(w, "since", kept[0].Since.Equal(since), true)

	_, err = w.s.RetryTransfer(w.ctx, t.No, w.now.Add(time.Hour), w.tick())
	w.ok(err)
	kept, err = w.s.Receipts(w.ctx, t.No)
	w.ok(err)
	equal(w, "receipts of what is owed again", len(kept), 0)
	for _, replay := range []uint64{7, 6} {
		w.fails(w.signedBy(pc, t.No, replay, groupcast.DeliveryVerified), groupcast.EConflict)
	}
	equal(w, "still owed", w.owed(t.No), 2)
	w.ok(w.signedBy(other, t.No, 3, groupcast.DeliveryVerified)) // numbers are each device's own
	w.ok(w.signedBy(pc, t.No, 8, groupcast.DeliveryVerified))
	kept, err = w.s.Receipts(w.ctx, t.No)
	w.ok(err)
	equal(w, "receipts of both", len(kept), 2)
	_, err = w.s.RevokeDevice(w.ctx, pc.ID, w.tick())
	w.ok(err)
	kept, err = w.s.Receipts(w.ctx, t.No)
	w.ok(err)
	equal(w, "receipts after a device is gone", len(kept), 2)
}

func signedOffers(w *world) {
	g := w.group("lab")
	t, _ := w.transfer(g)
	put := func(root byte, number protocol.OfferNo) {
		w.Helper()
		w.ok(w.s.KeepSignedOffer(w.ctx, store.SignedOffer{
			Transfer: t.No, Root: protocol.Digest{root}, Number: number, Offer: []byte{byte(number)}, Signature: []byte{9},
		}))
	}
	put(1, 1)
	put(1, 3)
	put(1, 2) // is not newer
	put(2, 5)
	w.ok(w.s.KeepSmallManifest(w.ctx, t.No, protocol.Digest{1}, []byte("names")))
	w.ok(w.s.KeepSmallManifest(w.ctx, t.No, protocol.Digest{8}, []byte("of no offer")))
	got, err := w.s.SignedOffers(w.ctx, t.No)
	w.ok(err)
	equal(w, "offers", len(got), 2)
	equal(w, "the newest first", got[0].Number, 5)
	equal(w, "without a manifest", got[0].Manifest == nil, true)
	equal(w, "the newest of a manifest", got[1].Number, 3)
	equal(w, "its bytes", string(got[1].Offer)+string(got[1].Signature), "\x03\x09")
	equal(w, "its root", got[1].Root, protocol.Digest{1})
	equal(w, "its manifest", string(got[1].Manifest), "names")
}
