package tables

import (
	"context"
	"math"
	"time"

	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/store"
	"github.com/groupcast/groupcast/internal/store/tables/queries"
)

// OpenOffer draws the next offer number.
func (s *Store) OpenOffer(
	ctx context.Context, in store.SiteEpoch, no protocol.TransferNo, at time.Time,
) (number, floor protocol.OfferNo, err error) {
	err = s.durably(ctx, func(ctx context.Context, q *queries.Queries) error {
		n, err := q.Count(ctx, countOffers)
		if err != nil {
			return err
		}
		added, err := q.AddOffer(ctx, queries.AddOfferParams{
			Number: n, TransferNo: int64(no), OpenedAt: micros(at), Site: siteText(in.Site), Epoch: int64(in.Epoch),
		})
		if err != nil {
			return err
		}
		if added == 0 {
			return inEpoch(ctx, q, in)
		}
		lowest, err := q.LowestOffer(ctx)
		number, floor = protocol.OfferNo(n), protocol.OfferNo(lowest)
		return err
	})
	return number, floor, err
}

// CloseOffer says that an offer's session is over.
func (s *Store) CloseOffer(ctx context.Context, number protocol.OfferNo) error {
	return s.durably(ctx, func(ctx context.Context, q *queries.Queries) error { return q.CloseOffer(ctx, int64(number)) })
}

// LastOffer is the highest number drawn so far.
func (s *Store) LastOffer(ctx context.Context) (number protocol.OfferNo, err error) {
	err = s.read(ctx, func(q *queries.Queries) error {
		n, err := q.Counter(ctx, countOffers)
		number = protocol.OfferNo(n)
		return err
	})
	return number, err
}

// SkipOffersPast moves the counter behind a number that a device holds.
func (s *Store) SkipOffersPast(ctx context.Context, number protocol.OfferNo) error {
	return s.durably(ctx, func(ctx context.Context, q *queries.Queries) error {
		if err := q.SkipPast(ctx, queries.SkipPastParams{Value: int64(number), Name: countOffers}); err != nil {
			return err
		}
		return q.ForgetOfferGaps(ctx, math.MaxInt64)
	})
}

// maxGap bounds how old, in numbers, a gap is that is still known.
const maxGap = 1 << 44

// LeaveOutOffers leaves out the next numbers of offers and keeps which.
func (s *Store) LeaveOutOffers(ctx context.Context, count uint64) error {
	return s.durably(ctx, func(ctx context.Context, q *queries.Queries) error {
		last, err := q.Counter(ctx, countOffers)
		if err != nil || count == 0 {
			return err
		}
		next := last + int64(count)
		if err := q.SkipPast(ctx, queries.SkipPastParams{Value: next, Name: countOffers}); err != nil {
			return err
		}
		if err := q.ForgetOfferGaps(ctx, next-maxGap); err != nil {
			return err
		}
		return q.AddOfferGap(ctx, queries.AddOfferGapParams{First: last + 1, Last: next})
	})
}

// OfferLeftOut says whether a number is one of those that LeaveOutOffers left out.
func (s *Store) OfferLeftOut(ctx context.Context, number protocol.OfferNo) (is bool, err error) {
	err = s.read(ctx, func(q *queries.Queries) error {
		n, err := q.OfferGaps(ctx, int64(number))
		is = n > 0
		return err
	})
	return is, err
}
