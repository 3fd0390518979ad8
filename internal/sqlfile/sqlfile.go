// Package sqlfile opens a SQLite file that belongs to one program: private, checked for
// damage, its tables brought up to date. It knows no table; packages store/sqlite and ledger
// do.
package sqlfile

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"

	"github.com/pressly/goose/v3"
	driver "modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"

	"github.com/groupcast/groupcast"
)

// File says what a file is called when something is wrong with it, and what helps.
type File struct {
	Path       string
	Name       string // "database", "ledger"
	Migrations fs.FS
	IfDamaged  string // the next step, in words
	IfNewer    string
	Disk       string // what its disk is called: "the server's disk"
}

// Options of a pool, as the driver's connection string has them.
const (
	Immediate = "_txlock=immediate"           // a transaction writes from its first statement
	Durable   = "_pragma=synchronous(FULL)"   // a commit is on the disk when it returns
	Quick     = "_pragma=synchronous(NORMAL)" // a commit may be lost with the power, never torn
	ReadOnly  = "_pragma=query_only(1)"
)

// Make makes the file for its owner only; SQLite gives -wal and -shm the same mode.
func (f File) Make() error {
	h, err := os.OpenFile(f.Path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("open the %s: %w", f.Name, err)
	}
	if err := errors.Join(h.Chmod(0o600), h.Close()); err != nil {
		return fmt.Errorf("make the %s private: %w", f.Name, err)
	}
	return nil
}

// Pool opens connections to the file, conns at most.
func (f File) Pool(conns int, options ...string) *sql.DB {
	dsn := "file:" + (&url.URL{Path: f.Path}).EscapedPath() +
		"?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=foreign_keys(1)"
	for _, o := range options {
		dsn += "&" + o
	}
	db, err := sql.Open("sqlite", dsn)
	if err != nil {
		panic(err) // only for a driver that is not registered
	}
	db.SetMaxOpenConns(conns)
	db.SetMaxIdleConns(conns)
	return db
}

// Prepare checks the file and brings its tables up to date.
func (f File) Prepare(ctx context.Context, db *sql.DB) error {
	var verdict string
	if err := db.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&verdict); err != nil {
		return f.Explain(fmt.Errorf("check the %s: %w", f.Name, err))
	}
	if verdict != "ok" {
		return f.damaged(errors.New(verdict))
	}
	p, err := goose.NewProvider(goose.DialectSQLite3, db, f.Migrations)
	if err != nil {
		return fmt.Errorf("read the migrations: %w", err)
	}
	current, newest, err := p.GetVersions(ctx)
	if err != nil {
		return f.Explain(fmt.Errorf("read the version of the %s: %w", f.Name, err))
	}
	if current > newest {
		return groupcast.Errorf(groupcast.EConflict,
			"the %s %s was written by a newer groupcast (tables %d, this program knows %d)", f.Name, f.Path, current, newest).
			WithHint("%s", f.IfNewer)
	}
	if _, err := p.Up(ctx); err != nil {
		return f.Explain(fmt.Errorf("bring the tables of the %s up to date: %w", f.Name, err))
	}
	return nil
}

func (f File) damaged(cause error) error {
	return groupcast.Errorf(groupcast.EUnavailable, "the %s %s is damaged", f.Name, f.Path).
		WithHint("%s", f.IfDamaged).Wrap(cause)
}

// Explain turns SQLite's words for damage and for a disk that fails into ours and leaves any
// other error.
func (f File) Explain(err error) error {
	switch code(err) {
	case lib.SQLITE_CORRUPT, lib.SQLITE_NOTADB, lib.SQLITE_FORMAT:
		return f.damaged(err)
	case lib.SQLITE_FULL:
		return f.disk("is full", "make room on it: it goes on by itself then", err)
	case lib.SQLITE_READONLY:
		return f.disk("is read-only", "mount it for writing: it goes on by itself then", err)
	case lib.SQLITE_IOERR:
		return f.disk("gives errors", "is it full, or broken? it goes on by itself when the disk does", err)
	}
	return err
}

func (f File) disk(what, hint string, cause error) error {
	disk := f.Disk
	if disk == "" {
		disk = fmt.Sprintf("the disk of the %s %s", f.Name, f.Path)
	}
	return groupcast.Errorf(groupcast.EUnavailable, "%s %s", disk, what).WithHint("%s", hint).Wrap(cause)
}

// code is SQLite's kind of an error; 0 if it is none of SQLite's.
func code(err error) int {
	var e *driver.Error
	if !errors.As(err, &e) {
		return 0
	}
	return e.Code() & 0xff
}

// NoRoom says whether err may go away when there is more room on the disk. A quota that is used
// up is an I/O error to SQLite.
func NoRoom(err error) bool {
	c := code(err)
	return c == lib.SQLITE_FULL || c == lib.SQLITE_IOERR
}

// Taken says whether err is about a row with a key that was there.
func Taken(err error) bool {
	var e *driver.Error
	return errors.As(err, &e) &&
		(e.Code() == lib.SQLITE_CONSTRAINT_UNIQUE || e.Code() == lib.SQLITE_CONSTRAINT_PRIMARYKEY)
}
