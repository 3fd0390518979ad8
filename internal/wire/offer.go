package wire

import (
	"errors"
	"net/netip"

	"github.com/groupcast/groupcast/internal/protocol"
)

const offerLabel = "groupcast/1 offer\x00"

// OfferBytes is the length of every offer.
const OfferBytes = len(offerLabel) +
	32 + 16 + 8 + 8 + 8 + 8 + // server, group, membership, number, floor, transfer
	16 + 4 + 16 + // session, tag, key check
	32 + 8 + 4 + 8 + 4 + 4 + // index digest, manifest, stream
	2 + 1 + 1 + 1 + 1 + 1 + // symbol size, max k, codec, hash, AEAD, cutter
	16 + 2 + 16 + 2 + 1 // group, source, feedback port, flags

var errOfferLabel = errors.New("not an offer of this version of the protocol")

// ParseOffer reads the bytes of an offer (docs/protocol.md §3). It says nothing about the
// signature, and nothing about the values: what a receiver accepts is for its gate to say.
func ParseOffer(b []byte) (Offer, error) {
	if len(b) != OfferBytes {
		return Offer{}, ErrLength
	}
	r := reader{b}
	if string(r.take(len(offerLabel))) != offerLabel {
		return Offer{}, errOfferLabel
	}
	var o Offer
	o.parseNames(&r)
	o.parseContent(&r)
	o.parseGeometry(&r)
	o.parseAddresses(&r)
	return o, nil
}

func (o *Offer) parseNames(r *reader) {
	o.Server = protocol.ServerID(r.take(32))
	o.Group = protocol.GroupID(r.take(16))
	o.MembershipVersion = r.u64()
	o.Number = protocol.OfferNo(r.u64())
	o.Floor = protocol.OfferNo(r.u64())
	o.Transfer = protocol.TransferNo(r.u64())
	o.Session = protocol.SessionID(r.take(16))
	o.Tag = protocol.SessionTag(r.u32())
	o.KeyCheck = [16]byte(r.take(16))
}

func (o *Offer) parseContent(r *reader) {
	o.IndexDigest = protocol.Digest(r.take(32))
	o.ManifestBytes = r.u64()
	o.ManifestBlocks = r.u32()
	o.TotalBytes = r.u64()
	o.Files = r.u32()
	o.Blocks = r.u32()
}

func (o *Offer) parseGeometry(r *reader) {
	o.SymbolSize = r.u16()
	o.MaxK = r.u8()
	o.Codec = r.u8()
	o.Hash = r.u8()
	o.AEAD = r.u8()
	o.Cutter = r.u8()
}

func (o *Offer) parseAddresses(r *reader) {
	group := parseAddr(r)
	o.GroupAddr = netip.AddrPortFrom(group, r.u16())
	o.Source = parseAddr(r)
	o.FeedbackPort = r.u16()
	o.Flags = OfferFlags(r.u8())
}

// parseAddr reads 16 bytes; IPv4 is mapped, sixteen zeros are no address.
func parseAddr(r *reader) netip.Addr {
	a := netip.AddrFrom16([16]byte(r.take(16)))
	if a.IsUnspecified() {
		return netip.Addr{}
	}
	return a.Unmap()
}

func appendAddr(dst []byte, a netip.Addr) []byte {
	if !a.IsValid() {
		return append(dst, make([]byte, 16)...)
	}
	b := a.As16()
	return append(dst, b[:]...)
}

// AppendOffer writes an offer as it is signed.
func AppendOffer(dst []byte, o Offer) []byte {
	dst = append(dst, offerLabel...)
	dst = append(dst, o.Server[:]...)
	dst = append(dst, o.Group[:]...)
	dst = be.AppendUint64(dst, o.MembershipVersion)
	dst = be.AppendUint64(dst, uint64(o.Number))
	dst = be.AppendUint64(dst, uint64(o.Floor))
	dst = be.AppendUint64(dst, uint64(o.Transfer))
	dst = append(dst, o.Session[:]...)
	dst = be.AppendUint32(dst, uint32(o.Tag))
	dst = append(dst, o.KeyCheck[:]...)
	dst = append(dst, o.IndexDigest[:]...)
	dst = be.AppendUint64(dst, o.ManifestBytes)
	dst = be.AppendUint32(dst, o.ManifestBlocks)
	dst = be.AppendUint64(dst, o.TotalBytes)
	dst = be.AppendUint32(dst, o.Files)
	dst = be.AppendUint32(dst, o.Blocks)
	dst = be.AppendUint16(dst, o.SymbolSize)
	dst = append(dst, o.MaxK, o.Codec, o.Hash, o.AEAD, o.Cutter)
	dst = appendAddr(dst, o.GroupAddr.Addr())
	dst = be.AppendUint16(dst, o.GroupAddr.Port())
	dst = appendAddr(dst, o.Source)
	dst = be.AppendUint16(dst, o.FeedbackPort)
	return append(dst, byte(o.Flags))
}
