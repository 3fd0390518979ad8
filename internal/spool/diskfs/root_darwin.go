package diskfs

import (
	"errors"

	"golang.org/x/sys/unix"
)

// rename moves between two open folders. Where the file system cannot rename without
// replacing, a look has to do.
func rename(f *Root, from, to place, replace bool) error {
	var flags uint32
	if !replace {
		flags = unix.RENAME_EXCL
	}
	err := betweenFolders(from, to, func(a, b int) error { return unix.RenameatxNp(a, from.base, b, to.base, flags) })
	if !replace && errors.Is(err, unix.ENOTSUP) {
		return renameChecked(f, from, to, replace)
	}
	return err
}
