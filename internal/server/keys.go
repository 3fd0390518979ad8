package server

import (
	"context"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
)

// shownSessions bounds the sessions on a group's page.
const shownSessions = 100

// KeyHolders lists who was handed the keys of a transfer's sessions.
func (s *Server) KeyHolders(
	ctx context.Context, p groupcast.Principal, no protocol.TransferNo,
) ([]groupcast.KeyHolder, error) {
	if err := mustAdmin(p); err != nil {
		return nil, err
	}
	return s.store.Handouts(ctx, no)
}

// KeySessions lists the last sessions of a group that keys were given out for.
func (s *Server) KeySessions(ctx context.Context, p groupcast.Principal, group string) ([]groupcast.KeySession, error) {
	if err := mustAdmin(p); err != nil {
		return nil, err
	}
	g, err := s.store.Group(ctx, group)
	if err != nil {
		return nil, err
	}
	return s.store.SessionsOfGroup(ctx, g.ID, shownSessions)
}

// Savings sums what multicast spared.
func (s *Server) Savings(ctx context.Context, p groupcast.Principal) (out groupcast.Savings, err error) {
	if err := mustAdmin(p); err != nil {
		return out, err
	}
	if out.Day, err = s.store.Traffic(ctx, s.now().Add(-24*time.Hour)); err != nil {
		return out, err
	}
	out.All, err = s.store.Traffic(ctx, time.Time{})
	return out, err
}
