package delivery

import (
	"context"
	"slices"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
)

const defaultRetrySpace = 20 << 30 // bytes of disk that content may take for retries

// Sweep closes what has expired and deletes content that is not needed any more.
func (e *Engine) Sweep(ctx context.Context) {
	now := e.now()
	rows, err := e.store.Transfers(ctx, groupcast.TransferFilter{Open: true, Limit: maxOpenListed})
	if err != nil {
		return
	}
	for _, tr := range rows.Rows {
		if !tr.ExpiresAt.After(now) {
			e.expire(ctx, tr.No)
		}
	}
	e.editions.Sweep(ctx, now, e.cfg.RetrySpace)
}

// nothingToRetry says that everybody who was promised a transfer has it.
func (e *Engine) nothingToRetry(ctx context.Context, no protocol.TransferNo) bool {
	all, err := e.store.Deliveries(ctx, no, groupcast.Window{})
	return err == nil && !slices.ContainsFunc(all.Rows, func(d groupcast.Delivery) bool {
		return !d.State.Delivered()
	})
}

func (e *Engine) expire(ctx context.Context, no protocol.TransferNo) {
	err := e.endTransfer(ctx, no, groupcast.TransferExpired, groupcast.DeliveryExpired, "nobody fetched it in time")
	if err != nil {
		return
	}
	e.screens.Publish(groupcast.Event{Kind: groupcast.EventTransfer, Transfer: no, Text: "expired"})
}
