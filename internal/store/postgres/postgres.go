// Package postgres keeps the server's state in a PostgreSQL database: the connections, the transactions, and the
// migrations that make its tables. What is read and written is package tables', as with SQLite.
package postgres

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"io/fs"
	"net"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/store/tables"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrations are the files that make the tables.
func Migrations() fs.FS {
	folder, err := fs.Sub(migrations, "migrations")
	if err != nil {
		panic(err) // its name is a constant
	}
	return folder
}

const (
	// oldest is the oldest PostgreSQL that is known to work.
	oldest = 15
	// maxConnections bounds what one server takes of a database's connections.
	maxConnections = 16
	// patience bounds how long a connection is waited for, and how long a dead network goes unnoticed by one.
	patience = 5 * time.Second
)

// Store is a database. It is safe for concurrent use.
type Store struct {
	tables.Store
	db      *sql.DB
	machine *machine
	alone   *Member // whose place goes with the store
	where   string
}

// suits says whether the database is one that the tables can be in.
func suits(ctx context.Context, db *sql.DB, where string) error {
	var number, encoding string
	err := db.QueryRowContext(ctx, "SELECT current_setting('server_version_num'), current_setting('server_encoding')").
		Scan(&number, &encoding)
	if err != nil {
		return explain(err)
	}
	if n, err := strconv.Atoi(number); err != nil || n/10_000 < oldest {
		return groupcast.Errorf(groupcast.EInvalid, "the database %s is PostgreSQL %s: groupcast needs %d or newer", where,
			number, oldest)
	}
	if encoding != "UTF8" {
		return groupcast.Errorf(groupcast.EInvalid, "the database %s has the encoding %s: groupcast needs UTF8", where,
			encoding).WithHint("make another with the encoding UTF8, from template0")
	}
	return nil
}

// migrate takes the time that it needs: a change of large tables is no query that hangs.
func migrate(ctx context.Context, address Address) (err error) {
	c := address.config()
	delete(c.RuntimeParams, "statement_timeout")
	db := stdlib.OpenDB(*c)
	defer func() { err = errors.Join(err, db.Close()) }()
	return alone(ctx, db, func() error { return bringUp(ctx, db, address) })
}

func bringUp(ctx context.Context, db *sql.DB, address Address) error {
	p, err := goose.NewProvider(goose.DialectPostgres, db, Migrations())
	if err != nil {
		return err
	}
	current, newest, err := p.GetVersions(ctx)
	if err != nil {
		return explain(err)
	}
	if current > newest {
		return groupcast.Errorf(groupcast.EConflict,
			"the database %s was written by a newer groupcast (tables %d, this program knows %d)", address, current, newest).
			WithHint("start the newer program, or go back to a backup of before")
	}
	_, err = p.Up(ctx)
	return explain(err)
}

// Close waits for what runs and closes the connections.
func (s *Store) Close() error {
	err := s.db.Close()
	if s.alone != nil {
		err = errors.Join(err, s.alone.Close())
	}
	return err
}

// Size is how many bytes the database takes.
func (s *Store) Size(ctx context.Context) (n uint64, err error) {
	err = s.db.QueryRowContext(ctx, "SELECT pg_database_size(current_database())").Scan(&n)
	return n, explain(err)
}

// Epoch is the one in which this server is the active one.
func (s *Store) Epoch() uint64 { return s.machine.epoch }

// String is where the database is, without a password.
func (s *Store) String() string { return s.where }

// dialer notices a network that is gone.
func dialer() *net.Dialer {
	return &net.Dialer{Timeout: patience, KeepAliveConfig: net.KeepAliveConfig{
		Enable: true, Idle: patience, Interval: time.Second, Count: 5,
	}}
}
