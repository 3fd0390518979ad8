//go:build unix

package trouble

import (
	"errors"
	"io/fs"

	"golang.org/x/sys/unix"
)

// KindOf returns what an error says about the disk as a whole; "" if it may be about one entry.
func KindOf(err error) DiskKind {
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

// CauseOf returns what an error says about one entry.
func CauseOf(err error) Cause {
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
