package spool

import (
	"errors"
	"io/fs"

	"golang.org/x/sys/windows"
)

const (
	nonBlocking  = 0
	syncsFolders = false // Windows makes names durable with the file
)

func umask() fs.FileMode { return 0 }

func free(dir string) (available, size uint64, err error) {
	p, err := windows.UTF16PtrFromString(dir)
	if err != nil {
		return 0, 0, err
	}
	err = windows.GetDiskFreeSpaceEx(p, &available, &size, nil)
	return available, size, err
}

func rename(f *osFS, from, to place, replace bool) error { return renameChecked(f, from, to, replace) }

// badName says that an error is about a name or its folder, not about the disk.
func badName(err error) bool {
	for _, e := range []error{
		fs.ErrPermission, windows.ERROR_INVALID_NAME, windows.ERROR_FILENAME_EXCED_RANGE, windows.ERROR_DIRECTORY,
		windows.ERROR_SHARING_VIOLATION, windows.ERROR_ALREADY_EXISTS,
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
