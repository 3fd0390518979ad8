package daemon

import (
	"errors"
	"io"
	"path/filepath"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/backup"
	"github.com/groupcast/groupcast/internal/home"
)

// Restore puts a backup in the place of a home's server, which may not run meanwhile. With force it
// replaces the state that is there. The state is in a file of the home then, wherever it was before.
func Restore(h home.Home, from io.Reader, force bool) (err error) {
	lock, err := h.Lock(home.RoleServer)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Release()) }()
	dir := h.Dir(home.RoleServer)
	if exists(filepath.Join(dir, elsewhere)) && !force {
		return groupcast.Errorf(groupcast.EConflict, "%s holds a server already, whose database is in PostgreSQL", dir).
			WithHint("restore into another --home, or use --force to replace it by what is in the backup; the database in " +
				"PostgreSQL stays as it is")
	}
	if err := backup.Restore(dir, from, force, wholeBackup); err != nil {
		return err
	}
	return remember(dir, file(filepath.Join(dir, databaseFile)))
}
