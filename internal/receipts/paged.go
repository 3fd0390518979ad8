package receipts

import (
	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/store"
)

// errFormat says that a receipt is not of its transfer's format.
var errFormat = groupcast.Errorf(groupcast.EInvalid, "the receipt is not one of this transfer's format").
	WithHint("update this device: it may speak an older version of the protocol")

// openPaged is Open for a paged transfer. EConflict: the receipt is about another edition of it than the one that
// is owed, or about a final page that is not the transfer's.
func openPaged(
	server protocol.ServerID, key seal.VerifyKey, d groupcast.Device, tr store.Transfer, r groupcast.Receipt,
) (signed []byte, err error) {
	full, err := pagedOf(server, d, tr, r)
	if err != nil {
		return nil, err
	}
	signed = format2.AppendReceipt(nil, full)
	if _, err := seal.OpenReceipt2(key, signed, r.Signature); err != nil {
		return nil, groupcast.Errorf(groupcast.EInvalid, "the receipt's signature is not this device's").Wrap(err)
	}
	return signed, ofThisEdition(tr, r)
}

// ofThisEdition compares what a receipt is about with what the transfer holds now.
func ofThisEdition(tr store.Transfer, r groupcast.Receipt) error {
	p := r.Paged
	if p.TransferID != tr.ID {
		return groupcast.Errorf(groupcast.EConflict, "the receipt is of another transfer with number %d", tr.No)
	}
	if p.Edition != tr.Edition || p.Skeleton != tr.Skeleton {
		return groupcast.Errorf(groupcast.EConflict, "the receipt is of edition %d of transfer %d, which is at %d",
			p.Edition, tr.No, tr.Edition)
	}
	if r.Root != tr.Root && r.Root != (protocol.Digest{}) {
		return groupcast.Errorf(groupcast.EConflict, "the receipt is not of the final page of transfer %d", tr.No)
	}
	return nil
}

func pagedOf(
	server protocol.ServerID, d groupcast.Device, tr store.Transfer, r groupcast.Receipt,
) (full format2.Receipt, err error) {
	outcome, known := format2.OutcomeOf(string(r.Outcome))
	path, way := format2.PathOf(string(r.Path))
	if r.Paged == nil || !known || !way {
		return full, errFormat
	}
	return format2.Receipt{
		Server: server, Group: tr.GroupID, Transfer: r.Transfer, TransferID: r.Paged.TransferID,
		Skeleton: r.Paged.Skeleton, Edition: r.Paged.Edition, Root: r.Root, Device: d.ID, Site: r.Paged.Site,
		Sequence: r.Sequence, Outcome: outcome, Path: path,
		Entries: uint32(r.Entries), Missing: uint32(r.Missing), Beside: uint32(r.Beside), Void: uint32(r.Void),
		Bytes: r.Bytes, Reason: groupcast.ReasonDigest(r.Reason), List: r.List,
	}, nil
}

// EditionOf gives the edition of the pages that a kept receipt of a paged transfer is about.
func EditionOf(r store.SignedReceipt) (protocol.Edition, error) {
	x, err := format2.ParseReceipt(r.Signed)
	return x.Edition, err
}
