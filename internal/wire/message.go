// Package wire parses and appends the messages of the data plane: one file per message,
// Parse and Append side by side, the layout drawn where it is parsed. It holds no keys and
// no state; what it parses has already been authenticated by package seal.
package wire

import (
	"net/netip"

	"github.com/groupcast/groupcast/internal/protocol"
)

// Kind is the low four bits of a packet's first byte.
type Kind uint8

// Kinds of packets (docs/protocol.md §5, §6).
const (
	KindData     Kind = 1
	KindSync     Kind = 2
	KindDigest   Kind = 3 // reserved: signed packet digests
	KindAnnounce Kind = 4
	KindProbe    Kind = 5
	KindFeedback Kind = 8
)

// Header is the clear part of a data, SYNC or DIGEST packet, and its AAD.
type Header struct {
	Kind   Kind
	Tag    protocol.SessionTag
	Number protocol.PacketNumber
}

// Data is what a data packet says once opened. Symbol aliases the packet's buffer.
type Data struct {
	Block  protocol.BlockNumber
	Length int // of the block, in bytes
	Index  protocol.SymbolIndex
	Symbol []byte
}

// SyncFlags are the flags of a SYNC.
type SyncFlags uint8

// Flags of a SYNC.
const (
	SyncPassDone SyncFlags = 1 << iota
	SyncEnd
	SyncSolicit
)

// Sync is the server's periodic, signed statement on the state of a session: what was sent, what
// may be kept, which repair is coming (NORM_CMD(CC), FLUSH and REPAIR_ADV of RFC 5740 in one).
type Sync struct {
	Sequence       uint64
	SentAt         uint64 // µs since the session began
	Flags          SyncFlags
	GRTT           uint32 // µs
	GroupSize      uint32
	Backoff        uint8
	Rate           uint64 // bytes a second
	RangeFirst     protocol.PacketNumber
	RangeLast      protocol.PacketNumber
	WindowLow      protocol.BlockNumber
	WindowHigh     protocol.BlockNumber
	Front          protocol.BlockNumber
	ReportInterval uint32 // µs
	Repairs        []Repair
}

// Repair advertises symbols still to come for a block.
type Repair struct {
	Block   protocol.BlockNumber
	Symbols uint8
}

// FeedbackFlags are the flags of a feedback packet.
type FeedbackFlags uint8

// Flags of a feedback packet.
const (
	FeedbackBar FeedbackFlags = 1 << iota
	FeedbackDone
	FeedbackMismatch
	FeedbackMarked // a packet since the last report carried the network's congestion mark (RFC 3168 CE)
)

// NoParity says in a NACK that no parity symbol of the block was seen.
const NoParity = 0xFF

// NACK says how many symbols of a block are missing.
type NACK struct {
	Block      protocol.BlockNumber
	Deficit    uint8
	HighParity uint8 // highest symbol index ≥ k seen, NoParity for none
}

// Bitmap names the missing source symbols of a block, for when its parity is used up.
type Bitmap struct {
	Block   protocol.BlockNumber
	Missing [25]byte // bit j of byte j/8, lowest bit first
}

// Feedback is a device's report and its NACKs.
type Feedback struct {
	SyncSequence uint64
	SyncAge      uint32 // µs
	High         protocol.PacketNumber
	Verified     uint32
	Declared     uint32
	Received     uint32
	Overrun      uint32
	Delay        uint32 // µs
	Backlog      uint16
	Flags        FeedbackFlags
	NACKs        []NACK
	Ranges       []protocol.Range
	Bitmaps      []Bitmap
	Bar          [64]byte // with FeedbackBar
}

// Offer is the server's signed announcement of a session. Its bytes are signed and salt the
// session's keys, so an offer never changes (security.md O1).
type Offer struct {
	Server            protocol.ServerID
	Group             protocol.GroupID
	MembershipVersion uint64
	Number            protocol.OfferNo
	Floor             protocol.OfferNo
	Transfer          protocol.TransferNo
	Session           protocol.SessionID
	Tag               protocol.SessionTag
	KeyCheck          [16]byte
	IndexDigest       protocol.Digest
	ManifestBytes     uint64
	ManifestBlocks    uint32
	TotalBytes        uint64
	Files             uint32
	Blocks            uint32
	SymbolSize        uint16
	MaxK              uint8
	Codec             uint8
	Hash              uint8
	AEAD              uint8
	Cutter            uint8
	GroupAddr         netip.AddrPort
	Source            netip.Addr
	FeedbackPort      uint16
	Flags             OfferFlags
}

// OfferFlags are the flags of an offer.
type OfferFlags uint8

// OfferMulticast says that the session runs over multicast; without it the offer only
// vouches for what is fetched over HTTPS.
const OfferMulticast OfferFlags = 1

// Identifiers that an offer carries and receivers keep an allow-list of.
const (
	CodecCauchyRS = 1
	HashBLAKE3    = 3
	AEADAES256GCM = 1
	CutterFixed   = 1
)
