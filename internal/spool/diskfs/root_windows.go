package diskfs

import (
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

func rename(f *Root, from, to place, replace bool) error { return renameChecked(f, from, to, replace) }
