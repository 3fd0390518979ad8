package tables

import (
	"context"

	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/store/tables/queries"
)

// SetSeries keeps a transfer's series.
func (s *Store) SetSeries(ctx context.Context, no protocol.TransferNo, points []byte) error {
	return s.quickly(ctx, func(ctx context.Context, q *queries.Queries) error {
		if _, err := transfer(ctx, q, no); err != nil {
			return err
		}
		return q.SetSeries(ctx, queries.SetSeriesParams{TransferNo: int64(no), Points: points})
	})
}

// Series gives what SetSeries kept.
func (s *Store) Series(ctx context.Context, no protocol.TransferNo) (points []byte, err error) {
	err = s.read(ctx, func(q *queries.Queries) error {
		points, err = q.Series(ctx, int64(no))
		return missing(err, "series of transfer", no)
	})
	return points, err
}
