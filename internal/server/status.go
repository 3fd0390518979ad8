package server

import (
	"context"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/backup"
	"github.com/groupcast/groupcast/internal/schedule"
)

const confirmSetting = "restore.unconfirmed"

var errUnconfirmed = groupcast.Errorf(groupcast.EUnconfirmed, "%s", groupcast.Unconfirmed).
	WithHint("look at `groupcast member list GROUP`, then use `groupcast restore --confirm`")

// loadPause stops sending if a restore was not confirmed yet (O4). The lock of setBacks is held.
func (s *Server) loadPause(ctx context.Context) error {
	_, is, err := s.unconfirmed(ctx)
	if err != nil {
		return err
	}
	s.live.mu.Lock()
	s.live.sched.Pause(is || s.setBacks.pending != nil)
	s.live.mu.Unlock()
	return nil
}

// ConfirmMemberships lets sending begin again.
func (s *Server) ConfirmMemberships(ctx context.Context, p groupcast.Principal) error {
	if err := mustAdmin(p); err != nil {
		return err
	}
	s.setBacks.mu.Lock()
	defer s.setBacks.mu.Unlock()
	if err := s.keepSetBack(ctx); err != nil { // the counters come first
		return err
	}
	if err := s.store.SetSetting(ctx, confirmSetting, ""); err != nil {
		return err
	}
	s.audit(ctx, p, "restore.confirm", "", "the memberships were confirmed")
	if err := s.loadPause(ctx); err != nil {
		return err
	}
	s.live.change(func(sch *schedule.Scheduler, _ time.Time) { sch.SettleBy(time.Time{}) })
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
	s.live.mu.Lock()
	paused, sessions := s.live.sched.Paused(), len(s.live.runs)
	s.live.mu.Unlock()
	why, unconfirmed, err := s.whySetBack(ctx)
	if err != nil {
		return groupcast.ServerStatus{}, err
	}
	if paused = paused || unconfirmed || backup.JustRestored(s.cfg.Dir); paused && why.How == "" { // also before Run
		why.How = groupcast.SetBackRestored
	}
	st := groupcast.ServerStatus{
		ServerID: s.id, Version: groupcast.Version, StartedAt: s.started, Devices: devices.Total,
		Active: s.agents.CountAll(), Sessions: sessions, Interface: s.cfg.Interface, Restored: paused, SetBack: why.How,
	}
	st.Note = s.cfg.Room.State()
	if paused {
		st.Note = errUnconfirmed.Error()
		if why.Detail != "" {
			st.Note = why.Detail + ": " + st.Note
		}
	}
	return st, nil
}
