package server

import (
	"context"
	"net/netip"
	"unicode/utf8"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/groupaddr"
	"github.com/groupcast/groupcast/internal/protocol"
)

const maxDescription = 280 // characters, of groups and join requests alike

// CreateGroup makes a group with the given address or one that is picked.
func (s *Server) CreateGroup(
	ctx context.Context, p groupcast.Principal, n groupcast.NewGroup,
) (groupcast.Group, error) {
	if err := mustAdmin(p); err != nil {
		return groupcast.Group{}, err
	}
	if err := checkGroupName(n.Name); err != nil {
		return groupcast.Group{}, err
	}
	if utf8.RuneCountInString(n.Description) > maxDescription {
		return groupcast.Group{}, groupcast.Errorf(groupcast.EInvalid,
			"the description is longer than %d characters", maxDescription)
	}
	if err := checkNewDevices(n.NewDevices); err != nil {
		return groupcast.Group{}, err
	}
	addr, warning, err := s.groupAddress(ctx, n.Address)
	if err != nil {
		return groupcast.Group{}, err
	}
	g, err := s.store.AddGroup(ctx, groupcast.Group{
		ID: protocol.NewGroupID(), Name: n.Name, Address: addr, Description: n.Description, Unlisted: n.Unlisted,
		NewDevices: n.NewDevices,
	}, s.now())
	if err != nil {
		return g, err
	}
	g.Warning = warning
	s.audit(ctx, p, "group.create", g.Name, "address "+g.Address.String())
	s.events.Publish(groupcast.Event{Kind: groupcast.EventGroup, Group: g.Name, Text: "created"})
	return g, nil
}

func (s *Server) groupAddress(ctx context.Context, given string) (netip.AddrPort, groupcast.AddressWarning, error) {
	if given != "" {
		return groupaddr.Parse(given)
	}
	groups, err := s.store.Groups(ctx)
	if err != nil {
		return netip.AddrPort{}, "", err
	}
	used := make(map[netip.Addr]bool, len(groups))
	for _, g := range groups {
		used[g.Address.Addr()] = true
	}
	six := s.cfg.Endpoint != nil && s.cfg.Endpoint.OnlySix()
	addr, err := groupaddr.Pick(six, func(a netip.Addr) bool { return used[a] })
	return addr, "", err
}

// Groups lists all groups.
func (s *Server) Groups(ctx context.Context, p groupcast.Principal) ([]groupcast.Group, error) {
	if err := mustAdmin(p); err != nil {
		return nil, err
	}
	groups, err := s.store.Groups(ctx)
	if err != nil {
		return nil, err
	}
	members, err := s.store.Memberships(ctx)
	if err != nil {
		return nil, err
	}
	for i := range groups {
		_, groups[i].Warning, _ = groupaddr.Parse(groups[i].Address.String())
		groups[i].Active = s.agents.CountOf(members[groups[i].ID])
	}
	return groups, nil
}

// Group shows one group.
func (s *Server) Group(ctx context.Context, p groupcast.Principal, name string) (groupcast.Group, error) {
	if err := mustAdmin(p); err != nil {
		return groupcast.Group{}, err
	}
	g, err := s.store.Group(ctx, name)
	if err != nil {
		return g, err
	}
	return g, s.decorateGroup(ctx, &g)
}

// decorateGroup adds what only the running server knows.
func (s *Server) decorateGroup(ctx context.Context, g *groupcast.Group) error {
	_, g.Warning, _ = groupaddr.Parse(g.Address.String())
	members, err := s.store.Members(ctx, g.ID, groupcast.Window{})
	if err != nil {
		return err
	}
	for _, m := range members.Rows {
		g.Active += s.agents.Count(m.UserID)
	}
	return nil
}

// DeleteGroup ends a group, its memberships and what it is owed.
func (s *Server) DeleteGroup(ctx context.Context, p groupcast.Principal, name string) error {
	if err := mustAdmin(p); err != nil {
		return err
	}
	g, err := s.store.Group(ctx, name)
	if err != nil {
		return err
	}
	err = s.delivery.GroupGone(ctx, func() ([]protocol.TransferNo, error) {
		return s.store.DeleteGroup(ctx, g.ID, s.now())
	})
	if err != nil {
		return err
	}
	s.agents.HintAll()
	s.audit(ctx, p, "group.delete", name, "address "+g.Address.String())
	s.events.Publish(groupcast.Event{Kind: groupcast.EventGroup, Group: name, Text: "deleted"})
	return nil
}
