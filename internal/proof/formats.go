package proof

import (
	"fmt"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/wire"
)

// content is what an offer offers: a manifest, or an edition of a skeleton's pages.
type content struct {
	digest  protocol.Digest
	edition protocol.Edition
}

// offered is what a proof needs of an offer, of either format.
type offered struct {
	content
	server   protocol.ServerID
	transfer protocol.TransferNo
	id       protocol.TransferID // of a paged transfer
	group    protocol.GroupID
	number   protocol.OfferNo
	entries  uint32
	bytes    uint64
	root     protocol.Digest // what receipts name; of a paged transfer zero without a final page
	plain    wire.Offer      // of format 1
}

// receipt is what a device signed, in either format.
type receipt struct {
	content
	seal.FullReceipt
	id   protocol.TransferID
	void uint32
	full bool // all of it is signed
}

// format reads what is signed in one of the formats.
type format struct {
	offer   func(key seal.VerifyKey, given groupcast.ProofOffer) (offered, error)
	receipt func(key seal.VerifyKey, given groupcast.ProofReceipt) (receipt, error)
}

// formats are by the versions of proofs.
var formats = map[int]format{
	groupcast.ProofVersion:      {plainOffer, plainReceipt},
	groupcast.ProofVersionPaged: {pagedOffer, pagedReceipt},
}

func plainOffer(key seal.VerifyKey, given groupcast.ProofOffer) (offered, error) {
	o, err := seal.VerifyOffer(key, given.Bytes, given.Signature)
	return offered{
		content: content{digest: o.IndexDigest}, server: o.Server, transfer: o.Transfer, group: o.Group, number: o.Number,
		entries: o.Files, bytes: o.TotalBytes, root: o.IndexDigest, plain: o,
	}, err
}

func plainReceipt(key seal.VerifyKey, given groupcast.ProofReceipt) (receipt, error) {
	r, full, err := seal.OpenReceipt(key, given.Bytes, given.Signature)
	return receipt{content: content{digest: r.Root}, FullReceipt: r, full: full}, err
}

func pagedOffer(key seal.VerifyKey, given groupcast.ProofOffer) (offered, error) {
	o, err := seal.VerifyOffer2(key, given.Bytes, given.Signature)
	if err != nil {
		return offered{}, err
	}
	root, err := finalRoot(key, o, given.Page)
	return offered{
		content: content{o.Skeleton, o.Edition}, server: o.Server, transfer: o.Transfer, id: o.TransferID, group: o.Group,
		number: o.Number, entries: o.Entries, bytes: o.Bytes, root: root,
	}, err
}

// finalRoot gives the root of an offer's final page; zero if it is not in the proof.
func finalRoot(key seal.VerifyKey, o format2.Offer, page []byte) (root protocol.Digest, err error) {
	if page == nil {
		return root, nil
	}
	signed, signature, ok := seal.SplitPage(page)
	if !ok {
		return root, format2.ErrLength
	}
	if err := seal.VerifyPage(key, signed, signature); err != nil {
		return root, err
	}
	p, err := format2.ParsePage(signed)
	switch {
	case err != nil:
		return root, fmt.Errorf("page: %w", err)
	case !p.Final || p.PageTerms != o.Terms() || uint32(p.Number) >= o.Pages || p.Files > o.Entries || p.Bytes > o.Bytes:
		return root, fmt.Errorf("page %d is not the final page of it", p.Number)
	}
	return format2.Root(signed), nil
}

func pagedReceipt(key seal.VerifyKey, given groupcast.ProofReceipt) (receipt, error) {
	r, err := seal.OpenReceipt2(key, given.Bytes, given.Signature)
	return receipt{
		content: content{r.Skeleton, r.Edition}, id: r.TransferID, void: r.Void, full: true,
		FullReceipt: seal.FullReceipt{
			Receipt: seal.Receipt{
				Server: r.Server, Group: r.Group, Transfer: r.Transfer, Root: r.Root, Device: r.Device,
				Outcome: r.Outcome.String(), Sequence: r.Sequence,
			},
			Path: r.Path.String(), Entries: r.Entries, Missing: r.Missing, Beside: r.Beside, Bytes: r.Bytes,
			Reason: r.Reason, List: r.List,
		},
	}, err
}
