package tables

import (
	"context"
	"math"
	"time"

	"github.com/groupcast/groupcast"
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

// AppendAudit adds a line to the audit log.
func (s *Store) AppendAudit(ctx context.Context, e groupcast.AuditEntry) error {
	return s.durably(ctx, func(ctx context.Context, q *queries.Queries) error {
		return q.AppendAudit(ctx, queries.AppendAuditParams{
			At: micros(e.At), Actor: e.Actor, Action: e.Action, Object: e.Object,
			Detail: e.Detail, Address: e.Address,
		})
	})
}

// Audit lists the newest entries first.
func (s *Store) Audit(ctx context.Context, f store.AuditFilter) (out []groupcast.AuditEntry, err error) {
	err = s.read(ctx, func(q *queries.Queries) error {
		rows, err := q.Audit(ctx, queries.AuditParams{
			Before: f.Before, Actor: f.Actor, Action: f.Action, Object: f.Object, Most: int32(limit(f.Limit)),
			Since: micros(f.Since), Until: micros(f.Until),
		})
		out = auditFrom(rows)
		return err
	})
	return out, err
}

// CountAudit counts entries.
func (s *Store) CountAudit(ctx context.Context, f store.AuditFilter) (total int, err error) {
	err = s.read(ctx, func(q *queries.Queries) error {
		n, err := q.CountAuditOf(ctx, queries.CountAuditOfParams{
			Actor: f.Actor, Action: f.Action, Object: f.Object, Since: micros(f.Since), Until: micros(f.Until),
		})
		total = int(n)
		return err
	})
	return total, err
}

func auditFrom(rows []queries.Audit) []groupcast.AuditEntry {
	out := make([]groupcast.AuditEntry, len(rows))
	for i, r := range rows {
		out[i] = groupcast.AuditEntry{
			ID: r.ID, At: instant(r.At), Actor: r.Actor, Action: r.Action, Object: r.Object,
			Detail: r.Detail, Address: r.Address,
		}
	}
	return out
}

// OldestAudit lists the oldest entries first.
func (s *Store) OldestAudit(ctx context.Context, limit int) (out groupcast.Page[groupcast.AuditEntry], err error) {
	err = s.read(ctx, func(q *queries.Queries) error {
		total, err := q.CountAudit(ctx)
		if err != nil {
			return err
		}
		rows, err := q.OldestAudit(ctx, int32(min(limit, math.MaxInt32)))
		out.Rows, out.Total = auditFrom(rows), int(total)
		return err
	})
	return out, err
}

// DeleteAudit deletes the oldest entries.
func (s *Store) DeleteAudit(ctx context.Context, id int64) error {
	return s.durably(ctx, func(ctx context.Context, q *queries.Queries) error {
		_, err := q.DeleteAudit(ctx, id)
		return err
	})
}

// Setting reads a setting.
func (s *Store) Setting(ctx context.Context, key string) (value string, err error) {
	err = s.read(ctx, func(q *queries.Queries) error {
		value, err = q.Setting(ctx, key)
		return missing(err, "setting", key)
	})
	return value, err
}

// SetSetting writes a setting.
func (s *Store) SetSetting(ctx context.Context, key, value string) error {
	return s.durably(ctx, func(ctx context.Context, q *queries.Queries) error {
		return q.SetSetting(ctx, queries.SetSettingParams{Name: key, Value: value})
	})
}
