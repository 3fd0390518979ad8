package spool

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// allocate reserves the space, so that a disk that fills up is known before the first byte.
// A file system that cannot reserve gets a file of the right length; so does one in memory.
func allocate(f *os.File, size int64) error {
	if inMemory(f) {
		return f.Truncate(size)
	}
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

// inMemory says whether a file is on tmpfs, where reserving means to clear every page before it
// is written: as dear as the writing itself.
func inMemory(f *os.File) bool {
	var st unix.Statfs_t
	return unix.Fstatfs(int(f.Fd()), &st) == nil && int64(st.Type) == unix.TMPFS_MAGIC
}

// syncAll is one barrier for everything on the file system that holds the folder.
func syncAll(root *os.Root) error {
	h, err := root.Open(".")
	if err != nil {
		return err
	}
	return errors.Join(unix.Syncfs(int(h.Fd())), h.Close())
}

// rename moves between two open folders. Where the file system cannot rename without
// replacing, a look has to do.
func rename(f *osFS, from, to place, replace bool) error {
	var flags uint
	if !replace {
		flags = unix.RENAME_NOREPLACE
	}
	err := betweenFolders(from, to, func(a, b int) error { return unix.Renameat2(a, from.base, b, to.base, flags) })
	if !replace && (errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS)) {
		return renameChecked(f, from, to, replace)
	}
	return err
}
