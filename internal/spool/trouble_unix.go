//go:build unix

package spool

import (
	"errors"
	"io/fs"

	"golang.org/x/sys/unix"
)

// diskKind returns what an error says about the disk as a whole; "" if it may be about one entry.
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

// causeOf returns what an error says about one entry.
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
