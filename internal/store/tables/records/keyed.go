package records

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/store"
	"github.com/groupcast/groupcast/internal/store/tables/queries"
	"github.com/groupcast/groupcast/internal/store/tables/values"
)

// BeginCall notes that a call with a key begins, or gives the earlier one.
func (r *Records) BeginCall(
	ctx context.Context, c groupcast.KeyedCall, since time.Time,
) (before groupcast.KeyedCall, begun bool, err error) {
	err = r.engine.Durably(ctx, func(ctx context.Context, q *queries.Queries) error {
		before, begun = groupcast.KeyedCall{}, false // a change may be tried again
		if err := q.ForgetKeyedCalls(ctx, values.Micros(since)); err != nil {
			return err
		}
		row, err := q.KeyedCall(ctx, queries.KeyedCallParams{Account: c.Account, KeyHash: c.Key})
		if err == nil {
			before = groupcast.KeyedCall{Account: c.Account, Key: c.Key, Request: row.Request, At: values.Instant(row.BeganAt)}
			if row.Answer != "" {
				before.Answer = []byte(row.Answer)
			}
			return nil
		}
		if !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		begun = true
		return addKeyedCall(ctx, q, c)
	})
	return before, begun && err == nil, err
}

func addKeyedCall(ctx context.Context, q *queries.Queries, c groupcast.KeyedCall) error {
	if err := q.ForgetKeyedCallsOf(ctx,
		queries.ForgetKeyedCallsOfParams{Account: c.Account, Most: store.MaxKeyedCalls - 1}); err != nil {
		return err
	}
	all, err := q.CountKeyedCalls(ctx)
	if err != nil {
		return err
	}
	if all >= store.MaxAllKeyedCalls {
		return groupcast.Errorf(groupcast.EExhausted, "the server remembers too many idempotency keys already").
			WithHint("leave the key out, or try again tomorrow")
	}
	return q.AddKeyedCall(ctx, queries.AddKeyedCallParams{
		Account: c.Account, KeyHash: c.Key, Request: c.Request, BeganAt: values.Micros(c.At),
	})
}

// AnswerCall keeps the answer of a call with a key.
func (r *Records) AnswerCall(ctx context.Context, c groupcast.KeyedCall) error {
	return r.engine.Durably(ctx, func(ctx context.Context, q *queries.Queries) error {
		return q.AnswerKeyedCall(ctx,
			queries.AnswerKeyedCallParams{Answer: string(c.Answer), Account: c.Account, KeyHash: c.Key})
	})
}

// DropCall forgets a call with a key.
func (r *Records) DropCall(ctx context.Context, c groupcast.KeyedCall) error {
	return r.engine.Durably(ctx, func(ctx context.Context, q *queries.Queries) error {
		return q.DropKeyedCall(ctx, queries.DropKeyedCallParams{Account: c.Account, KeyHash: c.Key})
	})
}
