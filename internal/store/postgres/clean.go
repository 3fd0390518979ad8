package postgres

import (
	"context"
	"database/sql"
	"slices"
	"strings"
	"unicode/utf8"
)

// clean is a transaction whose texts are such as PostgreSQL takes: it knows no NUL, and UTF-8 only. SQLite keeps
// anything, and some texts come from devices: one of them must not spoil a transaction that it shares with others.
type clean struct{ tx *sql.Tx }

const replacement = string(utf8.RuneError)

func cleaned(text string) string {
	if utf8.ValidString(text) && strings.IndexByte(text, 0) < 0 {
		return text
	}
	return strings.ReplaceAll(strings.ToValidUTF8(text, replacement), "\x00", replacement)
}

func cleanedAll(args []any) []any {
	var out []any // args belong to the caller
	set := func(i int, v any) {
		if out == nil {
			out = slices.Clone(args)
		}
		out[i] = v
	}
	for i, a := range args {
		switch v := a.(type) {
		case string:
			if c := cleaned(v); c != v {
				set(i, c)
			}
		case sql.NullString:
			if c := cleaned(v.String); c != v.String {
				set(i, sql.NullString{String: c, Valid: v.Valid})
			}
		}
	}
	if out == nil {
		return args
	}
	return out
}

func (c clean) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	return c.tx.ExecContext(ctx, query, cleanedAll(args)...)
}

func (c clean) PrepareContext(ctx context.Context, query string) (*sql.Stmt, error) {
	return c.tx.PrepareContext(ctx, query)
}

func (c clean) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return c.tx.QueryContext(ctx, query, cleanedAll(args)...)
}

func (c clean) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	return c.tx.QueryRowContext(ctx, query, cleanedAll(args)...)
}
