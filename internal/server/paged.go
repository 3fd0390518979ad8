package server

import (
	"context"
	"io"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
)

// Skeleton streams the skeleton of a paged transfer that the device is owed.
func (s *Server) Skeleton(ctx context.Context, p groupcast.Principal, no protocol.TransferNo) (io.ReadCloser, error) {
	if _, err := mustAgent(p); err != nil {
		return nil, err
	}
	return s.delivery.Skeleton(ctx, p, no)
}

// TransferPages streams the pages of a paged transfer that the device is owed.
func (s *Server) TransferPages(
	ctx context.Context, p groupcast.Principal, no protocol.TransferNo, from protocol.PageNo,
) (io.ReadCloser, error) {
	if _, err := mustAgent(p); err != nil {
		return nil, err
	}
	return s.delivery.TransferPages(ctx, p, no, from)
}

// Stream streams blocks of a paged transfer that the device is owed.
func (s *Server) Stream(
	ctx context.Context, p groupcast.Principal, no protocol.TransferNo, asked protocol.Range,
) (io.ReadCloser, error) {
	if _, err := mustAgent(p); err != nil {
		return nil, err
	}
	return s.delivery.Stream(ctx, p, no, asked)
}

// KeepLacks keeps the list of the blocks that a device lacks.
func (s *Server) KeepLacks(ctx context.Context, p groupcast.Principal, no protocol.TransferNo, lacks []byte) error {
	d, err := mustAgent(p)
	if err != nil {
		return err
	}
	return s.delivery.KeepLacks(ctx, d.ID, no, lacks)
}

// SessionClock is the time of a session at its sender.
func (s *Server) SessionClock(ctx context.Context, p groupcast.Principal, id protocol.SessionID) (uint64, error) {
	d, err := mustAgent(p)
	if err != nil {
		return 0, err
	}
	return s.delivery.SessionClock(ctx, d.ID, id)
}
