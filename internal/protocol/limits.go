package protocol

import "time"

// Versions of the data plane, the high four bits of a packet's first byte: the oldest that is spoken, and that of
// paged transfers (docs/format-2.md), the newest.
const (
	Version      = 1
	PagedVersion = 2
)

// Geometry of blocks (docs/protocol.md §3).
const (
	MaxSourceSymbols = 200  // k of the largest block; k plus parity rows ≤ 256 (GF(2^8))
	MaxSymbols       = 256  // source and parity of one block
	MinSymbolSize    = 512  // bytes
	MaxSymbolSize    = 8960 // bytes: a jumbo frame
	DefaultSymbol    = 1408 // bytes: 22×64; with all headers 1,491 of 1,500 bytes on IPv6
	TunnelSymbol     = 1152 // bytes: 18×64, for paths with an MTU of 1,280
	// BlockSize is what the fixed cutter cuts: 200 of the smallest symbols a session may
	// choose without cutting again, 164 of the default ones.
	BlockSize = MaxSourceSymbols * TunnelSymbol
	// MaxBlockLength is the longest block that fits the geometry at all.
	MaxBlockLength = MaxSourceSymbols * MaxSymbolSize
)

// Limits of what a receiver accepts before it writes the first byte (security.md O7).
const (
	MaxFiles         = 1_000_000 // of format 1: with folders
	MaxEntries       = 2_000_000 // of format 2, folders among them
	MaxBlocks        = 1 << 24
	MaxManifestBytes = 128 << 20
	MaxPathBytes     = 4096
	MaxOfferBytes    = 4096
)

// Packet numbers (security.md K5, I3).
const (
	MaxPacketNumber = 1<<48 - 1
	PhaseBits       = 28      // packet number >> 28 is the key phase
	NumbersBehind   = 1 << 24 // accepted below the last signed SYNC's high-water mark
	NumbersAhead    = 1 << 20 // accepted above it
)

// Sizes on the wire.
const (
	GroupHeaderBytes  = 11 // version/kind 1, session tag 4, packet number 6
	DataHeaderBytes   = 8  // block 4, length 3, symbol 1: the first bytes inside the seal
	TagBytes          = 16 // AES-GCM
	DataOverhead      = GroupHeaderBytes + DataHeaderBytes + TagBytes
	MaxSyncPacket     = 1443
	MinSyncPacket     = 99
	FeedbackOverhead  = 31 // version/kind 1, feedback ID 8, counter 6, tag 16
	MaxFeedbackBody   = 1200
	MaxFeedbackPacket = FeedbackOverhead + MaxFeedbackBody
)

// Timing.
const (
	SyncInterval = 100 * time.Millisecond
	MinGRTT      = time.Millisecond
	MaxGRTT      = 2 * time.Second
	MaxGroupSize = 100_000
)

// Ports (design §8).
const (
	ControlPort = 7440 // TCP: API and web; UDP: feedback
	DataPort    = 7441 // UDP, on the groups
)

// Bounds of memory.
const (
	MaxNACKRanges     = 4096    // per device, at the server
	RingBytes         = 8 << 20 // packets kept while the manifest is not there yet
	ReceiverPoolBytes = 48 << 20
)
