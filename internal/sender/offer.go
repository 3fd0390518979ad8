package sender

import (
	"net/netip"

	"github.com/groupcast/groupcast/internal/protocol"
)

// Offer is a session's signed offer, and what a server needs of it, whatever its format.
type Offer struct {
	Bytes, Signature []byte
	Session          protocol.SessionID
	Number           protocol.OfferNo
	Group            protocol.GroupID
	GroupAddr        netip.AddrPort
	SymbolSize       uint16
	FeedbackPort     uint16
	Paged            bool // of format 2
	MACs             bool // data packets have MACs
}

// Offer gives the session's offer.
func (s *Sender) Offer() Offer { return s.offer }
