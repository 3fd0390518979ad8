// Package records has what a server keeps beside users, devices and transfers: the audit log, settings, and the
// calls that came with an idempotency key.
package records

import (
	"context"
	"math"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/store"
	"github.com/groupcast/groupcast/internal/store/tables/engine"
	"github.com/groupcast/groupcast/internal/store/tables/queries"
	"github.com/groupcast/groupcast/internal/store/tables/values"
)

// Records are their tables. It is safe for concurrent use.
type Records struct{ engine engine.Engine }

// New gives the records that an engine reads and writes.
func New(e engine.Engine) Records { return Records{e} }

// AppendAudit adds a line to the audit log.
func (r *Records) AppendAudit(ctx context.Context, e groupcast.AuditEntry) error {
	return r.engine.Durably(ctx, func(ctx context.Context, q *queries.Queries) error {
		return q.AppendAudit(ctx, queries.AppendAuditParams{
			At: values.Micros(e.At), Actor: e.Actor, Action: e.Action, Object: e.Object,
			Detail: e.Detail, Address: e.Address,
		})
	})
}

// Audit lists the newest entries first.
func (r *Records) Audit(ctx context.Context, f store.AuditFilter) (out []groupcast.AuditEntry, err error) {
	err = r.engine.Read(ctx, func(q *queries.Queries) error {
		rows, err := q.Audit(ctx, queries.AuditParams{
			Before: f.Before, Actor: f.Actor, Action: f.Action, Object: f.Object, Most: int32(store.Limited(f.Limit)),
			Since: values.Micros(f.Since), Until: values.Micros(f.Until),
		})
		out = auditFrom(rows)
		return err
	})
	return out, err
}

// CountAudit counts entries.
func (r *Records) CountAudit(ctx context.Context, f store.AuditFilter) (total int, err error) {
	err = r.engine.Read(ctx, func(q *queries.Queries) error {
		n, err := q.CountAuditOf(ctx, queries.CountAuditOfParams{
			Actor: f.Actor, Action: f.Action, Object: f.Object, Since: values.Micros(f.Since), Until: values.Micros(f.Until),
		})
		total = int(n)
		return err
	})
	return total, err
}

func auditFrom(rows []queries.Audit) []groupcast.AuditEntry {
	out := make([]groupcast.AuditEntry, len(rows))
	for i, row := range rows {
		out[i] = groupcast.AuditEntry{
			ID: row.ID, At: values.Instant(row.At), Actor: row.Actor, Action: row.Action, Object: row.Object,
			Detail: row.Detail, Address: row.Address,
		}
	}
	return out
}

// OldestAudit lists the oldest entries first.
func (r *Records) OldestAudit(ctx context.Context, limit int) (out groupcast.Page[groupcast.AuditEntry], err error) {
	err = r.engine.Read(ctx, func(q *queries.Queries) error {
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
func (r *Records) DeleteAudit(ctx context.Context, id int64) error {
	return r.engine.Durably(ctx, func(ctx context.Context, q *queries.Queries) error {
		_, err := q.DeleteAudit(ctx, id)
		return err
	})
}

// Setting reads a setting.
func (r *Records) Setting(ctx context.Context, key string) (value string, err error) {
	err = r.engine.Read(ctx, func(q *queries.Queries) error {
		value, err = q.Setting(ctx, key)
		return values.Missing(err, "setting", key)
	})
	return value, err
}

// SetSetting writes a setting.
func (r *Records) SetSetting(ctx context.Context, key, value string) error {
	return r.engine.Durably(ctx, func(ctx context.Context, q *queries.Queries) error {
		return q.SetSetting(ctx, queries.SetSettingParams{Name: key, Value: value})
	})
}
