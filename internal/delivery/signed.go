package delivery

import (
	"context"

	"github.com/groupcast/groupcast/internal/store"
	"github.com/groupcast/groupcast/internal/wire"
)

// keepOffer keeps an offer of such terms for proofs. Without it there is none: what is sent continues.
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
