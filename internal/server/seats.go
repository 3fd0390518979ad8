package server

import (
	"context"
	"fmt"

	"github.com/groupcast/groupcast"
)

// Seats shows where the devices of a group stand.
func (s *Server) Seats(ctx context.Context, p groupcast.Principal, group string) (groupcast.SeatMap, error) {
	if err := mustAdmin(p); err != nil {
		return groupcast.SeatMap{}, err
	}
	g, err := s.store.Group(ctx, group)
	if err != nil {
		return groupcast.SeatMap{}, err
	}
	return s.store.Seats(ctx, g.ID)
}

// SetSeats replaces a group's seat map.
func (s *Server) SetSeats(
	ctx context.Context, p groupcast.Principal, group string, m groupcast.SeatMap,
) (groupcast.SeatMap, error) {
	if err := mustAdmin(p); err != nil {
		return groupcast.SeatMap{}, err
	}
	if err := m.Check(); err != nil {
		return groupcast.SeatMap{}, err
	}
	g, err := s.store.Group(ctx, group)
	if err != nil {
		return groupcast.SeatMap{}, err
	}
	if err := s.store.SetSeats(ctx, g.ID, m, p.Actor(), s.now()); err != nil {
		return groupcast.SeatMap{}, err
	}
	s.audit(ctx, p, "group.seats", g.Name, fmt.Sprintf("%d × %d, %d taken", m.Rows, m.Columns, len(m.Seats)))
	s.events.Publish(groupcast.Event{Kind: groupcast.EventGroup, Group: g.Name, Text: "seats"})
	return s.store.Seats(ctx, g.ID)
}
