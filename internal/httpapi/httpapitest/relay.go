package httpapitest

import (
	"context"
	"io"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
)

// AddRelay notes the call.
func (s *Service) AddRelay(
	_ context.Context, p groupcast.Principal, n groupcast.NewRelay,
) (groupcast.RelayInvitation, error) {
	return answer[groupcast.RelayInvitation](s.note("AddRelay", p, n))
}

// Relays notes the call.
func (s *Service) Relays(_ context.Context, p groupcast.Principal) ([]groupcast.Relay, error) {
	return answer[[]groupcast.Relay](s.note("Relays", p))
}

// RevokeRelay notes the call.
func (s *Service) RevokeRelay(_ context.Context, p groupcast.Principal, name string) error {
	return s.note("RevokeRelay", p, name)
}

// GrantSite notes the call.
func (s *Service) GrantSite(_ context.Context, p groupcast.Principal, site, group string) error {
	return s.note("GrantSite", p, site, group)
}

// UngrantSite notes the call.
func (s *Service) UngrantSite(_ context.Context, p groupcast.Principal, site, group string) error {
	return s.note("UngrantSite", p, site, group)
}

// EnrolRelay notes the call.
func (s *Service) EnrolRelay(
	_ context.Context, from string, e groupcast.RelayEnrolment,
) (groupcast.RelayEnrolled, error) {
	return answer[groupcast.RelayEnrolled](s.note("EnrolRelay", groupcast.Principal{}, from, e))
}

// RenewRelay notes the call.
func (s *Service) RenewRelay(
	_ context.Context, p groupcast.Principal, r groupcast.RelayReport,
) (groupcast.RelayOrders, error) {
	return answer[groupcast.RelayOrders](s.note("RenewRelay", p, r))
}

// RelaySkeleton streams Content.
func (s *Service) RelaySkeleton(
	_ context.Context, p groupcast.Principal, no protocol.TransferNo,
) (io.ReadCloser, error) {
	return s.content(s.note("RelaySkeleton", p, no))
}

// RelayPages streams Content.
func (s *Service) RelayPages(
	_ context.Context, p groupcast.Principal, no protocol.TransferNo, from protocol.PageNo,
) (io.ReadCloser, error) {
	return s.content(s.note("RelayPages", p, no, from))
}

// RelayStream streams Content.
func (s *Service) RelayStream(
	_ context.Context, p groupcast.Principal, no protocol.TransferNo, asked protocol.Range,
) (io.ReadCloser, error) {
	return s.content(s.note("RelayStream", p, no, asked))
}
