package diskfs

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"time"

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
func rename(f *Root, from, to place, replace bool) error {
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

// createWhole makes a small file with five system calls. The descriptor never leaves this
// function, so it needs no *os.File, which would ask the poller about it first.
func createWhole(at *folder, base string, data []byte, mode fs.FileMode, mtime time.Time) (kept time.Time, err error) {
	dir, err := at.descriptor()
	if err != nil {
		return kept, err
	}
	fd, err := retried(func() (int, error) {
		return unix.Openat(dir, base, unix.O_RDWR|unix.O_CREAT|unix.O_EXCL|unix.O_CLOEXEC|unix.O_NOFOLLOW,
			uint32(mode&^umask()))
	})
	if err != nil {
		return kept, &fs.PathError{Op: "create", Path: base, Err: err}
	}
	kept, err = fillWhole(fd, dir, base, data, mode, mtime)
	if err := errors.Join(err, unix.Close(fd)); err != nil {
		return kept, &fs.PathError{Op: "write", Path: base, Err: err}
	}
	return kept, nil
}

func fillWhole(fd, dir int, base string, data []byte, mode fs.FileMode, mtime time.Time) (kept time.Time, err error) {
	for at := 0; at < len(data); {
		n, err := retried(func() (int, error) { return unix.Pwrite(fd, data[at:], int64(at)) })
		if err != nil {
			return kept, err
		}
		if n == 0 {
			return kept, io.ErrShortWrite
		}
		at += n
	}
	if err := nearest(mtime, func(t time.Time) error { return setTimeAt(dir, base, t) }); err != nil {
		return kept, err
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return kept, err
	}
	if want := uint32(mode &^ umask()); st.Mode&0o777 != want { // the folder has rights of its own for what is new in it
		err = unix.Fchmod(fd, want)
	}
	return time.Unix(st.Mtim.Unix()), err
}

// readWhole reads a small file with five system calls; as with createWhole, the descriptor stays here. What it opened
// must be the file that it looked at: what blocks, or acts when it is opened, may have got the name in between.
func readWhole(at *folder, base string, buf []byte) (m Meta, whole bool, err error) {
	dir, err := at.descriptor()
	if err != nil {
		return m, false, err
	}
	var st, now unix.Stat_t
	_, err = retried(func() (int, error) { return 0, unix.Fstatat(dir, base, &st, unix.AT_SYMLINK_NOFOLLOW) })
	if err != nil {
		return m, false, &fs.PathError{Op: "look at", Path: base, Err: err}
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG || st.Size != int64(len(buf)) {
		return m, false, nil
	}
	fd, err := retried(func() (int, error) {
		return unix.Openat(dir, base, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	})
	if err != nil {
		return m, false, &fs.PathError{Op: "open", Path: base, Err: err}
	}
	defer unix.Close(fd)
	if err := unix.Fstat(fd, &now); err != nil {
		return m, false, &fs.PathError{Op: "look at", Path: base, Err: err}
	}
	if now.Dev != st.Dev || now.Ino != st.Ino || now.Mode&unix.S_IFMT != unix.S_IFREG || now.Size != st.Size {
		return m, false, nil
	}
	m = Meta{Mode: fs.FileMode(now.Mode & 0o777), MTime: time.Unix(now.Mtim.Unix())}
	for n := 0; n < len(buf); {
		got, err := retried(func() (int, error) { return unix.Pread(fd, buf[n:], int64(n)) })
		if err != nil {
			return m, false, &fs.PathError{Op: "read", Path: base, Err: err}
		}
		if got == 0 {
			return m, false, nil // it was cut
		}
		n += got
	}
	return m, true, nil
}

// setTime sets a time of any year: what the standard library does counts nanoseconds.
func setTime(at *folder, base string, t time.Time) error {
	dir, err := at.descriptor()
	if err != nil {
		return err
	}
	return setTimeAt(dir, base, t)
}

func setTimeAt(dir int, base string, t time.Time) error {
	when, err := unix.TimeToTimespec(t)
	if err != nil {
		return err
	}
	return unix.UtimesNanoAt(dir, base, []unix.Timespec{when, when}, unix.AT_SYMLINK_NOFOLLOW)
}

// retried calls again what a signal broke off.
func retried(call func() (int, error)) (n int, err error) {
	for {
		if n, err = call(); !errors.Is(err, unix.EINTR) {
			return n, err
		}
	}
}
