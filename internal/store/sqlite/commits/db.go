// Package commits has the connections to a server's database: three pools share the file, two that
// write, one of them with synchronous=FULL for what must not come undone when the power goes
// (security.md K10), one with NORMAL for progress, and one that only reads. Writers take turns, and those
// that wait together share a commit.
package commits

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/groupcast/groupcast/internal/sqlfile"
	"github.com/groupcast/groupcast/internal/store/tables/queries"
)

// maxReaders bounds the connections that only read; each may hold a page cache of 2 MB.
const maxReaders = 4

// DB is an open database. It is safe for concurrent use.
type DB struct {
	file    sqlfile.File
	durable pool // commits reach the disk before they return
	quick   pool // commits may be lost with the power, never torn
	reads   pool
	writes  *queue
	commits atomic.Int64
	room    func() bool
}

// pool is connections with the statements that were prepared on them: half the time of a short
// transaction would go into parsing.
type pool struct {
	db      *sql.DB
	queries *queries.Queries
}

func (p *pool) prepare(ctx context.Context) (err error) {
	p.queries, err = queries.Prepare(ctx, p.db)
	return err
}

func (p *pool) close() (err error) {
	if p.queries != nil {
		err = p.queries.Close()
	}
	return errors.Join(err, p.db.Close())
}

// Open makes the file if it is not there, checks it and brings its tables up to date. What must be
// durable and finds the disk full is tried again as long as makeRoom says that it made room.
func Open(ctx context.Context, f sqlfile.File, makeRoom func() bool) (*DB, error) {
	if err := f.Make(); err != nil {
		return nil, err
	}
	d := &DB{
		file:    f,
		durable: pool{db: f.Pool(1, sqlfile.Immediate, sqlfile.Durable)},
		quick:   pool{db: f.Pool(1, sqlfile.Immediate, sqlfile.Quick)},
		reads:   pool{db: f.Pool(maxReaders, sqlfile.ReadOnly)},
		writes:  newQueue(),
		room:    makeRoom,
	}
	if err := d.prepare(ctx); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

func (d *DB) prepare(ctx context.Context) error {
	if err := d.file.Prepare(ctx, d.durable.db); err != nil {
		return err
	}
	for _, p := range []*pool{&d.durable, &d.quick, &d.reads} {
		if err := p.prepare(ctx); err != nil {
			return d.file.Explain(err)
		}
	}
	return nil
}

// Close waits for what runs and closes the file.
func (d *DB) Close() error {
	return errors.Join(d.reads.close(), d.quick.close(), d.durable.close())
}

// Read runs f on one state of the database.
func (d *DB) Read(ctx context.Context, f func(q *queries.Queries) error) error {
	return d.file.Explain(d.reads.transaction(ctx, func(_ *sql.Tx, q *queries.Queries) error { return f(q) }))
}

func (p *pool) transaction(ctx context.Context, f func(tx *sql.Tx, q *queries.Queries) error) error {
	tx, err := p.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin a transaction: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // for a panic in f; else it is over by then
	if err := f(tx, p.queries.WithTx(tx)); err != nil {
		if undo := tx.Rollback(); undo != nil && !errors.Is(undo, sql.ErrTxDone) {
			return errors.Join(err, undo)
		}
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

// Written is what was written since a database was opened: what a delivery costs is measured with it.
type Written struct {
	Commits int64 // transactions that were committed, whether or not they changed anything
	Rows    int64 // rows that were inserted, changed or deleted
}

// Written counts what was written so far.
func (d *DB) Written(ctx context.Context) (Written, error) {
	w := Written{Commits: d.commits.Load()}
	for _, p := range []*pool{&d.durable, &d.quick} { // each has the one connection that it writes by
		var rows int64
		if err := p.db.QueryRowContext(ctx, "SELECT total_changes()").Scan(&rows); err != nil {
			return w, d.file.Explain(err)
		}
		w.Rows += rows
	}
	return w, nil
}
