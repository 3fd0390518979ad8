//go:build linux

package attacker

import (
	"net/netip"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/wire"
)

// Terms are what an attacker reads in an offer, of whichever format.
type Terms struct {
	Transfer     protocol.TransferNo
	Session      protocol.SessionID
	Tag          protocol.SessionTag
	GroupAddr    netip.AddrPort
	Source       netip.Addr
	FeedbackPort uint16
	SymbolSize   uint16
	Blocks       uint32 // of the session, as far as content is concerned
	Multicast    bool
	Paged        *format2.Offer // nil: of format 1
}

// marked says whether the session's packets have MACs.
func (t Terms) marked() bool { return t.Paged != nil && t.Paged.Flags&format2.OfferMACs != 0 }

// ParseTerms reads an offer.
func ParseTerms(raw []byte) (Terms, error) {
	if !format2.IsOffer(raw) {
		o, err := wire.ParseOffer(raw)
		return Terms{
			o.Transfer, o.Session, o.Tag, o.GroupAddr, o.Source, o.FeedbackPort, o.SymbolSize, o.Blocks,
			o.Flags&wire.OfferMulticast != 0, nil,
		}, err
	}
	o, err := format2.ParseOffer(raw)
	if err != nil {
		return Terms{}, err
	}
	return Terms{
		o.Transfer, o.Session, o.Tag, o.GroupAddr, o.Source.Addr(), o.FeedbackPort, o.SymbolSize,
		uint32(o.FirstStream()) + o.Blocks, o.Flags&format2.OfferMulticast != 0, &o,
	}, nil
}

// OpenSession makes of a session's secret what opens and seals its packets.
func OpenSession(secret seal.Secret, raw []byte) (Terms, *seal.Session, error) {
	t, err := ParseTerms(raw)
	if err != nil {
		return t, nil, err
	}
	open := seal.NewSession
	if t.Paged != nil {
		open = seal.NewSession2
	}
	s, err := open(secret, raw)
	return t, s, err
}

// Packet is what everybody reads of a packet on the network.
type Packet struct {
	Version int
	Kind    wire.Kind
}

// LookAt reads a packet's first byte: version 0 is none that there is.
func LookAt(packet []byte) (p Packet) {
	if len(packet) == 0 {
		return p
	}
	if v := int(packet[0] >> 4); v == protocol.Version || v == format2.Version {
		p.Version, p.Kind = v, wire.Kind(packet[0]&0xF)
	}
	return p
}

// ParseHeader reads the clear part of a packet of a session, and says of which version it is.
func ParseHeader(packet []byte) (h wire.Header, version int, err error) {
	if h, err = wire.ParseHeader(packet); err == nil {
		return h, protocol.Version, nil
	}
	h, err = format2.ParseHeader(packet)
	return h, format2.Version, err
}

func appendHeader(dst []byte, h wire.Header, version int) []byte {
	if version == format2.Version {
		return format2.AppendHeader(dst, h)
	}
	return wire.AppendHeader(dst, h)
}

// ParseFeedbackHeader reads the clear part of feedback, and says of which version it is.
func ParseFeedbackHeader(packet []byte) (h wire.FeedbackHeader, version int, err error) {
	if h, err = wire.ParseFeedbackHeader(packet); err == nil {
		return h, protocol.Version, nil
	}
	h, err = format2.ParseFeedbackHeader(packet)
	return h, format2.Version, err
}

// sequenceOf reads which SYNC of its session it is.
func (s *Session) sequenceOf(body []byte) uint64 {
	if s.Offer.Paged == nil {
		n, _ := seal.SyncSequence(body) // 0: it is none
		return n
	}
	n, _, _, _ := format2.ParseSyncHead(body)
	return n
}

// sealFeedback seals a report as the session's format has it.
func (s *Session) sealFeedback(f wire.Feedback) []byte {
	if s.Offer.Paged == nil {
		return s.Feedback.Seal(nil, f)
	}
	return s.Feedback.Seal2(nil, format2.Feedback{Feedback: f})
}

// speaks is what a member's program says of itself.
func (p Plan) speaks() groupcast.Speaks {
	s := groupcast.Spoken()
	if p.Wire != 0 {
		s.Wire = groupcast.Versions{Least: 1, Most: p.Wire}
	}
	return s
}
