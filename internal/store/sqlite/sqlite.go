// Package sqlite keeps the server's state in one SQLite file. It implements store.Store and
// decides nothing that package store does not promise. How it is read and written is package commits'.
// The SQL in queries.sql runs unchanged on PostgreSQL; what does not is in commits and in migrations.
package sqlite

import (
	"context"
	"embed"
	"io/fs"

	"github.com/groupcast/groupcast/internal/sqlfile"
	"github.com/groupcast/groupcast/internal/store"
	"github.com/groupcast/groupcast/internal/store/sqlite/commits"
	"github.com/groupcast/groupcast/internal/store/sqlite/queries"
)

//go:generate go tool -modfile=../../../tools/go.mod sqlc generate

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

// Store is a database file. It is safe for concurrent use.
type Store struct {
	file sqlfile.File
	db   *commits.DB
}

var _ store.Store = (*Store)(nil)

// Open opens the database file, makes it if it is not there, checks it and brings its tables
// up to date. Its errors say what to do next.
func Open(ctx context.Context, path string) (*Store, error) {
	return OpenWith(ctx, path, func() bool { return false })
}

// OpenWith is Open with something that makes room on a disk that is full: what must be durable
// is then tried again as long as makeRoom says that it could.
func OpenWith(ctx context.Context, path string, makeRoom func() bool) (*Store, error) {
	f := sqlfile.File{
		Path: path, Name: "database", Migrations: Migrations(),
		IfDamaged: "put a backup in its place: groupcast restore FILE --force",
		IfNewer:   "start the newer program, or go back with: groupcast restore FILE --force",
		Disk:      "the server's disk",
	}
	for {
		db, err := commits.Open(ctx, f, makeRoom)
		if err == nil {
			return &Store{f, db}, nil
		}
		if !sqlfile.NoRoom(err) || !makeRoom() {
			return nil, err
		}
	}
}

// Close waits for what runs and closes the file.
func (s *Store) Close() error { return s.db.Close() }

// Backup writes a consistent copy into a new file.
func (s *Store) Backup(ctx context.Context, path string) error { return s.file.Copy(ctx, path) }

// Written is what a store wrote since it was opened.
type Written = commits.Written

// Written counts what was written so far.
func (s *Store) Written(ctx context.Context) (Written, error) { return s.db.Written(ctx) }

type change = commits.Change

// read runs f on one state of the database.
func (s *Store) read(ctx context.Context, f func(q *queries.Queries) error) error {
	return s.db.Read(ctx, f)
}

// durably makes a change that is on the disk when durably returns.
func (s *Store) durably(ctx context.Context, c change) error { return s.db.Durably(ctx, c) }

// quickly makes a change that the power may still take.
func (s *Store) quickly(ctx context.Context, c change) error { return s.db.Quickly(ctx, c) }
