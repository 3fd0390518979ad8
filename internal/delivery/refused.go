package delivery

import (
	"context"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/schedule"
	"github.com/groupcast/groupcast/internal/summary"
)

// noteRefused writes down whom the server itself turned away.
func (e *Engine) noteRefused(ctx context.Context, st schedule.Action) {
	reason := summary.Reason(st.Reason)
	e.mu.Lock()
	var rows []groupcast.Delivery
	for _, dev := range st.Devices {
		if d, _ := e.sched.Delivery(st.Transfer, dev); d.State == schedule.StateRefused {
			rows = append(rows, groupcast.Delivery{
				Transfer: st.Transfer, UserID: e.owners[dev], DeviceID: dev, State: groupcast.DeliveryRefused,
				Reason: groupcast.Clip(reason), Refusal: groupcast.RefusedVersion,
			})
		}
	}
	e.mu.Unlock()
	if len(rows) == 0 {
		return
	}
	e.log.Info("refused", "transfer", st.Transfer, "devices", len(rows), "reason", reason)
	if err := e.store.UpdateDeliveries(ctx, rows, e.now()); err != nil {
		e.log.Error("a refusal could not be noted", "transfer", st.Transfer, "err", err)
	}
}
