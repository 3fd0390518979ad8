package httpapitest

import (
	"context"
	"io"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
)

// Skeleton streams Content.
func (s *Service) Skeleton(_ context.Context, p groupcast.Principal, no protocol.TransferNo) (io.ReadCloser, error) {
	return s.content(s.note("Skeleton", p, no))
}

// TransferPages streams Content.
func (s *Service) TransferPages(
	_ context.Context, p groupcast.Principal, no protocol.TransferNo, from protocol.PageNo,
) (io.ReadCloser, error) {
	return s.content(s.note("TransferPages", p, no, from))
}

// Stream streams Content.
func (s *Service) Stream(
	_ context.Context, p groupcast.Principal, no protocol.TransferNo, asked protocol.Range,
) (io.ReadCloser, error) {
	return s.content(s.note("Stream", p, no, asked))
}

// KeepLacks notes the call.
func (s *Service) KeepLacks(_ context.Context, p groupcast.Principal, no protocol.TransferNo, lacks []byte) error {
	return s.note("KeepLacks", p, no, lacks)
}

// SessionClock notes the call.
func (s *Service) SessionClock(_ context.Context, p groupcast.Principal, id protocol.SessionID) (uint64, error) {
	return answer[uint64](s.note("SessionClock", p, id))
}
