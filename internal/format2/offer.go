package format2

import (
	"fmt"
	"net/netip"

	"github.com/groupcast/groupcast/internal/protocol"
)

const offerLabel = "groupcast/2 offer\x00"

// OfferBytes is the length of every offer.
const OfferBytes = len(offerLabel) +
	32 + 16 + 8 + 8 + 8 + 8 + 16 + // server, group, membership, number, floor, transfer and its ID
	16 + 8 + 16 + // site, its epoch, relay
	16 + 4 + 16 + 32 + 16 + 2 + 1 + // session, tag, key check, key of SYNCs, anchor, slot, lag
	32 + 8 + 4 + 4 + // skeleton, edition, pages
	8 + 4 + 4 + // stream
	2 + 1 + 1 + 1 + 1 + 1 + 4 + // symbol size, max k, codec, hash, AEAD, cutter, life
	18 + 18 + 2 + 2 + 2 // group, source, feedback port, relay's port, flags

// Identifiers that an offer carries.
const (
	CodecCauchyRS = 1
	HashBLAKE3    = 4
	AEADAES256GCM = 1
	CutterFixed   = 1
)

// OfferFlags are the flags of an offer.
type OfferFlags uint16

// Flags of an offer.
const (
	OfferMulticast  OfferFlags = 1 << iota
	OfferMACs                  // data packets carry a MAC
	OfferStaged                // the sender has all blocks
	OfferDelta                 // mode delta
	knownOfferFlags = OfferMulticast | OfferMACs | OfferStaged | OfferDelta
)

// Offer is the server's signed announcement of a session (docs/format-2.md §4).
type Offer struct {
	Server            protocol.ServerID
	Group             protocol.GroupID
	MembershipVersion uint64
	Number, Floor     protocol.OfferNo
	Transfer          protocol.TransferNo
	TransferID        protocol.TransferID
	Site              protocol.SiteID
	SiteEpoch         uint64
	Relay             protocol.RelayID // zero: the server sends

	Session  protocol.SessionID
	Tag      protocol.SessionTag
	KeyCheck [16]byte
	SyncKey  [32]byte // Ed25519
	Anchor   Element  // C_0
	SlotMS   uint16
	Lag      uint8 // slots

	Skeleton      protocol.Digest
	SkeletonBytes uint64
	Edition       protocol.Edition
	Pages         uint32 // numbers that are kept for pages
	Bytes         uint64
	Entries       uint32
	Blocks        uint32 // of the stream

	SymbolSize  uint16
	MaxK        uint8
	Codec       uint8
	Hash        uint8
	AEAD        uint8
	Cutter      uint8
	LifeSeconds uint32

	GroupAddr    netip.AddrPort
	Source       netip.AddrPort
	FeedbackPort uint16
	RelayPort    uint16 // TLS
	Flags        OfferFlags
}

// IsOffer says whether bytes are meant to be an offer of this format, of whatever length.
func IsOffer(b []byte) bool {
	return len(b) >= len(offerLabel) && string(b[:len(offerLabel)]) == offerLabel
}

// ParseOffer reads the bytes of an offer and checks its bounds. It says nothing about the signature. ErrNewer:
// it is one, of a version that this program does not know.
func ParseOffer(b []byte) (Offer, error) {
	if len(b) != OfferBytes {
		return Offer{}, ErrLength
	}
	r := reader{b: b}
	if string(r.take(len(offerLabel))) != offerLabel {
		return Offer{}, ErrLabel
	}
	var o Offer
	o.parseNames(&r)
	o.parseSession(&r)
	o.parseContent(&r)
	if err := o.Check(); err != nil {
		return Offer{}, err
	}
	return o, nil
}

func (o *Offer) parseNames(r *reader) {
	o.Server = protocol.ServerID(r.take(32))
	o.Group = protocol.GroupID(r.take(16))
	o.MembershipVersion = r.u64()
	o.Number = protocol.OfferNo(r.u64())
	o.Floor = protocol.OfferNo(r.u64())
	o.Transfer = protocol.TransferNo(r.u64())
	o.TransferID = protocol.TransferID(r.take(16))
	o.Site = protocol.SiteID(r.take(16))
	o.SiteEpoch = r.u64()
	o.Relay = protocol.RelayID(r.take(16))
}

func (o *Offer) parseSession(r *reader) {
	o.Session = protocol.SessionID(r.take(16))
	o.Tag = protocol.SessionTag(r.u32())
	o.KeyCheck = [16]byte(r.take(16))
	o.SyncKey = [32]byte(r.take(32))
	o.Anchor = Element(r.take(16))
	o.SlotMS = r.u16()
	o.Lag = r.u8()
}

func (o *Offer) parseContent(r *reader) {
	o.Skeleton = protocol.Digest(r.take(32))
	o.SkeletonBytes = r.u64()
	o.Edition = protocol.Edition(r.u32())
	o.Pages = r.u32()
	o.Bytes = r.u64()
	o.Entries = r.u32()
	o.Blocks = r.u32()
	o.SymbolSize = r.u16()
	o.MaxK, o.Codec, o.Hash, o.AEAD, o.Cutter = r.u8(), r.u8(), r.u8(), r.u8(), r.u8()
	o.LifeSeconds = r.u32()
	o.GroupAddr = r.addrPort()
	o.Source = r.addrPort()
	o.FeedbackPort = r.u16()
	o.RelayPort = r.u16()
	o.Flags = OfferFlags(r.u16())
}

// Check says whether an offer is one that this version knows, within its bounds.
func (o *Offer) Check() error {
	switch {
	case o.Codec != CodecCauchyRS, o.Hash != HashBLAKE3, o.AEAD != AEADAES256GCM, o.Cutter != CutterFixed,
		o.Flags&^knownOfferFlags != 0:
		return ErrNewer
	case o.SlotMS < MinSlotMS || o.SlotMS > MaxSlotMS || o.Lag < MinLag || o.Lag > MaxLag:
		return errField("slot and lag", fmt.Sprint(o.SlotMS, " ms, ", o.Lag))
	case o.LifeSeconds < 1 || o.LifeSeconds > MaxLifeSeconds:
		return errField("life", o.LifeSeconds)
	}
	if err := o.checkContent(); err != nil {
		return err
	}
	return o.checkAddresses()
}

func (o *Offer) checkContent() error {
	switch {
	case o.SkeletonBytes < MinSkeletonBytes || o.SkeletonBytes > MaxSkeletonBytes:
		return errField("bytes of the skeleton", o.SkeletonBytes)
	case o.Edition < 1:
		return errField("edition", o.Edition)
	case o.Pages < 1 || o.Pages > MaxPages:
		return errField("pages", o.Pages)
	case o.Entries > protocol.MaxEntries || o.Blocks > protocol.MaxBlocks || o.Bytes > 1<<63-1:
		return errField("entries, blocks, bytes", fmt.Sprint(o.Entries, o.Blocks, o.Bytes))
	case o.SymbolSize < protocol.MinSymbolSize || o.SymbolSize > protocol.MaxSymbolSize,
		o.MaxK < 1 || o.MaxK > protocol.MaxSourceSymbols, int(o.SymbolSize)*int(o.MaxK) < protocol.BlockSize:
		return errField("symbols", fmt.Sprint(o.MaxK, " of ", o.SymbolSize))
	}
	return nil
}

func (o *Offer) checkAddresses() error {
	multicast := o.Flags&OfferMulticast != 0
	switch {
	case multicast && (!o.GroupAddr.Addr().IsMulticast() || o.GroupAddr.Port() == 0):
		return errField("group", o.GroupAddr)
	case (o.Relay != protocol.RelayID{}) != (o.RelayPort != 0):
		return errField("port of the relay", o.RelayPort)
	}
	// An address that has another form would be written otherwise than it was read.
	for _, a := range []netip.Addr{o.GroupAddr.Addr(), o.Source.Addr()} {
		if a.IsValid() && (a.IsUnspecified() || a.Is4In6() || a.Zone() != "") {
			return errField("address", a)
		}
	}
	return nil
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
	dst = append(dst, o.TransferID[:]...)
	dst = append(dst, o.Site[:]...)
	dst = be.AppendUint64(dst, o.SiteEpoch)
	dst = append(dst, o.Relay[:]...)
	dst = append(dst, o.Session[:]...)
	dst = be.AppendUint32(dst, uint32(o.Tag))
	dst = append(dst, o.KeyCheck[:]...)
	dst = append(dst, o.SyncKey[:]...)
	dst = append(dst, o.Anchor[:]...)
	dst = be.AppendUint16(dst, o.SlotMS)
	dst = append(dst, o.Lag)
	return o.appendContent(dst)
}

func (o *Offer) appendContent(dst []byte) []byte {
	dst = append(dst, o.Skeleton[:]...)
	dst = be.AppendUint64(dst, o.SkeletonBytes)
	dst = be.AppendUint32(dst, uint32(o.Edition))
	dst = be.AppendUint32(dst, o.Pages)
	dst = be.AppendUint64(dst, o.Bytes)
	dst = be.AppendUint32(dst, o.Entries)
	dst = be.AppendUint32(dst, o.Blocks)
	dst = be.AppendUint16(dst, o.SymbolSize)
	dst = append(dst, o.MaxK, o.Codec, o.Hash, o.AEAD, o.Cutter)
	dst = be.AppendUint32(dst, o.LifeSeconds)
	dst = appendAddrPort(dst, o.GroupAddr)
	dst = appendAddrPort(dst, o.Source)
	dst = be.AppendUint16(dst, o.FeedbackPort)
	dst = be.AppendUint16(dst, o.RelayPort)
	return be.AppendUint16(dst, uint16(o.Flags))
}

// SkeletonBlocks is how many blocks the skeleton has; its index is block 0.
func (o *Offer) SkeletonBlocks() int {
	return protocol.SourceSymbols(int(o.SkeletonBytes), protocol.BlockSize)
}

// FirstPage is the session's block of page 0; FirstStream that of block 0 of the stream.
func (o *Offer) FirstPage() protocol.BlockNumber { return protocol.BlockNumber(1 + o.SkeletonBlocks()) }

// FirstStream is the session's block of the stream's first block.
func (o *Offer) FirstStream() protocol.BlockNumber {
	return o.FirstPage() + protocol.BlockNumber(o.Pages)
}
