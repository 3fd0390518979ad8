package groupcast

import (
	"context"
	"io"
	"time"

	"github.com/groupcast/groupcast/internal/protocol"
)

// PagedService is what agents fetch and say of paged transfers (docs/format-2.md). Each call checks that the device
// is owed the transfer; ENotFound if it is not, and of a transfer that is not paged.
type PagedService interface {
	// Skeleton streams the bytes of a transfer's skeleton.
	Skeleton(ctx context.Context, p Principal, no protocol.TransferNo) (io.ReadCloser, error)
	// TransferPages streams the pages there are from a number on, each as its length in 3 bytes and its bytes. If there
	// is none yet it waits for one, for PagesWait at most, and then gives what there is.
	TransferPages(ctx context.Context, p Principal, no protocol.TransferNo, from protocol.PageNo) (io.ReadCloser, error)
	// Stream streams consecutive blocks of the files' content, as the skeleton cuts it, each as its number there in 4
	// bytes and its bytes. Those of void files only are left out. EConflict if the first of them has no page yet.
	Stream(ctx context.Context, p Principal, no protocol.TransferNo, asked protocol.Range) (io.ReadCloser, error)
	// KeepLacks takes the list of the blocks that the device lacks, whose digest Ready names.
	KeepLacks(ctx context.Context, p Principal, no protocol.TransferNo, lacks []byte) error
	// SessionClock is the time of a session at its sender, in microseconds.
	SessionClock(ctx context.Context, p Principal, id protocol.SessionID) (uint64, error)
}

// Bounds of these calls.
const (
	PagesWait      = 10 * time.Second
	MaxLacksBytes  = 2_097_416 // of a list of lacking blocks
	MaxStreamCount = 4096      // blocks of one request
)

// SessionClock is the time of a session at its sender.
type SessionClock struct {
	Micros uint64 `json:"clock_us"`
}
