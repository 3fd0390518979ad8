package format2

import "github.com/groupcast/groupcast/internal/protocol"

// Bounds of the fields of messages (docs/format-2.md).
const (
	MinSkeletonBytes = 24
	MaxSkeletonBytes = 128 << 20
	MaxPages         = 1 << 16 // of a transfer
	MaxLeaves        = 4096    // of a page
	MaxFinished      = 2048    // files that a page lists as finished …
	MaxVoid          = 2048    // … and as void
	MaxPageBytes     = pageHead + 12 + MaxLeaves*32 + MaxFinished*36 + MaxVoid*5 + signatureBytes
	MinPageBytes     = pageHead + 12 + signatureBytes

	MinSlotMS      = 20
	MaxSlotMS      = 1000
	MinLag         = 2
	MaxLag         = 8
	MaxLifeSeconds = 86_400

	MaxSyncLengths = 16
	MaxSyncGaps    = 8
	MaxSyncRepairs = 200

	MaxLackRanges = protocol.MaxNACKRanges
)
