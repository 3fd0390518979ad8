// Package sqlite keeps the server's state in one SQLite file. It implements store.Store and
// decides nothing that package store does not promise.
//
// Three pools of connections share the file: two that write, one of them with
// synchronous=FULL for what must not come undone when the power goes (security.md K10), one
// with NORMAL for progress, and one that only reads. Writers take turns, and those that wait
// together share a commit. The SQL in
// queries.sql runs unchanged on PostgreSQL; what does not is in this file and in migrations.
package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/sqlfile"
	"github.com/groupcast/groupcast/internal/store"
	"github.com/groupcast/groupcast/internal/store/sqlite/queries"
)

//go:generate go tool -modfile=../../../tools/go.mod sqlc generate

//go:embed migrations/*.sql
var migrations embed.FS

// maxReaders bounds the connections that only read; each may hold a page cache of 2 MB.
const maxReaders = 4

// Store is a database file. It is safe for concurrent use.
type Store struct {
	file    sqlfile.File
	durable pool // commits reach the disk before they return
	quick   pool // commits may be lost with the power, never torn
	reads   pool
	writes  *queue
	commits atomic.Int64
	room    func() bool
}

var _ store.Store = (*Store)(nil)

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

// Open opens the database file, makes it if it is not there, checks it and brings its tables
// up to date. Its errors say what to do next.
func Open(ctx context.Context, path string) (*Store, error) {
	return OpenWith(ctx, path, func() bool { return false })
}

// OpenWith is Open with something that makes room on a disk that is full: what must be durable
// is then tried again as long as makeRoom says that it could.
func OpenWith(ctx context.Context, path string, makeRoom func() bool) (*Store, error) {
	for {
		s, err := open(ctx, path, makeRoom)
		if err == nil || !sqlfile.NoRoom(err) || !makeRoom() {
			return s, err
		}
	}
}

func open(ctx context.Context, path string, makeRoom func() bool) (*Store, error) {
	folder, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	f := sqlfile.File{
		Path: path, Name: "database", Migrations: folder,
		IfDamaged: "put a backup in its place: groupcast restore FILE --force",
		IfNewer:   "start the newer program, or go back with: groupcast restore FILE --force",
		Disk:      "the server's disk",
	}
	if err := f.Make(); err != nil {
		return nil, err
	}
	s := &Store{
		file:    f,
		durable: pool{db: f.Pool(1, sqlfile.Immediate, sqlfile.Durable)},
		quick:   pool{db: f.Pool(1, sqlfile.Immediate, sqlfile.Quick)},
		reads:   pool{db: f.Pool(maxReaders, sqlfile.ReadOnly)},
		writes:  newQueue(),
		room:    makeRoom,
	}
	if err := s.prepare(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Store) prepare(ctx context.Context) error {
	if err := s.file.Prepare(ctx, s.durable.db); err != nil {
		return err
	}
	for _, p := range []*pool{&s.durable, &s.quick, &s.reads} {
		if err := p.prepare(ctx); err != nil {
			return s.file.Explain(err)
		}
	}
	return nil
}

// Close waits for what runs and closes the file.
func (s *Store) Close() error {
	return errors.Join(s.reads.close(), s.quick.close(), s.durable.close())
}

// read runs f on one state of the database.
func (s *Store) read(ctx context.Context, f func(q *queries.Queries) error) error {
	return s.file.Explain(s.reads.transaction(ctx, func(_ *sql.Tx, q *queries.Queries) error { return f(q) }))
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

// Backup writes a consistent copy into a new file.
func (s *Store) Backup(ctx context.Context, path string) error {
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return groupcast.Errorf(groupcast.EConflict, "%s exists already", path).WithHint("choose another name")
	}
	// VACUUM INTO takes an empty file: made first, it is private from its first byte.
	if err := (sqlfile.File{Path: path, Name: "backup"}).Make(); err != nil {
		return err
	}
	db := s.file.Pool(1) // its own connection: a reader may not VACUUM, a writer would hold up others
	_, err := db.ExecContext(ctx, "VACUUM INTO ?", filepath.Clean(path))
	if err = errors.Join(err, db.Close()); err != nil {
		return errors.Join(fmt.Errorf("copy the database: %w", err), os.Remove(path))
	}
	return syncFile(path)
}

func syncFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
