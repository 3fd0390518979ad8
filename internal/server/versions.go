package server

import (
	"context"
	"log/slog"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/schedule"
)

// noteRefused writes down whom the server itself turned away.
func (l *live) noteRefused(ctx context.Context, st schedule.Action) {
	reason := reasonWords(st.Reason)
	l.mu.Lock()
	var rows []groupcast.Delivery
	for _, dev := range st.Devices {
		if d, _ := l.sched.Delivery(st.Transfer, dev); d.State == schedule.StateRefused {
			rows = append(rows, groupcast.Delivery{
				Transfer: st.Transfer, UserID: l.owners[dev], DeviceID: dev, State: groupcast.DeliveryRefused, Reason: groupcast.Clip(reason), Refusal: groupcast.RefusedVersion,
			})
		}
	}
	l.mu.Unlock()
	if len(rows) == 0 {
		return
	}
	l.Log.Info("refused", "transfer", st.Transfer, "devices", len(rows), "reason", reason)
	if err := l.Store.UpdateDeliveries(ctx, rows, l.Now()); err != nil {
		l.Log.Error("a refusal could not be noted", "transfer", st.Transfer, slog.Any("err", err))
	}
}
