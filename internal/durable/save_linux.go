package durable

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// unnamed opens a file without a name on the disk of path; name gives it that path. Not every
// file system can.
func unnamed(path string) (f *os.File, name func() error, err error) {
	fd, err := unix.Open(filepath.Dir(path), unix.O_TMPFILE|unix.O_RDWR|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return nil, nil, err
	}
	f = os.NewFile(uintptr(fd), path)
	return f, func() error {
		// A link does not replace a file that is there: it gets a name beside it first.
		beside := filepath.Join(filepath.Dir(path), fmt.Sprintf(".%s.%d.part", filepath.Base(path), time.Now().UnixNano()))
		if err := unix.Linkat(unix.AT_FDCWD, fmt.Sprintf("/proc/self/fd/%d", fd), unix.AT_FDCWD, beside,
			unix.AT_SYMLINK_FOLLOW); err != nil {
			return &os.LinkError{Op: "link", Old: path, New: beside, Err: err}
		}
		if err := os.Rename(beside, path); err != nil {
			_ = os.Remove(beside) // the first error tells more
			return err
		}
		return nil
	}, nil
}
