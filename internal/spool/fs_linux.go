package spool

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// allocate reserves the space, so that a disk that fills up is known before the first byte.
// A file system that cannot reserve gets a file of the right length.
func allocate(f *os.File, size int64) error {
	for {
		err := unix.Fallocate(int(f.Fd()), 0, 0, size)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.EOPNOTSUPP), errors.Is(err, unix.ENOSYS):
			return f.Truncate(size)
		}
		return err
	}
}

// syncAll is one barrier for everything on the file system that holds the folder.
func syncAll(root *os.Root, _ string) error {
	h, err := root.Open(".")
	if err != nil {
		return err
	}
	return errors.Join(unix.Syncfs(int(h.Fd())), h.Close())
}
