package server

import (
	"slices"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/store"
)

// pagedTransfer is a paged transfer in the store, without a source.
type pagedTransfer struct {
	*world
	tr    store.Transfer
	group groupcast.Group
}

func (w *world) pagedTransfer(group string) *pagedTransfer {
	w.Helper()
	g, err := w.store.Group(w.ctx, group)
	w.must(err)
	tr, _, err := w.store.AddTransfer(w.ctx, store.Transfer{
		Transfer: groupcast.Transfer{
			GroupID: g.ID, Name: "t", Files: 2, Bytes: 10, Blocks: 1, State: groupcast.TransferWaiting,
			CreatedAt: w.clock(), ExpiresAt: w.clock().Add(time.Hour),
		},
		Content: "c", Paged: true, ID: protocol.TransferID{4}, Edition: 1, Skeleton: protocol.Digest{5}, SkeletonBytes: 60,
		Pages: 3,
	})
	w.must(err)
	return &pagedTransfer{w, tr, g}
}

func (p *pagedTransfer) terms() format2.PageTerms {
	return format2.PageTerms{
		Server: p.id, Group: p.group.ID, Transfer: p.tr.No, TransferID: p.tr.ID, Skeleton: p.tr.Skeleton,
		Edition: p.tr.Edition,
	}
}

// offer keeps a signed offer of the transfer's edition.
func (p *pagedTransfer) offer(number protocol.OfferNo) {
	p.Helper()
	b := format2.AppendOffer(nil, format2.Offer{
		Server: p.id, Group: p.group.ID, MembershipVersion: 1, Number: number, Floor: 1, Transfer: p.tr.No,
		TransferID: p.tr.ID, SlotMS: 100, Lag: 3, Skeleton: p.tr.Skeleton, SkeletonBytes: 60, Edition: p.tr.Edition,
		Pages: 3, Bytes: 10, Entries: 2, Blocks: 1, SymbolSize: protocol.DefaultSymbol,
		MaxK: protocol.MaxSourceSymbols, Codec: 1, Hash: 4, AEAD: 1, Cutter: 1, LifeSeconds: 60,
	})
	p.must(p.store.KeepSignedOffer(p.ctx, store.SignedOffer{
		Transfer: p.tr.No, Root: p.tr.Skeleton, Edition: p.tr.Edition, Number: number, Offer: b,
		Signature: seal.SignOffer(p.key, b),
	}))
}

// finish keeps the final page of the transfer's edition.
func (p *pagedTransfer) finish(lost ...groupcast.LeftOut) {
	p.Helper()
	page := format2.Page{PageTerms: p.terms(), Final: true, Files: 2, Blocks: 1, Bytes: 10, Leaves: []protocol.Digest{{1}}}
	if len(lost) > 0 {
		page.Void = []format2.VoidFile{{Entry: 1, Reason: format2.VoidGone}}
	}
	sites, err := p.store.Sites(p.ctx)
	p.must(err)
	p.must(p.store.AddPage(p.ctx, store.Page{
		Site: sites[0].SiteEpoch, Transfer: p.tr.No, Edition: p.tr.Edition, Raw: seal.SignPage(p.key, page), Lost: lost,
		Root: format2.Root(format2.AppendPage(nil, page)),
	}))
	p.tr, err = p.store.Transfer(p.ctx, p.tr.No)
	p.must(err)
}

// edition begins the next one.
func (p *pagedTransfer) edition() {
	p.Helper()
	var err error
	p.tr, err = p.store.ReplaceContent(p.ctx, p.tr.No, store.Edition{
		Was: "c", Content: "c", Files: 2, Bytes: 10, Blocks: 1, Edition: p.tr.Edition + 1, Skeleton: p.tr.Skeleton,
		SkeletonBytes: 60, Pages: 3,
	})
	p.must(err)
}

// verified hands in the receipt of a device with all but what is void.
func (p *pagedTransfer) verified(a *agent, void int) error {
	p.Helper()
	a.number++
	terms := p.terms()
	_, signature, err := seal.SignReceipt2(a.key, format2.Receipt{
		Server: terms.Server, Group: terms.Group, Transfer: terms.Transfer, TransferID: terms.TransferID,
		Skeleton: terms.Skeleton, Edition: terms.Edition, Root: p.tr.Root, Device: a.p.Device.ID, Sequence: a.number,
		Outcome: format2.OutcomeVerified, Path: format2.PathMulticast, Entries: 2, Void: uint32(void),
		Reason: groupcast.ReasonDigest(""), List: groupcast.EntriesDigest(nil),
	})
	p.must(err)
	return a.hand(groupcast.Receipt{
		Transfer: p.tr.No, Root: p.tr.Root, Outcome: groupcast.DeliveryVerified, Path: groupcast.PathMulticast,
		Tally: groupcast.Tally{Entries: 2, Void: void}, Sequence: a.number, Signature: signature,
		Version: groupcast.ReceiptVersionPaged, List: groupcast.EntriesDigest(nil),
		Paged: &groupcast.PagedReceipt{TransferID: terms.TransferID, Skeleton: terms.Skeleton, Edition: terms.Edition},
	})
}

// A device that verified one edition, one that has the next but for what is void, and one that is away.
func TestAProofOfPagesHoldsWhatWasSigned(t *testing.T) {
	inBubble(t, func(w *world) {
		w.group("g")
		ann, bob, off := w.enrol("ann", "g"), w.enrol("bob", "g"), w.enrol("off", "g")
		p := w.pagedTransfer("g")
		p.offer(1)
		p.finish()
		first := p.tr.Root
		w.must(p.verified(ann, 0))
		stale := *p
		p.edition()
		p.offer(2)
		if err := stale.verified(bob, 0); groupcast.ErrorCode(err) != groupcast.EClosed {
			t.Errorf("a receipt of the edition before: %v", err)
		}
		p.finish(groupcast.LeftOut{Path: "t/b", Why: groupcast.WhyGone})
		w.must(p.verified(bob, 1))
		d := deliveryOf(w, p.tr.No, "bob")
		if d.State != groupcast.DeliveryIncomplete || d.Signed != groupcast.SignedCounts ||
			d.Tally != (groupcast.Tally{Entries: 2, Missing: 1, Void: 1}) {
			t.Errorf("without the void file: %+v", d)
		}
		got, err := w.TransferProof(w.ctx, local, p.tr.No)
		w.must(err)
		if got.V != groupcast.ProofVersionPaged || got.Lost != 1 || len(got.Earlier) != 1 || len(got.Receipts) != 2 ||
			len(got.Missing) != 1 || got.Missing[0].Device != off.p.Device.ID || got.Manifest != nil {
			t.Fatalf("%+v", got)
		}
		checkPagedProof(w, got, []protocol.Digest{p.tr.Root, first})
	})
}

func checkPagedProof(w *world, p groupcast.Proof, roots []protocol.Digest) {
	w.Helper()
	key := w.key.Public()
	w.must(seal.VerifyStatement(key, p.Fingerprint, p.Digest(), p.Statement))
	for i, o := range append([]groupcast.ProofOffer{p.Offer}, p.Earlier...) {
		offer, err := seal.VerifyOffer2(key, o.Bytes, o.Signature)
		w.must(err)
		signed, signature, ok := seal.SplitPage(o.Page)
		if !ok || format2.Root(signed) != roots[i] {
			w.Fatalf("offer %d comes with another page", i)
		}
		w.must(seal.VerifyPage(key, signed, signature))
		if page, err := format2.ParsePage(signed); err != nil || page.PageTerms != offer.Terms() {
			w.Fatalf("the page of another offer: %+v, %v", page, err)
		}
	}
	for i, d := range p.Devices {
		device, err := seal.VerifyKeyFrom(d.Key)
		w.must(err)
		r, err := seal.OpenReceipt2(device, p.Receipts[i].Bytes, p.Receipts[i].Signature)
		w.must(err)
		if !slices.Contains(roots, r.Root) || r.Device != d.ID {
			w.Fatalf("%+v", r)
		}
	}
}

// Final pages of editions that nobody has a receipt of are not in a proof, and an offer without one is.
func TestAProofOfPagesHoldsThePagesThatItNeeds(t *testing.T) {
	inBubble(t, func(w *world) {
		w.group("g")
		w.enrol("off", "g")
		p := w.pagedTransfer("g")
		p.offer(1)
		p.finish()
		p.edition()
		p.offer(2)
		got, err := w.TransferProof(w.ctx, local, p.tr.No)
		w.must(err)
		if len(got.Earlier) != 1 || got.Earlier[0].Page != nil || got.Offer.Page != nil {
			t.Errorf("%+v", got)
		}
		p.finish()
		got, err = w.TransferProof(w.ctx, local, p.tr.No)
		w.must(err)
		if got.Offer.Page == nil {
			t.Error("the final page is not in the proof")
		}
	})
}
