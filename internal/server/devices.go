package server

import (
	"context"
	"errors"
	"slices"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/delivery"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/store"
)

// Devices lists the devices of a user, or of all. Users may list only their own; labels show to administrators.
func (s *Server) Devices(
	ctx context.Context, p groupcast.Principal, f groupcast.DeviceFilter, w groupcast.Window,
) (out groupcast.Page[groupcast.Device], err error) {
	if f.User == "" && !p.Admin() {
		f.User = p.User.Name
	}
	if own := mustUser(p) == nil && f.User == p.User.Name; !own || len(f.Labels) > 0 {
		if err := mustAdmin(p); err != nil {
			return out, err
		}
	}
	id := ""
	if f.User != "" {
		u, err := s.store.User(ctx, f.User)
		if err != nil {
			return out, err
		}
		id = u.ID
	}
	if len(f.Labels) > 0 {
		return s.labelled(ctx, id, f.Labels, w)
	}
	return s.devicesIn(ctx, id, w, mustAdmin(p) == nil)
}

// devicesIn describes the devices of a window of a user's, or of all.
func (s *Server) devicesIn(
	ctx context.Context, userID string, w groupcast.Window, admin bool,
) (out groupcast.Page[groupcast.Device], err error) {
	out, err = s.store.Devices(ctx, userID, w)
	if err != nil {
		return out, err
	}
	logins, err := s.store.Logins(ctx, userID, w, admin) // a date would tell members that something is held
	for i := range out.Rows {
		s.agents.Describe(&out.Rows[i])
		s.lasts(&out.Rows[i], logins[out.Rows[i].ID])
		if !admin {
			out.Rows[i].Labels = nil
		}
	}
	return out, errors.Join(err, s.sites.Names(ctx, out.Rows))
}

// labelled lists the devices that have labels.
func (s *Server) labelled(
	ctx context.Context, userID string, labels []string, w groupcast.Window,
) (out groupcast.Page[groupcast.Device], err error) {
	for _, text := range labels {
		key, value, ok := groupcast.SplitLabel(text)
		if !ok {
			return out, groupcast.Errorf(groupcast.EInvalid, "%q is not a label", text).
				WithHint("write KEY=VALUE, for example room=2")
		}
		if err := groupcast.CheckLabel(key, value); err != nil {
			return out, err
		}
	}
	all, err := s.devicesIn(ctx, userID, groupcast.Window{}, true)
	if err != nil {
		return out, err
	}
	wanted := groupcast.Selection{Only: labels}
	rows := slices.DeleteFunc(all.Rows, func(d groupcast.Device) bool { return !wanted.Takes(d) })
	from := min(max(w.From, 0), len(rows))
	to := len(rows)
	if w.Limit > 0 {
		to = min(from+w.Limit, to)
	}
	return groupcast.Page[groupcast.Device]{Rows: rows[from:to], Total: len(rows)}, nil
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
