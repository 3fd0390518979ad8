package server

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
)

const (
	newsFor       = 24 * time.Hour // so long a new device is told of to the user's others
	hintedDevices = 32             // of a user with more of them each hears of a new one when it reads its state next
)

func checkNewDevices(n groupcast.NewDevices) error {
	switch n {
	case "", groupcast.NewDevicesAllow, groupcast.NewDevicesApprove:
		return nil
	}
	return groupcast.Errorf(groupcast.EInvalid, "new devices cannot be %q", n).WithHint("say allow or approve")
}

// UpdateGroup changes what becomes of new devices. Those that a member has already stay.
func (s *Server) UpdateGroup(
	ctx context.Context, p groupcast.Principal, name string, c groupcast.GroupChange,
) (groupcast.Group, error) {
	if err := mustAdmin(p); err != nil {
		return groupcast.Group{}, err
	}
	g, err := s.store.Group(ctx, name)
	if err != nil {
		return g, err
	}
	if c.NewDevices == nil || *c.NewDevices == "" {
		return g, groupcast.Errorf(groupcast.EInvalid, "nothing is to be changed").
			WithHint("say what becomes of new devices: allow or approve")
	}
	if err := checkNewDevices(*c.NewDevices); err != nil {
		return g, err
	}
	var owed []groupcast.Delivery
	err = s.delivery.Owe(func() (_ []groupcast.Delivery, err error) {
		owed, err = s.store.SetNewDevices(ctx, g.ID, *c.NewDevices, p.Actor(), s.now())
		return owed, err
	})
	if err != nil {
		return g, err
	}
	s.hintDevices(owed)
	s.audit(ctx, p, "group.set", g.Name, "new devices: "+string(*c.NewDevices))
	s.events.Publish(groupcast.Event{
		Kind: groupcast.EventGroup, Group: g.Name, Text: "new devices: " + string(*c.NewDevices),
	})
	return s.Group(ctx, p, name)
}

func (s *Server) hintDevices(owed []groupcast.Delivery) {
	told := map[protocol.DeviceID]bool{}
	for _, d := range owed {
		if !told[d.DeviceID] {
			told[d.DeviceID] = true
			s.agents.Send(d.DeviceID, groupcast.AgentEvent{Kind: groupcast.AgentHint})
		}
	}
}

// newDevice reports a device that was added just now to everybody concerned.
func (s *Server) newDevice(ctx context.Context, d groupcast.Device, text string) {
	s.events.Publish(groupcast.Event{Kind: groupcast.EventDevice, User: d.User, Text: d.Name + ": " + text})
	withheld, err := s.store.Withheld(ctx, d.ID)
	if err != nil {
		s.log.Error("what a new device waits for was not read", "device", d.ID, "err", err)
	}
	for _, g := range withheld {
		s.events.Publish(groupcast.Event{
			Kind: groupcast.EventRequest, Group: g.Name, User: d.User, Text: "new device " + d.Name,
		})
	}
	if s.agents.Count(d.UserID) <= hintedDevices {
		s.agents.HintUser(d.UserID)
	}
}

// addNews adds the new devices that a device is informed of, the newest first.
func (s *Server) addNews(ctx context.Context, state *groupcast.AgentState) {
	all, err := s.store.Devices(ctx, state.Device.UserID, groupcast.Window{})
	if err != nil {
		s.log.Warn("a user's devices were not read", "device", state.Device.ID, "err", err)
		return
	}
	news := slices.DeleteFunc(all.Rows, func(d groupcast.Device) bool {
		return d.ID == state.Device.ID || s.now().Sub(d.CreatedAt) > newsFor || !d.CreatedAt.After(state.Device.CreatedAt)
	})
	slices.SortFunc(news, func(a, b groupcast.Device) int { return b.CreatedAt.Compare(a.CreatedAt) })
	for _, d := range news[:min(len(news), groupcast.MaxNewDevices)] {
		state.NewDevices = append(state.NewDevices, groupcast.NewDevice{
			ID: d.ID, User: d.User, Name: d.Name, Since: d.CreatedAt, Address: d.Address,
		})
	}
}

// waitingDevice finds the device that a request of USER/DEVICE is about; the device by name or ID.
func (s *Server) waitingDevice(ctx context.Context, group, who string) (groupcast.Group, groupcast.Device, error) {
	user, name, _ := strings.Cut(who, "/")
	g, u, err := s.groupAndUser(ctx, group, user)
	if err != nil {
		return g, groupcast.Device{}, err
	}
	all, err := s.store.Devices(ctx, u.ID, groupcast.Window{})
	if err != nil {
		return g, groupcast.Device{}, err
	}
	for _, d := range all.Rows {
		if d.Name == name || d.ID.String() == name {
			return g, d, nil
		}
	}
	return g, groupcast.Device{}, groupcast.Errorf(groupcast.ENotFound, "%s has no device %q", user, name).
		WithHint("look at the open requests").WithNext(groupcast.Next{Step: groupcast.StepRequests})
}

// approveDevice lets a new device into a group.
func (s *Server) approveDevice(
	ctx context.Context, p groupcast.Principal, group, who string,
) (groupcast.JoinRequest, error) {
	g, d, err := s.waitingDevice(ctx, group, who)
	if err != nil {
		return groupcast.JoinRequest{}, err
	}
	var r groupcast.JoinRequest
	err = s.delivery.Owe(func() (owed []groupcast.Delivery, err error) {
		r, owed, err = s.store.AdmitDevice(ctx, g.ID, d.ID, p.Actor(), s.now())
		return owed, err
	})
	if err != nil {
		return r, err
	}
	s.agents.Send(d.ID, groupcast.AgentEvent{Kind: groupcast.AgentHint})
	s.decided(ctx, p, "request.approve", r, "approved")
	return r, nil
}

// denyDevice keeps a new device out of a group.
func (s *Server) denyDevice(
	ctx context.Context, p groupcast.Principal, group, who string,
) (groupcast.JoinRequest, error) {
	g, d, err := s.waitingDevice(ctx, group, who)
	if err != nil {
		return groupcast.JoinRequest{}, err
	}
	r, err := s.store.DenyDevice(ctx, g.ID, d.ID, p.Actor(), s.now())
	if err != nil {
		return r, err
	}
	s.agents.Send(d.ID, groupcast.AgentEvent{Kind: groupcast.AgentHint})
	s.decided(ctx, p, "request.deny", r, "denied")
	return r, nil
}

func (s *Server) decided(
	ctx context.Context, p groupcast.Principal, action string, r groupcast.JoinRequest, text string,
) {
	s.audit(ctx, p, action, r.Group, r.Who()+", device "+r.DeviceID.String())
	s.events.Publish(groupcast.Event{
		Kind: groupcast.EventRequest, Group: r.Group, User: r.User, Text: r.Device + ": " + text,
	})
}
