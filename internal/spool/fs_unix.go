//go:build unix

package spool

import (
	"errors"
	"io/fs"
	"sync"

	"golang.org/x/sys/unix"
)

const (
	nonBlocking  = unix.O_NONBLOCK
	syncsFolders = true
)

// umask is what this process was started with. It can only be read by setting it: once.
var umask = sync.OnceValue(func() fs.FileMode {
	old := unix.Umask(0o77)
	unix.Umask(old)
	return fs.FileMode(old)
})

func free(dir string) (available, size uint64, err error) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return 0, 0, err
	}
	return uint64(s.Bavail) * uint64(s.Bsize), uint64(s.Blocks) * uint64(s.Bsize), nil
}

// betweenFolders gives do the descriptors of two folders.
func betweenFolders(from, to place, do func(a, b int) error) error {
	a, err := from.at.descriptor()
	if err != nil {
		return err
	}
	b, err := to.at.descriptor()
	if err != nil {
		return err
	}
	return do(a, b)
}

// diskKind says what an error tells of the disk as a whole; nothing if it may be about one entry.
func diskKind(err error) DiskKind {
	for errno, kind := range map[error]DiskKind{
		unix.ENOSPC: DiskSpace, unix.EDQUOT: DiskQuota, unix.EROFS: DiskReadOnly, unix.EIO: DiskIO,
		unix.ENODEV: DiskGone, unix.ENXIO: DiskGone, unix.ESTALE: DiskGone, unix.ENOTCONN: DiskGone, unix.ESHUTDOWN: DiskGone,
	} {
		if errors.Is(err, errno) {
			return kind
		}
	}
	return ""
}

// causeOf says what an error tells of one entry.
func causeOf(err error) Cause {
	switch {
	case errors.Is(err, unix.EFBIG), errors.Is(err, unix.EOVERFLOW):
		return CauseTooLarge
	case errors.Is(err, unix.ENAMETOOLONG), errors.Is(err, unix.EILSEQ), errors.Is(err, unix.EINVAL),
		errors.Is(err, fs.ErrNotExist):
		return CauseName
	case errors.Is(err, fs.ErrPermission):
		return CauseDenied
	}
	return CauseIO
}
