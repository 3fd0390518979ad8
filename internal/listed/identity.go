package listed

import (
	"errors"
	"io/fs"
)

// Identity is how a file was when it was listed. A file that has another one is another file, or has other bytes.
type Identity struct {
	Size  uint64
	MTime int64  // ns, as the disk has it
	Inode uint64 // 0 where there are none
}

// Of is the identity of a file.
func Of(info fs.FileInfo) Identity {
	return Identity{Size: uint64(info.Size()), MTime: info.ModTime().UnixNano(), Inode: inodeOf(info)}
}

// Why what lies under a file's name is not the file that was listed.
var (
	ErrNotRegular = errors.New("it is not a regular file")
	ErrOther      = errors.New("it is not as it was when it was listed")
)

// Is says why what lies under a file's name is not the file that was listed; nil: it is.
func (id Identity) Is(info fs.FileInfo) error {
	switch {
	case !info.Mode().IsRegular():
		return ErrNotRegular
	case Of(info) != id:
		return ErrOther
	}
	return nil
}
