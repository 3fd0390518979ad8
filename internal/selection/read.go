package selection

import (
	"context"
	"slices"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
)

// People knows the members of groups and their devices (store.Store).
type People interface {
	Members(ctx context.Context, group protocol.GroupID, w groupcast.Window) (groupcast.Page[groupcast.Member], error)
	Devices(ctx context.Context, user string, w groupcast.Window) (groupcast.Page[groupcast.Device], error)
}

// Read resolves the selection of a new transfer to a group.
func Read(ctx context.Context, from People, g groupcast.Group, asked groupcast.Selection) (Resolved, error) {
	if !NamesDevices(asked) {
		return Resolve(g, nil, asked)
	}
	members, err := from.Members(ctx, g.ID, groupcast.Window{})
	if err != nil {
		return Resolved{}, err
	}
	in := map[string]bool{}
	for _, m := range members.Rows {
		in[m.UserID] = true
	}
	all, err := from.Devices(ctx, "", groupcast.Window{})
	if err != nil {
		return Resolved{}, err
	}
	devices := slices.DeleteFunc(all.Rows, func(d groupcast.Device) bool { return !in[d.UserID] })
	return Resolve(g, devices, asked)
}
