// Package lying examines what lies under a name on a receiver's disk: whether it is what was delivered, or what is to
// come.
package lying

import (
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"io/fs"
	"time"

	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/spool/digest"
	"github.com/groupcast/groupcast/internal/spool/diskfs"
	"github.com/groupcast/groupcast/internal/spool/record"
	"github.com/groupcast/groupcast/internal/spool/trouble"
)

// RehashBelow is the size below which a file that is to be replaced is read once more; of
// larger ones size and time, to the nanosecond, show whether they were edited.
const RehashBelow = 64 << 20

// Disk is what is looked at.
type Disk struct{ diskfs.FS }

// Look is what has a name, as it was when it was examined.
type Look struct {
	fs.FileInfo
	Bytes int64
	Time  time.Time
}

// At examines a name; nil: it does not exist.
func (d Disk) At(name string) (*Look, error) {
	fi, err := d.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &Look{fi, fi.Size(), fi.ModTime()}, nil
}

// Still says whether a name has the same file as when it was examined.
func (d Disk) Still(name string, l *Look) bool {
	now, err := d.At(name)
	return err == nil && now != nil && d.SameFile(l.FileInfo, now.FileInfo) && now.Bytes == l.Bytes &&
		now.Time.Equal(l.Time)
}

// Ours says whether a name has what was delivered last, whatever its time is now: a touched or restored
// file is not an edit. For a large file the same size and time are proof enough. After an error the answer
// means nothing.
func (d Disk) Ours(ctx context.Context, name string, l *Look, is record.Delivered) (bool, error) {
	switch {
	case l == nil:
		return false, nil
	case l.Mode()&fs.ModeSymlink != 0:
		to, err := d.Readlink(name)
		if err != nil {
			return false, &trouble.Unreadable{Name: name, Err: err}
		}
		return is.Digest == sha256.Sum256([]byte(to)), nil
	case !l.Mode().IsRegular() || uint64(l.Bytes) != is.Size:
		return false, nil
	case is.Size >= RehashBelow && l.Time.Equal(is.MTime):
		return true, nil
	}
	return d.Holds(ctx, name, is.Size, is.Digest, digest.Either)
}

// OursThere is Ours for a path itself. While the last delivery is beside it, the path may have what was
// delivered there before, because the user undid an edit.
func (d Disk) OursThere(ctx context.Context, name string, l *Look, is record.Delivered) (bool, error) {
	ours, err := d.Ours(ctx, name, l, is)
	if ours || err != nil || is.Former == (record.Former{}) {
		return ours, err
	}
	return d.Ours(ctx, name, l, record.Delivered{Digest: is.Former.Digest, Size: is.Former.Size})
}

// Holds reads a file to its end and says whether it has this content. With an error nothing
// was compared, and nothing may be decided: one of the context ends the work, one of the file
// is *trouble.Unreadable.
func (d Disk) Holds(
	ctx context.Context, name string, size uint64, want protocol.Digest, by digest.Kind,
) (bool, error) {
	is, err := digest.Holds(ctx, d.FS, name, size, want, by)
	return is && err == nil, compared(ctx, name, err)
}

// Same is Holds for a name that was not examined yet: a regular file of this size has it, with this content. A small
// one is examined and read at once.
func (d Disk) Same(
	ctx context.Context, name string, size uint64, want protocol.Digest, by digest.Kind,
) (meta diskfs.Meta, same bool, err error) {
	if size <= digest.Whole {
		meta, same, err = digest.HoldsWhole(ctx, d.FS, name, size, want, by)
		return meta, same && err == nil, compared(ctx, name, err)
	}
	l, err := d.At(name)
	if err != nil || l == nil || !l.Mode().IsRegular() || uint64(l.Bytes) != size {
		return meta, false, err
	}
	same, err = d.Holds(ctx, name, size, want, by)
	return diskfs.Meta{Mode: l.Mode().Perm(), MTime: l.Time}, same, err
}

// compared is what an error of comparing a file means.
func compared(ctx context.Context, name string, err error) error {
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err == nil, errors.Is(err, io.EOF), errors.Is(err, fs.ErrNotExist): // it was cut, or went away
		return nil
	}
	return &trouble.Unreadable{Name: name, Err: err}
}
