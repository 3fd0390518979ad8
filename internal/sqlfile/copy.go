package sqlfile

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/groupcast/groupcast"
)

// Copy writes a consistent copy into a file that is not there.
func (f File) Copy(ctx context.Context, path string) error {
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return groupcast.Errorf(groupcast.EConflict, "%s exists already", path).WithHint("choose another name")
	}
	// VACUUM INTO takes an empty file: made first, it is private from its first byte.
	if err := (File{Path: path, Name: "backup"}).Make(); err != nil {
		return err
	}
	db := f.Pool(1) // its own connection: a reader may not VACUUM, a writer would hold up others
	_, err := db.ExecContext(ctx, "VACUUM INTO ?", filepath.Clean(path))
	if err = errors.Join(err, db.Close()); err != nil {
		return errors.Join(fmt.Errorf("copy the %s: %w", f.Name, err), os.Remove(path))
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
