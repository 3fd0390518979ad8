package delivery

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/content"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/store"
)

const (
	retryKeep         = 7 * 24 * time.Hour // what ended badly can be retried for so long
	defaultRetrySpace = 20 << 30           // bytes of disk that may take
)

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
	closed, err := e.closedWithContent(ctx)
	if err != nil {
		e.log.Error("kept content could not be listed", "err", err)
		return
	}
	for _, no := range outlived(closed, now, e.cfg.RetrySpace) {
		e.freeContent(ctx, no)
	}
}

// closedWithContent lists the closed transfers that still have content. Content without a transfer was left
// by a crash, or by a transfer that has other content now.
func (e *Engine) closedWithContent(ctx context.Context) ([]store.Transfer, error) {
	names, err := e.content.Names()
	if err != nil {
		return nil, err
	}
	var out []store.Transfer
	for _, name := range names {
		tr, err := e.store.TransferOfContent(ctx, name)
		switch {
		case groupcast.ErrorCode(err) == groupcast.ENotFound:
			if err := e.content.Forget(name); err != nil {
				return nil, fmt.Errorf("removing content of no transfer: %w", err)
			}
		case err != nil:
			return nil, err
		case !tr.State.Open() && !tr.ContentGone:
			out = append(out, tr)
		}
	}
	return out, nil
}

// outlived returns the transfers that lose their content: those that ended too long ago, and the oldest of
// those that take more than space bytes together.
func outlived(closed []store.Transfer, now time.Time, space uint64) []protocol.TransferNo {
	slices.SortFunc(closed, func(a, b store.Transfer) int {
		return cmp.Or(b.EndedAt.Compare(a.EndedAt), cmp.Compare(b.No, a.No))
	})
	var out []protocol.TransferNo
	var kept uint64
	for _, tr := range closed {
		size := onDisk(tr)
		if !tr.EndedAt.Add(retryKeep).After(now) || kept+size > space {
			out = append(out, tr.No)
			continue
		}
		kept += size
	}
	return out
}

// onDisk is what the server itself holds of a transfer: files read in place are not its own.
func onDisk(tr store.Transfer) uint64 {
	if tr.InPlace {
		return tr.ManifestBytes
	}
	return tr.Bytes + tr.ManifestBytes
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

// keepFiles notes what a transfer held before its content goes. A list that cannot be read any more
// keeps nothing alive.
func (e *Engine) keepFiles(ctx context.Context, no protocol.TransferNo, id string) error {
	m, _, err := e.content.Manifest(id)
	if err != nil {
		e.log.Warn("what a transfer held is not known any more", "transfer", no, "err", err)
		return nil
	}
	if err := e.store.KeepFiles(ctx, no, content.Listing(m.Files)); err != nil {
		return err
	}
	return e.keepManifest(ctx, no, m)
}
