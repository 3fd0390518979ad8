package trouble

import (
	"errors"
	"io/fs"

	"golang.org/x/sys/windows"
)

// KindOf returns what an error says about the disk as a whole; "" if it may be about one entry.
func KindOf(err error) DiskKind {
	for errno, kind := range map[error]DiskKind{
		windows.ERROR_DISK_FULL: DiskSpace, windows.ERROR_HANDLE_DISK_FULL: DiskSpace,
		windows.ERROR_DISK_QUOTA_EXCEEDED: DiskQuota,
		windows.ERROR_WRITE_PROTECT:       DiskReadOnly, windows.ERROR_NOT_READY: DiskGone,
		windows.ERROR_DEV_NOT_EXIST: DiskGone,
		windows.ERROR_IO_DEVICE:     DiskIO, windows.ERROR_CRC: DiskIO,
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
	case errors.Is(err, windows.ERROR_FILE_TOO_LARGE):
		return CauseTooLarge
	case errors.Is(err, windows.ERROR_INVALID_NAME), errors.Is(err, windows.ERROR_FILENAME_EXCED_RANGE),
		errors.Is(err, fs.ErrNotExist):
		return CauseName
	case errors.Is(err, fs.ErrPermission):
		return CauseDenied
	}
	return CauseIO
}
