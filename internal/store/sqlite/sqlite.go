// Package sqlite keeps the server's state in one SQLite file: the file, and the migrations that make its tables.
// What is read and written is package tables', and how it is committed package commits'.
package sqlite

import (
	"context"
	"embed"
	"io/fs"

	"github.com/groupcast/groupcast/internal/sqlfile"
	"github.com/groupcast/groupcast/internal/store"
	"github.com/groupcast/groupcast/internal/store/sqlite/commits"
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

// Store is a database file. It is safe for concurrent use.
type Store struct {
	tables.Store
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
			return &Store{tables.New(db), f, db}, nil
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
