package server

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/store"
)

const (
	retryKeep         = 7 * 24 * time.Hour // what ended badly can be retried for so long
	defaultRetrySpace = 20 << 30           // bytes of disk that may take
)

// sweep closes what has expired and removes content that nobody will ask for any more.
func (s *Server) sweep(ctx context.Context) {
	now := s.now()
	rows, err := s.store.Transfers(ctx, groupcast.TransferFilter{Open: true, Limit: maxOpenListed})
	if err != nil {
		return
	}
	for _, tr := range rows.Rows {
		if !tr.ExpiresAt.After(now) {
			s.expire(ctx, tr.No, now)
		}
	}
	closed, err := s.closedWithContent(ctx)
	if err != nil {
		s.log.Error("kept content could not be listed", slog.Any("err", err))
		return
	}
	for _, no := range outlived(closed, now, s.cfg.RetrySpace) {
		s.freeContent(ctx, no)
	}
}

// closedWithContent lists the transfers that are over and whose content is still here. Content
// of no transfer was left by a crash, or by a transfer that has other content now.
func (s *Server) closedWithContent(ctx context.Context) ([]store.Transfer, error) {
	names, err := s.content.Names()
	if err != nil {
		return nil, err
	}
	var out []store.Transfer
	for _, name := range names {
		tr, err := s.store.TransferOfContent(ctx, name)
		switch {
		case groupcast.ErrorCode(err) == groupcast.ENotFound:
			if err := s.content.Forget(name); err != nil {
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

// outlived gives the transfers whose content is not kept any longer: those that ended too
// long ago, and the oldest of what takes more than space bytes.
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
func (s *Server) nothingToRetry(ctx context.Context, no protocol.TransferNo) bool {
	all, err := s.store.Deliveries(ctx, no, groupcast.Window{})
	return err == nil && !slices.ContainsFunc(all.Rows, func(d groupcast.Delivery) bool {
		return !d.State.Delivered()
	})
}

func (s *Server) expire(ctx context.Context, no protocol.TransferNo, now time.Time) {
	err := s.store.CloseTransfer(ctx, no, groupcast.TransferExpired, groupcast.DeliveryExpired, "nobody fetched it in time", now)
	if err != nil {
		return
	}
	s.live.drop(no)
	s.events.Publish(groupcast.Event{Kind: groupcast.EventTransfer, Transfer: no, Text: "expired"})
}
