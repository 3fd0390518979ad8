package copier

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
)

// side is one of the two databases, in a transaction.
type side struct {
	name     string
	postgres bool
	tx       *sql.Tx
}

// tables lists the tables of a server, with their columns and references.
func (s side) tables(ctx context.Context) (out []table, err error) {
	all := "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' " +
		"AND name <> 'goose_db_version' ORDER BY name"
	columns := `SELECT name, FALSE, type = 'BLOB', NOT ("notnull" OR pk), FALSE FROM pragma_table_info($1) ORDER BY cid`
	refers := `SELECT DISTINCT "table" FROM pragma_foreign_key_list($1) WHERE "table" <> $1`
	if s.postgres {
		all = "SELECT table_name::text FROM information_schema.tables WHERE table_schema = current_schema() " +
			"AND table_type = 'BASE TABLE' AND table_name <> 'goose_db_version' ORDER BY table_name"
		columns = "SELECT column_name::text, data_type = 'boolean', data_type = 'bytea', is_nullable = 'YES', " +
			"is_identity = 'YES' FROM information_schema.columns WHERE table_schema = current_schema() AND table_name = $1 " +
			"ORDER BY ordinal_position"
		refers = "SELECT DISTINCT c.confrelid::regclass::text FROM pg_constraint c WHERE c.contype = 'f' " +
			"AND c.conrelid = $1::text::regclass AND c.confrelid <> c.conrelid"
	}
	found, err := list(ctx, s.tx, all, func(r *sql.Rows) (t table, err error) { return t, r.Scan(&t.name) })
	if err != nil {
		return nil, fmt.Errorf("list the tables: %w", err)
	}
	for _, t := range found {
		t.columns, err = list(ctx, s.tx, columns, func(r *sql.Rows) (c column, err error) {
			return c, r.Scan(&c.name, &c.boolean, &c.bytes, &c.nullable, &c.counts)
		}, t.name)
		if err != nil {
			return nil, fmt.Errorf("list the columns of %s: %w", t.name, err)
		}
		t.before, err = list(ctx, s.tx, refers, func(r *sql.Rows) (name string, err error) {
			return name, r.Scan(&name)
		}, t.name)
		if err != nil {
			return nil, fmt.Errorf("list what %s refers to: %w", t.name, err)
		}
		out = append(out, t)
	}
	return out, nil
}

func list[T any](
	ctx context.Context, tx *sql.Tx, query string, scan func(*sql.Rows) (T, error), args ...any,
) (out []T, err error) {
	rows, err := tx.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		one, err := scan(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, one)
	}
	return out, rows.Err()
}

// takes gives a value as the database takes it, and counts texts that it does not take as they are.
func (s side) takes(c column, v any, texts *int) any {
	if !s.postgres {
		return v
	}
	switch v := v.(type) {
	case int64:
		if c.boolean {
			return v != 0
		}
	case string:
		if clean := cleaned(v); clean != v {
			*texts++
			return clean
		}
	}
	return v
}

// numbered is what an insertion says where the rows bring the numbers that the database would draw.
func (s side) numbered(t table) string {
	if s.postgres && t.counting() != "" {
		return " OVERRIDING SYSTEM VALUE"
	}
	return ""
}

// renumber lets the database draw the numbers behind those that came.
func (s side) renumber(ctx context.Context, t table) error {
	name := t.counting()
	if !s.postgres || name == "" {
		return nil
	}
	query := "SELECT setval(pg_get_serial_sequence('TABLE', 'COLUMN'), COALESCE(MAX(COLUMN), 0) + 1, FALSE) FROM TABLE"
	_, err := s.tx.ExecContext(ctx, strings.NewReplacer("TABLE", t.name, "COLUMN", name).Replace(query))
	return err
}

func (t table) counting() string {
	for _, c := range t.columns {
		if c.counts {
			return c.name
		}
	}
	return ""
}
