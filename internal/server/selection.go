package server

import (
	"context"
	"slices"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/selection"
)

// resolve reads the selection of a new transfer.
func (s *Server) resolve(
	ctx context.Context, g groupcast.Group, asked groupcast.Selection,
) (selection.Resolved, error) {
	if !selection.NamesDevices(asked) {
		return selection.Resolve(g, nil, asked)
	}
	members, err := s.store.Members(ctx, g.ID, groupcast.Window{})
	if err != nil {
		return selection.Resolved{}, err
	}
	in := map[string]bool{}
	for _, m := range members.Rows {
		in[m.UserID] = true
	}
	all, err := s.store.Devices(ctx, "", groupcast.Window{})
	if err != nil {
		return selection.Resolved{}, err
	}
	devices := slices.DeleteFunc(all.Rows, func(d groupcast.Device) bool { return !in[d.UserID] })
	return selection.Resolve(g, devices, asked)
}
