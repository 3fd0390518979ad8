package daemon

import (
	"errors"
	"io"

	"github.com/groupcast/groupcast/internal/backup"
	"github.com/groupcast/groupcast/internal/home"
)

// Restore puts a backup in the place of a home's server, which may not run meanwhile. With force it
// replaces the state that is there.
func Restore(h home.Home, from io.Reader, force bool) error {
	lock, err := h.Lock(home.RoleServer)
	if err != nil {
		return err
	}
	return errors.Join(backup.Restore(h.Dir(home.RoleServer), from, force, wholeBackup), lock.Release())
}
