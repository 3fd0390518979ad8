package delivery

import (
	"context"

	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/store"
	"github.com/groupcast/groupcast/internal/wire"
)

// ProofManifest bounds the manifest in a proof, which has the names: bytes.
const ProofManifest = 256 << 10

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
