//go:build !linux

package diskfs

import (
	"errors"
	"io/fs"
	"os"
	"time"
)

func allocate(f *os.File, size int64) error { return f.Truncate(size) }

func syncAll(*os.Root) error { return errors.ErrUnsupported }

// createWhole makes a small file step by step.
func createWhole(at *folder, base string, data []byte, mode fs.FileMode, mtime time.Time) (kept time.Time, err error) {
	h, err := at.OpenFile(base, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return kept, err
	}
	_, err = h.Write(data)
	if err := errors.Join(err, h.Chmod(mode&^umask()), h.Close()); err != nil {
		return kept, err
	}
	if err := nearest(mtime, func(t time.Time) error { return setTime(at, base, t) }); err != nil {
		return kept, err
	}
	info, err := at.Lstat(base)
	if err != nil {
		return kept, err
	}
	return info.ModTime(), nil
}

// readWhole reads a small file step by step.
func readWhole(at *folder, base string, buf []byte) (Meta, bool, error) {
	return readSteps(buf, func() (fs.FileInfo, error) { return at.Lstat(base) }, func() (File, error) {
		h, err := openRegular(at.Root, base, false)
		return &osFile{h}, err
	})
}

// Years that the standard library sets right: it counts nanoseconds.
var (
	firstSet = time.Date(1678, 1, 1, 0, 0, 0, 0, time.UTC)
	lastSet  = time.Date(2262, 1, 1, 0, 0, 0, 0, time.UTC)
)

// setTime sets the nearest time there is.
func setTime(at *folder, base string, t time.Time) error {
	switch {
	case t.Before(firstSet):
		t = firstSet
	case t.After(lastSet):
		t = lastSet
	}
	return at.Chtimes(base, t, t)
}
