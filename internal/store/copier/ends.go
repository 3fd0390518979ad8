package copier

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"os"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/sqlfile"
	"github.com/groupcast/groupcast/internal/store"
	"github.com/groupcast/groupcast/internal/store/postgres"
	"github.com/groupcast/groupcast/internal/store/sqlite"
	"github.com/groupcast/groupcast/internal/store/sqlite/look"
)

// FromFile copies what is in a file, which no server has open, into an empty PostgreSQL database.
func FromFile(ctx context.Context, path string, to *postgres.Store) (out Copied, err error) {
	found, err := look.Check(ctx, path, sqlite.Migrations())
	if err != nil {
		return out, err
	}
	file := sqlfile.File{Path: path, Name: "database", Migrations: sqlite.Migrations()}
	newest, err := file.Newest()
	if err != nil {
		return out, err
	}
	if found.Tables < newest { // of an older program: a copy of it is brought up to date
		older := file
		file.Path = path + ".newer"
		if err := older.Copy(ctx, file.Path); err != nil {
			return out, err
		}
		defer func() { err = errors.Join(err, removeAll(file.Path)) }()
		if err := makeTables(ctx, file.Path); err != nil {
			return out, err
		}
	}
	db := file.Pool(1, sqlfile.ReadOnly)
	defer func() { err = errors.Join(err, db.Close()) }()
	source, err := db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return out, file.Explain(err)
	}
	defer func() { _ = source.Rollback() }() // it only reads
	err = to.Whole(ctx, func(ctx context.Context, tx *sql.Tx) (err error) {
		out, err = copyAll(ctx, side{path, false, source}, side{to.String(), true, tx})
		return err
	})
	return out, err
}

// ToFile copies what is in a PostgreSQL database into a file that is not there.
func ToFile(ctx context.Context, from *postgres.Store, path string) (out Copied, err error) {
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return out, groupcast.Errorf(groupcast.EConflict, "%s exists already", path).WithHint("choose another name")
	}
	part := path + ".part"
	if err := removeAll(part); err != nil {
		return out, err
	}
	if err := makeTables(ctx, part); err != nil {
		return out, errors.Join(err, removeAll(part))
	}
	if out, err = fill(ctx, from, part); err != nil {
		return out, errors.Join(err, removeAll(part))
	}
	return out, os.Rename(part, path)
}

func fill(ctx context.Context, from *postgres.Store, path string) (out Copied, err error) {
	file := sqlfile.File{Path: path, Name: "database"}
	db := file.Pool(1, sqlfile.Immediate, sqlfile.Durable)
	defer func() { err = errors.Join(err, db.Close()) }() // which leaves one file
	target, err := db.BeginTx(ctx, nil)
	if err != nil {
		return out, file.Explain(err)
	}
	defer func() { _ = target.Rollback() }() // it is over by then, but for an error or a panic
	err = from.Snapshot(ctx, func(ctx context.Context, tx *sql.Tx) (err error) {
		out, err = copyAll(ctx, side{from.String(), true, tx}, side{path, false, target})
		return err
	})
	if err != nil {
		return out, file.Explain(err)
	}
	return out, file.Explain(target.Commit())
}

func makeTables(ctx context.Context, path string) error {
	s, err := sqlite.Open(ctx, path)
	if err != nil {
		return err
	}
	return s.Close()
}

func removeAll(path string) error {
	var errs []error
	for _, suffix := range []string{"", "-wal", "-shm", "-journal"} {
		if err := os.Remove(path + suffix); !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// Backed is a store in PostgreSQL whose backups are files like those of a server without it.
type Backed struct{ *postgres.Store }

var _ store.Store = Backed{}

// Backup writes a consistent copy into a file that is not there.
func (b Backed) Backup(ctx context.Context, path string) error {
	_, err := ToFile(ctx, b.Store, path)
	return err
}
