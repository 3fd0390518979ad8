//go:build unix

package diskfs

import (
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
