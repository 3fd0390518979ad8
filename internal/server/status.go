package server

import (
	"context"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/backup"
	"github.com/groupcast/groupcast/internal/delivery"
)

// ConfirmMemberships lets sending begin again.
func (s *Server) ConfirmMemberships(ctx context.Context, p groupcast.Principal) error {
	if err := mustAdmin(p); err != nil {
		return err
	}
	if err := s.setback.Confirm(ctx); err != nil {
		return err
	}
	s.audit(ctx, p, "restore.confirm", "", "the memberships were confirmed")
	s.delivery.Confirmed()
	s.events.Publish(groupcast.Event{Kind: groupcast.EventGroup, Text: "the memberships were confirmed"})
	return nil
}

// ServerStatus says how the server does.
func (s *Server) ServerStatus(ctx context.Context, p groupcast.Principal) (groupcast.ServerStatus, error) {
	if err := mustAdmin(p); err != nil {
		return groupcast.ServerStatus{}, err
	}
	devices, err := s.store.Devices(ctx, "", groupcast.Window{Limit: 1})
	if err != nil {
		return groupcast.ServerStatus{}, err
	}
	paused := s.delivery.Paused()
	why, unconfirmed, err := s.setback.Why(ctx)
	if err != nil {
		return groupcast.ServerStatus{}, err
	}
	if paused = paused || unconfirmed || backup.JustRestored(s.cfg.Dir); paused && why.How == "" { // also before Run
		why.How = groupcast.SetBackRestored
	}
	st := groupcast.ServerStatus{
		ServerID: s.id, Version: groupcast.Version, StartedAt: s.started, Devices: devices.Total,
		Active: s.agents.CountAll(), Sessions: s.delivery.Sessions(), Interface: s.cfg.Interface,
		Restored: paused, SetBack: why.How,
	}
	if s.cfg.About != nil {
		about := s.cfg.About()
		if about.Name, err = s.Name(ctx); err != nil {
			return groupcast.ServerStatus{}, err
		}
		about.Machine = s.cfg.Machine
		st.About = &about
	}
	st.Note = s.cfg.Room.State()
	if paused {
		st.Note = delivery.ErrUnconfirmed.Error()
		if why.Detail != "" {
			st.Note = why.Detail + ": " + st.Note
		}
	}
	return st, nil
}
