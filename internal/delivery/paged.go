package delivery

import (
	"context"
	"io"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
)

// errNotPaged is the answer to calls of format 2 about a transfer of format 1.
var errNotPaged = groupcast.Errorf(groupcast.ENotFound, "this transfer is not paged").
	WithHint("fetch its manifest and its blocks")

// Skeleton streams the skeleton of a paged transfer that the device is owed.
func (e *Engine) Skeleton(ctx context.Context, p groupcast.Principal, no protocol.TransferNo) (io.ReadCloser, error) {
	return nil, e.mayFetchPaged(ctx, p.Device.ID, no)
}

// TransferPages streams the pages of a paged transfer that the device is owed.
func (e *Engine) TransferPages(
	ctx context.Context, p groupcast.Principal, no protocol.TransferNo, _ protocol.PageNo,
) (io.ReadCloser, error) {
	return nil, e.mayFetchPaged(ctx, p.Device.ID, no)
}

// Stream streams blocks of a paged transfer that the device is owed.
func (e *Engine) Stream(
	ctx context.Context, p groupcast.Principal, no protocol.TransferNo, _ protocol.Range,
) (io.ReadCloser, error) {
	return nil, e.mayFetchPaged(ctx, p.Device.ID, no)
}

// KeepLacks keeps the list of the blocks that a device lacks of a paged transfer.
func (e *Engine) KeepLacks(ctx context.Context, dev protocol.DeviceID, no protocol.TransferNo, _ []byte) error {
	return e.mayFetchPaged(ctx, dev, no)
}

// SessionClock is the time of a session at its sender.
func (e *Engine) SessionClock(ctx context.Context, dev protocol.DeviceID, id protocol.SessionID) (uint64, error) {
	e.mu.Lock()
	run := e.runs[id]
	e.mu.Unlock()
	if run == nil {
		return 0, errSessionOver
	}
	return 0, e.mayFetchPaged(ctx, dev, run.no)
}

// mayFetchPaged says why a device may not fetch a paged transfer.
func (e *Engine) mayFetchPaged(ctx context.Context, dev protocol.DeviceID, no protocol.TransferNo) error {
	if _, err := e.entitled(ctx, dev, no); err != nil {
		return err
	}
	return errNotPaged
}
