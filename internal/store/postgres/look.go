package postgres

import (
	"context"
	"database/sql"
	"errors"

	"github.com/jackc/pgx/v5/stdlib"
)

// Found is what exists in a database.
type Found struct {
	Empty  bool   // it has not the tables of a server
	Tables int64  // version of its tables
	Server string // whose it is, where it says so
}

// Look looks at a database without changing it.
func Look(ctx context.Context, address Address, setting string) (f Found, err error) {
	db := stdlib.OpenDB(*address.config())
	defer func() { err = errors.Join(explain(err), db.Close()) }()
	var tables int
	err = db.QueryRowContext(ctx, "SELECT COUNT(*) FROM information_schema.tables "+
		"WHERE table_schema = current_schema() AND table_name IN ('users', 'settings', 'goose_db_version')").Scan(&tables)
	if err != nil {
		return f, err
	}
	if f.Empty = tables < 3; f.Empty {
		return f, nil
	}
	if err := db.QueryRowContext(ctx, "SELECT COALESCE(MAX(version_id), 0) FROM goose_db_version WHERE is_applied").
		Scan(&f.Tables); err != nil {
		return f, err
	}
	err = db.QueryRowContext(ctx, "SELECT value FROM settings WHERE name = $1", setting).Scan(&f.Server)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return f, err
}
