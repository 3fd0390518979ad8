package server

import (
	"context"
	"log/slog"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/backup"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/setback"
)

// settle is how long after a start nothing goes out by itself: those who know more than the server
// come back first.
const settle = 2 * time.Second

// watchSetBack makes the watch that finds out that the server was set back: it stops what is sent.
func (s *Server) watchSetBack(cfg Config) *setback.Watch {
	return setback.New(setback.Config{
		Server: s.id, Key: s.key.Public(), Store: s.store, Witnesses: cfg.Witnesses, Log: s.log,
		Halt: func() {
			s.live.halt()
			s.events.Publish(groupcast.Event{Kind: groupcast.EventGroup, Text: errUnconfirmed.Message})
		},
		Pause: func(paused bool) {
			s.live.mu.Lock()
			s.live.sched.Pause(paused)
			s.live.mu.Unlock()
		},
		Audit: func(ctx context.Context, action, object, detail string) {
			s.audit(ctx, groupcast.Principal{Local: true}, action, object, detail)
		},
	})
}

// finishRestore comes at the first start after a restore (O4).
func (s *Server) finishRestore(ctx context.Context) error {
	if !backup.JustRestored(s.cfg.Dir) {
		return nil
	}
	if err := s.setback.Restored(ctx); err != nil {
		return err
	}
	s.log.Warn(errUnconfirmed.Error())
	return backup.Started(s.cfg.Dir)
}

// openOffer draws the number of an offer, and the witnesses count it.
func (s *Server) openOffer(ctx context.Context, no protocol.TransferNo) (number, floor protocol.OfferNo, err error) {
	if number, floor, err = s.store.OpenOffer(ctx, s.live.here, no, s.now()); err == nil {
		s.setback.Counted(ctx)
	}
	return number, floor, err
}

// halt stops sending and handing out, as long as nobody confirmed the memberships: sessions seal
// nothing more, and whatever was offered is offered anew afterwards, under higher numbers.
func (l *live) halt() {
	l.mu.Lock()
	l.sched.StandStill()
	stop := make([]*run, 0, len(l.runs))
	for _, r := range l.runs {
		r.stopped = true
		stop = append(stop, r)
	}
	direct := l.direct
	l.direct = map[protocol.TransferNo]*directOffer{}
	clear(l.given)
	l.mu.Unlock()
	for _, r := range stop {
		r.sender.Stop()
		l.finish(r)
	}
	for _, d := range direct {
		l.closeOffer(d.number)
	}
	l.s.log.Info("sessions were stopped", slog.Int("sessions", len(stop)))
	l.s.agents.HintAll() // who fetches something reads that it is not offered any more
	l.poke()
}
