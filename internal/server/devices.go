package server

import (
	"context"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/delivery"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/store"
)

// Devices lists the devices of a user, or of all. Users may list only their own.
func (s *Server) Devices(
	ctx context.Context, p groupcast.Principal, user string, w groupcast.Window,
) (out groupcast.Page[groupcast.Device], err error) {
	if user == "" && !p.Admin() {
		user = p.User.Name
	}
	if own := mustUser(p) == nil && user == p.User.Name; !own {
		if err := mustAdmin(p); err != nil {
			return out, err
		}
	}
	id := ""
	if user != "" {
		u, err := s.store.User(ctx, user)
		if err != nil {
			return out, err
		}
		id = u.ID
	}
	out, err = s.store.Devices(ctx, id, w)
	if err != nil {
		return out, err
	}
	logins, err := s.store.Logins(ctx, id, w, mustAdmin(p) == nil) // a date would tell members that something is held
	for i := range out.Rows {
		s.agents.Describe(&out.Rows[i])
		s.lasts(&out.Rows[i], logins[out.Rows[i].ID])
	}
	return out, err
}

// lasts says when a device's login ends: long after its last use, and never before what it is
// owed expires.
func (s *Server) lasts(d *groupcast.Device, l store.DeviceLogin) {
	d.CopyOf, d.Groups, d.Owed = l.CopyOf, l.Groups, l.Owed
	switch {
	case l.LastUsed.IsZero():
		return // it has none
	case d.Active:
		l.LastUsed = s.now()
	}
	d.LoginEnds = l.LastUsed.Add(machineUnused)
	if l.OwedUntil.After(d.LoginEnds) {
		d.LoginEnds = l.OwedUntil
	}
}

// RevokeDevice ends a device for good. Users may revoke their own.
func (s *Server) RevokeDevice(ctx context.Context, p groupcast.Principal, id protocol.DeviceID) error {
	d, err := s.store.Device(ctx, id)
	own := err == nil && mustUser(p) == nil && d.UserID == p.User.ID
	if !own {
		if denied := mustAdmin(p); denied != nil {
			return denied
		}
	}
	if err != nil {
		return err
	}
	return s.endDevice(ctx, p, d, "device.revoke", "the device was revoked")
}

// endDevice is the order of security.md K2 for one device.
func (s *Server) endDevice(
	ctx context.Context, p groupcast.Principal, d groupcast.Device, action, reason string,
) error {
	groups, err := s.store.GroupsOfUser(ctx, d.UserID)
	if err != nil {
		return err
	}
	err = s.exclude(func() (delivery.Exclusion, error) {
		_, err := s.store.RevokeDevice(ctx, d.ID, s.now())
		return delivery.Exclusion{User: d.UserID, Device: &d.ID, Groups: groupIDs(groups), Over: barred(reason)}, err
	})
	if err != nil {
		return err
	}
	s.audit(ctx, p, action, d.User+"/"+d.Name, "device "+d.ID.String())
	s.events.Publish(groupcast.Event{Kind: groupcast.EventDevice, User: d.User, Text: d.Name + ": " + reason})
	return nil
}
