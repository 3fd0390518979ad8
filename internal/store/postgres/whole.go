package postgres

import (
	"context"
	"database/sql"
)

// Snapshot runs f on one state of the database, however long it takes.
func (s *Store) Snapshot(ctx context.Context, f func(ctx context.Context, tx *sql.Tx) error) error {
	return s.unbounded(ctx, kind{isolation: sql.LevelRepeatableRead, readOnly: true}, f)
}

// Whole makes one change of the whole database, however long it takes. It is made once, or not at all.
func (s *Store) Whole(ctx context.Context, f func(ctx context.Context, tx *sql.Tx) error) error {
	return s.unbounded(ctx, kind{isolation: sql.LevelRepeatableRead}, f)
}

func (s *Store) unbounded(ctx context.Context, k kind, f func(ctx context.Context, tx *sql.Tx) error) error {
	tx, err := s.db.BeginTx(ctx, &sql.TxOptions{Isolation: k.isolation, ReadOnly: k.readOnly})
	if err != nil {
		return explain(err)
	}
	defer func() { _ = tx.Rollback() }() // it is over by then, but for an error or a panic
	for _, bound := range []string{"statement_timeout", "idle_in_transaction_session_timeout"} {
		if _, err := tx.ExecContext(ctx, "SET LOCAL "+bound+" = 0"); err != nil {
			return explain(err)
		}
	}
	if err := f(ctx, tx); err != nil {
		return explain(err)
	}
	return explain(s.machine.commit(ctx, tx, k))
}
