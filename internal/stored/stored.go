// Package stored keeps the bytes of uploads, whose entries are declared before they come: in folders of this machine's
// disk, or wherever another Keeper has them.
package stored

import (
	"context"
	"errors"
	"io"
	"io/fs"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/disk"
	"github.com/groupcast/groupcast/internal/manifest"
)

// Keeper keeps the bytes of uploads.
type Keeper interface {
	// Of gives those of one upload, whose entries are sorted by path. It looks at nothing yet.
	Of(id string, files []manifest.File) Bytes
	// Has says whether the bytes of an upload are, or would be, here.
	Has(id string) bool
	// OnDisk says whether all of the bytes take room on the server's own disk.
	OnDisk() bool
}

// Bytes are those of one upload. A file is named by its index among the entries. It is safe for concurrent use, by one
// writer of each file.
type Bytes interface {
	// Make makes place for the bytes, beside a folder that the upload has already.
	Make() error
	// Have says how much of each file is there; entries of other kinds have all.
	Have() ([]uint64, error)
	// Append opens a file to write behind what it has.
	Append(at int) (Sink, error)
	// Distrust gives up what may not be durable: the power may have gone since it came.
	Distrust() error
	// Sync makes durable what came.
	Sync() error
	// Finish makes everything durable, once every byte is there.
	Finish() error
	// Remove deletes what does not lie in the upload's folder, which is gone already.
	Remove() error
	// Files opens the files to read them; nil: they lie in Folder.
	Files() Files
	Folder() string
}

// Sink is a file of an upload to which bytes are appended.
type Sink interface {
	io.Writer
	Have() uint64
	// Sync makes durable what was written, as far as Distrust goes by it.
	Sync() error
	Close() error
}

// Files are the files of an upload that do not lie in a folder of this machine. An error is listed.ErrOther if the
// bytes are others than came, fs.ErrNotExist if they are gone; with any other they cannot be read now. It is safe for
// concurrent use.
type Files interface {
	// Open opens a file; its reads end with ctx.
	Open(ctx context.Context, path string) (File, fs.FileInfo, error)
	Lstat(path string) (fs.FileInfo, error)
}

// File is a file that is read.
type File interface {
	io.ReaderAt
	io.Closer
	Stat() (fs.FileInfo, error)
}

// DurableFrom is the size from which on a file is made durable with each write; smaller ones are when the upload is
// complete or the folder is closed. If the power goes before that, they are sent again.
const DurableFrom = 64 << 10

// CannotWrite says in words why something cannot be kept.
func CannotWrite(name string, err error) error {
	var said *groupcast.Error
	if errors.As(err, &said) {
		return said
	}
	if trouble := disk.Trouble(err); trouble != nil {
		return trouble.WithHint("%s; nothing that came is lost", trouble.Hint)
	}
	return groupcast.Errorf(groupcast.EInternal, "the server cannot keep %s", name).Wrap(err)
}
