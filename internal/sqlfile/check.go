package sqlfile

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"

	"github.com/pressly/goose/v3"
)

// Inspect opens the file to look at it only: nothing is made or changed, and nobody else may have
// it open for writing.
func (f File) Inspect() *sql.DB {
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: f.Path}).
		EscapedPath()+"?mode=ro&immutable=1&_pragma=query_only(1)")
	if err != nil {
		panic(err) // only for a driver that is not registered
	}
	db.SetMaxOpenConns(1)
	return db
}

// Sound says whether every page, index and reference of the file is as it should be.
func (f File) Sound(ctx context.Context, db *sql.DB) error {
	var verdict string
	if err := db.QueryRowContext(ctx, "PRAGMA integrity_check(1)").Scan(&verdict); err != nil {
		return f.Explain(fmt.Errorf("check the %s: %w", f.Name, err))
	}
	if verdict != "ok" {
		return f.damaged(errors.New(verdict))
	}
	rows, err := db.QueryContext(ctx, "PRAGMA foreign_key_check")
	if err != nil {
		return f.Explain(fmt.Errorf("check the %s: %w", f.Name, err))
	}
	defer rows.Close()
	if rows.Next() {
		return f.damaged(errors.New("rows of it refer to others that are not there"))
	}
	return rows.Err()
}

// Newest is the version of the tables that this program makes.
func (f File) Newest() (int64, error) {
	all, err := f.versions()
	if err != nil || len(all) == 0 {
		return 0, err
	}
	return all[len(all)-1], nil
}

func (f File) versions() (out []int64, err error) {
	db, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		return nil, err
	}
	defer db.Close()
	p, err := goose.NewProvider(goose.DialectSQLite3, db, f.Migrations)
	if err != nil {
		return nil, fmt.Errorf("read the migrations: %w", err)
	}
	for _, s := range p.ListSources() {
		out = append(out, s.Version)
	}
	return out, nil
}

// MigrateTo makes the tables of a version in an empty file.
func (f File) MigrateTo(ctx context.Context, db *sql.DB, version int64) error {
	p, err := goose.NewProvider(goose.DialectSQLite3, db, f.Migrations)
	if err == nil {
		_, err = p.UpTo(ctx, version)
	}
	if err != nil {
		return fmt.Errorf("make the tables of version %d: %w", version, err)
	}
	return nil
}
