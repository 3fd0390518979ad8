package delivery

import (
	"context"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/store"
	"github.com/groupcast/groupcast/internal/wire"
)

// Bounds of what a proof holds beside signatures.
const (
	ProofManifest = 256 << 10 // bytes of the manifest, with the names
	ProofListed   = 20_000    // entries of all devices
)

// openReceipt checks a receipt's signature with the device's key and gives what was signed.
func (e *Engine) openReceipt(
	d groupcast.Device, tr store.Transfer, r groupcast.Receipt,
) (store.SignedReceipt, error) {
	out := store.SignedReceipt{
		Transfer: r.Transfer, Device: d.ID, Sequence: r.Sequence, Signature: r.Signature,
		Key: d.PublicKey, Since: d.CreatedAt, Reason: groupcast.Clip(r.Reason),
	}
	key, err := seal.VerifyKeyFrom(d.PublicKey)
	if err != nil {
		return out, groupcast.Errorf(groupcast.EInvalid, "this device has no key to sign receipts with").
			WithHint("log in again").Wrap(err)
	}
	if r.Version >= groupcast.ReceiptVersion && out.Reason != r.Reason {
		return out, groupcast.Errorf(groupcast.EInvalid, "a receipt's reason has at most %d bytes", groupcast.MaxReason)
	}
	full := e.signedOf(d, tr, r)
	if r.Version < groupcast.ReceiptVersion {
		out.Signed = full.Receipt.Signed()
		err = seal.VerifyReceipt(key, full.Receipt, r.Signature)
	} else if out.Signed, err = full.Signed(); err == nil {
		err = seal.VerifyFullReceipt(key, full, r.Signature)
	}
	if err != nil {
		return out, groupcast.Errorf(groupcast.EInvalid, "the receipt's signature is not this device's").Wrap(err)
	}
	return out, nil
}

func (e *Engine) signedOf(d groupcast.Device, tr store.Transfer, r groupcast.Receipt) seal.FullReceipt {
	return seal.FullReceipt{
		Receipt: seal.Receipt{
			Server: e.cfg.Server, Group: tr.GroupID, Transfer: r.Transfer, Root: r.Root,
			Device: d.ID, Outcome: string(r.Outcome), Sequence: r.Sequence,
		},
		Path: string(r.Path), Bytes: r.Bytes,
		Entries: uint32(r.Entries), Missing: uint32(r.Missing), Beside: uint32(r.Beside),
		Reason: groupcast.ReasonDigest(r.Reason), List: r.List,
	}
}

// covers says how much of what is shown of a delivery its receipt signs: the names of entries that are
// missing or beside only if they are all stored as the device reported them.
func (e *Engine) covers(ctx context.Context, d groupcast.Device, r groupcast.Receipt) (groupcast.Signed, error) {
	if r.Version < groupcast.ReceiptVersion {
		return groupcast.SignedOutcome, nil
	}
	if r.Missing+r.Beside > ProofListed {
		return groupcast.SignedCounts, nil
	}
	var all []groupcast.DeliveryEntry
	for len(all) < r.Missing+r.Beside {
		next := groupcast.Window{From: len(all), Limit: min(entriesListed, r.Missing+r.Beside-len(all))}
		some, _, err := e.store.Entries(ctx, r.Transfer, d.ID, next)
		if err != nil {
			return "", err
		}
		if len(some) == 0 {
			return groupcast.SignedCounts, nil
		}
		all = append(all, some...)
	}
	if groupcast.EntriesDigest(all) != r.List {
		return groupcast.SignedCounts, nil
	}
	return groupcast.SignedAll, nil
}

// keepOffer keeps an offer for proofs. Without it there is none: what is sent continues.
func (e *Engine) keepOffer(ctx context.Context, offer wire.Offer, bytes, signature []byte) {
	err := e.store.KeepSignedOffer(ctx, store.SignedOffer{
		Transfer: offer.Transfer, Root: offer.IndexDigest, Number: offer.Number,
		Offer: bytes, Signature: signature,
	})
	if err != nil {
		e.log.Error("an offer was not kept: there will be no proof of its transfer",
			"transfer", offer.Transfer, "err", err)
	}
}

// keepManifest keeps a manifest for proofs, if it is small: its content is about to go.
func (e *Engine) keepManifest(ctx context.Context, no protocol.TransferNo, m *manifest.Manifest) error {
	encoded := manifest.Encode(m)
	if len(encoded.Manifest) > ProofManifest {
		return nil
	}
	return e.store.KeepSmallManifest(ctx, no, encoded.Root, encoded.Manifest)
}
