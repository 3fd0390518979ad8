package listed

import (
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// HasInodes says that a file can be told from another one by its number.
const HasInodes = true

func inodeOf(info fs.FileInfo) uint64 {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return st.Ino
	}
	return 0
}

// Stamp is the time of the last change of a file or of what is known of it: nobody can set it back.
func Stamp(info fs.FileInfo) int64 {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return st.Ctim.Nano()
	}
	return 0
}

// Sparse says whether a file may have holes.
func Sparse(info fs.FileInfo) bool {
	const unit = 512
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && st.Blocks*unit < st.Size
}

// DataFrom gives the first byte at or after off that is not in a hole. Where that cannot be known it is off.
func DataFrom(f *os.File, off, size int64) int64 {
	at, err := unix.Seek(int(f.Fd()), off, unix.SEEK_DATA)
	switch {
	case err == nil:
		return at
	case err == unix.ENXIO:
		return size // nothing but a hole follows
	}
	return off
}
