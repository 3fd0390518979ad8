//go:build !linux

package spool

import (
	"errors"
	"io/fs"
	"os"
	"path"
)

func allocate(f *os.File, size int64) error { return f.Truncate(size) }

// syncAll makes every staged file durable one by one, where no call does it at once.
func syncAll(root *os.Root, _ string) error {
	return fs.WalkDir(root.FS(), spoolFolder, func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		h, err := root.OpenFile(path.Clean(name), os.O_RDWR, 0)
		if err != nil {
			return err
		}
		return errors.Join(h.Sync(), h.Close())
	})
}
