package server

import (
	"context"

	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/receipts"
	"github.com/groupcast/groupcast/internal/store"
)

// finalPages gives the final pages that a proof of a paged transfer needs, by their edition: that of the newest
// offer, and those that receipts are about.
func (s *Server) finalPages(
	ctx context.Context, tr store.Transfer, newest store.SignedOffer,
) (map[protocol.Edition][]byte, error) {
	if !tr.Paged {
		return nil, nil
	}
	finals, err := s.store.FinalPages(ctx, tr.No)
	if err != nil {
		return nil, err
	}
	signed, err := s.store.Receipts(ctx, tr.No)
	if err != nil {
		return nil, err
	}
	needed := map[protocol.Edition]bool{newest.Edition: true}
	for _, r := range signed {
		edition, err := receipts.EditionOf(r)
		if err != nil {
			return nil, err
		}
		needed[edition] = true
	}
	pages := make(map[protocol.Edition][]byte, len(needed))
	for _, f := range finals {
		if needed[f.Edition] {
			pages[f.Edition] = f.Raw
		}
	}
	return pages, nil
}
