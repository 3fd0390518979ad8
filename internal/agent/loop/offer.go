package loop

import (
	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/wire"
)

// Offer is what the loop looks at in an offer, of whichever format. One of Plain and Paged is set, unless
// nobody could read it.
type Offer struct {
	Group    protocol.GroupID
	Number   protocol.OfferNo
	Transfer protocol.TransferNo
	Session  protocol.SessionID
	Content  protocol.Digest // what it promises: the digest of the manifest's index, or of the skeleton
	Bytes    uint64          // of all files
	Entries  int
	Feedback uint16         // port of the sender of a session
	Plain    *wire.Offer    // of format 1
	Paged    *format2.Offer // of format 2
}

// PlainOffer is an offer of format 1.
func PlainOffer(o wire.Offer) Offer {
	return Offer{
		Group: o.Group, Number: o.Number, Transfer: o.Transfer, Session: o.Session, Content: o.IndexDigest,
		Bytes: o.TotalBytes, Entries: int(o.Files), Plain: &o,
	}
}

// PagedOffer is an offer of format 2.
func PagedOffer(o format2.Offer) Offer {
	return Offer{
		Group: o.Group, Number: o.Number, Transfer: o.Transfer, Session: o.Session, Content: o.Skeleton,
		Bytes: o.Bytes, Entries: int(o.Entries), Paged: &o,
	}
}

// ParseOffer reads an offer of either format. It says nothing about the signature.
func ParseOffer(raw []byte) (Offer, error) {
	if format2.IsOffer(raw) {
		o, err := format2.ParseOffer(raw)
		if err != nil {
			return Offer{}, err
		}
		return PagedOffer(o), nil
	}
	o, err := wire.ParseOffer(raw)
	if err != nil {
		return Offer{}, err
	}
	return PlainOffer(o), nil
}

// Server is whose offer it is.
func (o Offer) Server() protocol.ServerID {
	if o.Paged != nil {
		return o.Paged.Server
	}
	return o.Plain.Server
}
