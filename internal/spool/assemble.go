package spool

import (
	"errors"
	"io/fs"
	"strconv"
	"time"

	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/spool/parts"
)

// whole gives the staged file that holds file i and nothing else, mode and time set, and its
// time as the file system keeps it.
func (g *Staging) whole(i int, pack *parts.Pack) (name string, mtime time.Time, err error) {
	f, file := g.spool.fs, g.layout.Entry(i)
	mtime, mode := protocol.TimeOf(file.MTime), fs.FileMode(file.Mode&0o777)
	if file.Size < bigFile {
		data, err := pack.Bytes(g.layout.Packed(i), g.layout.Stored(i))
		if err != nil {
			return "", mtime, err
		}
		name = g.copied(i)
		mtime, err = g.copyOut(name, data, mode, mtime)
		return name, mtime, err
	}
	name, _ = g.part(i)
	h, err := f.Open(name, true)
	if errors.Is(err, fs.ErrNotExist) && g.allZeros(i) {
		h, err = f.Create(name, 0o600)
	}
	if err != nil {
		return "", mtime, err
	}
	err = h.Truncate(int64(file.Size))
	_ = h.Chmod(mode) // not every file system keeps modes, or every time: the content is what was promised
	if err := errors.Join(err, h.Close()); err != nil {
		return "", mtime, err
	}
	_ = f.Chtimes(name, mtime)
	info, err := f.Lstat(name)
	if err != nil {
		return "", mtime, err
	}
	return name, info.ModTime(), nil
}

// allZeros says whether a large file is nothing but blocks of zeros, none of which was written.
func (g *Staging) allZeros(i int) bool {
	for r, b := g.layout.FileBlocks(i), g.layout.FileBlocks(i).First; b < r.End(); b++ {
		if !g.layout.Hole(b) {
			return false
		}
	}
	return true
}

// copied is the staged file that a small file is copied out to.
func (g *Staging) copied(i int) string { return g.name + "/c" + strconv.Itoa(i) }

// copyOut writes a small file; what an earlier run left under the name goes.
func (g *Staging) copyOut(name string, data []byte, mode fs.FileMode, mtime time.Time) (time.Time, error) {
	f := g.spool.fs
	kept, err := f.CreateWhole(name, data, mode, mtime)
	if !errors.Is(err, fs.ErrExist) {
		return kept, err
	}
	// A handle of the earlier one must not be taken for it at the barrier.
	if err := errors.Join(g.parts.Forget(name), f.Remove(name)); err != nil {
		return kept, err
	}
	return f.CreateWhole(name, data, mode, mtime)
}
