package tables

import (
	"context"
	"math"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/store"
	"github.com/groupcast/groupcast/internal/store/tables/queries"
)

// KeepSignedOffer keeps an offer. No receipt for it is on the disk before it is: both go through
// one log, in order.
func (s *Store) KeepSignedOffer(ctx context.Context, o store.SignedOffer) error {
	return s.quickly(ctx, func(ctx context.Context, q *queries.Queries) error {
		return q.PutSignedOffer(ctx, queries.PutSignedOfferParams{
			TransferNo: int64(o.Transfer), Root: o.Root.String(), Number: int64(o.Number),
			Offer: o.Offer, Signature: o.Signature, Edition: int64(o.Edition),
		})
	})
}

// KeepSmallManifest keeps a manifest beside the offer that names it.
func (s *Store) KeepSmallManifest(
	ctx context.Context, no protocol.TransferNo, root protocol.Digest, manifest []byte,
) error {
	return s.durably(ctx, func(ctx context.Context, q *queries.Queries) error {
		return q.SetOfferedManifest(ctx, queries.SetOfferedManifestParams{
			Manifest: manifest, TransferNo: int64(no), Root: root.String(),
		})
	})
}

// SignedOffers lists the offers that were kept of a transfer.
func (s *Store) SignedOffers(ctx context.Context, no protocol.TransferNo) (out []store.SignedOffer, err error) {
	err = s.read(ctx, func(q *queries.Queries) error {
		rows, err := q.SignedOffers(ctx, int64(no))
		if err != nil {
			return err
		}
		out, err = each(rows, func(r queries.SignedOffer) (store.SignedOffer, error) {
			o := store.SignedOffer{
				Transfer: no, Number: protocol.OfferNo(r.Number), Offer: r.Offer, Signature: r.Signature, Manifest: r.Manifest,
				Edition: protocol.Edition(r.Edition),
			}
			return o, parse(&o.Root, r.Root)
		})
		return err
	})
	return out, err
}

// Receipts lists what devices signed of a transfer.
func (s *Store) Receipts(ctx context.Context, no protocol.TransferNo) (out []store.SignedReceipt, err error) {
	err = s.read(ctx, func(q *queries.Queries) error {
		rows, err := q.Receipts(ctx, int64(no))
		if err != nil {
			return err
		}
		out, err = each(rows, func(r queries.Receipt) (store.SignedReceipt, error) {
			dev, err := deviceID(r.DeviceID)
			return store.SignedReceipt{
				Transfer: no, Device: dev, Sequence: uint64(r.Sequence), Signed: r.Signed, Signature: r.Signature,
				Key: r.PublicKey, Since: instant(r.Since), Reason: r.Reason,
			}, err
		})
		return err
	})
	return out, err
}

// putReceipt keeps a receipt that closes a delivery. One that was taken of it before, or is
// older than that, is none.
func putReceipt(ctx context.Context, q *queries.Queries, r *store.SignedReceipt) error {
	if r == nil {
		return nil
	}
	if r.Sequence > math.MaxInt64 {
		return groupcast.Errorf(groupcast.EInvalid, "%d is no sequence number of a receipt", r.Sequence)
	}
	n, err := q.PutReceipt(ctx, queries.PutReceiptParams{
		TransferNo: int64(r.Transfer), DeviceID: deviceText(r.Device), Sequence: int64(r.Sequence), Signed: r.Signed,
		Signature: r.Signature, PublicKey: r.Key, Since: micros(r.Since), Reason: r.Reason,
	})
	if err == nil && n == 0 {
		return groupcast.Errorf(groupcast.EConflict, "this receipt, or a later one of the same delivery, was taken before")
	}
	return err
}
