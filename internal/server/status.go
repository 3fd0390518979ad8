package server

import (
	"context"

	"github.com/groupcast/groupcast"
)

const confirmSetting = "restore.unconfirmed"

var errUnconfirmed = groupcast.Errorf(groupcast.EUnconfirmed, "the server was restored from a backup and sends nothing until an administrator confirms the memberships").
	WithHint("look at `groupcast member list GROUP`, then use `groupcast restore --confirm`")

// loadPause stops sending if a restore was not confirmed yet (O4).
func (s *Server) loadPause(ctx context.Context) error {
	v, err := s.store.Setting(ctx, confirmSetting)
	if err != nil && groupcast.ErrorCode(err) != groupcast.ENotFound {
		return err
	}
	s.live.mu.Lock()
	s.live.sched.Pause(v != "")
	s.live.mu.Unlock()
	return nil
}

// ConfirmMemberships lets sending begin again after a restore.
func (s *Server) ConfirmMemberships(ctx context.Context, p groupcast.Principal) error {
	if err := mustAdmin(p); err != nil {
		return err
	}
	if err := s.store.SetSetting(ctx, confirmSetting, ""); err != nil {
		return err
	}
	s.audit(ctx, p, "restore.confirm", "", "the memberships were confirmed")
	if err := s.loadPause(ctx); err != nil {
		return err
	}
	s.live.poke()
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
	s.live.mu.Lock()
	paused, sessions := s.live.sched.Paused(), len(s.live.runs)
	s.live.mu.Unlock()
	if setting, err := s.store.Setting(ctx, confirmSetting); (err == nil && setting != "") || s.justRestored() {
		paused = true // also before Run
	}
	st := groupcast.ServerStatus{
		ServerID: s.id, Version: groupcast.Version, StartedAt: s.started, Devices: devices.Total,
		Active: len(s.roster.devices(nil)), Sessions: sessions, Interface: s.cfg.Interface, Restored: paused,
	}
	st.Note = s.cfg.Room.State()
	if paused {
		st.Note = errUnconfirmed.Error()
	}
	return st, nil
}
