package spool

import (
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"time"

	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/spool/parts"
)

// whole gives the staged file that holds file i and nothing else, mode and time set, and its
// time as the file system keeps it.
func (g *Staging) whole(i int, pack *packed) (name string, mtime time.Time, err error) {
	f, file := g.spool.fs, g.layout.Entry(i)
	mtime, mode := protocol.TimeOf(file.MTime), fs.FileMode(file.Mode&0o777)
	if file.Size < bigFile {
		data, err := pack.file(i)
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

// packWindow is how much of the pack is read at once.
const packWindow = 256 << 10

// packed reads small files out of the pack, where they lie one after another in their order.
type packed struct {
	staging *Staging
	part    *parts.File
	buf     []byte
	first   uint64 // where in the pack buf begins
}

// file gives the bytes of small file i, valid until the next call.
func (p *packed) file(i int) ([]byte, error) {
	at, size := p.staging.layout.Packed(i), p.staging.layout.Stored(i)
	if size == 0 {
		return nil, nil
	}
	if at < p.first || at+size > p.first+uint64(len(p.buf)) {
		if err := p.read(at, size); err != nil {
			return nil, err
		}
	}
	return p.buf[at-p.first:][:size], nil
}

// read fills the window from at on, with size bytes at least.
func (p *packed) read(at, size uint64) error {
	if p.part == nil {
		h, err := p.staging.parts.Take(p.staging.name+"/"+packName, -1)
		if err != nil {
			return err
		}
		p.part = h
	}
	if want := max(packWindow, int(size)); cap(p.buf) < want {
		p.buf = make([]byte, want)
	}
	p.buf = p.buf[:cap(p.buf)]
	n, err := p.part.ReadAt(p.buf, int64(at))
	p.buf, p.first = p.buf[:n], at
	if uint64(n) < size {
		return fmt.Errorf("read the pack: %w", err)
	}
	return nil
}

func (p *packed) close() {
	if p.part != nil {
		p.staging.parts.Release(p.part)
	}
}
