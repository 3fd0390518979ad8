package daemon

import (
	"context"
	"errors"
	"path/filepath"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/home"
	"github.com/groupcast/groupcast/internal/store/copier"
	"github.com/groupcast/groupcast/internal/store/postgres"
)

// Copied is what CopyDatabase copied.
type Copied = copier.Copied

// CopyDatabase copies a server's state from one database into another that is empty: from a file into PostgreSQL, or
// back. The home's server may not run meanwhile. If one of the two is the home's own file, the server has to be told
// where its database is from then on.
func CopyDatabase(ctx context.Context, h home.Home, from, to string) (copied Copied, err error) {
	if postgres.IsAddress(from) == postgres.IsAddress(to) {
		return copied, groupcast.Errorf(groupcast.EInvalid,
			"one of the two databases is a file, the other one in PostgreSQL").
			WithHint("a file is named by its path, a PostgreSQL database like postgres://USER@HOST:5432/DATABASE; backups " +
				"copy a file into another one, and pg_dump a PostgreSQL database")
	}
	lock, err := h.Lock(home.RoleServer)
	if err != nil {
		return copied, err
	}
	defer func() { err = errors.Join(err, lock.Release()) }()
	path, copyIt := to, func(db *postgres.Store) (Copied, error) { return copier.ToFile(ctx, db, to) }
	address := from
	if postgres.IsAddress(to) {
		path, address = from, to
		copyIt = func(db *postgres.Store) (Copied, error) { return copier.FromFile(ctx, from, db) }
	}
	where, err := postgres.ParseAddress(address)
	if err != nil {
		return copied, err
	}
	db, err := postgres.Open(ctx, where)
	if err != nil {
		return copied, err
	}
	if copied, err = copyIt(db); err != nil {
		return copied, errors.Join(err, db.Close())
	}
	if err := db.Close(); err != nil {
		return copied, err
	}
	return copied, moved(h.Dir(home.RoleServer), path, to, where)
}

// moved notes where a server's database is, if it was in the home or is now.
func moved(dir, path, to string, where postgres.Address) error {
	full, err := filepath.Abs(path)
	own := filepath.Join(dir, databaseFile)
	if err != nil || full != own {
		return err
	}
	if postgres.IsAddress(to) {
		return remember(dir, &cluster{address: where})
	}
	return remember(dir, file(own))
}
