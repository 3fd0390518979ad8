package server

import (
	"context"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/backup"
	"github.com/groupcast/groupcast/internal/delivery"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/setback"
	"github.com/groupcast/groupcast/internal/store"
)

// watchSetBack makes the watch that finds out that the server was set back: it stops what is sent.
func (s *Server) watchSetBack(cfg Config) *setback.Watch {
	return setback.New(setback.Config{
		Server: s.id, Key: s.key.Public(), Store: s.store, Witnesses: cfg.Witnesses, Log: s.log,
		Halt: func() {
			s.delivery.Halt()
			s.events.Publish(groupcast.Event{Kind: groupcast.EventGroup, Text: delivery.ErrUnconfirmed.Message})
		},
		Pause: s.delivery.Pause, Moved: s.delivery.TakeSite,
		Audit: s.auditOwn,
	})
}

// auditOwn writes down what the server found out or did by itself.
func (s *Server) auditOwn(ctx context.Context, action, object, detail string) {
	s.audit(ctx, groupcast.Principal{Local: true}, action, object, detail)
}

// finishRestore comes at the first start after a restore (O4).
func (s *Server) finishRestore(ctx context.Context) error {
	if !backup.JustRestored(s.cfg.Dir) {
		return nil
	}
	if err := s.setback.Restored(ctx); err != nil {
		return err
	}
	s.log.Warn(delivery.ErrUnconfirmed.Error())
	return backup.Started(s.cfg.Dir)
}

// openOffer draws the number of an offer, and the witnesses count it.
func (s *Server) openOffer(
	ctx context.Context, in store.SiteEpoch, no protocol.TransferNo,
) (number, floor protocol.OfferNo, err error) {
	if number, floor, err = s.store.OpenOffer(ctx, in, no, s.now()); err == nil {
		s.setback.Counted(ctx)
	}
	return number, floor, err
}
