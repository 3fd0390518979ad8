package delivery

import (
	"context"

	"github.com/groupcast/groupcast/internal/store"
)

// keepOffer keeps an offer of a transfer for proofs. Without it there is none: what is sent continues.
func (e *Engine) keepOffer(ctx context.Context, o store.SignedOffer) {
	if err := e.store.KeepSignedOffer(ctx, o); err != nil {
		e.log.Error("an offer was not kept: there will be no proof of its transfer", "transfer", o.Transfer, "err", err)
	}
}
