package server

import (
	"context"
	"log/slog"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/schedule"
)

// noteRefused writes down whom the server itself turned away.
func (s *Server) noteRefused(ctx context.Context, st schedule.Action) {
	reason := reasonWords(st.Reason)
	s.live.mu.Lock()
	var rows []groupcast.Delivery
	for _, dev := range st.Devices {
		if d, _ := s.live.sched.Delivery(st.Transfer, dev); d.State == schedule.StateRefused {
			rows = append(rows, groupcast.Delivery{
				Transfer: st.Transfer, UserID: s.live.owners[dev], DeviceID: dev, State: groupcast.DeliveryRefused, Reason: groupcast.Clip(reason), Refusal: groupcast.RefusedVersion,
			})
		}
	}
	s.live.mu.Unlock()
	if len(rows) == 0 {
		return
	}
	s.log.Info("refused", "transfer", st.Transfer, "devices", len(rows), "reason", reason)
	if err := s.store.UpdateDeliveries(ctx, rows, s.now()); err != nil {
		s.log.Error("a refusal could not be noted", "transfer", st.Transfer, slog.Any("err", err))
	}
}
