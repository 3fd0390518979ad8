package delivery

import (
	"context"

	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/store"
)

// keepOffer keeps an offer of a transfer for proofs. Without it there is none: what is sent continues.
func (e *Engine) keepOffer(
	ctx context.Context, tr store.Transfer, number protocol.OfferNo, bytes, signature []byte,
) {
	root := tr.Root
	if tr.Paged {
		root = tr.Skeleton
	}
	err := e.store.KeepSignedOffer(ctx, store.SignedOffer{
		Transfer: tr.No, Root: root, Edition: tr.Edition, Number: number, Offer: bytes, Signature: signature,
	})
	if err != nil {
		e.log.Error("an offer was not kept: there will be no proof of its transfer", "transfer", tr.No, "err", err)
	}
}
