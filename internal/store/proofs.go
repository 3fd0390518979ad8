package store

import (
	"context"
	"time"

	"github.com/groupcast/groupcast/internal/protocol"
)

// Proofs are what proves, to others too, what became of a transfer. CloseDelivery keeps receipts.
type Proofs interface {
	// KeepSignedOffer keeps an offer, in place of an older one of the same transfer and manifest or edition.
	KeepSignedOffer(ctx context.Context, o SignedOffer) error
	// KeepSmallManifest keeps a manifest beside the offer that names it, if there is one.
	KeepSmallManifest(ctx context.Context, no protocol.TransferNo, root protocol.Digest, manifest []byte) error
	// SignedOffers lists the offers that were kept of a transfer, the newest first.
	SignedOffers(ctx context.Context, no protocol.TransferNo) ([]SignedOffer, error)
	// Receipts lists what devices signed of a transfer's deliveries that are closed, by device.
	Receipts(ctx context.Context, no protocol.TransferNo) ([]SignedReceipt, error)
}

// SignedOffer is an offer byte for byte.
type SignedOffer struct {
	Transfer  protocol.TransferNo
	Root      protocol.Digest  // of a paged transfer the digest of its skeleton
	Edition   protocol.Edition // of a paged transfer
	Number    protocol.OfferNo
	Offer     []byte
	Signature []byte
	Manifest  []byte // by KeepSmallManifest
}

// SignedReceipt is a receipt byte for byte, with the key that the device had when it gave it.
type SignedReceipt struct {
	Transfer  protocol.TransferNo
	Device    protocol.DeviceID
	Sequence  uint64
	Signed    []byte
	Signature []byte
	Key       []byte
	Since     time.Time // that the device is known to the server
	Reason    string    // in words: its digest is signed
}
