package tables

import (
	"context"
	"fmt"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/store/tables/queries"
)

// replace lets a transfer take over what older ones still owe to devices that it is owed to itself. One that
// owes nothing more then ends; one that ended meanwhile stays as it is.
func replace(
	ctx context.Context, q *queries.Queries, newer protocol.TransferNo, older []protocol.TransferNo, at time.Time,
) error {
	reason := fmt.Sprintf("replaced by transfer %d", newer)
	for _, no := range older {
		before, err := transfer(ctx, q, no)
		if groupcast.ErrorCode(err) == groupcast.ENotFound || err == nil && !before.State.Open() {
			continue
		}
		if err != nil {
			return err
		}
		if err := q.AddReplacement(ctx,
			queries.AddReplacementParams{Older: int64(no), Newer: int64(newer)}); err != nil {
			return err
		}
		if err := q.ReplaceDeliveries(ctx, queries.ReplaceDeliveriesParams{
			Reason: reason, Newer: int64(newer), UpdatedAt: micros(at), Older: int64(no),
		}); err != nil {
			return err
		}
		left, err := recount(ctx, q, no)
		if err != nil {
			return err
		}
		if left.Owed > 0 {
			continue
		}
		if err := moveTransfer(ctx, q, closing{
			no: int64(no), state: groupcast.TransferCancelled, reason: reason, at: micros(at),
		}); err != nil {
			return err
		}
		if err := q.SetReplaced(ctx, queries.SetReplacedParams{Newer: int64(newer), Older: int64(no)}); err != nil {
			return err
		}
	}
	return nil
}

// Replaced lists the transfers that a transfer has replaced, the oldest first.
func (s *Store) Replaced(ctx context.Context, by protocol.TransferNo) (out []protocol.TransferNo, err error) {
	err = s.read(ctx, func(q *queries.Queries) error {
		rows, err := q.Replaced(ctx, int64(by))
		out = nil // it may be read again
		for _, no := range rows {
			out = append(out, protocol.TransferNo(no))
		}
		return err
	})
	return out, err
}

// Replacements lists which open transfers hold every path of which others.
func (s *Store) Replacements(ctx context.Context) (out map[protocol.TransferNo][]protocol.TransferNo, err error) {
	err = s.read(ctx, func(q *queries.Queries) error {
		rows, err := q.Replacements(ctx)
		out = make(map[protocol.TransferNo][]protocol.TransferNo, len(rows))
		for _, r := range rows {
			newer := protocol.TransferNo(r.Newer)
			out[newer] = append(out[newer], protocol.TransferNo(r.Older))
		}
		return err
	})
	return out, err
}
