package spool

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
	"github.com/groupcast/groupcast/internal/spool/trouble"
)

// look is what has a name, as it was when it was examined.
type look struct {
	fs.FileInfo
	size  int64
	mtime time.Time
}

// lookAt examines a name; nil: it does not exist.
func (g *Staging) lookAt(name string) (*look, error) {
	fi, err := g.spool.fs.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &look{fi, fi.Size(), fi.ModTime()}, nil
}

// still says whether a name has the same file as when it was examined.
func (g *Staging) still(name string, l *look) bool {
	now, err := g.lookAt(name)
	return err == nil && now != nil && g.spool.fs.SameFile(l.FileInfo, now.FileInfo) && now.size == l.size &&
		now.mtime.Equal(l.mtime)
}

// ours says whether a name has what was delivered last, whatever its time is now: a touched or restored
// file is not an edit. For a large file the same size and time are proof enough. After an error the answer
// means nothing.
func (g *Staging) ours(ctx context.Context, name string, l *look, d Delivered) (bool, error) {
	switch {
	case l == nil:
		return false, nil
	case l.Mode()&fs.ModeSymlink != 0:
		to, err := g.spool.fs.Readlink(name)
		if err != nil {
			return false, &trouble.Unreadable{Name: name, Err: err}
		}
		return d.Digest == sha256.Sum256([]byte(to)), nil
	case !l.Mode().IsRegular() || uint64(l.size) != d.Size:
		return false, nil
	case d.Size >= rehashBelow && l.mtime.Equal(d.MTime):
		return true, nil
	}
	return g.holds(ctx, name, d.Size, d.Digest, digest.Either)
}

// oursThere is ours for a path itself. While the last delivery is beside it, the path may have what was
// delivered there before, because the user undid an edit.
func (g *Staging) oursThere(ctx context.Context, name string, l *look, d Delivered) (bool, error) {
	ours, err := g.ours(ctx, name, l, d)
	if ours || err != nil || d.Former == (Former{}) {
		return ours, err
	}
	return g.ours(ctx, name, l, Delivered{Digest: d.Former.Digest, Size: d.Former.Size})
}

// same says whether the name has the same content as the file to come.
func (g *Staging) same(ctx context.Context, i int, name string, l *look) (bool, error) {
	if l == nil || !l.Mode().IsRegular() || uint64(l.size) != g.layout.Stored(i) {
		return false, nil
	}
	f := g.layout.Entry(i)
	return g.holds(ctx, name, f.Size, f.Digest, g.layout.By())
}

// holds reads a file to its end and says whether it has this content. With an error nothing
// was compared, and nothing may be decided: one of the context ends the work, one of the file
// is *trouble.Unreadable.
func (g *Staging) holds(
	ctx context.Context, name string, size uint64, want protocol.Digest, by digest.Kind,
) (bool, error) {
	is, err := digest.Holds(ctx, g.spool.fs, name, size, want, by)
	switch {
	case ctx.Err() != nil:
		return false, ctx.Err()
	case errors.Is(err, io.EOF) || errors.Is(err, fs.ErrNotExist): // it was cut, or went away
		return false, nil
	case err != nil:
		return false, &trouble.Unreadable{Name: name, Err: err}
	}
	return is, nil
}

// Holds says whether the first size bytes of a file have the digest of something that was delivered, in whatever
// format; io.EOF if it has fewer.
func Holds(ctx context.Context, f diskfs.FS, name string, size uint64, want protocol.Digest) (bool, error) {
	return digest.Holds(ctx, f, name, size, want, digest.Either)
}
