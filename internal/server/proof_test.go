package server

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/seal"
)

func deliveryOf(w *world, no protocol.TransferNo, user string) groupcast.Delivery {
	w.Helper()
	all, err := w.Deliveries(w.ctx, local, no, groupcast.Window{})
	w.must(err)
	for _, d := range all.Rows {
		if d.User == user {
			return d
		}
	}
	w.Fatalf("no delivery of %s", user)
	return groupcast.Delivery{}
}

func TestAProofHoldsWhatWasSigned(t *testing.T) {
	withContent(t, map[string]string{"d/a": "hello", "d/b/c": "world"}, func(w *world, dir string) {
		ann, off := w.enrol("ann", "g").attach(), w.enrol("off", "g")
		tr, err := w.AddTransfer(w.ctx, local, groupcast.NewTransfer{Group: "g", Paths: []string{filepath.Join(dir, "d")}, Now: true})
		w.must(err)
		if _, err := w.TransferProof(w.ctx, ann.cli, tr.No); groupcast.ErrorCode(err) != groupcast.EForbidden {
			t.Fatalf("a member got a proof: %v", err)
		}
		o := ann.offered()
		beside := groupcast.DeliveryEntry{Path: "d/a", Kind: "file", Result: groupcast.EntryBeside, Name: "d/a (groupcast)", Reason: "edited"}
		w.must(w.Entries(w.ctx, ann.p, groupcast.EntryPage{Transfer: tr.No, Entries: []groupcast.DeliveryEntry{beside}}))
		w.must(ann.hand(ann.signed(o, groupcast.Receipt{
			Outcome: groupcast.DeliveryVerified, Reason: "d/a lies beside", Path: groupcast.PathHTTPS, Tally: groupcast.Tally{Entries: 4, Beside: 1},
		}, beside)))
		p, err := w.TransferProof(w.ctx, local, tr.No)
		w.must(err)
		checkProof(w, p, ann, off)
		w.must(off.attach().receipt(off.offered(), groupcast.DeliveryVerified, groupcast.PathHTTPS))
		if now, err := w.store.Transfer(w.ctx, tr.No); err != nil || !now.ContentGone {
			t.Fatalf("content that nobody is owed is kept: %v", err)
		}
		after, err := w.TransferProof(w.ctx, local, tr.No)
		w.must(err)
		if string(after.Manifest) != string(p.Manifest) || len(after.Receipts) != 2 || len(after.Missing) != 0 {
			t.Fatalf("after the end: %d bytes of names, %d receipts, %+v", len(after.Manifest), len(after.Receipts), after.Missing)
		}
	})
}

func checkProof(w *world, p groupcast.Proof, ann, off *agent) {
	w.Helper()
	key := w.key.Public()
	w.must(seal.VerifyStatement(key, p.Fingerprint, p.Digest(), p.Statement))
	offer, err := seal.VerifyOffer(key, p.Offer.Bytes, p.Offer.Signature)
	w.must(err)
	layout, err := manifest.NewLayout(offer)
	w.must(err)
	if _, err := layout.WithManifest(p.Manifest); err != nil {
		w.Fatalf("the names are not the offer's: %v", err)
	}
	if len(p.Devices) != 1 || len(p.Receipts) != 1 || len(p.Missing) != 1 {
		w.Fatalf("%d devices, %d receipts, %d missing", len(p.Devices), len(p.Receipts), len(p.Missing))
	}
	d := p.Devices[0]
	device, err := seal.VerifyBinding(key, seal.Binding{Server: p.Fingerprint, Device: d.ID, Key: d.Key, Name: d.Name, Since: d.Since.UnixMicro()}, d.Binding)
	w.must(err)
	r, full, err := seal.OpenReceipt(device, p.Receipts[0].Bytes, p.Receipts[0].Signature)
	w.must(err)
	if !full || r.Device != ann.p.Device.ID || r.Root != offer.IndexDigest || r.Reason != groupcast.ReasonDigest(p.Receipts[0].Reason) ||
		r.List != groupcast.EntriesDigest(p.Receipts[0].Entries) || len(p.Receipts[0].Entries) != 1 {
		w.Fatalf("receipt %+v, %v", r, full)
	}
	if m := p.Missing[0]; m.User != "off" || m.Device != off.p.Device.ID || !m.State.Owed() {
		w.Fatalf("missing: %+v", m)
	}
}

func TestWithoutAnOfferThereIsNoProof(t *testing.T) {
	inBubble(t, func(w *world) {
		w.group("g")
		w.enrol("off", "g")
		tr := w.send("g", nil)
		_, err := w.TransferProof(w.ctx, local, tr.No)
		if groupcast.ErrorCode(err) != groupcast.EConflict || !strings.Contains(err.Error(), "no offer") {
			t.Fatal(err)
		}
	})
}
