package server

import (
	"context"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/archive"
	"github.com/groupcast/groupcast/internal/protocol"
)

// User shows an account.
func (s *Server) User(ctx context.Context, p groupcast.Principal, name string) (groupcast.User, error) {
	if err := mustAdmin(p); err != nil {
		return groupcast.User{}, err
	}
	return s.store.User(ctx, name)
}

// Device shows a device with its groups and how much it is owed.
func (s *Server) Device(ctx context.Context, p groupcast.Principal, id protocol.DeviceID) (groupcast.Device, error) {
	d, err := s.visible(ctx, p, id)
	if err != nil {
		return d, err
	}
	all, err := s.devicesIn(ctx, d.UserID, groupcast.Window{}, mustAdmin(p) == nil)
	for _, one := range all.Rows {
		if one.ID == id {
			return one, err
		}
	}
	return d, err
}

// visible is a device that the principal may look at: administrators see all, users their own.
func (s *Server) visible(ctx context.Context, p groupcast.Principal, id protocol.DeviceID) (groupcast.Device, error) {
	d, err := s.store.Device(ctx, id)
	if own := err == nil && mustUser(p) == nil && d.UserID == p.User.ID; own {
		return d, nil
	}
	if denied := mustAdmin(p); denied != nil {
		return groupcast.Device{}, denied
	}
	return d, err
}

// DeviceDeliveries lists what a device is owed and got.
func (s *Server) DeviceDeliveries(
	ctx context.Context, p groupcast.Principal, id protocol.DeviceID, w groupcast.Window,
) (out groupcast.Page[groupcast.Received], err error) {
	if _, err := s.visible(ctx, p, id); err != nil {
		return out, err
	}
	out, err = s.store.DeliveriesOfDevice(ctx, id, w, mustAdmin(p) == nil)
	for i := range out.Rows {
		s.delivery.Explain(&out.Rows[i].Delivery)
	}
	return out, err
}

// SentFiles looks for files by a part of their path in everything that was ever sent.
func (s *Server) SentFiles(
	ctx context.Context, p groupcast.Principal, q groupcast.SentFileQuery,
) (groupcast.SentFiles, error) {
	if err := mustAdmin(p); err != nil {
		return groupcast.SentFiles{}, err
	}
	return archive.Find(ctx, s.store, s.content, s.now, q)
}
